//! Histories of others.

use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{Format, read};
use stormglass_checker::models::cas_register::{CasRegister, Input, Output};
use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::models::{
    append_list::AppendList, bank::Bank, counter::Counter, lock::Lock, priority_queue::PriorityQueue,
    queue::Queue, set::Set, stack::Stack,
};
use stormglass_checker::{Budget, Operation, check};

const EDN: &str = r#"
[{:process 0, :type :invoke, :f :write, :value 1, :time 1000, :index 0}
 #jepsen.history.Op{:process :nemesis, :type :info, :f :kill, :value nil, :time 1100}
 #jepsen.history.Op{:process 1, :type :invoke, :f :cas, :value [1 2], :time 1200}
 {:process 0, :type :ok, :f :write, :value 1, :time 2000} ; acknowledged
 {:process 1, :type :fail, :f :cas, :value [1 2], :time 3000}
 {:process 2, :type :invoke, :f :read, :value nil, :time 4000}
 #_{:process 2 :type :ok :f :read :value 9}
 {:process 2, :type :ok, :f :read, :value 1, :time 5000}
 {:process 3, :type :invoke, :f :write, :value 7, :time 5500}
 {:process 3, :type :info, :f :write, :value 7, :time 5600, :error :timeout}
 {:process 4, :type :invoke, :f :write, :value 8, :time 5700}
 {:process 5, :type :invoke, :f :write, :value 9, :time 5800}
 {:process 5, :type :fail, :f :write, :value 9, :time 5900}]
"#;

fn expected(key: &str) -> Vec<Operation<Input, Output>> {
    let write = |value: &str| Input::Write { register: key.into(), value: value.into() };
    let cas = Input::Cas { register: key.into(), from: Some("1".into()), value: "2".into() };
    vec![
        Operation::completed(0, write("1"), 1000, Output::Done, 2000),
        Operation::completed(1, cas, 1200, Output::Swapped(false), 3000),
        Operation::completed(
            2,
            Input::Read { register: key.into() },
            4000,
            Output::Value(Some("1".into())),
            5000,
        ),
        Operation::pending(3, write("7"), 5500),
        Operation::pending(4, write("8"), 5700),
    ]
}

#[test]
fn an_edn_history_is_read() {
    let recorded = read::<CasRegister>("h", None, EDN.as_bytes()).unwrap();
    assert_eq!(recorded.operations, expected("x"));
    assert_eq!(recorded.lines, [2, 4, 7, 10, 12]);
    assert_eq!((recorded.format, recorded.timed), (Format::Edn, true));
    // The swap may have come before the write.
    assert!(check(&CasRegister, &recorded.operations, Budget::default()).is_linearizable());
    let wrong = EDN.replace(":read, :value 1", ":read, :value 0");
    let recorded = read::<CasRegister>("h", None, wrong.as_bytes()).unwrap();
    assert!(check(&CasRegister, &recorded.operations, Budget::default()).is_violation());
    // As a stream of maps, and with a failed swap that says it never compared.
    let stream = EDN.replace(['[', ']'], "").replace(":value 1 2", ":value [1 2]");
    assert_eq!(read::<CasRegister>("h", None, stream.as_bytes()).unwrap().operations, expected("x"));
    let timeout = EDN.replace(":value [1 2], :time 3000", ":value [1 2], :error :refused, :time 3000");
    let recorded = read::<CasRegister>("h", None, timeout.as_bytes()).unwrap();
    assert_eq!(recorded.operations.len(), 4, "it had no effect, and saw nothing");
    let said = EDN
        .replace(":value [1 2], :time 3000", ":value [1 2], :error [:precondition-failed \"1\"], :time 3000");
    assert_eq!(read::<CasRegister>("h", None, said.as_bytes()).unwrap().operations, expected("x"));
}

#[test]
fn independent_keys_are_read() {
    for tag in ["", "#jepsen.independent.Tuple"] {
        let text = EDN
            .replace(":f :write, :value 1", &format!(":f :write, :value {tag}[k 1]"))
            .replace(":value [1 2]", &format!(":value {tag}[k [1 2]]"))
            .replace(":f :read, :value nil", &format!(":f :read, :value {tag}[k nil]"))
            .replace(":f :read, :value 1", &format!(":f :read, :value {tag}[k 1]"))
            .replace(":value 7", &format!(":value {tag}[k 7]"))
            .replace(":value 8", &format!(":value {tag}[k 8]"));
        assert_eq!(
            read::<CasRegister>("h", None, text.as_bytes()).unwrap().operations,
            expected("k"),
            "{text}"
        );
    }
}

#[test]
fn json_events_are_read() {
    let text = r#"[{"process": 0, "type": "invoke", "f": "write", "value": ["k", "a"], "time": 10},
{"process": 0, "type": "ok", "f": "write", "value": ["k", "a"], "time": 20},
{"process": "nemesis", "type": "info", "f": "kill", "value": null},
{"process": 1, "type": "invoke", "f": "read", "value": ["k", null], "time": 30},
{"process": 1, "type": "ok", "f": "read", "value": ["k", "a"], "time": 40}]"#;
    let history = [
        Operation::completed(0, register::Input::write("k", "a"), 10, register::Output::Done, 20),
        Operation::completed(
            1,
            register::Input::read("k"),
            30,
            register::Output::Value(Some("a".into())),
            40,
        ),
    ];
    let lines = text.trim_matches(['[', ']']).replace("},", "}");
    for text in [text, &lines] {
        let recorded = read::<Register>("h", None, text.as_bytes()).unwrap();
        assert_eq!((&recorded.operations[..], recorded.format), (&history[..], Format::Json));
    }
}

#[test]
fn porcupine_and_jepsen_logs_are_read() {
    let kv = r#"{:process 0, :type :invoke, :f :append, :key "4", :value "x 0 y"}
{:process 1, :type :invoke, :f :get, :key "4", :value nil}
{:process 0, :type :ok, :f :append, :key "4", :value "x 0 y"}
{:process 1, :type :ok, :f :get, :key "4", :value "x 0 y"}
"#;
    let recorded = read::<Kv>("kv", None, kv.as_bytes()).unwrap();
    let append = kv::Input::append("4", "x 0 y");
    assert_eq!(
        recorded.operations,
        [
            Operation::completed(0, append, 1, kv::Output::Done, 3),
            Operation::completed(1, kv::Input::get("4"), 2, kv::Output::value(Some("x 0 y")), 4),
        ]
    );
    assert!(!recorded.timed, "times count events");

    let log = "INFO  jepsen.core - Worker 0 starting\n\
        INFO  jepsen.util - 0\t:invoke\t:write\t1\n\
        INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n\
        2026-01-01 INFO [worker 1] jepsen.util: 1\t:invoke\t:cas\t[1 2]\n\
        INFO  jepsen.util - 0\t:ok\t:write\t1\n\
        INFO  jepsen.util - 1\t:fail\t:cas\t[1 2]\n\
        INFO  jepsen.util - 2\t:invoke\t:read\tnil\n\
        INFO  jepsen.util - 2\t:ok\t:read\t1\n\
        INFO  jepsen.util - 3\t:invoke\t:write\t7\n\
        INFO  jepsen.util - 3\t:info\t:write\t:timed-out\n\
        INFO  jepsen.util - 4\t:invoke\t:write\t8\n";
    let recorded = read::<CasRegister>("log", None, log.as_bytes()).unwrap();
    let timeless = |history: &[Operation<Input, Output>]| -> Vec<_> {
        history.iter().map(|op| (op.client, op.input.clone(), op.output().cloned())).collect()
    };
    assert_eq!(timeless(&recorded.operations), timeless(&expected("x")));
    assert_eq!((recorded.format, recorded.lines), (Format::Log, vec![2, 4, 7, 9, 11]));
    // Columns of spaces, as in some logs of old.
    let spaced = read::<CasRegister>("log", None, log.replace('\t', "   ").as_bytes()).unwrap();
    assert_eq!((spaced.operations, spaced.format), (recorded.operations, Format::Log));
}

#[test]
fn formats_are_recognised() {
    for (text, format) in [
        ("", Some(Format::Jsonl)),
        ("{\"client\":0,\"op\":\"put\"}", Some(Format::Jsonl)),
        ("{\"client\":0", Some(Format::Jsonl)),
        ("{nonsense", Some(Format::Jsonl)),
        ("[{\"index\":0,\"process\":0,\"type\":\"ok\"}]", Some(Format::Json)),
        ("; a comment\n{:process 0}", Some(Format::Edn)),
        ("[]", Some(Format::Edn)),
        ("({:process 0})", Some(Format::Edn)),
        ("[#jepsen.history.Op{:process 0}]", Some(Format::Edn)),
        ("noise\nINFO - 0\t:ok\t:read\tnil", Some(Format::Log)),
        ("once upon a time", None),
        ("\u{0}\u{1}\u{2}", None),
    ] {
        assert_eq!(Format::recognise(text.as_bytes()), format, "{text}");
    }
    let error = read::<Kv>("story.txt", None, &b"once upon a time"[..]).err().unwrap();
    assert!(error.to_string().starts_with("story.txt:1: expected a history: "), "{error}");
}

#[test]
fn impossible_events_are_named() {
    let invoke = "{:process 0, :type :invoke, :f :read, :value nil, :time 5}\n";
    for (event, error) in [
        ("[1]", "h:2: expected a map with :process, :type, :f and :value; it is [1]"),
        ("{:type :ok}", "h:2: expected :process (a number or a name) in the event"),
        ("{:process -1}", "h:2: expected :process to be a number from 0 to 2^63, or a name; it is -1"),
        ("{:process 0 :type :begin}", "h:2: expected :type to be :invoke, :ok, :fail or :info; it is :begin"),
        ("{:process 0 :type :ok}", "h:2: expected :f (the operation's name) in the event"),
        ("{:process 0 :type :ok :f 3}", "h:2: expected :f to be the operation's name; it is 3"),
        (
            "{:process 0 :type :ok :f :read :time 99999999999999999999}",
            "h:2: expected :time to be nanoseconds, a whole number from 0 to 2^63; it is 99999999999999999999",
        ),
        (invoke, "h:2: expected the end of process 0's read, open since line 1, before its next :invoke"),
        ("{:process 1 :type :ok :f :read}", "h:2: expected an :invoke of process 1 before its read"),
        (
            "{:process 0 :type :ok :f :write}",
            "h:2: expected the end of process 0's read of line 1; it is write's",
        ),
        (
            "{:process 0 :type :info :f :read} {:process 1 :type :invoke :f :fly}",
            "h:2: expected \"op\" to be one of put, get, cas; it is \"fly\"",
        ),
        (
            "{:process 1 :type :invoke :f :cas :value 3}",
            "h:2: expected :value of the cas to be [from to]; it is 3",
        ),
    ] {
        let text = format!("{invoke}{event}");
        assert_eq!(read::<CasRegister>("h", None, text.as_bytes()).err().unwrap().to_string(), error);
    }
    let log = "INFO - 0\t:invoke\t:read\n";
    let error = read::<CasRegister>("h", Some(Format::Log), log.as_bytes()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "h:1: expected process, type, operation and value, with tabs or spaces between them"
    );
}

/// Each model's operations as Jepsen's workloads spell them: right, and wrong when the last answer is another.
#[test]
fn every_models_operations_are_read() {
    fn judged<M: Lines>(model: &M, text: &str) -> bool {
        let recorded = read::<M>("h", None, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        check(model, &recorded.operations, Budget::default()).is_linearizable()
    }
    fn history(operations: &[(&str, &str, &str)]) -> String {
        let lines = operations.iter().map(|(f, asked, answer)| {
            let event = |kind, value| format!("{{:process 0, :type :{kind}, :f :{f}, :value {value}}}\n");
            event("invoke", asked) + &event("ok", answer)
        });
        lines.collect()
    }
    fn told_apart<M: Lines>(model: &M, before: &[(&str, &str, &str)], right: [&str; 3], wrong: &str) {
        let [f, asked, answer] = right;
        assert!(judged(model, &history(&[before, &[(f, asked, answer)]].concat())), "{f} {answer}");
        assert!(!judged(model, &history(&[before, &[(f, asked, wrong)]].concat())), "{f} {wrong}");
    }
    told_apart(&Counter, &[("add", "3", "3"), ("add", "-1", "-1")], ["read", "nil", "2"], "3");
    told_apart(&Set, &[("add", "1", "1"), ("add", "2", "2")], ["read", "nil", "#{2 1}"], "#{1}");
    told_apart(&Set, &[("add", "[k 1]", "[k 1]")], ["read", "[k nil]", "[k (1)]"], "[k ()]");
    told_apart(&AppendList, &[("append", "1", "1"), ("append", "2", "2")], ["read", "nil", "[1 2]"], "[2 1]");
    told_apart(&Queue, &[("enqueue", "1", "1"), ("enqueue", "2", "2")], ["dequeue", "nil", "1"], "2");
    told_apart(&Stack, &[("push", "1", "1"), ("push", "2", "2")], ["pop", "nil", "2"], "1");
    let waiting = [("push", "{:value a :priority 2}", "nil"), ("push", "{:value b :priority 1}", "nil")];
    told_apart(&PriorityQueue, &waiting, ["pop", "nil", "b"], "a");
    let money = [("deposit", "{:to 1 :amount 5}", "nil"), ("transfer", "{:from 1 :to 2 :amount 3}", "nil")];
    told_apart(&Bank::default(), &money, ["read", "nil", "{1 2, 2 3}"], "{1 5, 2 3}");
    assert!(judged(&Lock, &history(&[("acquire", "nil", "nil"), ("release", "nil", "nil")])));
    assert!(!judged(&Lock, &history(&[("acquire", "nil", "nil"), ("acquire", "nil", "nil")])));
}

/// The order in the file counts; times only spread it. But what ended before it began was not recorded on one clock.
#[test]
fn times_that_go_backwards_keep_the_order_of_the_file() {
    let text = "{:process 0 :type :invoke :f :write :value 1 :time 900}\n\
        {:process 0 :type :ok :f :write :value 1 :time 950}\n\
        {:process 1 :type :invoke :f :read :time 50}\n\
        {:process 1 :type :ok :f :read :value nil :time 2000}\n";
    let recorded = read::<CasRegister>("h", None, text.as_bytes()).unwrap();
    let times: Vec<_> = recorded.operations.iter().map(|op| (op.call, op.returned_at())).collect();
    assert_eq!(times, [(900, Some(950)), (951, Some(2000))]);
    assert!(check(&CasRegister, &recorded.operations, Budget::default()).is_violation());
    let early = read::<CasRegister>("h", None, text.replace("950", "899").as_bytes()).err().unwrap();
    let what =
        "the end of process 0's write not before its call on line 1; the call is at 900, the end at 899";
    assert_eq!(early.to_string(), format!("h:2: expected {what}"));
}

/// Order comes from time alone: in our own lines a client is a name and no thread.
#[test]
fn a_client_may_have_two_operations_open_in_json_lines() {
    let text = "{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"value\":\"1\",\"call\":1,\"return\":9}\n\
        {\"client\":0,\"op\":\"get\",\"key\":\"k\",\"output\":\"1\",\"call\":2,\"return\":3}\n";
    let recorded = read::<Kv>("h", None, text.as_bytes()).unwrap();
    assert!(check(&Kv::default(), &recorded.operations, Budget::default()).is_linearizable());
}
