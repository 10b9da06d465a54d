//! How a server is run.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::rpc;

use super::super::message::{Configuration, ServerId};
use super::super::protocol;
use super::super::spec::Probe;
use super::super::storage;
use super::{Door, StateMachine};

/// When a server makes a snapshot of its own accord.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// After this many entries were applied since the last one.
    pub entries: Option<u64>,
    /// After this many bytes of commands were applied since the last one.
    pub bytes: Option<u64>,
}

/// Makes the state machine of each incarnation, as it is before the first entry.
pub type Machine<S> = Rc<dyn Fn() -> S>;

/// Adds what else is served at a server's port.
pub type Serve = Rc<dyn Fn(&mut rpc::Server, &Door)>;

/// How a server is run. Its name and its planted bugs are in `protocol`.
pub struct Config<S> {
    /// Where it listens, "0.0.0.0:7000".
    pub address: String,
    /// Where each server is reached, members and those that may become members; oneself need not be among them.
    pub peers: BTreeMap<ServerId, String>,
    /// Which cluster this is: every message says so, and one of another cluster is refused. The same at all its servers; 0
    /// where there is no other.
    pub cluster: u64,
    /// Who votes before the log says otherwise: the same at all founders, empty at a server that is to be added.
    pub initial: Configuration,
    /// How the protocol behaves.
    pub protocol: protocol::Config,
    /// Where its log and snapshots live.
    pub storage: storage::Config,
    /// When it makes snapshots of its own accord.
    pub snapshots: SnapshotPolicy,
    /// How long it waits for the answer of another server; longer for many bytes of entries,
    /// [`AppendEntries::transfer`](super::super::message::AppendEntries::transfer).
    pub patience: Duration,
    /// How many events may wait, at least 1; more are dropped, which is an answer that never comes, or `Busy`.
    pub queue: usize,
    /// How many events may share an fsync, at least 1.
    pub group: usize,
    /// How long a batch of entries takes to be applied beyond the machine's own work. Zero; a story makes a slow state
    /// machine with it.
    pub apply_pause: Duration,
    /// What is replicated.
    pub machine: Machine<S>,
    /// What else is served at its port; by default nothing.
    pub serve: Serve,
    /// Who watches.
    pub probe: Probe,
    /// The way in for code of the same process.
    pub door: Door,
}

impl<S: StateMachine> Config<S> {
    /// A founder of a cluster: server `protocol.id` of `peers`, who all vote.
    pub fn new(
        protocol: protocol::Config,
        peers: BTreeMap<ServerId, String>,
        machine: impl Fn() -> S + 'static,
    ) -> Self {
        let initial = Configuration { voters: peers.keys().copied().collect(), ..Configuration::default() };
        Config {
            address: "0.0.0.0:7000".into(),
            peers,
            cluster: 0,
            initial,
            patience: *protocol.election.start(),
            protocol,
            storage: storage::Config::default(),
            snapshots: SnapshotPolicy::default(),
            queue: 1024,
            group: 128,
            apply_pause: Duration::ZERO,
            machine: Rc::new(machine),
            serve: Rc::new(|_, _| {}),
            probe: Probe::blind(),
            door: Door::new(),
        }
    }
}

impl<S> Clone for Config<S> {
    fn clone(&self) -> Self {
        Config {
            address: self.address.clone(),
            peers: self.peers.clone(),
            cluster: self.cluster,
            initial: self.initial.clone(),
            protocol: self.protocol.clone(),
            storage: self.storage.clone(),
            snapshots: self.snapshots,
            patience: self.patience,
            queue: self.queue,
            group: self.group,
            apply_pause: self.apply_pause,
            machine: self.machine.clone(),
            serve: self.serve.clone(),
            probe: self.probe.clone(),
            door: self.door.clone(),
        }
    }
}

impl<S> fmt::Debug for Config<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { address, peers, initial, protocol, storage, snapshots, .. } = self;
        f.debug_struct("Config")
            .field("address", address)
            .field("peers", peers)
            .field("initial", initial)
            .field("protocol", protocol)
            .field("storage", storage)
            .field("snapshots", snapshots)
            .finish_non_exhaustive()
    }
}
