//! The one task that owns the state machine: applies what is committed, answers those who wait for it, makes snapshots.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use stormglass_sim::sync::mpsc;
use stormglass_sim::time::sleep;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Entry, Index, Payload, Term};
use super::super::protocol::Input;
use super::super::spec::{Mark, Observation, digest_bytes};
use super::super::storage::{self, Snapshot};
use super::door::Answer;
use super::event::Event;
use super::shared::Shared;
use super::{Config, Error, StateMachine, SubmitError};

/// What the applier is told, in the order in which it is done.
pub(super) enum Work {
    /// Committed entries.
    Apply(Vec<Entry>),
    /// A leader's snapshot replaces the state.
    Restore(Snapshot),
    /// Somebody waits for the entry at `index`, if it has this term.
    Await { index: Index, term: Term, waiter: Waiter },
    /// Somebody's read waits until everything up to `index` is applied.
    Read { index: Index, read: PendingRead },
    /// Somebody wants a snapshot.
    Snapshot(Answer<Index>),
    /// This server leads no more: whether what waits will be committed, it cannot know.
    Deposed,
}

/// Who waits for an entry.
pub(super) enum Waiter {
    Result(Answer<Vec<u8>>),
    Index(Answer<Index>),
}

impl Waiter {
    fn fail(self, error: SubmitError) {
        // Whoever waited may have given up; so may all others below.
        match self {
            Waiter::Result(to) => _ = to.send(Err(error)),
            Waiter::Index(to) => _ = to.send(Err(error)),
        }
    }

    /// Another entry lies where its own was to be. A change may have taken effect by an entry before that: a joint
    /// configuration, whose successor any leader appends.
    pub(super) fn replaced(self) {
        let error = if let Waiter::Index(_) = self { SubmitError::Unknown } else { SubmitError::Replaced };
        self.fail(error);
    }
}

/// A read that may be executed.
pub(super) struct PendingRead {
    pub(super) ticket: u64,
    pub(super) query: Vec<u8>,
    pub(super) reply: Answer<Vec<u8>>,
}

/// The state machine, and how far it is.
pub(super) struct Replica<S> {
    pub(super) machine: RefCell<S>,
    pub(super) applied: Cell<Index>,
}

impl<S: StateMachine> Replica<S> {
    /// Executes a read on the state as it is.
    pub(super) fn serve(&self, config: &Config<S>, read: PendingRead) {
        let PendingRead { ticket, query, reply } = read;
        let (server, index) = (config.protocol.id, self.applied.get());
        config.probe.observe(|| Observation::ReadServed { server, ticket, index });
        _ = reply.send(Ok(self.machine.borrow().read(&query)));
    }
}

pub(super) struct Applier<S> {
    pub(super) config: Rc<Config<S>>,
    pub(super) shared: Rc<Shared>,
    pub(super) replica: Rc<Replica<S>>,
    pub(super) work: mpsc::UnboundedReceiver<Work>,
    pub(super) events: mpsc::Sender<Event>,
    waiting: BTreeMap<Index, (Term, Waiter)>,
    reads: Vec<(Index, PendingRead)>,
    /// The last entry of the latest snapshot.
    snapshot: Index,
    /// Bytes of commands applied since.
    bytes: u64,
}

impl<S: StateMachine> Applier<S> {
    pub(super) fn new(
        config: Rc<Config<S>>,
        shared: Rc<Shared>,
        replica: Rc<Replica<S>>,
        work: mpsc::UnboundedReceiver<Work>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let snapshot = replica.applied.get();
        let (waiting, reads) = (BTreeMap::new(), Vec::new());
        Applier { config, shared, replica, work, events, waiting, reads, snapshot, bytes: 0 }
    }

    /// Works until the server ends, or has to.
    pub(super) async fn run(mut self) {
        while let Some(work) = self.work.recv().await {
            if let Err(error) = self.act(work).await {
                _ = self.events.send(Event::Failed(error)).await;
                return;
            }
        }
    }

    async fn act(&mut self, work: Work) -> Result<(), Error> {
        match work {
            Work::Apply(entries) => {
                if !self.config.apply_pause.is_zero() {
                    sleep(self.config.apply_pause).await;
                }
                for entry in &entries {
                    self.apply(entry);
                }
                self.progress().await?;
            }
            Work::Restore(snapshot) => {
                self.restore(&snapshot)?;
                self.progress().await?;
            }
            Work::Await { index, term, waiter } => {
                if index <= self.applied() {
                    waiter.fail(SubmitError::Unknown);
                } else if let Some((_, older)) = self.waiting.insert(index, (term, waiter)) {
                    older.fail(SubmitError::Unknown);
                }
            }
            Work::Read { index, read } => self.reads.push((index, read)),
            Work::Snapshot(reply) => {
                self.snapshot().await?;
                _ = reply.send(Ok(self.snapshot));
            }
            Work::Deposed if self.bugs().has(Bug::AnswersByIndex) || self.bugs().has(Bug::ForgetsWaiters) => {
            }
            Work::Deposed => {
                for (_, (_, waiter)) in std::mem::take(&mut self.waiting) {
                    waiter.fail(SubmitError::Unknown);
                }
            }
        }
        let ready = |(index, _): &mut (Index, PendingRead)| *index <= self.replica.applied.get();
        for (_, read) in self.reads.extract_if(.., ready) {
            self.replica.serve(&self.config, read);
        }
        Ok(())
    }

    fn applied(&self) -> Index {
        self.replica.applied.get()
    }

    fn apply(&mut self, entry: &Entry) {
        let (server, &Entry { index, term, .. }) = (self.config.protocol.id, entry);
        self.config.probe.observe(|| Observation::Applied { server, mark: Mark::of(entry) });
        let result = match &entry.payload {
            Payload::Command(command) => {
                self.bytes += command.len() as u64;
                self.replica.machine.borrow_mut().apply(index, term, command)
            }
            Payload::Noop | Payload::Config(_) => Vec::new(),
        };
        self.replica.applied.set(index);
        let Some((expected, waiter)) = self.waiting.remove(&index) else { return };
        if expected != term && !self.bugs().has(Bug::AnswersByIndex) {
            waiter.replaced();
            return;
        }
        self.config.probe.observe(|| Observation::Acknowledged { server, index, term: expected });
        match waiter {
            Waiter::Result(to) => _ = to.send(Ok(result)),
            Waiter::Index(to) => _ = to.send(Ok(index)),
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let index = snapshot.meta.last_index;
        restore(&self.config, &self.replica, snapshot)?;
        (self.snapshot, self.bytes) = (index, 0);
        let later = self.waiting.split_off(&(index + 1));
        for (_, (_, waiter)) in std::mem::replace(&mut self.waiting, later) {
            waiter.fail(SubmitError::Unknown);
        }
        Ok(())
    }

    /// Tells the protocol how far the machine is, and makes a snapshot where the policy wants one.
    async fn progress(&mut self) -> Result<(), Error> {
        // The server may be ending.
        _ = self.events.send(Event::Input(Input::Applied(self.applied()))).await;
        let policy = self.config.snapshots;
        let entries = self.applied().saturating_sub(self.snapshot);
        let due = policy.entries.is_some_and(|most| entries >= most.max(1))
            || policy.bytes.is_some_and(|most| self.bytes >= most.max(1));
        if due { self.snapshot().await } else { Ok(()) }
    }

    async fn snapshot(&mut self) -> Result<(), Error> {
        let last = self.applied() - Index::from(self.bugs().has(Bug::SnapshotOneShort));
        let Some(meta) = self.shared.snapshot_meta(last).filter(|_| last > self.snapshot) else {
            return Ok(());
        };
        let (server, index, term) = (self.config.protocol.id, meta.last_index, meta.last_term);
        let bytes = self.replica.machine.borrow().snapshot();
        self.config.probe.observe(|| Observation::Snapshot {
            server,
            index,
            term,
            digest: digest_bytes(&bytes),
        });
        let snapshot = Snapshot { meta, bytes };
        storage::write_snapshot(&self.config.storage, &snapshot, self.bugs()).await?;
        (self.snapshot, self.bytes) = (index, 0);
        let (meta, length) = (snapshot.meta, snapshot.bytes.len() as u64);
        _ = self.events.send(Event::Input(Input::Snapshotted { meta, length })).await;
        Ok(())
    }

    fn bugs(&self) -> Bugs {
        self.config.protocol.bugs
    }
}

/// Puts a snapshot in place of the state.
pub(super) fn restore<S: StateMachine>(
    config: &Config<S>,
    replica: &Replica<S>,
    snapshot: &Snapshot,
) -> Result<(), Error> {
    let (server, index) = (config.protocol.id, snapshot.meta.last_index);
    config.probe.observe(|| Observation::Restored { server, index, digest: digest_bytes(&snapshot.bytes) });
    let mut machine = replica.machine.borrow_mut();
    machine.restore(&snapshot.bytes).map_err(|reason| Error::Snapshot { index, reason })?;
    replica.applied.set(index);
    Ok(())
}

/// What the machine would answer to a command, were it the next one: [`Bug::AcksBeforeQuorum`].
pub(super) fn foresee<S: StateMachine>(
    config: &Config<S>,
    replica: &Replica<S>,
    index: Index,
    term: Term,
    command: &[u8],
) -> Vec<u8> {
    debug_assert!(config.protocol.bugs.has(Bug::AcksBeforeQuorum));
    let mut machine = (config.machine)();
    // What the machine itself has just written, it can read.
    _ = machine.restore(&replica.machine.borrow().snapshot());
    machine.apply(index, term, command)
}
