//! What the system promises: one function per property, over what an observer sees.
//!
//! As in [`kv::spec`](crate::kv::spec), a property judges one observation against the past.

mod history;

pub use history::{Budget, Checkable, Verdict, checkable, linearizable};

use std::collections::{BTreeMap, BTreeSet};

use super::message::{Command, RequestId};
use crate::probe::{self, Broken};

/// The observer of this system. An operation is the command with which the clerk asked for it first.
pub type Probe = crate::probe::Probe<Ghost>;

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The server executed a write.
    Executed(Command),
    /// The server has handled a Get.
    Read {
        /// Which one.
        by: RequestId,
        /// The operation of that clerk whose reply it now keeps.
        kept: Option<u64>,
        /// How many clerks its table has.
        clerks: usize,
    },
    /// A clerk returned to its client.
    Returned(Command, String),
}

/// All that was seen, in the shape in which the properties ask for it.
#[derive(Debug, Default)]
pub struct Ghost {
    entries: BTreeMap<String, String>,
    /// The reply that each write must get.
    replies: BTreeMap<(u64, u64), String>,
    writers: BTreeSet<u64>,
}

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property that can be judged while the system runs.
pub const ALL: [(&str, Property); 5] = [
    ("O1 executed_at_most_once", executed_at_most_once),
    ("O2 answered_means_executed", answered_means_executed),
    ("O3 append_returns_the_value_before", append_returns_the_value_before),
    ("O4 acknowledged_replies_are_freed", acknowledged_replies_are_freed),
    ("O5 gets_leave_no_state", gets_leave_no_state),
];

/// O1: no write is executed twice.
pub fn executed_at_most_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Executed(command) = seen else { return Ok(()) };
    match past.reply_to(command) {
        None => Ok(()),
        Some(_) => Err(format!("executed again: {command:?}")),
    }
}

/// O2: a write that returned was executed.
pub fn answered_means_executed(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Returned(Command::Get(_), _) => Ok(()),
        Observation::Returned(command, _) if past.reply_to(command).is_none() => {
            Err(format!("returned and was never executed: {command:?}"))
        }
        _ => Ok(()),
    }
}

/// O3: an Append returns the value that the key had when it was executed.
pub fn append_returns_the_value_before(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Returned(command @ Command::Append(_), reply) = seen else { return Ok(()) };
    match past.reply_to(command) {
        Some(before) if before != reply => {
            Err(format!("{command:?} returned {reply:?}, but the value was {before:?}"))
        }
        _ => Ok(()),
    }
}

/// O4: a Get shows that the replies before it were heard, and they are kept no longer. (A write replaces them.)
pub fn acknowledged_replies_are_freed(_: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Read { by, kept: Some(kept), .. } if *kept < by.sequence => Err(format!(
            "clerk {} has sent operation {}, and the reply to its operation {kept} is still kept",
            by.clerk, by.sequence
        )),
        _ => Ok(()),
    }
}

/// O5: the table has no clerk that never wrote.
pub fn gets_leave_no_state(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Read { clerks, .. } if *clerks > past.writers.len() => {
            Err(format!("{clerks} clerks are in the table, but only {} ever wrote", past.writers.len()))
        }
        _ => Ok(()),
    }
}

impl Ghost {
    fn reply_to(&self, command: &Command) -> Option<&String> {
        let by = command.by();
        self.replies.get(&(by.clerk, by.sequence))
    }

    fn execute(&mut self, command: &Command) {
        let by = command.by();
        let entry = self.entries.entry(command.key().to_owned()).or_default();
        let before = match command {
            Command::Get(_) => return,
            Command::Put(put) => {
                entry.clone_from(&put.value);
                String::new()
            }
            Command::Append(append) => {
                let before = entry.clone();
                entry.push_str(&append.value);
                before
            }
        };
        self.replies.insert((by.clerk, by.sequence), before);
        self.writers.insert(by.clerk);
    }
}

impl probe::Ghost for Ghost {
    type Observation = Observation;
    type Op = Command;
    type Outcome = String;

    fn observe(&mut self, seen: Observation) -> Result<(), Broken> {
        let judged = ALL.iter().find_map(|(clause, property)| {
            property(self, &seen).err().map(|detail| Broken { clause, detail })
        });
        if let Observation::Executed(command) = &seen {
            self.execute(command);
        }
        judged.map_or(Ok(()), Err)
    }

    fn returned(op: &Command, outcome: &String) -> Observation {
        Observation::Returned(op.clone(), outcome.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::bugs::Bug;
    use super::super::message::{Append, Get, Put};
    use super::*;

    fn by(sequence: u64) -> RequestId {
        RequestId { clerk: 1, sequence, resend: false }
    }

    fn append(value: &str, sequence: u64) -> Command {
        Command::Append(Append { key: "k".into(), value: value.into(), by: by(sequence) })
    }

    fn executed(value: &str, sequence: u64) -> Observation {
        Observation::Executed(append(value, sequence))
    }

    fn returned(value: &str, sequence: u64, reply: &str) -> Observation {
        Observation::Returned(append(value, sequence), reply.into())
    }

    fn read(sequence: u64, kept: Option<u64>, clerks: usize) -> Observation {
        Observation::Read { by: by(sequence), kept, clerks }
    }

    /// The clause that this run breaks, at its last observation.
    fn broken<const N: usize>(run: [Observation; N]) -> Option<&'static str> {
        let probe = Probe::new(|| Duration::ZERO);
        for (at, seen) in run.into_iter().enumerate() {
            assert_eq!(probe.broken(), None, "breaks before observation {at}");
            probe.observe(|| seen);
        }
        probe.broken().map(|(_, broken)| broken.clause)
    }

    #[test]
    fn executed_at_most_once() {
        assert_eq!(broken([executed("a", 1), executed("a", 2)]), None);
        assert_eq!(broken([executed("a", 1), executed("a", 1)]), Some("O1 executed_at_most_once"));
    }

    #[test]
    fn answered_means_executed() {
        assert_eq!(broken([executed("a", 1), returned("a", 1, "")]), None);
        let get = Observation::Returned(Command::Get(Get { key: "k".into(), by: by(1) }), String::new());
        assert_eq!(broken([get]), None);
        assert_eq!(broken([returned("a", 1, "")]), Some("O2 answered_means_executed"));
    }

    #[test]
    fn append_returns_the_value_before() {
        let put =
            || Observation::Executed(Command::Put(Put { key: "k".into(), value: "x".into(), by: by(1) }));
        assert_eq!(broken([put(), executed("a", 2), returned("a", 2, "x")]), None);
        let clause = Some("O3 append_returns_the_value_before");
        assert_eq!(broken([put(), executed("a", 2), returned("a", 2, "")]), clause);
    }

    #[test]
    fn acknowledged_replies_are_freed() {
        assert_eq!(broken([executed("a", 1), read(1, Some(1), 1), read(2, None, 1)]), None);
        let clause = Some("O4 acknowledged_replies_are_freed");
        assert_eq!(broken([executed("a", 1), read(2, Some(1), 1)]), clause);
    }

    #[test]
    fn gets_leave_no_state() {
        assert_eq!(broken([read(1, None, 0), executed("a", 2), read(2, Some(2), 1)]), None);
        assert_eq!(broken([read(1, None, 1)]), Some("O5 gets_leave_no_state"));
    }

    #[test]
    fn every_bug_breaks_a_clause_that_exists_and_is_found_by_its_name() {
        for &bug in Bug::ALL {
            assert!(ALL.iter().any(|(clause, _)| *clause == bug.clause()), "{bug}: `{}`", bug.clause());
            assert_eq!(bug.name().parse(), Ok(bug));
            assert!(bug.story().starts_with("kvonce/"));
        }
    }
}
