//! What must not be seen from outside, and that it would be seen.

use serde_json::Value;

/// A time in which a process says that it held the lock, in the machine's nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    from: u128,
    until: u128,
    id: String,
}

impl Held {
    /// Reads what `client kv lock` prints: from after it was given, until before it was given back.
    pub(crate) fn read(out: &str) -> Option<Held> {
        let (first, second) = out.trim_end().split_once('\n')?;
        let (id, from) = first.strip_prefix("held as ")?.split_once(" from ")?;
        let until = second.strip_prefix("released, held until ")?;
        Some(Held { from: from.parse().ok()?, until: until.parse().ok()?, id: id.to_owned() })
    }
}

/// Two that held the lock at once, if there are any.
pub(crate) fn overlap(mut held: Vec<Held>) -> Option<String> {
    held.sort();
    let meets = |pair: &&[Held]| pair[1].from <= pair[0].until;
    held.windows(2).find(meets).map(|pair| format!("{:?} and {:?} held the lock at once", pair[0], pair[1]))
}

/// The Puts of a recorded history that were acknowledged.
pub(crate) fn acknowledged(history: &str) -> Vec<Value> {
    let lines = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["op"] == "put" && line["result"] == "ok").collect()
}

/// The history, and after all of it a Get that finds the first of several acknowledged Puts of a key: the later ones
/// are lost.
pub(crate) fn with_lost_puts(history: &str) -> String {
    let puts = acknowledged(history);
    let first = puts.iter().find(|put| put["version"] == 0).unwrap();
    assert!(puts.iter().any(|put| put["key"] == first["key"] && put["version"] != 0), "nothing to lose");
    let operations = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let end = operations.filter_map(|operation| operation["return"].as_u64()).max().unwrap();
    let get = serde_json::json!({
        "client": 1_000_000, "op": "get", "key": first["key"], "version": 1, "output": first["value"],
        "call": end + 1, "return": end + 2,
    });
    format!("{history}{get}\n")
}

#[test]
fn holders_that_meet_are_seen() {
    let held = |from, until| Held { from, until, id: format!("{from}") };
    assert_eq!(overlap(vec![held(30, 40), held(1, 9), held(10, 29)]), None);
    for (from, until) in [(5, 6), (0, 100), (9, 12), (40, 41), (35, 50), (30, 40)] {
        let text = overlap(vec![held(30, 40), held(1, 9), held(10, 29), held(from, until)]).unwrap();
        assert!(text.contains("at once"), "{text}");
    }
}

#[test]
fn the_lock_s_words_are_read() {
    let text = "held as 07 from 1763720000000000001\nreleased, held until 1763720000000000009\n";
    let held = Held { from: 1_763_720_000_000_000_001, until: 1_763_720_000_000_000_009, id: "07".into() };
    assert_eq!(Held::read(text), Some(held));
    assert_eq!(Held::read("held as 07 from 1\n"), None);
}
