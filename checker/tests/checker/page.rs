//! The page of a verdict: whole, bounded, and safe to open.

use stormglass_checker::models::kv::{Input, Kv, Output};
use stormglass_checker::page::{About, LARGEST, page};
use stormglass_checker::{Budget, Operation, Verdict, Why, check};

type History = Vec<Operation<Input, Output>>;

const ABOUT: About<'_> = About { title: "h.jsonl", model: "kv", timed: true };

fn shown(history: &History, title: &str) -> (Verdict, String) {
    let verdict = check(&Kv::default(), history, Budget::default());
    let html = page(&Kv::default(), history, &verdict, &About { title, ..ABOUT });
    (verdict, html)
}

fn data(html: &str) -> serde_json::Value {
    let from = html.split_once("id=\"data\">").unwrap().1;
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

fn stale(key: &str, value: &str, from: u64) -> History {
    let put = |client, value, call| {
        Operation::completed(client, Input::put(key, value), from + call, Output::Done, from + call + 5)
    };
    vec![
        put(0, value, 0),
        put(1, "2", 10),
        Operation::completed(2, Input::get(key), from + 20, Output::value(Some(value)), from + 30),
    ]
}

#[test]
fn a_violation_is_shown_with_what_matters() {
    let (verdict, html) = shown(&stale("k", "1", 1_000), "h.jsonl");
    let wrong = verdict.counterexample().unwrap();
    let data = data(&html);
    assert_eq!(data["verdict"], "NOT LINEARIZABLE");
    assert_eq!(data["sentences"][0], wrong.sentence.lines().next().unwrap());
    let part = &data["parts"][0];
    assert_eq!((&part["key"], &part["wrong"]), (&"k".into(), &true.into()));
    let operations = part["operations"].as_array().unwrap();
    assert_eq!(operations[0]["call"], 0, "times begin with the first call");
    let role = |index: usize| &operations[index]["role"];
    assert_eq!((role(1), role(2)), (&"core".into(), &"culprit".into()));
    assert_eq!(operations[1]["state"], "k = 2");
    assert_eq!((&operations[1]["place"], &operations[2]["place"]), (&2.into(), &serde_json::Value::Null));
}

#[test]
fn every_text_is_escaped() {
    const EVIL: &str = "</script><img onerror=alert(1) src=x>&\"'\u{2028}<!--";
    let history = stale(EVIL, EVIL, 0);
    let (verdict, html) = shown(&history, EVIL);
    assert!(verdict.is_violation());
    assert!(!html.contains("<img") && !html.contains("<!--"), "{html}");
    // One script for the data, one for the code, and nothing between them ends early.
    assert_eq!(html.matches("</script>").count(), 2);
    assert_eq!(html.matches("<script").count(), 2);
    assert!(!html.split_once("id=\"data\">").unwrap().1.contains('\u{2028}'));
    let data = data(&html);
    assert_eq!((&data["title"], &data["parts"][0]["key"]), (&EVIL.into(), &EVIL.into()));
    // The script makes no element from text.
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"]
    {
        assert!(!html.contains(way), "{way}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn a_page_is_never_large() {
    // The worst texts there are: every character takes six bytes in JSON.
    let wide = "<".repeat(4000);
    let mut history = History::new();
    for at in 0..20_000_u64 {
        let key = if at % 2 == 0 { wide.clone() } else { format!("{wide}{}", at % 1000) };
        history.push(Operation::completed(
            at % 7,
            Input::put(&key, &wide),
            at * 10,
            Output::Done,
            at * 10 + 8,
        ));
    }
    history.extend(stale(&wide, "1", 100_000));
    let (verdict, html) = shown(&history, &wide);
    assert!(verdict.is_violation());
    assert!(html.len() <= LARGEST, "{} bytes", html.len());
    let data = data(&html);
    let part = &data["parts"][0];
    assert_eq!(part["wrong"], true);
    assert!(part["operations"].as_array().unwrap().iter().any(|one| one["role"] == "culprit"));
    assert!(part["total"].as_u64().unwrap() > part["operations"].as_array().unwrap().len() as u64);
    assert_eq!(data["total"], history.len());
}

#[test]
fn other_verdicts_have_pages_too() {
    let mut history = stale("k", "1", 0);
    history.pop();
    history.push(Operation::pending(3, Input::put("other", "x"), 3));
    let (verdict, html) = shown(&history, "h");
    assert!(verdict.is_linearizable() && html.contains("\"linearizable\""));
    assert_eq!(data(&html)["keys"], 2);
    let verdict = Verdict::Undecided { explored: 7, why: Why::States };
    let html = page(&Kv::default(), &history, &verdict, &ABOUT);
    assert_eq!(data(&html)["verdict"], "undecided");
    let (_, html) = shown(&History::new(), "h");
    assert_eq!(data(&html)["parts"].as_array().unwrap().len(), 0);
}
