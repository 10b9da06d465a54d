//! What a file says and a model does not ask for is an error that says what to do, and never passed over.

use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{Recorded, read};
use stormglass_checker::models::append_list::AppendList;
use stormglass_checker::models::bank::Bank;
use stormglass_checker::models::counter::Counter;
use stormglass_checker::models::kv::Kv;
use stormglass_checker::models::lock::Lock;
use stormglass_checker::models::queue::Queue;
use stormglass_checker::models::register::Register;
use stormglass_checker::models::set::Set;
use stormglass_checker::models::stack::Stack;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_checker::{Budget, check};

pub(crate) fn recorded<M: Lines>(text: &str) -> Result<Recorded<M>, String> {
    read::<M>("h", None, text.as_bytes()).map_err(|error| error.to_string())
}

/// Asserts that the text is refused with these words.
pub(crate) fn refused<M: Lines>(text: &str, words: &str) {
    match recorded::<M>(text) {
        Ok(_) => panic!("{text} was taken"),
        Err(error) => assert!(error.contains(words), "{error}\n{words}"),
    }
}

#[test]
fn a_process_with_a_name_is_a_client() {
    let text = r#"{:process "worker1", :type :invoke, :f :write, :value 1}
{:process "worker1", :type :ok, :f :write, :value 1}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process "worker2", :type :invoke, :f :read, :value nil}
{:process "worker2", :type :ok, :f :read, :value 2}"#;
    let lines = "INFO jepsen.util - worker1\t:invoke\t:write\t1\nINFO jepsen.util - worker1\t:ok\t:write\t1\n\
                 INFO jepsen.util - :nemesis\t:info\t:start\tnil\n\
                 INFO jepsen.util - worker2\t:invoke\t:read\tnil\nINFO jepsen.util - worker2\t:ok\t:read\t2\n";
    let prose = "INFO it looks :ok to me :all in all\n";
    for text in [text.to_owned(), lines.to_owned(), format!("{prose}{}", lines.replace('\t', " "))] {
        let history = recorded::<Register>(&text).unwrap().operations;
        assert_eq!(history.iter().map(|operation| operation.client).collect::<Vec<_>>(), [0, 1], "{text}");
        assert!(check(&Register, &history, Budget::default()).is_violation());
    }
    refused::<Register>(
        &text.replace("\"worker2\"", "7"),
        "h:4: expected :process to be a name, as on the lines before",
    );
    let numbered = text.replace("\"worker1\"", "7");
    refused::<Register>(
        &numbered,
        "h:4: expected :process to be a number, as on the lines before, or :nemesis",
    );
    // A number in quotes is one.
    assert_eq!(
        recorded::<Register>(&numbered.replace("\"worker2\"", "\"8\"")).unwrap().operations[1].client,
        8
    );
}

pub(crate) fn events(f: &str, asked: &str, answer: &str) -> String {
    format!(
        "{{:process 0, :type :invoke, :f {f}, :value {asked}}}\n{{:process 0, :type :ok, :f {f}, :value {answer}}}"
    )
}

#[test]
fn contains_is_answered_by_true_or_false() {
    for answer in ["nil", "1", ":yes", "\"true\""] {
        refused::<Set>(
            &events(":contains", "5", answer),
            "h:1: expected the end of the contains (line 2) to have the value true",
        );
    }
    for answer in ["true", "false"] {
        assert_eq!(recorded::<Set>(&events(":contains", "5", answer)).unwrap().operations.len(), 1);
        assert_eq!(
            recorded::<Set>(&events(":contains", "[k 5]", &format!("[k {answer}]")))
                .unwrap()
                .operations
                .len(),
            1
        );
    }
}

#[test]
fn an_answer_is_to_what_was_asked() {
    refused::<Register>(
        &events(":read", "[x nil]", "[y 1]"),
        "the end of the read (line 2) to be of key x; it is of y",
    );
    let keyed = "{:process 0, :type :invoke, :f :read, :key x, :value nil}\n{:process 0, :type :ok, :f :read, :key y, :value 1}";
    refused::<Register>(keyed, "the end of the read (line 2) to be of key x; it is of y");
    refused::<Register>(
        &events(":write", "1", "2"),
        "the end of the write (line 2) to have its value, 1; it is 2",
    );
    refused::<Kv>(
        &events(":put", "[x 1]", "[x 2]"),
        "the end of the put (line 2) to have its value, 1; it is 2",
    );
    refused::<Kv>(
        &events(":cas", "[x [1 2]]", "[x [1 3]]"),
        "the end of the cas (line 2) to have its value, [1 2]",
    );
    for (asked, answer) in [("1", "1"), ("1", "\"1\""), ("1", "nil"), ("[x 1]", "[x 1]"), ("[x 1]", "nil")] {
        assert_eq!(recorded::<Register>(&events(":write", asked, answer)).unwrap().operations.len(), 1);
    }
    // Of unknown outcome, an event says anything at all.
    let unknown = events(":write", "1", ":timeout").replace(":ok", ":info");
    assert_eq!(recorded::<Register>(&unknown).unwrap().operations.len(), 1);
}

#[test]
fn what_cannot_be_refused_is_not_refused_in_silence() {
    fn both<M: Lines>(line: &str) {
        let line = format!("{{\"client\":0,\"key\":\"k\",{line},\"call\":1");
        refused::<M>(
            &format!("{line},\"ok\":false,\"return\":2}}"),
            "if it certainly had no effect, leave the line out",
        );
        for rest in [",\"ok\":true,\"return\":2}", ",\"return\":2}"] {
            assert_eq!(
                recorded::<M>(&format!("{line}{rest}")).map(|recorded| recorded.lines.len()),
                Ok(1),
                "{line}"
            );
        }
    }
    both::<Register>(r#""op":"write","value":"1""#);
    both::<Register>(r#""op":"get","output":null"#);
    both::<Kv>(r#""op":"put","value":"1""#);
    both::<Kv>(r#""op":"append","value":"1""#);
    both::<Kv>(r#""op":"delete""#);
    both::<AppendList>(r#""op":"append","value":"1""#);
    both::<Set>(r#""op":"add","value":"1""#);
    both::<Set>(r#""op":"remove","value":"1""#);
    both::<Counter>(r#""op":"inc","value":1"#);
    both::<Queue>(r#""op":"enqueue","value":"1""#);
    both::<Queue>(r#""op":"dequeue","output":null"#);
    both::<Stack>(r#""op":"push","value":"1""#);
    both::<Bank>(r#""op":"deposit","to":"a","amount":1"#);
}

/// A `return` that is called otherwise would make every outcome unknown, and every history right.
#[test]
fn what_came_back_came_back_at_a_time() {
    fn both<M: Lines>(line: &str, field: &str) {
        let line = format!("{{\"client\":0,\"key\":\"k\",{line},\"call\":5,\"end\":10}}");
        refused::<M>(
            &line,
            &format!("h:1: expected \"return\" (nanoseconds), since there is \"{field}\"; if nobody knows"),
        );
        assert_eq!(recorded::<M>(&line.replace("end", "return")).map(|found| found.lines.len()), Ok(1));
    }
    both::<Register>(r#""op":"get","output":"9""#, "output");
    both::<Kv>(r#""op":"get","output":null"#, "output");
    both::<Kv>(r#""op":"put","value":"1","ok":true"#, "ok");
    both::<Kv>(r#""op":"cas","from":null,"value":"1","ok":false"#, "ok");
    both::<Lock>(r#""op":"acquire","ok":false"#, "ok");
    both::<VersionedKv>(r#""op":"put","value":"1","version":0,"result":"maybe""#, "result");
    let get = r#"{"client":0,"op":"get","key":"k","version":1,"call":5}"#;
    refused::<VersionedKv>(get, "since there is \"version\"");
}

#[test]
fn versions_are_not_for_models_without_them() {
    let get = r#"{"client":0,"op":"get","key":"k","output":"1","version":3,"call":1,"return":2}"#;
    let put = r#"{"client":0,"op":"put","key":"k","value":"1","result":"maybe","call":1,"return":2}"#;
    refused::<Kv>(
        get,
        "h:1: expected no \"version\", which nobody would judge here: get answers by \"output\"; operations on versions \
         are judged by the model versioned-kv",
    );
    refused::<Kv>(put, "h:1: expected no \"result\"");
    refused::<Register>(get, "versioned-kv");
}

#[test]
fn a_number_is_as_good_as_a_string() {
    let kv = r#"{"client":0,"op":"put","key":1,"value":2,"call":1,"return":2}
{"client":0,"op":"get","key":"1","output":"2","call":3,"return":4}"#;
    assert!(
        check(&Kv::default(), &recorded::<Kv>(kv).unwrap().operations, Budget::default()).is_linearizable()
    );
    let bank = r#"{"client":0,"op":"deposit","to":1,"amount":2,"call":1,"return":2}
{"client":0,"op":"read","output":{"1":2},"call":3,"return":4}"#;
    let operations = recorded::<Bank>(bank).unwrap().operations;
    assert!(check(&Bank::default(), &operations, Budget::default()).is_linearizable());
    for key in ["null", "[1]", "1.5", "true"] {
        refused::<Kv>(&kv.replace("\"key\":1", &format!("\"key\":{key}")), "h:1: expected");
    }
}

/// What an operation does not answer, or not in this field, would be judged by nobody.
#[test]
fn an_answer_that_nobody_would_judge_is_not_taken() {
    fn both<M: Lines>(line: &str, answer: &str, words: &str) {
        let line = format!("{{\"client\":0,\"key\":\"k\",{line},\"call\":1,\"return\":2");
        assert_eq!(recorded::<M>(&format!("{line}}}")).map(|found| found.lines.len()), Ok(1), "{line}");
        let field = answer.split(':').next().unwrap();
        refused::<M>(&format!("{line},{answer}}}"), &format!("h:1: expected no {field}, {words}"));
    }
    let done = |op: &str| format!("which nobody would judge here: {op} answers nothing but that it was done");
    both::<Counter>(r#""op":"inc","value":1"#, r#""output":99"#, &done("inc"));
    both::<Register>(r#""op":"put","value":"1""#, r#""output":"old""#, &done("put"));
    both::<Kv>(r#""op":"put","value":"1""#, r#""output":null"#, &done("put"));
    both::<Kv>(r#""op":"delete""#, r#""output":"1""#, &done("delete"));
    both::<AppendList>(r#""op":"append","value":"1""#, r#""output":["1"]"#, &done("append"));
    both::<Set>(r#""op":"add","value":"1""#, r#""output":1"#, &done("add"));
    both::<Set>(r#""op":"read","output":[]"#, r#""version":1"#, "which nobody would judge here: read");
    both::<Queue>(r#""op":"enqueue","value":"1""#, r#""result":"full""#, &done("enqueue"));
    both::<Bank>(r#""op":"deposit","to":"a","amount":1"#, r#""output":1"#, &done("deposit"));
    let ok = |op: &str| format!("which nobody would judge here: {op} answers by \"ok\"");
    both::<Lock>(r#""op":"acquire""#, r#""output":"refused""#, &ok("acquire"));
    both::<Lock>(r#""op":"acquire""#, r#""result":"refused""#, &ok("acquire"));
    both::<Kv>(r#""op":"cas","from":null,"value":"1","ok":true"#, r#""output":"1""#, &ok("cas"));
    both::<Set>(r#""op":"contains","value":"1","ok":true"#, r#""output":1"#, &ok("contains"));
    both::<VersionedKv>(
        r#""op":"put","value":"1","version":0,"result":"ok""#,
        r#""output":7"#,
        "which nobody would judge here: put answers by \"result\"",
    );
    both::<VersionedKv>(
        r#""op":"get","output":null"#,
        r#""version":7"#,
        "for what is missing (null) has none",
    );
}

pub(crate) fn holds<M: Lines + Default>(text: &str) -> bool {
    let history = recorded::<M>(text).unwrap_or_else(|error| panic!("{error}\n{text}")).operations;
    check(&M::default(), &history, Budget::default()).is_linearizable()
}

#[test]
fn an_event_may_answer_that_it_was_not_done() {
    for (answer, is_right) in [("nil", false), ("true", false), ("false", true), ("[k false]", true)] {
        let asked = if answer.starts_with('[') { "[k nil]" } else { "nil" };
        let second = events(":acquire", asked, answer).replace(":process 0", ":process 1");
        let first = events(":acquire", asked, asked);
        assert_eq!(holds::<Lock>(&format!("{first}\n{second}")), is_right, "{answer}");
        assert_eq!(holds::<Lock>(&events(":release", asked, answer)), is_right, "{answer}");
    }
    // There is nothing that could be moved.
    let asked = "{:from a, :to b, :amount 5}";
    for (answer, is_right) in [("nil", false), (asked, false), ("true", false), ("false", true)] {
        assert_eq!(holds::<Bank>(&events(":transfer", asked, answer)), is_right, "{answer}");
    }
    assert!(holds::<Bank>(&events(":transfer", asked, "{:amount 5, :from \"a\", :to b}").replace('5', "0")));
    assert!(holds::<Kv>(&events(":cas", "[k [1 2]]", "[k false]")));
    assert!(!holds::<Kv>(&events(":cas", "[k [1 2]]", "[k true]")));
    let events_json = r#"{"process":0,"type":"invoke","f":"release","value":null}
{"process":0,"type":"ok","f":"release","value":false}"#;
    assert!(holds::<Lock>(events_json));
}

#[test]
fn an_event_that_answers_something_else_is_not_taken() {
    for answer in
        ["{:from a, :to b, :amount 6}", "{:from a, :to b}", "{:from a, :to b, :amount 5, :left 1}", "3"]
    {
        refused::<Bank>(
            &events(":transfer", "{:from a, :to b, :amount 5}", answer),
            "h:1: expected the end of the transfer (line 2) to have its value, {:from a, :to b, :amount 5}, or true or false; it is",
        );
    }
    refused::<Bank>(
        &events(":deposit", "{:to b, :amount 5}", "{:to b, :amount 6}"),
        "the end of the deposit (line 2) to have its value, {:to b, :amount 5}; it is {:to b, :amount 6}",
    );
    refused::<Lock>(
        &events(":acquire", "nil", ":refused"),
        "h:1: expected the end of the acquire (line 2) to have its value, none, or true or false; it is :refused",
    );
    for answer in ["false", "true", "1"] {
        let text = format!("the end of the delete (line 2) to have its value, none; it is {answer}");
        refused::<Kv>(&events(":delete", "[k nil]", &format!("[k {answer}]")), &text);
    }
    let failed = events(":cas", "[k [1 2]]", "[k true]").replace(":ok", ":fail");
    refused::<Kv>(
        &failed,
        "the end of the cas (line 2) to have its value, [1 2], or true or false; it is true",
    );
}
