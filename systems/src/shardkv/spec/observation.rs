//! What an observer sees of groups, controllers and clerks.

use std::ops::RangeInclusive;

use super::super::message::{Complaint, Config, Gid, Num, Rule, Stamp};
use super::super::protocol::Seen;
use super::operations::{Op, Outcome};

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// There is a group that serves all shards from configuration 1 on.
    Founded {
        /// The group.
        gid: Gid,
        /// How many shards there are.
        shards: usize,
    },
    /// A server of a group executed a command.
    Applied {
        /// The group.
        gid: Gid,
        /// The command's place in the group's log.
        index: u64,
        /// What it did.
        seen: Vec<Seen>,
    },
    /// A server of a group took a snapshot after this entry, or put one of it in place of its state.
    Snapshot {
        /// The group.
        gid: Gid,
        /// The last entry that it stands for.
        index: u64,
        /// The server's state then, as one number.
        digest: u64,
    },
    /// One thing that a command did when it was executed first. The ghost takes [`Observation::Applied`] apart into these.
    Step {
        /// The group.
        gid: Gid,
        /// What was done.
        seen: Seen,
    },
    /// A server of the controller made a configuration.
    Configured {
        /// Whose decree it was.
        by: Stamp,
        /// Of what.
        rule: Rule,
        /// The configuration.
        config: Config,
    },
    /// A configuration was stored where controllers meet: as the current one, or as the next.
    Stored {
        /// Whether as the current one.
        current: bool,
        /// The configuration.
        config: Config,
    },
    /// The lease of controllers was stored where they meet.
    Leased {
        /// As whose; `None`: it was given back.
        holder: Option<u64>,
    },
    /// A controller has found its lease to stand, and goes on.
    Works {
        /// The name under which it has taken the lease.
        holder: u64,
    },
    /// A clerk is about to return to its client that a write is certainly not done.
    Refused {
        /// The clerk.
        clerk: u64,
        /// All that it has sent of this write.
        numbers: RangeInclusive<u64>,
    },
    /// The controller's answer to a decree has come to whoever asked for it.
    Decreed {
        /// Which request it was.
        by: Stamp,
        /// What it asked for.
        rule: Rule,
        /// [`Ghost::current`](super::Ghost::current) when it was first sent.
        since: Num,
        /// The configuration that makes it so, or why nothing was changed.
        told: Result<Num, Complaint>,
    },
    /// The controller told somebody a configuration.
    Queried {
        /// [`Ghost::current`](super::Ghost::current) when it was asked.
        since: Num,
        /// Which was asked for; `None`: the latest.
        num: Option<Num>,
        /// What was told.
        config: Config,
    },
    /// A clerk returned to its client.
    Returned {
        /// What was asked.
        op: Op,
        /// What was told.
        outcome: Outcome,
    },
}
