//! Where two runs that should be one part: the first event that differs, both sides, and what each had drawn.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use stormglass_sim::chance::Decision;

use crate::report;

/// Draws that are told to a person.
const SHOWN: usize = 3;

/// A run as it was recorded.
pub(super) struct Recording {
    pub(super) trace: String,
    pub(super) decisions: Vec<Decision>,
}

/// One side of the parting.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Side {
    /// The event; nothing where the run had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<Value>,
    pub(super) words: String,
    /// The task behind it and the line that started it.
    pub(super) place: String,
    /// What was drawn in the same step.
    pub(super) drawn: Vec<Decision>,
}

/// The first event that differs.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Parting {
    /// The line of the traces, from 1.
    pub(super) line: usize,
    pub(super) first: Side,
    pub(super) second: Side,
    /// The first decision that differs, where one does: how many were the same, and what each took then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<Fork>,
}

/// Where the decisions part.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Fork {
    /// Decisions that were the same.
    pub(super) same: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second: Option<Decision>,
}

/// What `determinism --json` says of a seed that differs.
#[derive(Serialize)]
pub(super) struct Difference<'a> {
    pub(super) story: &'a str,
    pub(super) seed: u64,
    /// Nothing where the two traces are equal: then it shows only beside other seeds in the same process.
    #[serde(flatten)]
    pub(super) parting: Option<&'a Parting>,
    pub(super) traces: &'a [PathBuf],
}

/// Where the two runs part, if they do.
pub(super) fn parting(a: &Recording, b: &Recording) -> Option<Parting> {
    let (mut ones, mut twos) = (a.trace.lines(), b.trace.lines());
    let mut line = 1;
    loop {
        let (one, two) = (ones.next(), twos.next());
        if one != two {
            return Some(Parting {
                line,
                first: side(a, one, line),
                second: side(b, two, line),
                decision: fork(&a.decisions, &b.decisions),
            });
        }
        one?;
        line += 1;
    }
}

fn side(run: &Recording, line: Option<&str>, number: usize) -> Side {
    let event: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
    let words = event.as_ref().map_or_else(|| "the run was over".to_owned(), report::event_at);
    // A step's draws have the step as their cause, as its other events have.
    let step = event.as_ref().and_then(|event| event["cause"].as_u64());
    let drawn = run.decisions.iter().filter(|decision| Some(decision.cause) == step).cloned().collect();
    Side { words, place: place(&run.trace, number), drawn, event }
}

fn fork(a: &[Decision], b: &[Decision]) -> Option<Fork> {
    let same = a.iter().zip(b).take_while(|(one, two)| one == two).count();
    let (first, second) = (a.get(same).cloned(), b.get(same).cloned());
    (first.is_some() || second.is_some()).then_some(Fork { same, first, second })
}

impl Parting {
    /// For a person.
    pub(super) fn told(&self) -> String {
        let mut text = format!("  line {}: {}\n", self.line, self.first.place);
        for (which, side) in [("the first run", &self.first), ("the second run", &self.second)] {
            text.push_str(&format!("  {which}: {}\n", side.words));
            if side.place != self.first.place {
                text.push_str(&format!("    {}\n", side.place));
            }
            if !side.drawn.is_empty() {
                let drawn: Vec<String> = side.drawn.iter().take(SHOWN).map(draw).collect();
                let more = side.drawn.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                text.push_str(&format!("    in this step it drew {}{more}\n", drawn.join(", ")));
            }
            if let Some(event) = &side.event {
                text.push_str(&format!("    {event}\n"));
            }
        }
        text.push_str(&match &self.decision {
            None => "  all that was drawn is the same: the difference comes from elsewhere\n".to_owned(),
            Some(Fork { same, first, second }) => {
                let taken =
                    |decision: &Option<Decision>| decision.as_ref().map_or("nothing".to_owned(), draw);
                format!("  {same} decisions are the same; then {}, and {}\n", taken(first), taken(second))
            }
        });
        text
    }
}

/// "17 from `a/rand` (decision 3, u64)".
fn draw(decision: &Decision) -> String {
    let Decision { stream, index, kind, value, .. } = decision;
    format!("{value} from `{stream}` (decision {index}, {kind})")
}

/// Node, task and spawn site of the trace's line of this number, from 1. An event that is no task's own is told with the
/// task that caused it.
fn place(trace: &str, number: usize) -> String {
    let lines: Vec<Value> =
        trace.lines().take(number).map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Some(last) = lines.last().filter(|line| line.is_object()) else {
        return "the first line that differs".into();
    };
    let mut event = last;
    while event["task"].is_null() {
        let cause = lines.iter().find(|line| !line["id"].is_null() && line["id"] == event["cause"]);
        let Some(cause) = cause else { break };
        event = cause;
    }
    let mut place = format!("node {}", text(&last["node"]));
    if event["task"] == 0 {
        place.push_str(", the story itself");
    } else if !event["task"].is_null() {
        let spawn = lines.iter().find(|line| line["event"] == "spawn" && line["task"] == event["task"]);
        let site = spawn.map_or_else(String::new, |spawn| format!(" spawned at {}", text(&spawn["site"])));
        place.push_str(&format!(", task {}{site}", event["task"]));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_task_behind_an_event() {
        let trace = r#"{"id":1,"node":"world","event":"run","task":0}
{"id":2,"node":"a","event":"spawn","cause":1,"task":3,"site":"src/a.rs:7:9"}
{"id":3,"node":"a","event":"run","cause":1,"task":3}
{"id":4,"node":"b","event":"deliver","cause":3}"#;
        assert_eq!(place(trace, 1), "node world, the story itself");
        assert_eq!(place(trace, 4), "node b, task 3 spawned at src/a.rs:7:9");
        assert_eq!(
            place(trace, 5),
            "node b, task 3 spawned at src/a.rs:7:9",
            "where one trace ends, the last event"
        );
        assert_eq!(place("?", 1), "the first line that differs");
    }

    fn decision(stream: &str, value: u64) -> Decision {
        Decision { stream: stream.into(), index: 0, kind: "u64".into(), value, calm: 0, cause: 2 }
    }

    fn recording(to: &str, value: u64) -> Recording {
        let trace = format!(
            r#"{{"id":1,"at":0,"node":"a","event":"spawn","task":3,"site":"src/a.rs:7:9"}}
{{"id":2,"at":0,"node":"a","event":"run","cause":1,"task":3}}
{{"id":3,"at":0,"node":"a","event":"send","cause":2,"to":"{to}","kind":"Put"}}"#
        );
        Recording { trace, decisions: vec![decision("x", 1), decision(&format!("a>{to}/link"), value)] }
    }

    #[test]
    fn both_sides_are_told_with_what_they_drew() {
        let found = parting(&recording("b", 7), &recording("c", 8)).unwrap();
        assert_eq!((found.line, found.first.drawn.len()), (3, 2));
        let text = found.told();
        for words in [
            "line 3: node a, task 3 spawned at src/a.rs:7:9",
            "the first run: at 0 ns a sent Put to b",
            "the second run: at 0 ns a sent Put to c",
            "in this step it drew 1 from `x` (decision 0, u64), 7 from `a>b/link`",
            "1 decisions are the same; then 7 from `a>b/link` (decision 0, u64), and 8 from `a>c/link`",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(parting(&recording("b", 7), &recording("b", 7)), None);
        let mut longer = recording("b", 7);
        longer.trace.push_str("\n{\"id\":4,\"at\":9,\"node\":\"a\",\"event\":\"exit\",\"task\":3}");
        let found = parting(&recording("b", 7), &longer).unwrap();
        assert_eq!((found.first.words.as_str(), found.decision), ("the run was over", None));
        assert!(found.second.words.contains("task 3 of a ended"));
    }
}
