//! Majorities: of one set of voters, of both while joint (§6).

use std::collections::BTreeSet;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Configuration, ServerId};

/// How many of `voters` decide.
pub(super) fn majority(voters: usize, bugs: Bugs) -> usize {
    if bugs.has(Bug::QuorumIsHalf) { voters.div_ceil(2) } else { voters / 2 + 1 }
}

/// The largest value that a quorum of `config` has reached. Nobody's quorum reaches 0.
pub(super) fn reached(config: &Configuration, bugs: Bugs, value: impl Fn(ServerId) -> u64) -> u64 {
    let by = |voters: &BTreeSet<ServerId>| {
        let mut values: Vec<u64> = voters.iter().map(|&id| value(id)).collect();
        if bugs.has(Bug::LearnersCount) {
            values.extend(config.learners.iter().map(|&id| value(id)));
        }
        values.sort_unstable_by(|a, b| b.cmp(a));
        majority(voters.len(), bugs).checked_sub(1).and_then(|at| values.get(at).copied()).unwrap_or(0)
    };
    let new = by(&config.voters);
    if config.outgoing.is_empty() || bugs.has(Bug::JointNeedsOneMajority) {
        return new;
    }
    new.min(by(&config.outgoing))
}
