//! Servers, and who watches them.

use std::collections::BTreeMap;
use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};
use stormglass_systems::raft::client::{self, Clerk};
use stormglass_systems::raft::message::{Configuration, ServerId};
use stormglass_systems::raft::protocol;
use stormglass_systems::raft::server::{self, Door, SnapshotPolicy, Status};
use stormglass_systems::raft::service::{self, LogService};
use stormglass_systems::raft::spec::{self, Budget, Probe};
use stormglass_systems::raft::storage::{self, StorageError};
use stormglass_systems::retry::{Backoff, Retry};

/// Servers 1 to n, of which some found the cluster, and who watches them.
struct Cluster {
    world: World,
    probe: Probe,
    servers: BTreeMap<ServerId, (NodeId, Door)>,
}

impl Cluster {
    fn start(world: World, founders: u64, all: u64, snapshots: SnapshotPolicy) -> Cluster {
        let probe = Probe::new(move || world.now());
        let watched = probe.clone();
        world.watch("raft", move || watched.verdict());
        let address = |id: ServerId| (id, format!("s{id}:7000"));
        let peers: BTreeMap<ServerId, String> = (1..=all).map(address).collect();
        let voters = (1..=founders).collect();
        let initial = Configuration { voters, ..Configuration::default() };
        let start = |id: ServerId| {
            let (door, protocol) = (Door::new(), protocol::Config { chunk: 64, ..protocol::Config::new(id) });
            let config: server::Config<LogService> = server::Config {
                initial: if id <= founders { initial.clone() } else { Configuration::default() },
                storage: storage::Config { segment: 400, ..storage::Config::default() },
                snapshots,
                probe: probe.clone(),
                door: door.clone(),
                ..service::config(protocol, peers.clone())
            };
            let node = world.node(&format!("s{id}"), move || server::run(config.clone()));
            (id, (node, door))
        };
        let servers = (1..=all).map(start).collect();
        Cluster { world, probe, servers }
    }

    fn clerk(&self) -> Clerk {
        let retry = Retry { patience: Some(Duration::from_secs(20)), ..Retry::default() };
        let config = client::Config { retry, probe: self.probe.clone(), ..client::Config::default() };
        Clerk::new(self.servers.keys().map(|id| format!("s{id}:7000")).collect(), config)
    }

    fn node(&self, id: ServerId) -> NodeId {
        self.servers[&id].0
    }

    fn door(&self, id: ServerId) -> &Door {
        &self.servers[&id].1
    }

    fn up(&self) -> Vec<Status> {
        self.servers.values().filter_map(|(_, door)| door.status()).collect()
    }

    /// Waits until what is wanted is so.
    async fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        for _ in 0..2000 {
            if let Some(answer) = ask() {
                return answer;
            }
            sleep(ms(5)).await;
        }
        panic!("not in ten seconds: {what}; {:#?}", self.up());
    }

    /// The leader of the latest term that all servers that are up have reached.
    async fn leader(&self) -> ServerId {
        let agreed = || {
            let up = self.up();
            let leader = up.iter().find(|status| status.leads)?;
            up.iter().all(|status| status.leader == Some(leader.id)).then_some(leader.id)
        };
        self.until("a leader", agreed).await
    }

    /// Waits until all servers that are up have applied all, and are in the same state.
    async fn equal(&self) {
        let equal = || {
            let up = self.up();
            let last = up.iter().map(|status| status.last_index).max()?;
            up.iter().all(|status| status.applied == last && status.commit == last).then_some(())
        };
        self.until("equal servers", equal).await;
    }

    fn power_off_all(&self) {
        for (node, _) in self.servers.values() {
            self.world.power_off(*node);
        }
    }

    fn restart_all(&self) {
        for (node, _) in self.servers.values() {
            self.world.restart(*node);
        }
    }

    fn judge(&self) {
        self.probe.verdict().unwrap();
        let verdict = spec::linearizable(&self.probe, Budget::default());
        assert!(verdict.is_linearizable(), "{verdict:?}");
    }
}

impl Cluster {
    /// The leader whom the first servers agree on.
    async fn leader_of(&self, first: usize) -> ServerId {
        let agreed = || {
            let up = self.up();
            let leader = up.iter().find(|status| status.leads)?;
            up[..first].iter().all(|status| status.leader == Some(leader.id)).then_some(leader.id)
        };
        self.until("a leader", agreed).await
    }

    async fn caught_up(&self, leader: ServerId, learner: ServerId) {
        let there = || {
            let last = self.door(leader).status()?.last_index;
            (self.door(learner).status()?.last_index == last).then_some(())
        };
        self.until("a learner that has caught up", there).await;
    }
}

