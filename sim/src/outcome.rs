//! What a run leaves behind.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::chance::Decision;

/// The result of a run.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The seed that it ran from.
    pub seed: Seed,
    /// What the test returned; `None` when the run was cut short, by a finding or where [`Config::ends_at`] says.
    ///
    /// [`Config::ends_at`]: crate::Config::ends_at
    pub value: Option<T>,
    /// What went wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// True virtual time at the end, since the start of the world.
    pub now: Duration,
    /// A digest of every event. Equal digests: equal runs.
    pub digest: u64,
    /// How many events there were.
    pub events: u64,
    /// How often each property was looked at, and how often it was true.
    pub properties: BTreeMap<String, Tally>,
    /// How many decisions were taken.
    pub drawn: u64,
    /// What was covered, if `Config::coverage`: a number for each transition and about how often it was made.
    pub coverage: Option<Vec<u32>>,
    /// Every decision, if `Config::record_decisions`.
    pub decisions: Option<Vec<Decision>>,
    /// The trace, JSON lines, if `Config::trace`.
    pub trace: Option<Vec<u8>>,
}

impl<T> Outcome<T> {
    /// Whether nothing went wrong.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// What the test returned.
    ///
    /// # Panics
    /// When there was a finding: the message tells the first, and the seed. When the run ended before the test did.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match (self.findings.first(), self.value) {
            (None, Some(value)) => value,
            (Some(finding), _) => panic!("seed {}: {finding}", self.seed),
            (None, None) => panic!("seed {}: the run ended, as told, before the test did", self.seed),
        }
    }
}

/// How often a property was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often.
    pub looked: u64,
    /// How often it was true.
    pub held: u64,
}

/// Something went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// On which node; `None`: in the test itself, or everywhere.
    pub node: Option<String>,
    /// When, in true virtual time.
    pub at: Duration,
    /// What, in a sentence.
    pub message: String,
    /// Where in the code, for panics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Code panicked.
    Panic,
    /// An `always!` was false, or an `unreachable!` reached.
    Always,
    /// A watched invariant failed.
    Invariant,
    /// The test said so, with `World::fail`.
    Claim,
    /// Nothing could run and nothing was pending.
    Deadlock,
    /// Tasks ran and ran and time stood still.
    Livelock,
    /// The run reached its limit of time or events.
    Limit,
    /// Code called what a world cannot give: a thread, say.
    Refused,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FindingKind::Panic => "panic",
            FindingKind::Always => "always",
            FindingKind::Invariant => "invariant",
            FindingKind::Claim => "claim",
            FindingKind::Deadlock => "deadlock",
            FindingKind::Livelock => "livelock",
            FindingKind::Limit => "limit",
            FindingKind::Refused => "refused",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.as_ref().map(|node| format!(" on node '{node}'")).unwrap_or_default();
        write!(f, "{}{node} at {:?} (simulated): {}", self.kind, self.at, self.message)
    }
}
