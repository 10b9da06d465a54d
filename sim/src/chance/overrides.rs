//! Overrides: the edits that turn a seed into another run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One decision of a run, as recorded with `Config::record_decisions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decided and why: `"world/schedule"`, `"a>b/link"`, `"a/disk"`.
    pub stream: String,
    /// The how-manyeth decision of its stream, from 0.
    pub index: u64,
    /// What was decided: `"loss"`, `"latency"`, `"task"`.
    pub kind: String,
    /// What it was: nanoseconds, 0 or 1, a position.
    pub value: u64,
    /// What it would have been in calm weather: no fault, the least delay, the first in line.
    pub calm: u64,
    /// The number of the event because of which it was taken, as `cause` in a trace; 0 where there was none.
    #[serde(default)]
    pub cause: u64,
}

/// A sparse set of decisions that are not left to the seed. A run is a seed and its overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// Streams of which every decision takes its calm value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub calm_streams: BTreeSet<String>,
    /// Single decisions, by stream and index. They win over `calm_streams`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub points: BTreeMap<String, BTreeMap<u64, u64>>,
    /// Where the run stops following its seed, and then what it was redrawn to: ascending, each later than the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redraws: Vec<Redraw>,
}

/// The same past and another future: all decisions but the first so many are drawn anew.
///
/// Points that lie in the future are forgotten: their streams draw again as they would have by themselves. Calm streams
/// without points stay calm, they are part of the weather and not of what happened in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redraw {
    /// How many decisions of the run, of all its streams together, are as they were.
    pub after: u64,
    /// Which of the futures.
    pub salt: u64,
}

impl Overrides {
    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        self.calm_streams.is_empty() && self.points.is_empty() && self.redraws.is_empty()
    }

    /// Sets the decision `index` of `stream` to `value`.
    pub fn set(&mut self, stream: impl Into<String>, index: u64, value: u64) {
        self.points.entry(stream.into()).or_default().insert(index, value);
    }

    /// Sets every decision of `stream` to its calm value.
    pub fn calm(&mut self, stream: impl Into<String>) {
        self.calm_streams.insert(stream.into());
    }
}
