//! `check` where a file says less, or more, than a verdict needs.

use std::fs;

use serde_json::Value;

use crate::Test;
use crate::shell::{Said, call};

pub(crate) const TESTS: &[Test] = &[
    ("check_orders_one_client_at_equal_times", equal_times),
    ("check_says_where_times_are_too_coarse", coarse),
    ("check_judges_convergence_by_what_is_certain", convergence),
    ("check_says_that_nothing_is_there", nothing),
    ("check_tells_what_ran_out", ran_out),
];

fn check(text: &str, flags: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("h"), text).unwrap();
    call(folder.path(), &format!("check h {flags}"))
}

const STALE: &str = r#"{"client":0,"op":"put","key":"k","value":"1","call":0,"return":1000}
{"client":0,"op":"put","key":"k","value":"2","call":1000,"return":2000}
{"client":0,"op":"get","key":"k","output":"1","call":2000,"return":3000}
"#;

fn equal_times() {
    check(STALE, "--model kv")
        .ends(1)
        .says("c0 read k = 1, although c0's put k = 2 had been acknowledged just before the read began");
    check(&STALE.replace("\"output\":\"1\"", "\"output\":\"2\""), "--model kv").ends(0);
    // Of two clients it is not known.
    let other = STALE.replace("\"client\":0,\"op\":\"get\"", "\"client\":1,\"op\":\"get\"");
    check(&other, "--model kv").ends(0);
    check(&other, "--model kv --level fork-linearizable").ends(0);
}

fn coarse() {
    let two = format!(
        "{STALE}{}",
        r#"{"client":1,"op":"get","key":"k","output":"1","call":500,"return":1000}
{"client":1,"op":"get","key":"k","output":"1","call":1000,"return":1500}
"#
    );
    let fine = two.replace("\"output\":\"1\",\"call\":2000", "\"output\":\"2\",\"call\":2000");
    check(&fine, "--model kv")
        .ends(0)
        .says("times are too coarse to order what several clients did at 1 instant: the verdict may miss");
    let said = check(&fine, "--model kv --json").ends(0);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json[0]["coarse_instants"], 1);
    // What is wrong elsewhere is certain.
    let wrong = fine.replace("\"output\":\"2\"", "\"output\":\"9\"");
    let said = check(&wrong, "--model kv").ends(1);
    assert!(!said.out.contains("coarse"), "{}", said.out);
    let said = check(STALE, "--model kv --json").ends(1);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert!(json[0].get("coarse_instants").is_none() && json[0]["minimal"] == true, "{}", said.out);
}

/// Operations on the set or list k one after the other, by clients of their own.
fn one_by_one(operations: &[&str]) -> String {
    let lines = operations.iter().enumerate().map(|(at, operation)| {
        let (call, ret) = (10 * at, 10 * at + 5);
        let ret = if operation.contains("output") || !operation.contains('?') {
            format!(",\"return\":{ret}")
        } else {
            String::new()
        };
        let operation = operation.replace('?', "");
        format!("{{\"client\":{at},\"key\":\"k\",{operation},\"call\":{call}{ret}}}\n")
    });
    lines.collect()
}

fn convergence() {
    let (add, remove, append) =
        (r#""op":"add","value":"1""#, r#""op":"remove","value":"1""#, r#""op":"append","value":"1""#);
    let (none, one, two) =
        (r#""op":"read","output":[]"#, r#""op":"read","output":["1"]"#, r#""op":"read","output":["1","1"]"#);
    let maybe = |operation: &str| format!("?{operation}");
    let judge = |model: &str, operations: &[&str]| {
        check(&one_by_one(operations), &format!("--model {model} --level convergence"))
    };
    judge("set", &[remove, add, none, none])
        .ends(1)
        .says("k: 1 was acknowledged, but no final read holds it");
    judge("set", &[remove, add, one]).ends(0);
    judge("set", &[add, remove, one, one])
        .ends(1)
        .says("k: final reads hold 1, which nobody added, or nobody since");
    judge("set", &[add, remove, none]).ends(0);
    judge("set", &[one]).ends(1).says("which nobody added");
    judge("set", &[add, &maybe(remove), none]).ends(0);
    judge("set", &[&maybe(add), remove, one]).ends(0);
    judge("set", &[add, remove, &maybe(add), one]).ends(0);
    // One read is wrong whatever the other saw, which may be what an unknown outcome came to.
    judge("set", &[add, r#""op":"read","output":["2"]"#, &maybe(r#""op":"add","value":"2""#), one]).ends(1);
    judge("append-list", &[append, append, one, one])
        .ends(1)
        .says("k: 1 was acknowledged 2 times, but final reads hold it 1 times");
    judge("append-list", &[append, append, two]).ends(0);
    judge("append-list", &[append, two]).ends(1).says("k: 1 was written 1 times at most");
    judge("append-list", &[append, &maybe(append), two]).ends(0);
    // At once: either may have been last.
    let at_once = one_by_one(&[add, remove, none]).replace("\"return\":5", "\"return\":12");
    check(&at_once, "--model set --level convergence").ends(0);
    check(&at_once.replace("[]", "[\"1\"]"), "--model set --level convergence").ends(0);
}

fn nothing() {
    for (text, model) in
        [("", "kv"), ("\n\n", "kv"), ("[]", "register"), ("", "list-append --level serializable")]
    {
        check(text, &format!("--model {model}")).ends(64).complains("nothing to judge");
    }
    let failed =
        "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :fail, :f :write, :value 1}";
    check(failed, "--model register").ends(64).complains("h: expected the events of operations");
}

fn ran_out() {
    // Every value twice, and all at once: the search has to try.
    let mut text = String::new();
    for client in 0..40 {
        let value = client / 2;
        text.push_str(&format!(
            "{{\"client\":{client},\"op\":\"put\",\"key\":\"k\",\"value\":{value},\"call\":0,\"return\":10}}\n"
        ));
    }
    for (client, value) in [(50, 1), (51, 2)] {
        text.push_str(&format!(
            "{{\"client\":{client},\"op\":\"get\",\"key\":\"k\",\"output\":{value},\"call\":20,\"return\":30}}\n"
        ));
    }
    check(&text, "--model kv --budget 1000").ends(3).says("allow more states");
    check(&text, "--model kv --memory 5K").ends(3).says("allow more memory");
    check(&text, "--model kv --memory lots").ends(64).complains("'lots' is not a size");
}
