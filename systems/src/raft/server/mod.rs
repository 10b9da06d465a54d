//! The shell around the protocol: a queue, a disk, a network and a state machine, used in the order that
//! [`Effects`](super::protocol::Effects) demand.
//!
//! ```text
//! other servers ─┐                 ┌─ early messages
//! replies       ─┤                 │
//! the clock     ─┼─▶ Turn: steps ──┼─▶ one write, one fsync ──▶ messages, replies, answers ──▶ Applier
//! the door      ─┘   the protocol  │                                                            │
//!       ▲                                                                                       │
//!       └──────────── how far the state machine is, which snapshot is on disk ◀─────────────────┘
//! ```
//! One task takes all that waits (up to `group`), steps the protocol through it, makes what it obliges to be durable
//! durable with one fsync, and then does the rest. What arrives meanwhile waits and forms the next group: the slower
//! the disk, the more share an fsync. The state machine lives in a task of its own, so that slow work of its own costs
//! no heartbeat. A message that finds the queue full is dropped before it had any effect; a call of this process gets
//! `Busy` from half of the queue on, so that clients cannot crowd out the servers.

mod applier;
mod config;
mod door;
mod event;
mod machine;
mod shared;
#[cfg(test)]
mod tests;
mod turn;
mod wire;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::rpc;
use stormglass_sim::rand;
use stormglass_sim::sync::mpsc;
use stormglass_sim::task::JoinSet;
use stormglass_sim::time::Instant;

use super::message::{Index, ServerId};
use super::protocol::Raft;
use super::spec::{Mark, Observation, Probe, digest_bytes};
use super::storage::{Found, Storage, StorageError};
use applier::{Applier, Replica};
pub use config::{Config, Machine, Serve, SnapshotPolicy};
pub use door::{Door, Status, SubmitError};
use event::Event;
pub use machine::StateMachine;
use shared::Shared;
use turn::Turn;
use wire::Wire;

/// Why a server ended. It never ends otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its disk failed, or holds what must not be used.
    #[error("the server stops, because of its disk: {0}")]
    Storage(#[from] StorageError),
    /// Its port failed.
    #[error("the server stops, because it cannot serve at {address}: {source}")]
    Port {
        /// The address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
    /// Another server did what none of its cluster does: nothing here can be relied on any more.
    #[error(
        "the server stops, because {0}: servers of two clusters take each other for one, or one of this cluster has lost \
         its data"
    )]
    Broken(String),
    /// A snapshot is whole, and the state machine does not understand it.
    #[error("the server stops, because its state machine cannot use the snapshot at {index}: {reason}")]
    Snapshot {
        /// What the snapshot stands for.
        index: Index,
        /// What the machine said.
        reason: String,
    },
}

/// Runs one incarnation of a server until it fails: it never returns Ok.
///
/// # Errors
/// See [`Error`]. Whoever runs it should start it again: a process that ends is how a failed sync is survived.
pub async fn run<S: StateMachine>(mut config: Config<S>) -> Result<(), Error> {
    let (address, probe, id) = (config.address.clone(), config.probe.clone(), config.protocol.id);
    let port = move |source| Error::Port { address: address.clone(), source };
    // The port first: opening the disk writes it anew, which a second server by mistake must not do to the first's.
    let mut server = rpc::Server::bind(&config.address).await.map_err(&port)?;
    let opened = Storage::open(config.storage.clone(), config.protocol.bugs).await;
    if let Err(error @ StorageError::Damaged { .. }) = &opened {
        probe.observe(|| Observation::Unreadable { server: id, reason: error.to_string() });
    }
    let (storage, mut found) = opened?;
    if found.snapshot.is_none() {
        found.recovered.snapshot.config = config.initial.clone();
    }
    config.protocol.observed = probe.ghost(|_| ()).is_some();
    let config = Rc::new(config);

    let _gone = Gone(probe, id);
    let started = Instant::now();
    let raft = boot(&config, &mut found);
    let shared = Rc::new(Shared::new(id, raft, config.storage.clone()));
    let replica = Rc::new(Replica { machine: RefCell::new((config.machine)()), applied: Cell::new(0) });
    if let Some(snapshot) = &found.snapshot {
        applier::restore(&config, &replica, snapshot)?;
    }

    let (events, waiting) = mpsc::channel(config.queue.max(1));
    wire::serve(&mut server, (config.cluster, id), &events);
    (config.serve)(&mut server, &config.door);
    let wire = Rc::new(Wire::new((config.cluster, id), &config.peers, config.patience, events.clone()));
    let (work, orders) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let applier = Applier::new(config.clone(), shared.clone(), replica.clone(), orders, events.clone());
    tasks.spawn(applier.run());
    let failed = events.clone();
    tasks.spawn(async move {
        let closed = server.serve().await.err();
        let error = port(closed.unwrap_or_else(|| io::Error::other("the port was closed")));
        // The server may be ending.
        _ = failed.send(Event::Failed(error)).await;
    });
    let turn = Turn::new(config.clone(), shared.clone(), replica, storage, wire, work, started);
    let _open = config.door.open(events, shared);
    Err(turn.run(waiting).await)
}

/// The protocol as it starts with what was found.
fn boot<S: StateMachine>(config: &Config<S>, found: &mut Found) -> Raft {
    let recovered = std::mem::take(&mut found.recovered);
    let (hard, meta) = (recovered.hard, &recovered.snapshot);
    let snapshot = (meta.last_index, meta.last_term);
    let marks = || recovered.entries.iter().map(Mark::of).collect();
    let log: Vec<Mark> = if config.protocol.observed { marks() } else { Vec::new() };
    let raft = Raft::new(config.protocol.clone(), recovered, Duration::ZERO, Box::new(rand::below));
    config.probe.observe(|| Observation::Booted {
        server: config.protocol.id,
        term: hard.term,
        voted_for: hard.voted_for,
        snapshot,
        snapshot_digest: found.snapshot.as_ref().map_or(0, |snapshot| digest_bytes(&snapshot.bytes)),
        log,
        config: raft.configuration().clone(),
    });
    raft
}

/// Tells the observer at the end of this incarnation, however it ends.
struct Gone(Probe, ServerId);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.observe(|| Observation::Gone { server: self.1 });
    }
}
