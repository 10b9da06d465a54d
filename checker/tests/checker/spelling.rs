//! What is misspelt is not skipped, and what is spelt in two ways is one thing.

use crate::strict::{events, holds, recorded, refused};
use stormglass_checker::models::bank::Bank;
use stormglass_checker::models::register::Register;

#[test]
fn an_event_of_a_log_that_was_misspelt_is_none_to_skip() {
    let good = "INFO  jepsen.util - 4\t:invoke\t:write\t1\n";
    for (line, kind) in [
        ("INFO  jepsen.util - 4\t:okk\t:write\t1\n", ":okk"),
        ("INFO  jepsen.util - 4\t:okk\t:write\n", ":okk"),
        ("INFO  jepsen.util - 4   :okk   :write   1\n", ":okk"),
        ("INFO [2017-03-30 11:53:31,414] jepsen worker 4 - jepsen.util 4\t:okk\t:write\t1\n", ":okk"),
        ("INFO [jepsen worker 4] jepsen.util 4 :okk :write 1\n", ":okk"),
        ("4\t:\t:write\t1\n", ":"),
        ("INFO  jepsen.util - 4\t:o", ":o"),
        ("INFO  jepsen.util - 4\t:", ":"),
        ("INFO  jepsen.util - 4  :inv", ":inv"),
    ] {
        let what = format!("h:2: expected :invoke, :ok, :fail or :info after process 4; it is {kind}");
        refused::<Register>(&format!("{good}{line}"), &what);
    }
    for named in
        ["w1\t:Ok\t:write\t1\n", "12:00\tINFO\tw1\t:Ok\t:write\t1\n", "12:00\tINFO\t4\t:Ok\t:ok\t1\n"]
    {
        refused::<Register>(
            &format!("{good}{named}"),
            "h:2: expected :invoke, :ok, :fail or :info after process",
        );
    }
    let noise = "\tat clojure.core$apply.invoke(core.clj:624)\n:nemesis\t:start\t:kill\tnil\n\
        2026-01-01 12:00:00 INFO [main] jepsen.core: Run with :rate 10 and 5 nodes\n{:valid? true,\n :count 5}\n\
        WARN [jepsen worker 4] jepsen.core: Process 4 crashed\njava.net.ConnectException: refused\n\
        Caused by: clojure.lang.ExceptionInfo: throw+: {:type :ok :f :read}\n\
        INFO jepsen.core - Tearing down nodes :n1 :n2 :n3\nWARN jepsen.control - waited 10 :seconds\n\
        12:00:00\tINFO\t:nemesis\t:info\t:start\tnil\n";
    let log = format!("{good}{noise}INFO  jepsen.util - 4\t:ok\t:write\t1\nand so on");
    assert_eq!(recorded::<Register>(&log).map(|found| found.operations.len()), Ok(1));
    let tabbed = log.replace("INFO  ", "2026-01-01\tINFO\t");
    assert_eq!(
        recorded::<Register>(&tabbed).unwrap().operations,
        recorded::<Register>(&log).unwrap().operations
    );
    let cut = "h:2: expected the end of the line; the file ends within this event and may be cut: end it with a newline";
    refused::<Register>(&format!("{good}INFO  jepsen.util - 4\t:ok\t:write\t1"), cut);
}

#[test]
fn a_key_stands_once_in_a_map() {
    let read = r#"{"client":0,"op":"read","output":{"a":1,"a":0},"call":1,"return":2}"#;
    refused::<Bank>(read, "h:1: expected a JSON object with one operation, duplicate field \"a\" (column");
    let bank = |seen: &str| events(":read", "nil", seen);
    for (twice, key) in
        [("{0 1, 0 0}", "0"), ("{0 1, \"0\" 0}", "0"), ("{a 1, b 2, :a 3}", "a"), ("{[1] 1 [1] 1}", "[1]")]
    {
        let what = format!("h:2: expected each key of the map once; {key} is there twice");
        refused::<Bank>(&bank(twice), &what);
    }
    assert!(recorded::<Bank>(&bank("{0 1, 1 0}")).is_ok());
    let event = "{:process 0, :process 1, :type :invoke, :f :write, :value 1}";
    refused::<Register>(event, "h:1: expected each key of the map once; process is there twice");
    let event = r#"{"process":0,"type":"invoke","f":"write","value":1,"value":2}"#;
    refused::<Register>(event, "h:1: expected each key of the map once; value is there twice");
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    for other in ["99999999999999999999999N", "+99999999999999999999999", "099999999999999999999999N"] {
        let write = events(":write", "99999999999999999999999", other);
        assert!(holds::<Register>(&format!("{write}\n{}", events(":read", "nil", other))), "{other}");
    }
    let minus = events(":write", "-99999999999999999999999", "nil");
    assert!(!holds::<Register>(&format!("{minus}\n{}", events(":read", "nil", "99999999999999999999999"))));
}
