//! What the system promises: one function per property, over what an observer sees.
//!
//! The observer sees every command that a group executes, the first time that any of its servers does: what the others do
//! later must be the same ([`replicas_agree`]), and tells nothing new. It sees all groups, and at most one of them may
//! serve a shard at any time; it remembers what has been frozen where, so that nothing gets lost on the way.
//!
//! A key is either put with versions, or set and appended to; the history of each is judged by the model for it. A clerk
//! never uses the number of a write for another one.

mod answers;
mod configs;
mod ghost;
mod history;
mod moves;
mod observation;
mod operations;
#[cfg(test)]
mod tests;

pub use answers::{decrees_are_carried_out_once, refusals_are_certain};
pub use configs::{balanced_with_fewest_moves, configurations_are_followed, one_controller_works};
pub use ghost::{Counts, Ghost, Held, Phase};
pub use history::{Budget, Verdict, linearizable, unversioned, versioned};
pub use moves::{
    deleted_after_install, executed_once, installed_is_what_was_frozen, no_shard_is_lost,
    old_numbers_change_nothing, one_group_serves, replicas_agree, snapshots_are_whole, versions_are_a_chain,
};
pub use observation::Observation;
pub use operations::{Op, Outcome};

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property that can be judged while the system runs. Linearizability is judged afterwards, over the history.
pub const ALL: [(&str, Property); 14] = [
    ("K0 replicas_agree", replicas_agree),
    // Before K1: who begins anew is not merely one group too many.
    ("K7 no_shard_is_lost", no_shard_is_lost),
    ("K1 one_group_serves", one_group_serves),
    ("K2 old_numbers_change_nothing", old_numbers_change_nothing),
    ("K3 installed_is_what_was_frozen", installed_is_what_was_frozen),
    ("K4 deleted_after_install", deleted_after_install),
    ("K5 configurations_are_followed", configurations_are_followed),
    ("K6 versions_are_a_chain", versions_are_a_chain),
    ("K8 balanced_with_fewest_moves", balanced_with_fewest_moves),
    ("K9 executed_once", executed_once),
    ("K10 snapshots_are_whole", snapshots_are_whole),
    ("K11 refusals_are_certain", refusals_are_certain),
    ("K12 decrees_are_carried_out_once", decrees_are_carried_out_once),
    ("K13 one_controller_works", one_controller_works),
];

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
