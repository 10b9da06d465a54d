//! What a run is made of, as its decisions tell it.

use std::collections::BTreeMap;
use std::fmt;

use stormglass_sim::chance::Decision;

use crate::stage::SERVERS;

/// What the decisions of a stream are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Clients and operations of the story.
    Story,
    /// Which faults exist, at what rates, and which of them happen.
    Weather,
    /// What links, streams and disks do to messages and data.
    Fault,
    /// What the story draws for its workload.
    Workload,
    /// What nodes draw themselves: timeouts, pauses.
    Node,
    /// Who runs next.
    Schedule,
}

impl Part {
    /// In the order in which they are made small: first what a reader would leave out first.
    pub(super) const ALL: [Part; 6] =
        [Part::Weather, Part::Story, Part::Fault, Part::Schedule, Part::Workload, Part::Node];

    /// Of a stream, by its name.
    pub(super) fn of(stream: &str) -> Part {
        let suffix = stream.rsplit('/').next().unwrap_or_default();
        match (stream.split('/').next().unwrap_or_default(), suffix) {
            ("story", _) => Part::Story,
            ("weather", _) => Part::Weather,
            (_, "link" | "tcp" | "disk" | "buggify") => Part::Fault,
            (_, "rand" | "libc") => Part::Node,
            ("world", "schedule") => Part::Schedule,
            _ => Part::Workload,
        }
    }

    /// Whether it is what happens to the system, and not what it does.
    pub(super) fn is_outside(self) -> bool {
        matches!(self, Part::Story | Part::Weather | Part::Fault)
    }

    /// Whether its decisions are made small one by one. Those of the others only mean something together: the times of
    /// the faults, the values of a workload.
    pub(super) fn is_taken_apart(self) -> bool {
        self.is_outside() || self == Part::Schedule
    }
}

/// Whether it can be decided by itself: a fault that happens or does not, or is earlier; not what the weather is like.
pub(super) fn stands_alone(decision: &Decision) -> bool {
    Part::of(&decision.stream) != Part::Weather
        || decision.kind == "happens"
        || decision.stream.ends_with("/when")
}

/// The stream by which a story asks for its clients: `stage.happens("clients")`.
const CLIENTS: &str = "story/clients";

/// What the streams begin with by which a story asks for its faults: `stage.strikes("crash")`.
const FAULTS: &str = "story/faults/";

/// How much a run consists of, counted from what it decided other than calm weather would have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// By name: "crash", "lost message".
    faults: BTreeMap<String, usize>,
    /// Clients that are asked whether they take part.
    clients: usize,
    /// Servers of which the story could have fewer.
    servers: usize,
    /// Operations, steps of the story.
    pub(crate) operations: usize,
    /// Messages that took longer than they had to.
    delayed: usize,
    /// Places where the schedule was not first come, first served.
    choices: usize,
}

impl Size {
    pub(super) fn of(decisions: &[Decision]) -> Size {
        let mut size = Size::default();
        for decision in decisions.iter().filter(|decision| decision.value != decision.calm) {
            match (Part::of(&decision.stream), decision.kind.as_str()) {
                (Part::Story, _) if decision.stream == CLIENTS => size.clients += 1,
                (Part::Story, _) if decision.stream.strip_prefix("story/") == Some(SERVERS) => {
                    size.servers += 1;
                }
                (Part::Story, _) if decision.stream.starts_with(FAULTS) => {
                    let fault = decision.stream.trim_start_matches(FAULTS);
                    *size.faults.entry(fault.to_owned()).or_default() += 1;
                }
                (Part::Story, _) => size.operations += 1,
                // By how much something may be late; the choices are what makes it so.
                (Part::Schedule, "lateness") => {}
                (Part::Schedule, _) => size.choices += 1,
                (Part::Fault, "latency") => size.delayed += 1,
                _ => {
                    if let Some(fault) = fault(decision) {
                        *size.faults.entry(fault.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        size
    }

    /// How many faults.
    pub(crate) fn faults(&self) -> usize {
        self.faults.values().sum()
    }
}

/// What a decision does to the run, when it is a fault.
fn fault(decision: &Decision) -> Option<&'static str> {
    let (stream, kind) = (decision.stream.as_str(), decision.kind.as_str());
    match (stream, kind) {
        ("weather/partitions/happens", _) => Some("partition"),
        ("weather/crashes/happens", _) => Some("crash"),
        ("weather/power/happens", _) => Some("power loss"),
        ("weather/pauses/happens", _) => Some("pause"),
        ("weather/clocks/happens", _) => Some("wrong clock"),
        ("weather/ambush/synced/happens", _) => Some("crash right after an fsync"),
        ("weather/ambush/replying/happens", _) => Some("crash right before a reply"),
        (_, "happens") if Part::of(stream) == Part::Weather => Some("fault"),
        (_, "loss") => Some("lost message"),
        (_, "duplicate") => Some("duplicated message"),
        (_, "reorder") => Some("overtaken message"),
        (_, "corrupt") => Some("damaged message"),
        (_, "fires") => Some("buggified place"),
        // What a power loss takes with it, and how much of an operation was done, are parts of another fault.
        _ if stream.ends_with("/disk") && DISK_FAULTS.contains(&kind) => Some("disk fault"),
        _ => None,
    }
}

/// The names of the disk's faults, see [`Fault::name`](stormglass_sim::fs::Fault::name).
const DISK_FAULTS: [&str; 10] = [
    "read error",
    "write error",
    "sync error",
    "short read",
    "short write",
    "no space",
    "lost write",
    "misdirected write",
    "bit rot",
    "stall",
];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.faults.iter().map(|(what, many)| count(*many, what)).collect();
        for (many, what) in [
            (self.delayed, "delayed message"),
            (self.servers, "server more than there must be"),
            (self.clients, "client"),
            (self.operations, "step"),
            (self.choices, "choice of the schedule"),
        ] {
            if many > 0 {
                parts.push(count(many, what));
            }
        }
        match parts.as_slice() {
            [] => f.write_str("no fault, and nothing but the story itself"),
            parts => f.write_str(&parts.join(", ")),
        }
    }
}

/// "one crash", "17 lost messages".
fn count(many: usize, what: &str) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let number = WORDS.get(many).map_or_else(|| many.to_string(), |word| (*word).to_owned());
    if many == 1 {
        return format!("{number} {what}");
    }
    // The word that counts is the first of "choice of the schedule", and the last of "lost message".
    match [" of ", " right ", " more "].iter().find_map(|joint| Some((what.split_once(joint)?, joint))) {
        Some(((what, more), joint)) => format!("{number} {}{joint}{more}", plural(what)),
        None => format!("{number} {}", plural(what)),
    }
}

fn plural(what: &str) -> String {
    if what.ends_with("sh") || what.ends_with("ss") { format!("{what}es") } else { format!("{what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(stream: &str, kind: &str, value: u64) -> Decision {
        Decision { stream: stream.into(), index: 0, kind: kind.into(), value, calm: 0, cause: 0 }
    }

    #[test]
    fn a_size_reads_as_a_sentence() {
        let run = [
            decision("weather/crashes/happens", "happens", 1),
            decision("weather/crashes/happens", "happens", 1),
            decision("weather/pauses/happens", "happens", 0),
            decision("a>b/link", "loss", 1),
            decision("a>b/link", "latency", 7),
            decision("story/c1", "happens", 1),
            decision("world/schedule", "task", 2),
            decision("world/schedule", "task", 0),
            decision("server/disk", "bytes not read", 3),
        ];
        let size = Size::of(&run);
        assert_eq!(
            size.to_string(),
            "two crashes, one lost message, one delayed message, one step, one choice of the schedule"
        );
        assert_eq!((size.faults(), size.operations), (3, 1));
        assert_eq!(Size::default().to_string(), "no fault, and nothing but the story itself");
        let servers =
            Size::of(&[decision("story/servers", "happens", 1), decision("story/servers", "happens", 1)]);
        assert_eq!(
            (servers.to_string().as_str(), servers.operations),
            ("two servers more than there must be", 0)
        );
        assert_eq!(count(17, "choice of the schedule"), "17 choices of the schedule");
        assert_eq!(count(2, "crash right after an fsync"), "two crashes right after an fsync");
    }

    #[test]
    fn streams_are_known_by_their_names() {
        let parts = [
            ("story/c1", Part::Story),
            ("weather/loss", Part::Weather),
            ("a>b/link", Part::Fault),
            ("server/disk", Part::Fault),
            ("server/rand", Part::Node),
            ("world/schedule", Part::Schedule),
            ("workload", Part::Workload),
        ];
        for (stream, part) in parts {
            assert_eq!(Part::of(stream), part, "{stream}");
        }
    }
}
