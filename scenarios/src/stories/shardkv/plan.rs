//! How the servers of a story are made.

use std::collections::BTreeMap;
use std::time::Duration;

use stormglass_sim::NodeId;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bugs;
use stormglass_systems::raft::message::ServerId;
use stormglass_systems::raft::protocol::{self, ReadProof};
use stormglass_systems::raft::server::{self, Door, SnapshotPolicy};
use stormglass_systems::raft::storage;
use stormglass_systems::shardkv::message::Gid;
use stormglass_systems::shardkv::protocol::{LeaseConfig, Limits};

use super::cast::Member;

/// Who moves the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Design {
    /// 2024: groups follow a replicated controller of so many servers.
    Followers(u64),
    /// 2025: controllers that meet in a store; group 1 begins with all shards.
    Store,
}

/// How the servers of a story are made.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) design: Design,
    pub(super) shards: usize,
    /// Groups that run from the beginning.
    pub(super) groups: Vec<Gid>,
    /// Servers of each group.
    pub(super) members: u64,
    /// Snapshots after so many entries.
    pub(super) snapshots: Option<u64>,
    pub(super) reads: Option<ReadProof>,
    pub(super) limits: Limits,
    pub(super) heartbeat: Duration,
    /// The lease that controllers of [`Design::Store`] share.
    pub(super) lease: Option<LeaseConfig>,
}

impl Plan {
    /// Groups 100, 101 and 102, which follow a controller, as in the labs of 2024.
    pub(super) fn followers() -> Plan {
        Plan { design: Design::Followers(3), shards: 10, groups: vec![100, 101, 102], ..Plan::store() }
    }

    /// Group 1, which has everything, and a store for the configurations, as in the labs of 2025.
    pub(super) fn store() -> Plan {
        Plan {
            design: Design::Store,
            shards: 12,
            groups: vec![1],
            members: 3,
            snapshots: None,
            reads: Some(ReadProof::Quorum),
            limits: Limits::default(),
            heartbeat: Duration::from_millis(100),
            lease: None,
        }
    }

    pub(super) fn snapshots(mut self, entries: u64) -> Plan {
        self.snapshots = Some(entries);
        self
    }

    pub(super) fn members(mut self, members: u64) -> Plan {
        self.members = members;
        if let Design::Followers(controllers) = &mut self.design {
            *controllers = members;
        }
        self
    }

    /// How raft behaves on server `id` of a group or of the controller.
    pub(super) fn protocol(&self, id: ServerId) -> protocol::Config {
        protocol::Config {
            id,
            election: self.heartbeat * 3..=self.heartbeat * 6,
            heartbeat: self.heartbeat,
            pre_vote: true,
            check_quorum: true,
            noop: true,
            drift_ppm: 1000,
            batch_entries: 64,
            batch_bytes: 64 << 10,
            pipeline: 4,
            uncommitted: 256,
            chunk: 4096,
            bugs: Bugs::NONE,
            observed: false,
        }
    }

    /// A server as this plan wants it.
    pub(super) fn dress<S>(&self, server: server::Config<S>) -> server::Config<S> {
        server::Config {
            snapshots: SnapshotPolicy { entries: self.snapshots, bytes: None },
            storage: storage::Config { segment: 4096, ..storage::Config::default() },
            patience: self.heartbeat * 3,
            ..server
        }
    }
}

/// Members of a cluster: `name` and a number each.
pub(super) fn members(
    name: &str,
    count: u64,
    start: impl Fn(ServerId, BTreeMap<ServerId, String>) -> (Door, NodeId),
) -> Vec<Member> {
    let peers: BTreeMap<ServerId, String> = (1..=count).map(|id| (id, format!("{name}{id}:7000"))).collect();
    let started = |id| {
        let (door, node) = start(id, peers.clone());
        Member { node, door }
    };
    (1..=count).map(started).collect()
}

/// A supervisor: a server that ended, because its disk failed, is started again as a new process.
pub(super) async fn again<C: Clone, F, E>(config: C, run: impl Fn(C) -> F)
where
    F: Future<Output = Result<(), E>>,
{
    while run(config.clone()).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
}
