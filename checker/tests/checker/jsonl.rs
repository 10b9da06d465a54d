//! Reading and writing JSON lines.

use crate::cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Maps, PriorityQueues, Queues, Registers, Sets,
    Stacks, VersionedMaps,
};
use crate::histories;
use crate::oracle::OperationOf;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::jsonl;
use stormglass_checker::models::kv::{Input, Kv, Output};
use stormglass_checker::models::versioned_kv::{self, VersionedKv};
use stormglass_checker::{Budget, Model, Operation, check};

fn written<M: Lines>(history: &[Operation<M::Input, M::Output>]) -> String {
    let mut bytes = Vec::new();
    jsonl::write::<M>(&mut bytes, history).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn survives<C: Case<Model: Lines>>(seed: u64)
where
    OperationOf<C>: PartialEq,
{
    let mut rng = histories::Rng(seed);
    for _ in 0..200 {
        let history = histories::random::<C>(&mut rng, 6);
        let text = written::<C::Model>(&history);
        let read = jsonl::read::<C::Model>("memory", text.as_bytes()).unwrap();
        assert_eq!(read[..], history[..], "{text}");
    }
}

#[test]
fn what_was_written_is_read() {
    survives::<Registers>(1);
    survives::<CasRegisters>(2);
    survives::<Maps>(3);
    survives::<LabMaps>(4);
    survives::<VersionedMaps>(5);
    survives::<Lists>(6);
    survives::<Sets>(7);
    survives::<Queues>(8);
    survives::<Stacks>(9);
    survives::<PriorityQueues>(10);
    survives::<Counters>(11);
    survives::<Banks>(12);
}

#[test]
fn lines_are_as_documented() {
    let history = [
        Operation::completed(0, Input::put("k", "1"), 137_646, Output::Done, 716_629),
        Operation::completed(1, Input::get("k"), 1, Output::value(None), 2),
        Operation::completed(2, Input::append("k", "x"), 3, Output::value(Some("1")), 4),
        Operation::completed(3, Input::cas("k", None, "2"), 5, Output::Swapped(false), 6),
        Operation::pending(4, Input::delete("k"), 7),
    ];
    let lines = r#"{"client":0,"op":"put","key":"k","value":"1","call":137646,"return":716629}
{"client":1,"op":"get","key":"k","output":null,"call":1,"return":2}
{"client":2,"op":"append","key":"k","value":"x","output":"1","call":3,"return":4}
{"client":3,"op":"cas","key":"k","from":null,"value":"2","ok":false,"call":5,"return":6}
{"client":4,"op":"delete","key":"k","call":7}
"#;
    assert_eq!(written::<Kv>(&history), lines);

    let put =
        |value: &str, version| versioned_kv::Input::Put { key: "k".into(), value: value.into(), version };
    let history = [
        Operation::completed(0, put("v", 3), 1, versioned_kv::Output::Maybe, 2),
        Operation::completed(
            1,
            versioned_kv::Input::Get { key: "k".into() },
            3,
            versioned_kv::Output::Value { value: "v".into(), version: 4 },
            5,
        ),
    ];
    let lines = r#"{"client":0,"op":"put","key":"k","value":"v","version":3,"result":"maybe","call":1,"return":2}
{"client":1,"op":"get","key":"k","version":4,"output":"v","call":3,"return":5}
"#;
    assert_eq!(written::<VersionedKv>(&history), lines);
}

/// Lines of a model, and that they are written as they were read.
fn lines_mean<M: Lines>(lines: &str, expected: &[(M::Input, Option<M::Output>)])
where
    M::Input: PartialEq,
    M::Output: PartialEq,
{
    let history = jsonl::read::<M>("memory", lines.as_bytes()).unwrap();
    let found = history.iter().map(|operation| (&operation.input, operation.output()));
    assert!(found.eq(expected.iter().map(|(input, output)| (input, output.as_ref()))), "{history:?}");
    assert_eq!(written::<M>(&history), lines);
}

#[test]
fn lines_of_elements_are_as_documented() {
    use stormglass_checker::models::{Text, append_list, priority_queue, queue, set, stack};
    let (k, a, b) = (|| Text::from("k"), || Text::from("a"), || Text::from("b"));
    lines_mean::<append_list::AppendList>(
        r#"{"client":0,"op":"append","key":"k","value":"a","call":1,"return":2}
{"client":1,"op":"read","key":"k","output":["a","b"],"call":3,"return":4}
{"client":1,"op":"read","key":"k","output":[],"call":3,"return":4}
"#,
        &[
            (append_list::Input::Append { key: k(), value: a() }, Some(append_list::Output::Done)),
            (append_list::Input::Read { key: k() }, Some(append_list::Output::Elements(vec![a(), b()]))),
            (append_list::Input::Read { key: k() }, Some(append_list::Output::Elements(vec![]))),
        ],
    );
    lines_mean::<set::Set>(
        r#"{"client":0,"op":"add","key":"k","value":"a","call":1,"return":2}
{"client":0,"op":"remove","key":"k","value":"a","call":1}
{"client":0,"op":"contains","key":"k","value":"a","ok":true,"call":1,"return":2}
{"client":1,"op":"read","key":"k","output":["a","b"],"call":3,"return":4}
"#,
        &[
            (set::Input::Add { key: k(), value: a() }, Some(set::Output::Done)),
            (set::Input::Remove { key: k(), value: a() }, None),
            (set::Input::Contains { key: k(), value: a() }, Some(set::Output::Contains(true))),
            (set::Input::Read { key: k() }, Some(set::Output::Elements([b(), a()].into()))),
        ],
    );
    lines_mean::<queue::Queue>(
        r#"{"client":0,"op":"enqueue","key":"k","value":"a","call":1,"return":2}
{"client":1,"op":"dequeue","key":"k","output":null,"call":3,"return":4}
"#,
        &[
            (queue::Input::Enqueue { key: k(), value: a() }, Some(queue::Output::Done)),
            (queue::Input::Dequeue { key: k() }, Some(queue::Output::Taken(None))),
        ],
    );
    lines_mean::<stack::Stack>(
        r#"{"client":0,"op":"push","key":"k","value":"a","call":1,"return":2}
{"client":1,"op":"pop","key":"k","output":"a","call":3,"return":4}
"#,
        &[
            (stack::Input::Push { key: k(), value: a() }, Some(stack::Output::Done)),
            (stack::Input::Pop { key: k() }, Some(stack::Output::Taken(Some(a())))),
        ],
    );
    lines_mean::<priority_queue::PriorityQueue>(
        r#"{"client":0,"op":"push","key":"k","value":"a","priority":-3,"call":1,"return":2}
{"client":1,"op":"pop","key":"k","output":"a","call":3,"return":4}
"#,
        &[
            (
                priority_queue::Input::Push { key: k(), value: a(), priority: -3 },
                Some(priority_queue::Output::Done),
            ),
            (priority_queue::Input::Pop { key: k() }, Some(priority_queue::Output::Taken(Some(a())))),
        ],
    );
}

#[test]
fn lines_of_numbers_are_as_documented() {
    use stormglass_checker::models::{Text, bank, counter, lock};
    let (k, a, b) = (|| Text::from("k"), || Text::from("a"), || Text::from("b"));
    lines_mean::<counter::Counter>(
        r#"{"client":0,"op":"inc","key":"k","value":-4,"call":1,"return":2}
{"client":1,"op":"read","key":"k","output":8,"call":3,"return":4}
"#,
        &[
            (counter::Input::Inc { key: k(), by: -4 }, Some(counter::Output::Done)),
            (counter::Input::Read { key: k() }, Some(counter::Output::Value(8))),
        ],
    );
    lines_mean::<lock::Lock>(
        r#"{"client":7,"op":"acquire","key":"k","call":1,"return":2}
{"client":8,"op":"acquire","key":"k","ok":false,"call":1,"return":2}
{"client":7,"op":"release","key":"k","call":3}
"#,
        &[
            (lock::Input::Acquire { key: k(), owner: 7 }, Some(lock::Output::Done)),
            (lock::Input::Acquire { key: k(), owner: 8 }, Some(lock::Output::Refused)),
            (lock::Input::Release { key: k(), owner: 7 }, None),
        ],
    );
    lines_mean::<bank::Bank>(
        r#"{"client":0,"op":"deposit","to":"a","amount":5,"call":1,"return":2}
{"client":0,"op":"transfer","from":"a","to":"b","amount":5,"ok":false,"call":1,"return":2}
{"client":1,"op":"read","output":{"a":5,"b":-1},"call":3,"return":4}
"#,
        &[
            (bank::Input::Deposit { to: a(), amount: 5 }, Some(bank::Output::Done)),
            (bank::Input::Transfer { from: a(), to: b(), amount: 5 }, Some(bank::Output::Transferred(false))),
            (bank::Input::Read, Some(bank::Output::Balances([(a(), 5), (b(), -1)].into()))),
        ],
    );
}

/// The error that a line ends in.
fn complaint<M: Lines>(line: &str) -> String {
    match jsonl::read::<M>("h", line.as_bytes()) {
        Ok(history) => format!("none: {:?}", history[0].input),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    use stormglass_checker::models::{bank::Bank, counter::Counter, queue::Queue, set::Set};
    assert_eq!(
        complaint::<Counter>(r#"{"client":0,"op":"inc","key":"k","value":"4","call":1}"#),
        r#"h:1: expected "value" (a whole number)"#
    );
    assert_eq!(
        complaint::<Set>(r#"{"client":0,"op":"read","key":"k","output":"a","call":1,"return":2}"#),
        r#"h:1: expected "output" (a list of strings, since the operation returned)"#
    );
    assert_eq!(
        complaint::<Queue>(r#"{"client":0,"op":"dequeue","key":"k","output":[],"call":1,"return":2}"#),
        r#"h:1: expected "output" (a string, or null if missing, since the operation returned)"#
    );
    assert_eq!(
        complaint::<Bank>(r#"{"client":0,"op":"read","output":{"a":"5"},"call":1,"return":2}"#),
        r#"h:1: expected "output" (an object of numbers, since the operation returned)"#
    );
    assert!(
        complaint::<Bank>(r#"{"client":0,"op":"deposit","to":"a","amount":-1,"call":1}"#)
            .starts_with("h:1: expected a JSON object with one operation, invalid value: integer `-1`")
    );
    assert!(
        complaint::<Counter>(r#"{"client":0,"op":"inc","key":"k","value":9223372036854775808,"call":1}"#)
            .contains("expected a string, a whole number of 64 bits, null, a list or an object")
    );
    // A number is as good as its digits where a text is meant.
    assert_eq!(
        complaint::<Queue>(r#"{"client":0,"op":"enqueue","key":"k","value":5,"call":1}"#),
        r#"none: Enqueue { key: "k", value: "5" }"#
    );
}

#[test]
fn an_unreadable_line_is_named() {
    let good = r#"{"client":0,"op":"put","key":"k","value":"1","call":1,"return":2}"#;
    for (line, expected) in [
        (
            "nonsense",
            "h.jsonl:3: expected a JSON object with one operation, expected true, false or null (column 2)",
        ),
        (
            r#"{"client":"c","op":"get"}"#,
            r#"h.jsonl:3: expected a JSON object with one operation, invalid type: string "c", expected a whole number from 0 to 2^64 - 1 (column 13)"#,
        ),
        (r#"{"op":"get","key":"k","call":1}"#, r#"h.jsonl:3: expected "client" (a number)"#),
        (r#"{"client":0,"op":"get","key":"k"}"#, r#"h.jsonl:3: expected "call" (nanoseconds)"#),
        (r#"{"client":0,"op":"get","call":1}"#, r#"h.jsonl:3: expected "key" (a string)"#),
        (r#"{"client":0,"op":"put","key":"k","call":1}"#, r#"h.jsonl:3: expected "value" (a string)"#),
        (
            r#"{"client":0,"op":"get","key":"k","call":1,"return":2}"#,
            r#"h.jsonl:3: expected "output" (a string, or null if missing, since the operation returned)"#,
        ),
        (
            r#"{"client":0,"op":"cas","key":"k","from":"1","value":"2","call":1,"return":2}"#,
            r#"h.jsonl:3: expected "ok" (true or false, since the operation returned)"#,
        ),
        (
            r#"{"client":0,"op":"cas","key":"k","value":"2","call":1}"#,
            r#"h.jsonl:3: expected "from" (a string, or null if missing)"#,
        ),
        (
            r#"{"client":0,"op":"incr","key":"k","call":1}"#,
            r#"h.jsonl:3: expected "op" to be one of put, get, append, cas, delete; it is "incr""#,
        ),
        // What spans keys is refused: key by key, a scan of two moments would pass.
        (
            r#"{"client":0,"op":"scan","key":"k","output":"1","call":1,"return":2}"#,
            r#"h.jsonl:3: expected "op" to be one of put, get, append, cas, delete; it is "scan""#,
        ),
        (
            r#"{"client":0,"op":"scan","from":"a","to":"c","call":1,"return":2}"#,
            r#"h.jsonl:3: expected "key" (a string)"#,
        ),
        (
            r#"{"client":0,"op":"get","key":"k","output":null,"call":9,"return":2}"#,
            r#"h.jsonl:3: expected "return" (2) not before "call" (9)"#,
        ),
    ] {
        let text = format!("{good}\n\n{line}\n{good}\n");
        let error = jsonl::read::<Kv>("h.jsonl", text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        // As a stream: what came before, the error, and no more.
        let mut reader = jsonl::Reader::<Kv, _>::new("h.jsonl", text.as_bytes());
        assert!(reader.next().unwrap().is_ok());
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }
    let bytes: &[u8] = b"{\"client\":0}\xff\n";
    let error = jsonl::read::<Kv>("h.jsonl", bytes).unwrap_err();
    assert_eq!(error.to_string(), "h.jsonl:1: expected UTF-8; byte 13 of the line is 0xff");
}

#[test]
fn a_file_is_judged() {
    let text = r#"{"client":0,"op":"put","key":"k","value":"","call":1,"return":2,"host":"ignored"}
{"client":1,"op":"get","key":"k","output":null,"call":3,"return":4}
"#;
    let history = jsonl::read::<Kv>("memory", text.as_bytes()).unwrap();
    assert!(check(&Kv::default(), &history, Budget::default()).is_violation());
    assert!(check(&Kv::lab(), &history, Budget::default()).is_linearizable());
    assert_eq!(Kv::default().key(&history[0].input), Some("k"));
}
