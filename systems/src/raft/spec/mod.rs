//! What the system promises: one function per property, over what an observer sees.
//!
//! A property judges one observation against all that was seen before it, and costs the same at the end of a long run as
//! at its beginning: whole logs are never compared. That two logs agree up to an entry follows from every entry having
//! had one predecessor in all of them ([`log_matching`]); so a look at one entry stands for everything before it.
//!
//! | file | about |
//! | --- | --- |
//! | `observation` | what is seen |
//! | `mirror`, `ghost` | what is remembered: of each server, and of all of them |
//! | `elections`, `logs`, `commitment`, `snapshots`, `membership`, `disks`, `clients` | the properties |
//! | `history` | what clients of the log service saw, for the checker |

mod clients;
mod commitment;
mod disks;
mod elections;
mod ghost;
mod history;
mod logs;
mod membership;
mod mirror;
mod observation;
mod snapshots;
#[cfg(test)]
mod tests;

pub use clients::{acknowledged_is_committed, reads_are_fresh};
pub use commitment::{commit_is_monotone, commit_quorum, state_machine_safety};
pub use disks::{committed_survives, votes_survive_crashes};
pub use elections::{election_safety, leader_append_only, leader_completeness};
pub use ghost::{Counts, Ghost, Link};
pub use history::{Budget, Checkable, Op, Outcome, Verdict, checkable, linearizable};
pub use logs::log_matching;
pub use membership::configurations_overlap;
pub use mirror::{Mirror, decides, overlap};
pub use observation::{Mark, Observation, digest, digest_bytes};
pub use snapshots::snapshots_are_the_log;

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property that can be judged while the system runs: Figure 3 of the paper, and what it takes for granted.
/// Linearizability is judged afterwards, over the history.
pub const ALL: [(&str, Property); 13] = [
    ("I1 election_safety", election_safety),
    ("I2 leader_append_only", leader_append_only),
    ("I3 log_matching", log_matching),
    ("I4 leader_completeness", leader_completeness),
    ("I5 state_machine_safety", state_machine_safety),
    ("I6 commit_quorum", commit_quorum),
    ("I7 votes_survive_crashes", votes_survive_crashes),
    ("I8 commit_is_monotone", commit_is_monotone),
    ("I9 snapshots_are_the_log", snapshots_are_the_log),
    ("I10 configurations_overlap", configurations_overlap),
    ("I11 reads_are_fresh", reads_are_fresh),
    ("I12 acknowledged_is_committed", acknowledged_is_committed),
    ("D committed_survives", committed_survives),
];

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
