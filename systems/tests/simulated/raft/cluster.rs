//! Servers, and who watches them.

use std::collections::BTreeMap;
use std::time::Duration;

use stormglass_sim::fs::Disk;
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};
use stormglass_systems::raft::bugs::Bugs;
use stormglass_systems::raft::client::{self, Clerk};
use stormglass_systems::raft::message::{Configuration, ServerId};
use stormglass_systems::raft::protocol;
use stormglass_systems::raft::server::{self, Door, Error, SnapshotPolicy, Status};
use stormglass_systems::raft::service::{self, LogService};
use stormglass_systems::raft::spec::{self, Budget, Probe};
use stormglass_systems::raft::storage::{self, StorageError};
use stormglass_systems::retry::{Backoff, Retry};

/// How a cluster is made: servers 1 to `all`, of which the first found it.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) founders: u64,
    pub(crate) all: u64,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) bugs: Bugs,
    pub(crate) apply_pause: Duration,
    pub(crate) disk: fn(&mut Disk),
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            founders: 3,
            all: 3,
            snapshots: SnapshotPolicy::default(),
            bugs: Bugs::NONE,
            apply_pause: Duration::ZERO,
            disk: |_| {},
        }
    }
}

/// Runs a server, and again when it ends: that is how a failed fsync is survived. With damaged files it is no use.
async fn keep_running(config: server::Config<LogService>) {
    let damaged = |error: &Error| matches!(error, Error::Storage(StorageError::Damaged { .. }));
    while server::run(config.clone()).await.is_err_and(|error| !damaged(&error)) {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Servers, and who watches them.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) probe: Probe,
    pub(crate) servers: BTreeMap<ServerId, (NodeId, Door)>,
}

impl Cluster {
    pub(crate) fn start(world: World, plan: &Plan) -> Cluster {
        let Plan { founders, all, snapshots, bugs, apply_pause, disk } = *plan;
        let probe = Probe::new(move || world.now());
        let address = |id: ServerId| (id, format!("s{id}:7000"));
        let peers: BTreeMap<ServerId, String> = (1..=all).map(address).collect();
        let voters = (1..=founders).collect();
        let initial = Configuration { voters, ..Configuration::default() };
        let start = |id: ServerId| {
            let (door, protocol) =
                (Door::new(), protocol::Config { chunk: 64, bugs, ..protocol::Config::new(id) });
            let config: server::Config<LogService> = server::Config {
                initial: if id <= founders { initial.clone() } else { Configuration::default() },
                storage: storage::Config { segment: 400, ..storage::Config::default() },
                snapshots,
                apply_pause,
                probe: probe.clone(),
                door: door.clone(),
                ..service::config(protocol, peers.clone())
            };
            let node = world.node(&format!("s{id}"), move || keep_running(config.clone()));
            world.disk(node, disk);
            (id, (node, door))
        };
        let servers = (1..=all).map(start).collect();
        Cluster { world, probe, servers }
    }

    pub(crate) fn clerk(&self) -> Clerk {
        self.clerk_for(Duration::from_secs(20))
    }

    pub(crate) fn clerk_for(&self, patience: Duration) -> Clerk {
        let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(200) };
        let retry = Retry { reply: Duration::from_millis(300), backoff, patience: Some(patience) };
        let config = client::Config { retry, probe: self.probe.clone(), ..client::Config::default() };
        Clerk::new(self.servers.keys().map(|id| format!("s{id}:7000")).collect(), config)
    }

    pub(crate) fn node(&self, id: ServerId) -> NodeId {
        self.servers[&id].0
    }

    pub(crate) fn door(&self, id: ServerId) -> &Door {
        &self.servers[&id].1
    }

    pub(crate) fn up(&self) -> Vec<Status> {
        self.servers.values().filter_map(|(_, door)| door.status()).collect()
    }

    /// Waits until what is wanted is so.
    pub(crate) async fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        for _ in 0..2000 {
            if let Some(answer) = ask() {
                return answer;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("not in ten seconds: {what}; {:#?}", self.up());
    }

    /// The leader of the latest term that all servers that are up have reached.
    pub(crate) async fn leader(&self) -> ServerId {
        let agreed = || {
            let up = self.up();
            let leader = up.iter().find(|status| status.leads)?;
            up.iter().all(|status| status.leader == Some(leader.id)).then_some(leader.id)
        };
        self.until("a leader", agreed).await
    }

    /// Waits until all servers that are up have applied all, and are in the same state.
    pub(crate) async fn equal(&self) {
        let equal = || {
            let up = self.up();
            let last = up.iter().map(|status| status.last_index).max()?;
            up.iter().all(|status| status.applied == last && status.commit == last).then_some(())
        };
        self.until("equal servers", equal).await;
    }

    pub(crate) fn power_off_all(&self) {
        for (node, _) in self.servers.values() {
            self.world.power_off(*node);
        }
    }

    pub(crate) fn restart_all(&self) {
        for (node, _) in self.servers.values() {
            self.world.restart(*node);
        }
    }

    pub(crate) fn judge(&self) {
        self.probe.verdict().unwrap();
        let verdict = spec::linearizable(&self.probe, Budget::default());
        assert!(verdict.is_linearizable(), "{verdict:?}");
    }
}

impl Cluster {
    /// The leader whom the first servers agree on.
    pub(crate) async fn leader_of(&self, first: usize) -> ServerId {
        let agreed = || {
            let up = self.up();
            let leader = up.iter().find(|status| status.leads)?;
            up[..first].iter().all(|status| status.leader == Some(leader.id)).then_some(leader.id)
        };
        self.until("a leader", agreed).await
    }

    pub(crate) async fn caught_up(&self, leader: ServerId, learner: ServerId) {
        let there = || {
            let last = self.door(leader).status()?.last_index;
            (self.door(learner).status()?.last_index == last).then_some(())
        };
        self.until("a learner that has caught up", there).await;
    }
}
