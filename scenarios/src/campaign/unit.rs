//! What a campaign asks of a worker: one line of JSON in, one line of JSON out: seconds of CPU time, and the outcome.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stormglass_sim::Schedule;
use stormglass_sim::chance::Overrides;

use crate::outcome::{Fall, Outcome, Verdict};

/// One run to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) story: String,
    pub(crate) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
    #[serde(default)]
    pub(crate) schedule: Schedule,
    #[serde(default)]
    pub(crate) overrides: Overrides,
    /// Virtual time, in nanoseconds, at which the run ends unless it has; what happened until then is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until_ns: Option<u64>,
    /// Where to write the run's trace; without it the run keeps only its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<PathBuf>,
    /// Where to write every decision of the run the moment it is taken, as JSON lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decisions: Option<PathBuf>,
    /// Whether to tell what the run covers.
    #[serde(default)]
    pub(crate) coverage: bool,
    /// Events after which the run ends as not getting on; far above what any story needs unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_events: Option<u64>,
    /// Whatever tells the sender which of its units this is.
    #[serde(skip)]
    pub(crate) tag: usize,
}

impl Unit {
    pub(crate) fn new(story: &str, seed: u64, bug: Option<&str>) -> Unit {
        Unit { story: story.into(), seed, bug: bug.map(str::to_owned), ..Unit::default() }
    }

    /// The same run under another schedule.
    pub(crate) fn under(self, schedule: Schedule) -> Unit {
        Unit { schedule, ..self }
    }

    /// What files about it are called: story, seed, bug, schedule.
    pub(crate) fn name(&self) -> String {
        let mut name = format!("{}-{}", self.story.replace('/', "."), self.seed);
        if let Some(bug) = &self.bug {
            name.push_str(&format!("-{bug}"));
        }
        if self.schedule != Schedule::default() {
            name.push_str(&format!("-{}", self.schedule));
        }
        name
    }

    /// What it came to when the process that made it is gone.
    pub(crate) fn lost(&self, verdict: Verdict, fall: Fall) -> Outcome {
        Outcome::lost(&self.story, self.seed, self.bug.as_deref(), verdict, fall).under(self.schedule)
    }
}

/// Opens every line a worker addresses to its parent: node code may print to the same stdout, even half a line.
pub(crate) const MARK: &str = "\u{1}stormglass ";

/// The first thing a worker says; a process that dies before it never was a worker.
pub(crate) const READY: &str = "ready";

/// What a worker says, with its place among the units it was given, of a run that has had more of the cores than it may.
pub(crate) const HUNG: &str = "hung ";

/// Ends the line of a worker's stderr after which everything there is of the next run. Not after the mark: node code may
/// have made one pipe of the two.
pub(crate) const BEGINS: &str = "\u{2}stormglass begins";
