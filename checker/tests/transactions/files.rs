//! Transactions as JSON lines: there and back, and what an unreadable line is told.

use crate::histories::{self, Rng};
use stormglass_checker::transactions::{Keys, Op, Scalar, Status, Transaction, jsonl, read};

fn lines(history: &[Transaction]) -> String {
    let mut lines = Vec::new();
    jsonl::write(&mut lines, history).unwrap();
    String::from_utf8(lines).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let mut rng = Rng(5);
    for at in 0..200 {
        let mut history = histories::random(&mut rng, at % 2 == 0, 5);
        // What did not commit has no reads worth keeping.
        let others = history.iter_mut().filter(|transaction| transaction.status != Status::Ok);
        others.for_each(|transaction| transaction.ops.retain(|op| op.written().is_some()));
        let text = lines(&history);
        assert_eq!(jsonl::read("t", text.as_bytes()).unwrap(), history, "{text}");
    }
}

#[test]
fn the_example_is_read() {
    let text = r#"{"client":0,"txn":[["append","x",1],["r","x",[1,"a"]]],"type":"ok","call":1,"return":2}

{"client":1,"txn":[["w",5,"y"],["r",5,null],["r",6]],"type":"info","call":3,"note":"ignored"}
"#;
    let second =
        vec![Op::write(5, "y"), Op::Read { key: 5.into(), saw: None }, Op::Read { key: 6.into(), saw: None }];
    let history = jsonl::read("t", text.as_bytes()).unwrap();
    let list = Op::Read {
        key: "x".into(),
        saw: Some(stormglass_checker::transactions::Saw::List(vec![1.into(), "a".into()])),
    };
    let expected =
        [Transaction::ok(0, 1, 2, vec![Op::append("x", 1), list]), Transaction::unknown(1, 3, second)];
    assert_eq!(history, expected);
}

#[test]
fn an_unreadable_line_is_named() {
    let told = |line: &[u8]| jsonl::read("t.jsonl", &[b"\n", line].concat()[..]).unwrap_err().to_string();
    for (line, expected) in [
        (r#"{"client":0,"#, "t.jsonl:2: expected a JSON object"),
        (
            r#"{"client":0,"txn":[],"type":"maybe","call":1}"#,
            "t.jsonl:2: expected \"type\" to be ok, fail or unknown",
        ),
        (r#"{"client":0,"txn":[],"type":"ok","call":1}"#, "t.jsonl:2: expected \"return\" (nanoseconds)"),
        (
            r#"{"client":0,"txn":[],"type":"ok","call":9,"return":1}"#,
            "t.jsonl:2: expected \"return\" (1) not before",
        ),
        (
            r#"{"client":0,"txn":[["w",1,2],["x",1,2]],"type":"fail","call":1}"#,
            "t.jsonl:2: expected micro-operation 2 of \"txn\" to be [\"append\", key, value]",
        ),
        (
            r#"{"client":0,"txn":[["w",1,2.5]],"type":"fail","call":1}"#,
            "t.jsonl:2: expected micro-operation 1 of \"txn\" to be of whole numbers below 2^63 and strings; it has 2.5",
        ),
        (r#"{"client":0,"txn":[["w",1]],"type":"fail","call":1}"#, "t.jsonl:2: expected micro-operation 1"),
        (r#"{"client":-1,"txn":[],"type":"fail","call":1}"#, "t.jsonl:2: expected a JSON object"),
    ] {
        assert!(told(line.as_bytes()).starts_with(expected), "{}", told(line.as_bytes()));
    }
    assert_eq!(told(b"\xff\xfe"), "t.jsonl:2: expected UTF-8; byte 1 of the line is 0xff");
}

const EDN: &str = "{:type :invoke, :f :txn, :value [[:r :x nil] [:append :y 1]], :process 0, :time 10}
{:type :info, :f :kill, :process :nemesis, :value nil, :time 11}
{:type :invoke, :f :txn, :value [[:append 5 \"a\"] [:r 5 nil]], :process 1, :time 12}
{:type :ok, :f :txn, :value [[:r :x [3 4]] [:append :y 1]], :process 0, :time 20}
{:type :info, :f :txn, :value [[:append 5 \"a\"] [:r 5 nil]], :process 1, :time 22, :error :timeout}
{:type :invoke, :f :txn, :value [[:append :x 3] [:r :y nil]], :process 2, :time 30}
{:type :fail, :f :txn, :value [[:append :x 3] [:r :y [1]]], :process 2, :time 40}
{:type :invoke, :f :txn, :value [[:append :x 4]], :process 3, :time 50}
";

fn events(text: &str, keys: Keys) -> Result<Vec<Transaction>, String> {
    read("t", None, keys, text.as_bytes())
        .map(|recorded| recorded.transactions)
        .map_err(|error| error.to_string())
}

/// What committed did what its end says; of the rest, reads say nothing.
#[test]
fn events_are_paired() {
    let unread = |key: Scalar| Op::Read { key, saw: None };
    let expected = [
        Transaction::ok(0, 10, 20, vec![Op::list(":x", [3, 4]), Op::append(":y", 1)]),
        Transaction::unknown(1, 12, vec![Op::append(5, "a"), unread(5.into())]),
        Transaction::failed(2, 30, 40, vec![Op::append(":x", 3), unread(":y".into())]),
        Transaction::unknown(3, 50, vec![Op::append(":x", 4)]),
    ];
    assert_eq!(events(EDN, Keys::Lists).unwrap(), expected);
    let recorded = read("t", None, Keys::Lists, EDN.as_bytes()).unwrap();
    assert_eq!((recorded.lines, recorded.timed), (vec![1, 3, 6, 8], true));
    // In one vector, and tagged.
    let vector = format!("[{}]", EDN.replace("{:type", "#jepsen.history.Op{:type"));
    assert_eq!(events(&vector, Keys::Lists).unwrap(), expected);
}

/// An end alone: called when its process was through with the one before, at the earliest that can have been.
#[test]
fn ends_may_stand_alone() {
    let text = "{:type :ok, :f :txn, :value [[:w 1 2]], :process 0}
{:type :ok, :f :txn, :value [[:r 1 nil]], :process 1}
{:type :ok, :f :txn, :value [[:r 1 2]], :process 0}
";
    let expected = [
        Transaction::ok(0, 0, 1, vec![Op::write(1, 2)]),
        Transaction::ok(1, 0, 2, vec![Op::null(1)]),
        Transaction::ok(0, 1, 3, vec![Op::read(1, 2)]),
    ];
    assert_eq!(events(text, Keys::Registers).unwrap(), expected);
    let invoke = "{:type :invoke, :f :txn, :value [[:r 1 nil]], :process 5}\n";
    let late = events(&format!("{invoke}{text}"), Keys::Registers).unwrap_err();
    assert_eq!(late, "t:2: expected an :invoke of process 0 before its txn");
}

#[test]
fn an_event_that_is_none_is_named() {
    for (from, to, expected) in [
        ("[:append :y 1]", "[:append :y]", "micro-operation 2 of :value to be [:append key value]"),
        ("[:append :y 1]", "[:cas :y 1]", "micro-operation 2 of :value to be [:append key value]"),
        ("[:append :y 1]", "[:w :y 1]", "micro-operation 2 of :value to be append or r; w is for registers"),
        ("[:append :y 1]", "[:append :y nil]", "numbers, strings and keywords; it has nil"),
        ("[3 4]", "3", "micro-operation 1 of :value to be a read of a list; it saw 3"),
        (":f :txn", ":f :read", ":f to be :txn, a transaction; it is read"),
    ] {
        // Only ends of what committed are judged, but for the operation's name.
        let error = events(&EDN.replace(from, to), Keys::Lists).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("t:1: expected"), "named by the line of the call: {error}");
    }
    assert!(
        events("{:type :ok, :f :txn, :value 5, :process 0}", Keys::Lists)
            .unwrap_err()
            .contains("a list of micro")
    );
}
