//! `check`: three verdicts, and bad input named by file and line.

use std::fs;

use serde_json::Value;

use crate::Test;
use crate::shell::{Said, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("check_has_three_verdicts", verdicts),
    ("check_names_file_and_line_of_bad_input", bad_input),
    ("check_takes_several_files_and_tells_the_worst", several),
    ("check_reads_the_formats_of_others", formats),
    ("check_reads_stdin", stdin),
    ("check_writes_a_page", html),
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

/// Values written twice: only the search can tell.
const TWICE: &str = r#"
{"client":0,"op":"put","key":"k","value":"1","call":10,"return":50}
{"client":1,"op":"put","key":"k","value":"1","call":10,"return":50}
{"client":2,"op":"put","key":"k","value":"2","call":10,"return":50}
{"client":3,"op":"get","key":"k","output":"1","call":20,"return":60}
{"client":4,"op":"get","key":"k","output":"2","call":20,"return":60}
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
    check(&[("good", GOOD)], "--model kv").ends(0).says("good  linearizable  (2 operations, decided by ");
    let said = check(&[("stale", STALE)], "--model kv").ends(1).says("NOT LINEARIZABLE");
    assert!(said.out.contains("c2 ") && said.out.contains("|="), "a sentence and a drawing:\n{}", said.out);
    check(&[("twice", TWICE)], "--model kv").ends(0).says("decided by search (1 key)");
    check(&[("twice", TWICE)], "--model kv --budget 1").ends(3).says("undecided");
    let said = check(&[("stale", STALE)], "--model kv --json").ends(1);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json[0]["verdict"], "not_linearizable");
    assert_eq!(json[0]["key"], "k");
    let ways = json[0]["decided_by"].as_object().unwrap();
    assert!(ways.len() == 1 && ways.values().all(|keys| *keys == 1), "{ways:?}");
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
    // Bad input wins, and hides no verdict.
    let files = [("good", GOOD), ("bad", "{"), ("stale", STALE)];
    check(&files, "--model kv").ends(64).complains("bad:1: expected").says("stale  NOT");
    let said = check(&files, "--model kv --json").ends(64).complains("bad:1: expected");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let verdicts: Vec<&Value> = json.as_array().unwrap().iter().map(|judged| &judged["verdict"]).collect();
    assert_eq!(verdicts, ["linearizable", "unreadable", "not_linearizable"]);
    check(&[("good", GOOD), ("twice", TWICE)], "--model kv --budget 1").ends(3).says("good  linearizable");
    check(&[("twice", TWICE), ("stale", STALE)], "--model kv --budget 1").ends(1).says("undecided");
}

const EDN: &str = "[{:process 0, :type :invoke, :f :write, :value 1}
 {:process 0, :type :ok, :f :write, :value 1}
 {:process 1, :type :invoke, :f :read, :value nil}
 {:process 1, :type :ok, :f :read, :value nil}]";

const LOG: &str = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n";

fn formats() {
    let said = check(&[("h.edn", EDN)], "--model register").ends(1).says("the file has no times");
    assert!(said.out.contains("c1 read x = null, although c0's write x = 1"), "{}", said.out);
    let said = check(&[("h.edn", EDN)], "--model cas-register --format jepsen --json").ends(1);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json[0]["format"], &json[0]["lines"]), (&"edn".into(), &serde_json::json!([1, 3])));
    check(&[("etcd.log", LOG)], "--model cas-register").ends(0);
    check(&[("etcd.log", LOG)], "--model cas-register --format jsonl")
        .ends(64)
        .complains("etcd.log:1: expected");
    check(&[("prose", "it was a dark night")], "--model kv")
        .ends(64)
        .complains("prose:1: expected a history");
    check(&[("h.edn", EDN)], "--model register --format xml").ends(64).complains("'xml'");
}

fn stdin() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("history"), STALE).unwrap();
    let mut piped = command(folder.path(), "check --model kv -");
    let output = piped.stdin(fs::File::open(folder.path().join("history")).unwrap()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("stdin  NOT LINEARIZABLE"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    check(&[], "--model kv - -").ends(64).complains("stdin");
}

fn html() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stale"), STALE).unwrap();
    call(folder.path(), "check --model kv stale --html page.html").ends(1).says("NOT LINEARIZABLE");
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(
        page.starts_with("<!doctype html>") && page.contains("NOT LINEARIZABLE") && page.contains("\"kv\"")
    );
    call(folder.path(), "check --model kv stale --html no/page.html").ends(64).complains("no/page.html");
    call(folder.path(), "check --model kv stale stale --html page.html").ends(64).complains("--html");
}
