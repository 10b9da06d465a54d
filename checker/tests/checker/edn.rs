//! The reader of EDN and JSON.

use stormglass_checker::format::edn::{Dialect, Reader, Value};

fn all(text: &str, dialect: Dialect) -> Result<Vec<(u64, String)>, String> {
    let reader = Reader::new("h.edn", text.as_bytes(), dialect);
    reader
        .map(|item| item.map(|(line, value)| (line, value.to_string())).map_err(|e| e.to_string()))
        .collect()
}

#[track_caller]
fn reads(text: &str, values: &[&str]) {
    let read: Vec<String> = all(text, Dialect::Edn).unwrap().into_iter().map(|(_, value)| value).collect();
    assert_eq!(read, values, "{text}");
}

#[test]
fn every_kind_of_value_is_read() {
    reads("nil true false 12 -3 +4 5N", &["nil", "true", "false", "12", "-3", "4", "5"]);
    reads("1.5 -2e9 3M 2/3 99999999999999999999", &["1.5", "-2e9", "3M", "2/3", "99999999999999999999"]);
    reads(r":a :jepsen.op/b sym +", &[":a", ":jepsen.op/b", "sym", "+"]);
    reads(
        r#""a\n\"\\\u00e9\ud83d\ude00" \a \newline \u0041 \("#,
        &[r#""a\n\"\\é😀""#, "\"a\"", "\"\\n\"", "\"A\"", "\"(\""],
    );
    reads("{:a [1 (2 3)], :b #{x}}", &["{:a [1 [2 3]], :b #{x}}"]);
    reads(
        "#jepsen.history.Op{:a 1} #inst \"2026\" ##NaN",
        &["#jepsen.history.Op {:a 1}", "#inst \"2026\"", "##NaN"],
    );
    reads("1 ; a comment ] }\n#_{:gone 1} 2 #_ #_ 3 4 5", &["1", "2", "5"]);
}

#[test]
fn a_list_around_everything_is_streamed() {
    let lines: Vec<u64> = all("\n[{:a 1}\n {:b\n 2}\n\n{:c 3}]\n", Dialect::Edn)
        .unwrap()
        .iter()
        .map(|(line, _)| *line)
        .collect();
    assert_eq!(lines, [2, 3, 6]);
    reads("({:a 1} {:b 2})", &["{:a 1}", "{:b 2}"]);
    // The first is there before the last is broken.
    let mut reader = Reader::new("h.edn", &b"[1 2 }"[..], Dialect::Edn);
    assert_eq!(reader.next().unwrap().unwrap(), (1, Value::Int(1)));
    assert!(reader.next().unwrap().is_ok() && reader.next().unwrap().is_err() && reader.next().is_none());
}

#[test]
fn json_is_read() {
    let text = r#"[{"type": "ok", "value": [1, null, true, 2.5, "a:b\u0041"]}, {}]"#;
    let read = all(text, Dialect::Json).unwrap();
    assert_eq!(read[0].1, r#"{"type" "ok", "value" [1 nil true 2.5 "a:bA"]}"#);
    assert_eq!(read[1].1, "{}");
}

#[test]
fn errors_name_line_and_need() {
    let deep = "[".repeat(100);
    for (text, error) in [
        (
            "\n[1 2",
            "h.edn:2: expected ']', which closes the history that begins on line 2; the file ends before it",
        ),
        ("{:a\n1", "h.edn:2: expected '}' for the bracket on line 1; the file ends here"),
        ("{:a [1)}", "h.edn:1: expected ']' for the bracket on line 1; found ')'"),
        ("{:a}", "h.edn:1: expected a value for each key of the map; :a has none"),
        ("1 ]", "h.edn:1: expected a value; found ']'"),
        ("{:a \"x\n", "h.edn:2: expected '\"' for the string that begins on line 1; the file ends here"),
        (
            r#""\q""#,
            r#"h.edn:1: expected an escape: \n, \t, \r, \b, \f, \", \\ or \u and four hexadecimal digits"#,
        ),
        ("12abc", "h.edn:1: expected a number; it is 12abc"),
        (r"\nonsense", r"h.edn:1: expected a character; it is \nonsense"),
        ("[#_]", "h.edn:1: expected a value; found ']'"),
        ("#tag", "h.edn:1: expected a value; the file ends here"),
        (&format!(" 1 {deep}"), "h.edn:1: expected values nested at most 64 deep"),
    ] {
        assert_eq!(all(text, Dialect::Edn).unwrap_err(), error, "{text}");
    }
    for bytes in [&b"\"a\xff\""[..], b"a\xff"] {
        let error = Reader::new("h.edn", bytes, Dialect::Edn).next().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("h.edn:1: expected UTF-8"), "{error}");
    }
}
