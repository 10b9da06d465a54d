//! Reading and writing JSON lines.

use crate::cases::{CasRegisters, Case, LabMaps, Maps, Registers, VersionedMaps};
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

#[test]
fn an_unreadable_line_is_named() {
    let good = r#"{"client":0,"op":"put","key":"k","value":"1","call":1,"return":2}"#;
    for (line, expected) in [
        (
            "nonsense",
            "h.jsonl:3: expected a JSON object with one operation, expected ident at line 1 column 2",
        ),
        (
            r#"{"client":"c","op":"get"}"#,
            r#"h.jsonl:3: expected a JSON object with one operation, invalid type: string "c", expected u64 at line 1 column 13"#,
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
