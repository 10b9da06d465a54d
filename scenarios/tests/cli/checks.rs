//! `check`: three verdicts, and bad input named by file and line.

use std::fs;

use serde_json::Value;

use crate::Test;
use crate::shell::{Said, call, command};

pub(crate) const TESTS: &[Test] = &[
    ("check_has_three_verdicts", verdicts),
    ("check_names_file_and_line_of_bad_input", bad_input),
    ("check_shows_no_file_to_the_terminal_as_it_is", steering),
    ("check_takes_several_files_and_tells_the_worst", several),
    ("check_reads_the_formats_of_others", formats),
    ("check_reads_stdin", stdin),
    ("check_writes_a_page", html),
    ("check_judges_transactions", transactions),
    ("check_judges_what_is_weaker_than_linearizable", weaker),
    ("check_judges_sessions_and_forks", sessions_and_forks),
    ("check_takes_no_combination_without_sense", combinations),
    ("check_opens_a_bank_with_money", opening),
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

/// A key, and an error, that would paint the terminal.
fn steering() {
    let key = r"\u001b[31mEVIL\u202e";
    let read = format!(r#"{{"client":0,"op":"get","key":"{key}","output":"1","call":1,"return":2}}"#);
    let shown = "c0 read \\u{1b}[31mEVIL\\u{202e} = 1, which";
    let said = check(&[("evil", &read)], "--model kv").ends(1).says(shown);
    assert!(!said.out.contains('\u{1b}'), "{:?}", said.out);
    let event = r#"{:process 0, :type :ok, :f :read, :value "x", "\u001bEVIL" 1, "\u001bEVIL" 2}"#;
    let said =
        check(&[("evil", event)], "--model kv --format edn").ends(64).complains("\\u{1b}EVIL is there");
    assert!(!said.err.contains('\u{1b}'), "{:?}", said.err);
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
    // Without times, distances are counted in events.
    check(&[("h.edn", EDN)], "--model register").ends(1).says(
        "c1 read x = null, although c0's write x = 1 had been acknowledged 1 event before the read began",
    );
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

/// Each read what the other then overwrote.
const SKEW: &str = "{:process 0, :type :invoke, :f :txn, :value [[:r :x nil] [:append :y 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:r :y nil] [:append :x 2]]}
{:process 0, :type :ok, :f :txn, :value [[:r :x nil] [:append :y 1]]}
{:process 1, :type :ok, :f :txn, :value [[:r :y nil] [:append :x 2]]}
";

const SKEW_AS_JSON: &str = r#"[
{"process": 0, "type": "ok", "f": "txn", "value": [["r", "x", null], ["append", "y", 1]]},
{"process": 1, "type": "ok", "f": "txn", "value": [["r", "y", null], ["append", "x", 2]]}
]"#;

/// The second, called when the first had returned, does not see it.
const LATE: &str = r#"{"client":0,"txn":[["w","x",1]],"type":"ok","call":10,"return":20}
{"client":1,"txn":[["r","x",null]],"type":"ok","call":30,"return":40}
"#;

fn transactions() {
    let said = check(&[("skew", SKEW)], "--model list-append --level serializable").ends(1);
    for line in [
        "skew  NOT SERIALIZABLE  (2 transactions, write-skew)",
        "T0 -> T1  rw        T0 read :x = null before T1 appended 2 to :x",
        "T1 is line 2: c1 read :y = null, appended 2 to :x",
    ] {
        assert!(said.out.contains(line), "{}", said.out);
    }
    check(&[("skew", SKEW)], "--model list-append --level snapshot-isolation")
        .ends(0)
        .says("skew  snapshot isolated  (2 transactions)");
    let alone = SKEW.lines().skip(2).collect::<Vec<_>>().join("\n");
    check(&[("alone", &alone)], "--model list-append --level serializable").ends(1).says("write-skew");
    check(&[("h.json", SKEW_AS_JSON)], "--model list-append --level serializable").ends(1).says("write-skew");
    check(&[("late", LATE)], "--model rw-register --level serializable").ends(0);
    let said = check(&[("late", LATE)], "--model rw-register --level strict-serializable --json").ends(1);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json[0]["verdict"], &json[0]["level"]), (&"violated".into(), &"strict-serializable".into()));
    let anomaly = &json[0]["anomalies"][0];
    assert_eq!(
        (&anomaly["name"], &anomaly["lines"]),
        (&"G-single-realtime".into(), &serde_json::json!([1, 2]))
    );
    let ways: Vec<&Value> =
        anomaly["cycle"].as_array().unwrap().iter().map(|edge| &edge["dependency"]).collect();
    assert_eq!(ways, ["realtime", "rw"]);
    let twice = LATE.replace("[\"r\",\"x\",null]", "[\"w\",\"x\",1]");
    check(&[("twice", &twice)], "--model rw-register --level serializable")
        .ends(3)
        .says("every value must be");
    for (text, model, words) in [
        (SKEW, "rw-register", "h:1: expected micro-operation 2 of :value to be w or r; append is for lists"),
        (
            LATE,
            "list-append",
            "h:1: expected micro-operation 1 of \"txn\" to be append or r; w is for registers",
        ),
        (GOOD, "list-append", "h:2: expected a transaction, which has \"txn\""),
        (EDN, "list-append", "h:1: expected :f to be :txn, a transaction; it is write"),
    ] {
        check(&[("h", text)], &format!("--model {model} --level serializable")).ends(64).complains(words);
    }
    for text in [SKEW, LATE] {
        check(&[("h", text)], "--model kv")
            .ends(64)
            .complains("h:1: expected an operation; this is a transaction");
    }
}

fn weaker() {
    check(&[("stale", STALE)], "--model kv --level sequential")
        .ends(0)
        .says("stale  sequentially consistent");
    // One client wrote both.
    let back = r#"{"client":2,"op":"get","key":"k","output":"2","call":45,"return":48}"#;
    let back = format!("{}{back}", STALE.replace("\"client\":1", "\"client\":0"));
    let said = check(&[("back", &back)], "--model kv --level sequential")
        .ends(1)
        .says("NOT SEQUENTIALLY CONSISTENT");
    assert!(said.out.contains("next must come c2's read k = 1 (line 4)"), "{}", said.out);
    check(&[("back", &back)], "--model kv --level sequential --budget 1").ends(3).says("undecided");
    let list = r#"{"client":0,"op":"append","key":"k","value":"1","call":10,"return":20}
{"client":1,"op":"read","key":"k","output":["1"],"call":30,"return":40}
{"client":2,"op":"read","key":"k","output":[],"call":30,"return":40}
"#;
    let said = check(&[("list", list)], "--model append-list --level convergence").ends(1);
    assert!(said.out.contains("k: c1 and c2 differ at place 0: 1 and nothing"), "{}", said.out);
    check(&[("list", &list.replace("[]", "[\"1\"]"))], "--model append-list --level convergence").ends(0);
    check(&[("list", &list.replace("30", "15"))], "--model append-list --level convergence")
        .ends(3)
        .says("nobody read");
    let more = list.replace("[]", "[\"1\",\"2\"]");
    let unknown = format!("{more}{}", r#"{"client":3,"op":"append","key":"k","value":"2","call":5}"#);
    check(&[("list", &unknown)], "--model append-list --level convergence").ends(3).says("unknown outcome");
}

/// c2 sees the answer, and then not the post.
const ANSWER: &str = r#"{"client":0,"op":"put","key":"post","value":"1","call":0,"return":1}
{"client":1,"op":"get","key":"post","output":"1","call":10,"return":11}
{"client":1,"op":"put","key":"answer","value":"2","call":20,"return":21}
{"client":2,"op":"get","key":"answer","output":"2","call":30,"return":31}
{"client":2,"op":"get","key":"post","output":null,"call":40,"return":41}
"#;

fn sessions_and_forks() {
    let level = |level: &str, text: &str| check(&[("posts", text)], &format!("--model kv --level {level}"));
    level("causal", ANSWER)
        .ends(1)
        .says("NOT CAUSAL")
        .says("monotonic reads and writes follow reads cannot hold")
        .says("c2's read post = null cannot have missed c0's put post = 1");
    level("read-your-writes", ANSWER).ends(0).says("reading its writes");
    level("monotonic-writes", ANSWER).ends(0);
    let twice = ANSWER.replace("answer\",\"value\":\"2", "post\",\"value\":\"1");
    level("monotonic-reads", &twice).ends(3).says("lines 1 and 3 write the same value");
    let appends = ANSWER.replace("put\",\"key\":\"answer", "append\",\"key\":\"answer");
    level("monotonic-reads", &appends).ends(3).says("line 3 is no read and no write");

    level("fork-linearizable", ANSWER).ends(1).says("NOT FORK-LINEARIZABLE");
    let hidden = ANSWER.replace("\"output\":\"2\"", "\"output\":null");
    level("fork-linearizable", &hidden).ends(0).says("2 worlds");
    level("fork-linearizable", GOOD).ends(0).says("one world");
    level("fork-linearizable --budget 1", &hidden).ends(3).says("undecided");
}

fn combinations() {
    for (flags, words) in [
        ("--model list-append", "needs --level, what the database promises: read-committed, "),
        ("--model list-append --level sequential", "--level sequential does not go with --model list-append"),
        (
            "--model kv --level serializable",
            "of which can be asked: linearizable, sequential, convergence, fork-linearizable, read-your-writes, ",
        ),
        ("--model kv --level convergence", "--model append-list and set only"),
        ("--model kv --level sequential --html page", "--html shows verdicts on linearizability"),
        ("--model kv --opening a=1", "--opening goes with --model bank only"),
        ("--model bank --opening a", "expected account=balance or first-read; found \"a\""),
        ("--model bank --opening a=-1", "not negative"),
        ("--model bank --opening a=1,a=2", "a has two balances"),
    ] {
        check(&[("good", GOOD)], flags).ends(64).complains(words);
    }
}

fn opening() {
    let bank = r#"{"client":0,"op":"read","output":{"a":10},"call":1,"return":2}
{"client":0,"op":"transfer","from":"a","to":"b","amount":4,"ok":true,"call":3,"return":4}
{"client":0,"op":"read","output":{"a":6,"b":4},"call":5,"return":6}
"#;
    check(&[("bank", bank)], "--model bank").ends(1).says("--opening says what was there");
    check(&[("bank", bank)], "--model bank --opening a=10").ends(0);
    check(&[("bank", bank)], "--model bank --opening a=10,b=1").ends(1);
    check(&[("bank", bank)], "--model bank --opening first-read").ends(0);
    let lines: Vec<&str> = bank.lines().skip(1).collect();
    check(&[("bank", &lines.join("\n"))], "--model bank --opening first-read")
        .ends(64)
        .complains("bank: expected a read");
}
