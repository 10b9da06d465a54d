//! Files that were cut: what is left is an error, or loses the operations and replies that stood behind the cut, and
//! no answer becomes another.

use std::fmt::Debug;
use stormglass_checker::Operation;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{Format, read};
use stormglass_checker::models::bank::Bank;
use stormglass_checker::models::cas_register::CasRegister;
use stormglass_checker::models::counter::Counter;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_checker::transactions::{self, Keys, Status, Transaction};

/// Cuts a file at every byte and reads what is left, in its format and in the one that it shows. It must be an error,
/// or be what whole lines say: those before the cut, or those and the one that was cut just before its end.
fn cut<T: PartialEq + Debug>(
    text: &str,
    format: Format,
    read: impl Fn(Option<Format>, &str) -> Result<T, String>,
    loses_only: impl Fn(&T, &T),
) {
    for format in [Some(format), None] {
        let whole = read(format, text).unwrap();
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let Ok(left) = read(format, &text[..at]) else { continue };
            let begins = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let ends = at + text[at..].find('\n').map_or(0, |end| end + 1);
            let lines = [begins, ends].map(|end| read(format, &text[..end]).ok());
            assert!(lines.iter().flatten().any(|lines| *lines == left), "{:?}\n{left:?}", &text[..at]);
            loses_only(&left, &whole);
        }
    }
}

fn operations<M>(text: &str, format: Format)
where
    M: Lines<Input: PartialEq + Debug + Clone, Output: PartialEq + Debug + Clone>,
{
    let read = |format, text: &str| match read::<M>("h", format, text.as_bytes()) {
        Ok(recorded) => Ok(recorded.operations),
        Err(error) => Err(error.to_string()),
    };
    cut(text, format, read, |left, whole| {
        for operation in left {
            let unknown =
                |of: &Operation<_, _>| Operation::pending(of.client, M::Input::clone(&of.input), of.call);
            let is_there = |other| operation == other || *operation == unknown(other);
            assert!(whole.iter().any(is_there), "{operation:?}\n{whole:?}");
        }
    });
}

fn transactions(text: &str, format: Format) {
    let read = |format, text: &str| match transactions::read("h", format, Keys::Lists, text.as_bytes()) {
        Ok(recorded) => Ok(recorded.transactions),
        Err(error) => Err(error.to_string()),
    };
    cut(text, format, read, |left, whole| {
        for one in left {
            let same = |other: &&Transaction| (one.client, one.call) == (other.client, other.call);
            let other = whole.iter().find(same).unwrap();
            assert!(one == other || one.status == Status::Unknown, "{one:?}\n{other:?}");
        }
    });
}

/// Every value has several digits: half of one reads like another.
const EDN: &str = "{:process 0, :type :invoke, :f :write, :value 12}
{:process 0, :type :ok, :f :write, :value 12} ; acknowledged
{:process 10, :type :invoke, :f :cas, :value [12 345]} #_{:gone 1}
{:process 10, :type :fail, :f :cas, :value [12 345]}
#jepsen.history.Op{:process 2, :type :invoke, :f :read, :value nil}
#jepsen.history.Op{:process 2, :type :ok, :f :read, :value 12}
";

/// The same as JSON.
fn json() -> String {
    let lines = EDN.lines().map(|line| {
        let line = line.split(" ;").next().unwrap().split(" #_").next().unwrap();
        let line = line.replace("#jepsen.history.Op", "").replace("nil", "null").replace("12 345", "12, 345");
        let line = line.replace(" :", " \"").replace("{:", "{\"").replace("process ", "process\": ");
        let line = line.replace("type ", "type\": ").replace("f ", "f\": ").replace("value ", "value\": ");
        ["invoke", "ok", "fail", "write", "cas", "read"]
            .iter()
            .fold(line, |line, word| line.replace(&format!("\"{word},"), &format!("\"{word}\",")))
    });
    lines.map(|line| line + "\n").collect()
}

/// The same as Jepsen logs it, among other lines.
const LOG: &str = "2026-01-01 INFO  jepsen.core - Worker 0 starting
INFO  jepsen.util - 0\t:invoke\t:write\t12
INFO  jepsen.util - 0\t:ok\t:write\t12
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 10\t:invoke\t:cas\t[12 345]
INFO  jepsen.util - 10\t:fail\t:cas\t[12 345]
\tat clojure.core$apply.invoke(core.clj:624)
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:ok\t:read\t12
";

#[test]
fn a_file_that_was_cut_says_so_or_says_less() {
    operations::<CasRegister>(EDN, Format::Edn);
    operations::<CasRegister>(&format!("[{EDN}]\n"), Format::Edn);
    operations::<CasRegister>(&json(), Format::Json);
    operations::<CasRegister>(&format!("[{}]\n", json().trim_end().replace('\n', ",\n")), Format::Json);
    for log in
        [LOG.to_owned(), LOG.replace("\t:", "   :").replace("\tnil", " nil"), LOG.replace("INFO  ", "INFO\t")]
    {
        operations::<CasRegister>(&log, Format::Log);
        operations::<CasRegister>(&log.replace('\n', "\r\n"), Format::Log);
    }
    let named = LOG.replace("- 10", "- worker10").replace("- 0", "- worker0").replace("- 2", "- worker2");
    operations::<CasRegister>(&named, Format::Log);
    operations::<CasRegister>(&named.replace('\t', "  "), Format::Log);
}

#[test]
fn lines_that_were_cut_say_so_or_say_less() {
    let cas = r#"{"client":0,"op":"put","key":"ké","value":"12","call":10,"return":20}
{"client":1,"op":"cas","key":"ké","from":null,"value":345,"ok":false,"call":137646,"return":716629}

{"op":"get","key":"ké","output":"12","call":800000,"return":900000,"client":12}
"#;
    operations::<CasRegister>(cas, Format::Jsonl);
    let versioned = r#"{"client":0,"op":"put","key":"k","value":"12","version":0,"result":"ok","call":10,"return":20}
{"client":1,"op":"get","key":"k","output":"12","call":30,"return":40,"version":12}
"#;
    operations::<VersionedKv>(versioned, Format::Jsonl);
    let bank = r#"{"client":0,"op":"deposit","to":"a","amount":12,"call":10,"return":20}
{"client":1,"op":"transfer","from":"a","to":"b","call":30,"return":40,"ok":true,"amount":12}
{"client":0,"op":"read","call":50,"return":60,"output":{"a":0,"b":12}}
"#;
    operations::<Bank>(bank, Format::Jsonl);
    let counter = r#"{"client":0,"op":"inc","key":"k","value":-12,"call":10,"return":20}
{"client":1,"op":"read","key":"k","call":30,"return":40,"output":-12}
"#;
    operations::<Counter>(counter, Format::Jsonl);
}

#[test]
fn transactions_that_were_cut_say_so_or_say_less() {
    let lines = r#"{"client":0,"txn":[["append","x",12],["r","y",null]],"type":"ok","call":10,"return":20}
{"client":1,"txn":[["r","x",[12,345]]],"type":"unknown","call":30}
{"client":1,"txn":[["append","x",345]],"call":5,"return":15,"type":"fail"}
"#;
    transactions(lines, Format::Jsonl);
    let edn = "{:process 0, :type :invoke, :f :txn, :value [[:append :x 12] [:r :y nil]]}
{:process 0, :type :ok, :f :txn, :value [[:append :x 12] [:r :y [345]]]}
{:process 1, :type :invoke, :f :txn, :value [[:r :x nil]]}
{:process 1, :type :ok, :f :txn, :value [[:r :x [12]]]}
";
    transactions(edn, Format::Edn);
    let log = edn.lines().map(|line| {
        let columns = line.trim_matches(['{', '}']).replace(", :f ", ", ").replace(", :value ", ", ");
        columns.replace(":process ", "INFO  jepsen.util - ").replace(":type ", "").replace(", ", "\t") + "\n"
    });
    transactions(&log.collect::<String>(), Format::Log);
}
