//! Transactions as JSON lines: there and back, and what an unreadable line is told.

use crate::histories::{self, Rng};
use stormglass_checker::transactions::{Op, Status, Transaction, jsonl};

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
