//! What a campaign asks of a worker: one line of JSON in, one line of JSON out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stormglass_sim::chance::Overrides;

/// One run to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) story: String,
    pub(crate) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
    #[serde(default)]
    pub(crate) overrides: Overrides,
    /// Where to write the run's trace; without it the run keeps only its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<PathBuf>,
}

impl Unit {
    pub(crate) fn new(story: &str, seed: u64, bug: Option<&str>) -> Unit {
        Unit { story: story.into(), seed, bug: bug.map(str::to_owned), ..Unit::default() }
    }
}

/// Opens every line a worker addresses to its parent: node code may print to the same stdout, even half a line.
pub(crate) const MARK: &str = "\u{1}stormglass ";

/// The first thing a worker says; a process that dies before it never was a worker.
pub(crate) const READY: &str = "ready";
