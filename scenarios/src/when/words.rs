//! A decision in words: what was decided, on what occasion.

use serde_json::Value;
use stormglass_sim::chance::Decision;

use crate::report::span;

/// The events of a run, by their numbers.
pub(super) struct Trace {
    /// Event 1 first.
    events: Vec<Value>,
}

impl Trace {
    pub(super) fn read(lines: &str) -> Trace {
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Trace { events: lines.filter(|line| !line["id"].is_null()).collect() }
    }

    /// When the event of this number happened.
    pub(super) fn at(&self, id: u64) -> Option<u64> {
        self.events.get(usize::try_from(id.checked_sub(1)?).ok()?)?["at"].as_u64()
    }

    /// What came of an event, in order.
    fn effects(&self, cause: u64) -> impl Iterator<Item = &Value> {
        self.after(cause).iter().filter(move |event| event["cause"].as_u64() == Some(cause))
    }

    /// The events behind this one.
    fn after(&self, id: u64) -> &[Value] {
        let from = usize::try_from(id).unwrap_or(usize::MAX).min(self.events.len());
        &self.events[from..]
    }
}

/// What was decided, as a sentence without a full stop.
pub(super) fn sentence(decision: &Decision, all: &[Decision], trace: &Trace) -> String {
    let Decision { stream, kind, value, calm, cause, .. } = decision;
    if let Some((from, to)) = stream.strip_suffix("/link").and_then(|link| link.split_once('>')) {
        return format!("{} from {from} to {to} {}", message(decision, all, trace, from, to), fate(decision));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let node = |what: &str| {
        let event = trace.effects(*cause).find(|event| event["event"] == "node" && event["what"] == what);
        event.map_or_else(|| what.to_owned(), |event| format!("{what} of {}", text(&event["node"])))
    };
    let happened = if value == calm { "did not happen" } else { "happened" };
    match (stream.as_str(), kind.as_str()) {
        ("world/schedule", _) => {
            let next = trace.after(*cause).iter().find(|event| event["event"] == "run");
            let who = next.map_or_else(
                || "a task".to_owned(),
                |run| format!("task {} of {}", run["task"], text(&run["node"])),
            );
            match value {
                0 => format!("{who} ran first, as it was first in line"),
                1 => format!("{who} ran before the one that was first in line"),
                many => format!("{who} ran before {many} that had been ready for longer"),
            }
        }
        ("weather/crashes/happens", _) => format!("a {} {happened}", node("crash")),
        ("weather/power/happens", _) => format!("a {} {happened}", node("power off")),
        ("weather/pauses/happens", _) => format!("a {} {happened}", node("pause")),
        ("weather/ambush/synced/happens", _) => {
            format!("a {} right after an fsync {happened}", node("crash"))
        }
        ("weather/ambush/replying/happens", _) => {
            format!("a {} right before a reply {happened}", node("crash"))
        }
        ("weather/partitions/happens", _) => format!("a partition {happened}"),
        ("weather/clocks/happens", _) => format!("a wrong clock {happened}"),
        (stream, _) if stream.starts_with("weather/") && stream.ends_with("/when") => {
            let fault = stream.trim_start_matches("weather/").trim_end_matches("/when");
            format!("the weather drew {value}, of when, where or for how long one of its {fault} strikes")
        }
        (stream, _) if stream.starts_with("weather/") => {
            format!("the weather drew {value} for its {}", stream.trim_start_matches("weather/"))
        }
        (_, "happens") => {
            let what = stream.trim_start_matches("story/").trim_start_matches("faults/");
            format!("step {} of `{what}` {happened}", decision.index)
        }
        _ if stream.ends_with("/rand") || stream.ends_with("/libc") => {
            format!("{} drew {value} ({kind})", stream.split('/').next().unwrap_or_default())
        }
        _ if stream.ends_with("/disk") && *value <= 1 && !kind.contains("latency") => {
            let disk = stream.trim_end_matches("/disk");
            format!("on the disk of {disk} a {kind} {happened}")
        }
        _ => format!("`{stream}` drew {value} ({kind})"),
    }
}

/// Which message a link decided on: a step that sends several to one node decides on them in order.
fn message(decision: &Decision, all: &[Decision], trace: &Trace, from: &str, to: &str) -> String {
    let alike = |other: &&Decision| {
        (&other.stream, &other.kind, other.cause) == (&decision.stream, &decision.kind, decision.cause)
    };
    let place = all.iter().filter(alike).position(|other| other.index == decision.index).unwrap_or(0);
    let sent = trace.effects(decision.cause).filter(|event| event["event"] == "send");
    let sent = sent.filter(|event| event["node"] == from && event["to"] == to).nth(place);
    match sent.and_then(|event| Some((event["kind"].as_str()?, !event["reply"].is_null()))) {
        Some((kind, true)) => format!("the reply to {kind}"),
        Some((kind, false)) => format!("the message {kind}"),
        None => "a message".into(),
    }
}

fn fate(decision: &Decision) -> String {
    let struck = decision.value != decision.calm;
    let verb = match decision.kind.as_str() {
        "loss" => "lost",
        "duplicate" => "duplicated",
        "reorder" => "overtaken",
        "corrupt" => "damaged",
        "latency" => {
            let nanos = std::time::Duration::from_nanos;
            let least = match decision.value == decision.calm {
                true => "the least there is".into(),
                false => format!("{} at the least", span(nanos(decision.calm))),
            };
            return format!("took {}, {least}", span(nanos(decision.value)));
        }
        kind => return format!("had {} for its {kind}", decision.value),
    };
    format!("was {}{verb}", if struck { "" } else { "not " })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(stream: &str, index: u64, kind: &str, value: u64) -> Decision {
        Decision { stream: stream.into(), index, kind: kind.into(), value, calm: 0, cause: 1 }
    }

    #[test]
    fn decisions_are_told_with_their_occasion() {
        let trace = Trace::read(
            r#"{"id":1,"at":5,"node":"a","event":"run","task":0}
{"id":2,"at":5,"node":"a","event":"send","cause":1,"to":"b","kind":"Put"}
{"id":3,"at":5,"node":"a","event":"send","cause":1,"to":"b","kind":"Get","reply":"yes"}
{"at":5,"node":"a","event":"log","cause":1}
{"id":4,"at":6,"node":"b","event":"node","cause":1,"what":"crash"}
{"id":5,"at":6,"node":"b","event":"run","cause":4,"task":3}"#,
        );
        assert_eq!((trace.at(4), trace.at(0), trace.at(9)), (Some(6), None, None));
        let links: Vec<Decision> = (0..2).map(|n| decision("a>b/link", n, "loss", n)).collect();
        let said = |decision: &Decision| sentence(decision, &links, &trace);
        assert_eq!(said(&links[0]), "the message Put from a to b was not lost");
        assert_eq!(said(&links[1]), "the reply to Get from a to b was lost");
        assert_eq!(
            said(&decision("a>b/link", 0, "latency", 2_000_000)),
            "the message Put from a to b took 2 ms, 0 ns at the least"
        );
        assert!(said(&decision("a>b/link", 0, "latency", 0)).ends_with("took 0 ns, the least there is"));
        assert_eq!(said(&decision("weather/crashes/happens", 0, "happens", 1)), "a crash of b happened");
        assert_eq!(
            said(&decision("world/schedule", 0, "task", 2)),
            "task 3 of b ran before 2 that had been ready for longer"
        );
        assert_eq!(said(&decision("story/c1", 4, "happens", 0)), "step 4 of `c1` did not happen");
        assert_eq!(said(&decision("a/disk", 4, "sync error", 1)), "on the disk of a a sync error happened");
        assert_eq!(said(&decision("a/rand", 4, "u64", 17)), "a drew 17 (u64)");
        assert_eq!(said(&decision("weather/loss", 0, "chance", 1)), "the weather drew 1 for its loss");
        assert!(
            said(&decision("weather/crashes/when", 4, "below", 17)).contains("one of its crashes strikes")
        );
        assert_eq!(said(&decision("coin", 4, "below", 17)), "`coin` drew 17 (below)");
    }
}
