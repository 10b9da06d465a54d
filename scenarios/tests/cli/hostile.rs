//! `check` on files that something happened to: named by file, line and what was expected, or honestly undecided.

use std::fs;

use crate::Test;
use crate::shell::call;

pub(crate) const TESTS: &[Test] = &[
    ("check_names_what_is_wrong_with_a_file", named),
    ("check_takes_what_is_odd_but_right", odd),
    ("check_survives_what_is_deep_or_long", deep),
    ("check_gives_up_honestly", explosion),
];

const PUT: &str = r#"{"client":0,"op":"put","key":"k","value":"1","call":1,"return":2}"#;

/// What `check` says of a file of these bytes, and its exit code.
#[track_caller]
fn check(bytes: &[u8], flags: &str, code: i32, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("h"), bytes).unwrap();
    let said = call(folder.path(), &format!("check h {flags}")).ends(code);
    let text = format!("{}{}", said.out, said.err);
    assert!(text.contains(words) && text.len() < 4_000, "expected {words:?}:\n{text:.4000}");
    assert!(!text.contains("panicked"), "{text}");
}

fn put(value: &str, call: &str) -> Vec<u8> {
    format!("{PUT}\n{{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"value\":{value},\"call\":{call}}}\n")
        .into_bytes()
}

fn named() {
    let invoke = "{:process 0, :type :invoke, :f :write, :value 1, :time 100}\n";
    let cases: [(Vec<u8>, &str); 27] = [
        (
            PUT.as_bytes()[..30].to_vec(),
            "h:1: expected a JSON object with one operation, the line ends while",
        ),
        (
            put("\"1\"", "18446744073709551616"),
            "h:2: expected a JSON object with one operation, invalid type: floating",
        ),
        (put("\"1\"", "1e400"), "h:2: expected a JSON object with one operation, number out of range"),
        (put("\"1\"", "NaN"), "h:2: expected a JSON object"),
        (
            put("\"1\"", "-1"),
            "h:2: expected a JSON object with one operation, invalid value: integer `-1`, expected a whole number",
        ),
        (put("1.5", "1"), "a whole number of 64 bits"),
        (put("null", "1"), "h:2: expected \"value\" (a string)"),
        (
            PUT.replace("\"call\":1", "\"call\":9").into_bytes(),
            "h:1: expected \"return\" (2) not before \"call\" (9)",
        ),
        (
            br#"{"client":0,"op":"get","key":"k","output":"9","call":5,"end":10}"#.to_vec(),
            "h:1: expected \"return\" (nanoseconds), since there is \"output\"",
        ),
        (PUT.replace("put", "frob").into_bytes(), "h:1: expected \"op\" to be one of put, get"),
        ([PUT.as_bytes(), b"\n\xff\n"].concat(), "h:2: expected UTF-8; byte 1 of the line is 0xff"),
        ([PUT.as_bytes(), b"\n\0\0\n"].concat(), "h:2: expected a JSON object"),
        (b"\0\0\0".to_vec(), "h:1: expected a history"),
        (b"[1, 2]".to_vec(), "h:1: expected a history"),
        (b"\x1f\x8b\x08\x00rest".to_vec(), "h:1: expected a text; it is packed with gzip"),
        (b"PK\x03\x04rest".to_vec(), "h:1: expected a text; it is a zip archive"),
        (b"\xff\xfe{\0".to_vec(), "h:1: expected a text; it is in UTF-16"),
        (
            b"[{:process 0, :type :invoke".to_vec(),
            "h:1: expected '}' for the bracket on line 1; the file ends here",
        ),
        (
            b"[{\"process\": 0, \"type\": \"inv".to_vec(),
            "h:1: expected '\"' for the string that begins on line 1",
        ),
        (b"{:process 0, :type :ok, :f :write, :value 1}".to_vec(), "h:1: expected an :invoke of process 0"),
        (invoke.repeat(2).into_bytes(), "h:2: expected the end of process 0's write, open since line 1"),
        (
            format!("{invoke}{{:process 0, :type :ok, :f :write, :value 1, :time 50}}").into_bytes(),
            "h:2: expected the end of process 0's write not before its call on line 1; the call is at 100, the end at 50",
        ),
        (invoke.replace("100", "-5").into_bytes(), "h:1: expected :time to be nanoseconds"),
        (invoke.replace("100", "18446744073709551616").into_bytes(), "h:1: expected :time to be nanoseconds"),
        (
            invoke.replace(":invoke", ":maybe").into_bytes(),
            "h:1: expected :type to be :invoke, :ok, :fail or :info",
        ),
        (invoke.replace(":write", ":frob").into_bytes(), "h:1: expected \"op\" to be one of"),
        (
            b"{:process 0, :type :invoke, :f :write, :value \"\xc3\x28\"}".to_vec(),
            "h:1: expected UTF-8 in the string",
        ),
    ];
    for (bytes, words) in cases {
        check(&bytes, "--model cas-register", 64, words);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("store")).unwrap();
    call(folder.path(), "check store --model kv")
        .ends(64)
        .complains("store: expected a file; it is a directory");
}

fn odd() {
    let marked = [&b"\xef\xbb\xbf"[..], PUT.as_bytes()].concat();
    let most = PUT.replace(":1,", ":18446744073709551615,").replace(":2}", ":18446744073709551615}");
    for (bytes, words) in [
        (&marked[..], "linearizable  (1 operation, "),
        (b"\xef\xbb\xbf{:process 0, :type :invoke, :f :write, :value 1}", "linearizable"),
        (PUT.replace('}', "}\r\n").as_bytes(), "linearizable"),
        (b"0\t:invoke\t:write\t1\r\n0\t:ok\t:write\t1\r\n", "linearizable"),
        (most.as_bytes(), "linearizable"),
    ] {
        check(bytes, "--model cas-register", 0, words);
    }
    // Order comes from time alone: one client may have two operations open.
    let second = PUT.replace("\"1\"", "\"2\"");
    check(format!("{PUT}\n{second}\n").as_bytes(), "--model kv", 0, "(2 operations, ");
}

fn deep() {
    const DEPTH: usize = 100_000;
    let value = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    check(
        &put(&value, "1"),
        "--model kv",
        64,
        "h:2: expected a JSON object with one operation, with values nested less",
    );
    let deep =
        |opening: &str| format!("{{:process 0, :type :invoke, :f :write, :value {}", opening.repeat(DEPTH));
    for opening in ["[", "{:a ", "#a ", "#_ ", "#{", "("] {
        check(
            deep(opening).as_bytes(),
            "--model register",
            64,
            "h:1: expected values nested at most 64 deep",
        );
        check(
            deep(opening).as_bytes(),
            "--model list-append --level serializable",
            64,
            "h:1: expected values nested at most 64 deep",
        );
    }
    let log = format!("0\t:invoke\t:write\t{}\n", "[".repeat(DEPTH));
    check(log.as_bytes(), "--model register", 64, "h:1: expected values nested at most 64 deep");
    let transaction = format!("{{\"client\":0,\"txn\":{value}}}");
    check(
        transaction.as_bytes(),
        "--model rw-register --level serializable",
        64,
        "h:1: expected a JSON object",
    );
    let long = put(&format!("\"{}\"", "a".repeat(65 << 20)), "1");
    check(&long, "--model kv", 64, "h:2: expected a line of at most 64 MiB");
    check(
        PUT.replace("put", &"x".repeat(1 << 20)).as_bytes(),
        "--model kv",
        64,
        "h:1: expected \"op\" to be one of",
    );
}

/// 200 compare-and-sets of unknown outcome at once, reads that fix nothing, and a value that is only written from one that
/// is only written from it: every subset is a state of the search.
fn explosion() {
    let mut text = String::from(
        "{\"client\":900,\"op\":\"put\",\"key\":\"k\",\"value\":\"0\",\"call\":0,\"return\":1000}\n",
    );
    for n in 0..200 {
        let (from, to) = (n % 7, (n + 1 + n / 7 % 3) % 7);
        text += &format!(
            "{{\"client\":{n},\"op\":\"cas\",\"key\":\"k\",\"from\":\"{from}\",\"value\":\"{to}\",\"call\":{n}}}\n"
        );
    }
    for n in 0..12 {
        let (call, ret, seen) = (2000 + 10 * n, 2005 + 10 * n, n * 5 % 7);
        text += &format!(
            "{{\"client\":300,\"op\":\"get\",\"key\":\"k\",\"output\":\"{seen}\",\"call\":{call},\"return\":{ret}}}\n"
        );
    }
    for (client, from, to) in [(500, 8, 9), (501, 9, 8)] {
        text += &format!(
            "{{\"client\":{client},\"op\":\"cas\",\"key\":\"k\",\"from\":\"{from}\",\"value\":\"{to}\",\"call\":3}}\n"
        );
    }
    let sought = r#"{"client":300,"op":"get","key":"k","output":"9","call":5000,"return":5005}"#;
    check(
        format!("{text}{sought}").as_bytes(),
        "--model cas-register --budget 5000",
        3,
        "h  undecided  (216 operations",
    );
    let both = format!("{PUT}\n{}", PUT.replace("\"1\"", "\"2\""));
    for level in ["sequential", "read-your-writes"] {
        let flags = format!("--model kv --level {level}");
        check(both.as_bytes(), &flags, 3, "lines 1 and 2 are of one client and overlap");
    }
}
