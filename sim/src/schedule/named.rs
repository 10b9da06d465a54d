//! The schedules by their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::priorities::{Chains, Nodes, Orders};
use super::uniform::{Starve, Walk};
use super::{Strategy, search};

/// Who is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// Of the tasks that are ready, the one that has been for longest; when none is, time passes.
    Fifo,
    /// Of the tasks that are ready, any: a decision of the stream `world/schedule`; when none is, time passes.
    #[default]
    Random,
    /// A uniform random walk: anything that could happen.
    Walk,
    /// Partial-order sampling: every event draws a priority, and draws anew when it loses a race (Yuan, Yang and Gu,
    /// CAV 2018).
    Pos,
    /// Probabilistic concurrency testing over nodes and links: random priorities, and `depth − 1` times the highest
    /// falls below all that have not, in random order (Burckhardt et al., ASPLOS 2010).
    Pct(u8),
    /// PCT over chains of messages, each the cause of the next (Ozkan et al., OOPSLA 2018).
    PctCp(u8),
    /// Whatever concerns one node, another one every now and then, comes as late as it may.
    Starve,
    /// The asynchronous model, first come, first served; what `explore` varies, and its findings override.
    Asynchronous,
}

impl Schedule {
    /// All that have a name, in the order in which they are listed.
    pub const ALL: [Schedule; 12] = [
        Schedule::Fifo,
        Schedule::Random,
        Schedule::Walk,
        Schedule::Pos,
        Schedule::Pct(1),
        Schedule::Pct(2),
        Schedule::Pct(3),
        Schedule::PctCp(1),
        Schedule::PctCp(2),
        Schedule::PctCp(3),
        Schedule::Starve,
        Schedule::Asynchronous,
    ];

    /// Its strategy; the two that only order ready tasks have none.
    pub(crate) fn strategy(self) -> Option<Box<dyn Strategy>> {
        Some(match self {
            Schedule::Fifo | Schedule::Random => return None,
            Schedule::Walk => Box::new(Walk),
            Schedule::Pos => Box::<Orders>::default(),
            Schedule::Pct(depth) => Box::new(Nodes::new(depth)),
            Schedule::PctCp(depth) => Box::new(Chains::new(depth)),
            Schedule::Starve => Box::<Starve>::default(),
            Schedule::Asynchronous => Box::new(search::InTurn),
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Fifo => f.pad("fifo"),
            Schedule::Random => f.pad("random"),
            Schedule::Walk => f.pad("walk"),
            Schedule::Pos => f.pad("pos"),
            Schedule::Pct(depth) => f.pad(&format!("pct{depth}")),
            Schedule::PctCp(depth) => f.pad(&format!("pctcp{depth}")),
            Schedule::Starve => f.pad("starve"),
            Schedule::Asynchronous => f.pad("asynchronous"),
        }
    }
}

/// No schedule has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no schedule: there are {names}", names = names())]
pub struct ParseScheduleError(String);

fn names() -> String {
    Schedule::ALL.map(|schedule| schedule.to_string()).join(", ")
}

impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ParseScheduleError> {
        let named = Schedule::ALL.into_iter().find(|schedule| schedule.to_string() == text);
        named.ok_or_else(|| ParseScheduleError(text.to_owned()))
    }
}

impl TryFrom<String> for Schedule {
    type Error = ParseScheduleError;

    fn try_from(text: String) -> Result<Schedule, ParseScheduleError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        for schedule in Schedule::ALL {
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        let error = "pct4".parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains("'pct4'") && error.contains("pctcp3"), "{error}");
    }
}
