//! What a run is given besides its seed.

use std::time::Duration;

use crate::chance::{Overrides, Ratio, Witness};
use crate::net::LinkConfig;
use crate::schedule::Schedule;

/// How a world is set up. `Config::default()` is calm weather, a random schedule, and no limit but the one on
/// steps at one instant.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who is next.
    pub schedule: Schedule,
    /// Decisions that are not left to the seed.
    pub overrides: Overrides,
    /// Whether to keep every decision, for [`Outcome::decisions`](crate::Outcome::decisions).
    pub record_decisions: bool,
    /// Who is told of every decision when it is taken.
    pub witness: Option<Witness>,
    /// Whether to write a trace, for [`Outcome::trace`](crate::Outcome::trace).
    pub trace: bool,
    /// Whether to count what the run covers, for [`Outcome::coverage`](crate::Outcome::coverage).
    pub coverage: bool,
    /// Whether `buggify!` points may fire.
    pub buggify: bool,
    /// Whether typed calls travel over simulated TCP connections instead of as messages of their own.
    pub rpc_over_streams: bool,
    /// How many reads and writes of streams pass fewer bytes than they could.
    pub short_io: Ratio,
    /// What every link is like until told otherwise.
    pub link: LinkConfig,
    /// The run ends here, in virtual time since its start, as a finding; where a strategy ruled, since it handed over.
    pub max_time: Option<Duration>,
    /// The run ends here, in virtual time since its start, whoever rules. That is no finding: what happens until then is all.
    pub ends_at: Option<Duration>,
    /// The run ends after this many events, as a finding.
    pub max_events: Option<u64>,
    /// More steps than this at one instant of virtual time are a livelock, and a finding.
    pub max_steps_at_once: u64,
    /// What the wall clocks show at the start, since the Unix epoch.
    pub epoch: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            schedule: Schedule::default(),
            overrides: Overrides::default(),
            record_decisions: false,
            witness: None,
            trace: false,
            coverage: false,
            buggify: false,
            rpc_over_streams: false,
            short_io: Ratio::percent(10),
            link: LinkConfig::default(),
            max_time: None,
            ends_at: None,
            max_events: None,
            max_steps_at_once: 10_000_000,
            // 2020-01-01 00:00:00 UTC
            epoch: Duration::from_secs(1_577_836_800),
        }
    }
}
