//! The shells: servers of a group, and servers of the controller, each replicated by [`raft`].
//!
//! | file | what it does |
//! | --- | --- |
//! | `group` | what the servers of a group replicate, as raft has it; requests of clients and movers |
//! | `mover` | a group that follows a controller: takes up its configurations, hands shards over |
//! | `controller` | what the servers of the controller replicate |

mod controller;
mod group;
mod mover;

use std::collections::BTreeMap;
use std::time::Duration;

use stormglass_sim::net::rpc::Request;

use super::bugs::Bugs;
use super::message::{
    Complaint, Config, Decree, Delete, Freeze, Get, Gid, Identity, Install, Moved, Num, Part, Query, Read,
    Taken, Who, Write, Written,
};
use super::protocol::Limits;
use super::spec::Probe;
use crate::raft;
use crate::raft::message::ServerId;
use crate::raft::protocol::ReadProof;
use crate::rsm::Reply;
pub use controller::ControllerMachine;
pub use group::GroupMachine;

impl Request for Get {
    type Reply = Reply<Read>;
    const NAME: &'static str = "Get";
}

impl Request for Write {
    type Reply = Reply<Written>;
    const NAME: &'static str = "Write";
}

impl Request for Freeze {
    type Reply = Reply<Moved<Part>>;
    const NAME: &'static str = "Freeze";
}

impl Request for Install {
    type Reply = Reply<Moved<Taken>>;
    const NAME: &'static str = "Install";
}

impl Request for Delete {
    type Reply = Reply<Moved<()>>;
    const NAME: &'static str = "Delete";
}

impl Request for Decree {
    type Reply = Reply<Result<Num, Complaint>>;
    const NAME: &'static str = "Decree";
}

impl Request for Query {
    type Reply = Reply<Config>;
    const NAME: &'static str = "Query";
}

impl Request for Who {
    type Reply = Identity;
    const NAME: &'static str = "Who";
}

/// How a group is run, the same on all its servers.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// Its number, from 1.
    pub gid: Gid,
    /// Into how many shards the keys are divided, the same everywhere.
    pub shards: usize,
    /// Whether it serves all shards from the beginning; only where no controller is followed.
    pub founder: bool,
    /// The controller it follows; none: somebody else moves its shards.
    pub controller: Vec<String>,
    /// How often it asks the controller for the next configuration.
    pub poll: Duration,
    /// How long it waits for the answer of a server of another group at first, and longer with each that does not come.
    pub patience: Duration,
    /// How a read is proved fresh; `None`: it goes through the log.
    pub reads: Option<ReadProof>,
    /// How much a shard may hold, the same on all its servers.
    pub limits: Limits,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl GroupConfig {
    /// A group as it should be run: reads are proved by a round of heartbeats.
    pub fn new(gid: Gid, shards: usize) -> Self {
        GroupConfig {
            gid,
            shards,
            founder: false,
            controller: Vec::new(),
            poll: Duration::from_millis(100),
            patience: Duration::from_millis(500),
            reads: Some(ReadProof::Quorum),
            limits: Limits::default(),
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        }
    }

    /// Server `protocol.id` of the group, whose servers are `peers`.
    pub fn server(
        &self,
        protocol: raft::protocol::Config,
        peers: BTreeMap<ServerId, String>,
    ) -> raft::server::Config<GroupMachine> {
        group::config(self, protocol, peers)
    }
}

/// Why a group's server ended. It never ends otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`raft::server::Error`].
    #[error(transparent)]
    Raft(#[from] raft::server::Error),
    /// The controller divides the keys otherwise.
    #[error(
        "the group divides the keys into {ours} shards, and the controller that it follows into {theirs}"
    )]
    Shards {
        /// Into how many the group does.
        ours: usize,
        /// Into how many the controller does.
        theirs: usize,
    },
}

/// Runs one incarnation of a group's server until it fails: it never returns Ok.
///
/// # Errors
/// See [`Error`].
pub async fn run(group: GroupConfig, server: raft::server::Config<GroupMachine>) -> Result<(), Error> {
    let door = server.door.clone();
    stormglass_sim::select! {
        ended = raft::server::run(server) => Ok(ended?),
        wrong = mover::follow(group, door) => Err(wrong),
    }
}

/// How the controller is run, the same on all its servers.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Into how many shards the keys are divided, the same everywhere.
    pub shards: usize,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl ControllerConfig {
    /// A controller as it should be run.
    pub fn new(shards: usize) -> Self {
        ControllerConfig { shards, bugs: Bugs::NONE, probe: Probe::blind() }
    }

    /// Server `protocol.id` of the controller, whose servers are `peers`.
    pub fn server(
        &self,
        protocol: raft::protocol::Config,
        peers: BTreeMap<ServerId, String>,
    ) -> raft::server::Config<ControllerMachine> {
        controller::config(self, protocol, peers)
    }
}
