//! `check`: three verdicts, and bad input named by file and line.

use std::fs;

use serde_json::Value;

use crate::Test;
use crate::shell::{Said, call};

pub(crate) const TESTS: &[Test] = &[
    ("check_has_three_verdicts", verdicts),
    ("check_names_file_and_line_of_bad_input", bad_input),
    ("check_takes_several_files_and_tells_the_worst", several),
];

const GOOD: &str = r#"
{"client":0,"op":"put","key":"k","value":"1","call":10,"return":20}
{"client":1,"op":"get","key":"k","output":"1","call":30,"return":40}
"#;

const STALE: &str = r#"
{"client":0,"op":"put","key":"k","value":"1","call":10,"return":20}
{"client":1,"op":"put","key":"k","value":"2","call":30,"return":40}
{"client":2,"op":"get","key":"k","output":"1","call":50,"return":60}
"#;

fn check(files: &[(&str, &str)], flags: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut line = format!("check {flags}");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
        line.push_str(&format!(" {name}"));
    }
    call(folder.path(), &line)
}

fn verdicts() {
    check(&[("good", GOOD)], "--model kv").ends(0).says("good  linearizable  (2 operations)");
    let said = check(&[("stale", STALE)], "--model kv").ends(1).says("NOT LINEARIZABLE");
    assert!(said.out.contains("c2 ") && said.out.contains("|="), "a sentence and a drawing:\n{}", said.out);
    check(&[("stale", STALE)], "--model kv --budget 1").ends(3).says("undecided");
    let said = check(&[("stale", STALE)], "--model kv --json").ends(1);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json[0]["verdict"], "not_linearizable");
    assert_eq!(json[0]["key"], "k");
    assert!(json[0]["contradiction"].as_array().unwrap().contains(&2.into()));
    let missing = r#"{"client":0,"op":"get","key":"k","output":"","call":1,"return":2}"#;
    check(&[("m", missing)], "--model kv").ends(1);
    check(&[("m", missing)], "--model kv --missing-is-empty").ends(0);
    check(&[("m", missing)], "--model register --missing-is-empty").ends(64).complains("--model kv");
}

fn bad_input() {
    for (text, words) in [
        ("{\"client\":0", "bad:1: expected a JSON object"),
        ("\n\n{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"call\":1}", "bad:3: expected \"value\""),
        (
            "{\"client\":0,\"op\":\"get\",\"key\":\"k\",\"call\":5,\"return\":1,\"output\":null}",
            "bad:1: expected \"return\"",
        ),
    ] {
        check(&[("bad", text)], "--model kv").ends(64).complains(words);
    }
    check(&[], "--model kv absent.jsonl").ends(64).complains("absent.jsonl");
    check(&[("good", GOOD)], "--model kvs").ends(64).complains("'kvs'");
    check(&[("good", GOOD)], "").ends(64).complains("--model");
}

fn several() {
    let said = check(&[("good", GOOD), ("stale", STALE)], "--model kv").ends(1);
    assert!(said.out.contains("good  linearizable") && said.out.contains("stale  NOT"), "{}", said.out);
}
