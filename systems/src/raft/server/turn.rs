//! The loop: everything that happens to a server, one group after the other.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use stormglass_sim::sync::{mpsc, oneshot};
use stormglass_sim::task::spawn;
use stormglass_sim::time::{Instant, timeout_at};
use stormglass_sim::{reachable, sometimes};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Index, InstallSnapshot, Reply, Request, Term};
use super::super::protocol::{Answer, Effects, Input, Persist, Refusal, Role, SendChunk};
use super::super::spec::Observation;
use super::super::storage::{self, Storage};
use super::applier::{PendingRead, Replica, Waiter, Work, foresee};
use super::event::{Call, Caller, Callers, Event};
use super::shared::Shared;
use super::wire::Wire;
use super::{Config, Error, StateMachine, SubmitError};

/// The longest command that is taken: several must fit in a message.
const COMMAND_MAX: usize = 16 << 20;

/// The longest wait for a tick, where the protocol wants none.
const IDLE: Duration = Duration::from_secs(3600);

/// What a step leaves to be done once everything before it is on disk, and who asked.
struct Due {
    effects: Effects,
    asker: Option<oneshot::Sender<Reply>>,
}

pub(super) struct Turn<S> {
    pub(super) config: Rc<Config<S>>,
    pub(super) shared: Rc<Shared>,
    pub(super) replica: Rc<Replica<S>>,
    pub(super) storage: Storage,
    pub(super) wire: Rc<Wire>,
    pub(super) work: mpsc::UnboundedSender<Work>,
    pub(super) started: Instant,
    pub(super) callers: Callers,
    pub(super) tickets: u64,
    persist: Vec<Persist>,
    due: Vec<Due>,
    /// The term in which it leads.
    leads: Option<Term>,
    /// What the protocol says is broken: the server ends.
    broken: Option<String>,
    /// It has ceased to, and those who wait for entries of that time have yet to hear so.
    deposed: bool,
}

impl<S: StateMachine> Turn<S> {
    pub(super) fn new(
        config: Rc<Config<S>>,
        shared: Rc<Shared>,
        replica: Rc<Replica<S>>,
        storage: Storage,
        wire: Rc<Wire>,
        work: mpsc::UnboundedSender<Work>,
        started: Instant,
    ) -> Self {
        let (callers, persist, due) = (Callers::new(), Vec::new(), Vec::new());
        Turn {
            config,
            shared,
            replica,
            storage,
            wire,
            work,
            started,
            callers,
            tickets: 0,
            persist,
            due,
            leads: None,
            broken: None,
            deposed: false,
        }
    }

    /// Runs until something fails.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) -> Error {
        let mut group = Vec::new();
        self.shared.log_bytes.set(self.storage.log_bytes());
        loop {
            let deadline = self.shared.raft.borrow().deadline().min(self.now() + IDLE);
            let most = self.config.group.max(1);
            // Its end is the tick.
            _ = timeout_at(self.started + deadline, events.recv_many(&mut group, most)).await;
            if let Err(error) = self.turn(&mut group).await {
                return error;
            }
        }
    }

    async fn turn(&mut self, group: &mut Vec<Event>) -> Result<(), Error> {
        sometimes!(group.len() > 1, "raft: several events share a turn");
        for event in group.drain(..) {
            match event {
                Event::Request { from, request, reply } => {
                    self.step(Input::Request(from, request), Some(reply));
                }
                Event::Input(input) => self.step(input, None),
                Event::Call(call) => self.call(call),
                Event::Failed(error) => return Err(error),
            }
        }
        if self.now() >= self.shared.raft.borrow().deadline() {
            self.step(Input::Tick, None);
        }
        if let Some(broken) = self.broken.take() {
            return Err(Error::Broken(broken));
        }
        loop {
            if self.bugs().has(Bug::RepliesBeforeFsync) {
                let due = std::mem::take(&mut self.due);
                self.release(due).await?;
            }
            let persisted = self.persist().await?;
            let due = std::mem::take(&mut self.due);
            let is_last = persisted.is_none();
            // Before anything leaves: the observer sees a vote no later than the candidate does.
            persisted.into_iter().for_each(|persisted| self.step(persisted, None));
            self.release(due).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn bugs(&self) -> Bugs {
        self.config.protocol.bugs
    }

    fn step(&mut self, input: Input, asker: Option<oneshot::Sender<Reply>>) {
        let mut effects = self.shared.raft.borrow_mut().step(self.now(), input);
        for seen in effects.seen.drain(..) {
            self.config.probe.observe(|| seen);
        }
        self.broken = self.broken.take().or(effects.broken.take());
        for (to, request) in effects.send_early.drain(..) {
            self.wire.send(to, request);
        }
        self.persist.append(&mut effects.persist);
        self.due.push(Due { effects, asker });
        let raft = self.shared.raft.borrow();
        let leads = (raft.role() == Role::Leader).then(|| raft.term());
        self.deposed |= self.leads.is_some() && self.leads != leads;
        self.leads = leads;
    }

    /// Makes the group's changes durable. What the protocol is to be told of it, if there were any.
    async fn persist(&mut self) -> Result<Option<Input>, Error> {
        if self.persist.is_empty() {
            return Ok(None);
        }
        let changes = std::mem::take(&mut self.persist);
        self.storage.persist(changes).await?;
        self.shared.log_bytes.set(self.storage.log_bytes());
        let raft = self.shared.raft.borrow();
        let (server, term, index) = (raft.id(), raft.term(), raft.last_index());
        self.config.probe.observe(|| Observation::Synced { server, index });
        Ok(Some(Input::Persisted { term, index }))
    }

    /// Does what rests on what is on disk now, in the order of the steps.
    async fn release(&mut self, due: Vec<Due>) -> Result<(), Error> {
        for Due { effects, asker } in due {
            for (to, request) in effects.send {
                self.wire.send(to, request);
            }
            if let (Some(reply), Some(asker)) = (effects.reply, asker) {
                // The asker may have given up; so may all callers below.
                _ = asker.send(reply);
            }
            if let Some(restore) = effects.restore {
                let index = restore.0.last_index;
                let snapshot = storage::read_snapshot(&self.config.storage, index).await?;
                self.apply(Work::Restore(snapshot));
            }
            if !effects.apply.is_empty() {
                self.apply(Work::Apply(effects.apply));
                if self.bugs().has(Bug::WaitsForTheMachine) {
                    let (waiter, finished) = oneshot::channel();
                    self.apply(Work::Await { index: 0, term: 0, waiter: Waiter::Index(waiter) });
                    _ = finished.await;
                }
            }
            for answer in effects.answers {
                self.answer(answer);
            }
            for chunk in effects.send_chunk {
                self.send_chunk(chunk);
            }
        }
        // After what was proposed in that term, though it lasted for one step.
        if std::mem::take(&mut self.deposed) {
            self.apply(Work::Deposed);
        }
        Ok(())
    }

    fn apply(&self, work: Work) {
        // The applier may have failed; its error is in the queue then.
        _ = self.work.send(work);
    }

    /// Takes a call of this process to the protocol.
    fn call(&mut self, call: Call) {
        let behind = self.shared.raft.borrow().commit().saturating_sub(self.replica.applied.get());
        let busy = self.leads.is_some() && behind > self.config.queue as u64;
        match call {
            Call::Propose { reply, .. } if busy => _ = reply.send(Err(Refusal::Busy.into())),
            Call::Submit { reply, .. } if busy => _ = reply.send(Err(Refusal::Busy.into())),
            Call::Propose { command, reply } => self.propose(command, Caller::Propose(reply)),
            Call::Submit { command, reply } => {
                let kept = self.bugs().has(Bug::AcksBeforeQuorum).then(|| command.clone());
                self.propose(command, Caller::Submit(reply, kept));
            }
            Call::Read { query, proof, reply } => {
                let ticket = self.ticket(Caller::Read(query, reply));
                let server = self.config.protocol.id;
                self.config.probe.observe(|| Observation::ReadBegins { server, ticket });
                self.step(Input::Read { ticket, proof }, None);
            }
            Call::Change { change, reply } => {
                let ticket = self.ticket(Caller::Change(reply));
                self.step(Input::Change { ticket, change }, None);
            }
            Call::Transfer { to, reply } => {
                let ticket = self.ticket(Caller::Transfer(reply));
                self.step(Input::Transfer { ticket, to }, None);
            }
            Call::Snapshot { reply } => self.apply(Work::Snapshot(reply)),
        }
    }

    fn propose(&mut self, command: Bytes, caller: Caller) {
        if command.len() > COMMAND_MAX {
            let why = format!("a command of {} bytes; {COMMAND_MAX} are allowed", command.len());
            caller.fail(Refusal::Pointless(why).into());
            return;
        }
        let ticket = self.ticket(caller);
        self.step(Input::Propose { ticket, command }, None);
    }

    fn ticket(&mut self, caller: Caller) -> u64 {
        self.tickets += 1;
        self.callers.insert(self.tickets, caller);
        self.tickets
    }

    fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Proposed { ticket, index, term } => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    self.proposed(caller, index, term);
                }
            }
            Answer::Refused { ticket, why } => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    caller.fail(why.into());
                }
            }
            Answer::ReadAt { ticket, index } => {
                let Some(Caller::Read(query, reply)) = self.callers.remove(&ticket) else { return };
                let read = PendingRead { ticket, query, reply };
                if index <= self.replica.applied.get() || self.bugs().has(Bug::ReadsBeforeApplied) {
                    self.replica.serve(&self.config, read);
                } else {
                    reachable!("raft: a read waits until the state machine is there");
                    self.apply(Work::Read { index, read });
                }
            }
            Answer::Transferred { ticket } => {
                if let Some(Caller::Transfer(reply)) = self.callers.remove(&ticket) {
                    _ = reply.send(Ok(()));
                }
            }
            Answer::NotTransferred { ticket } => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    caller.fail(SubmitError::Unknown);
                }
            }
        }
    }

    /// A caller's entry lies in the log.
    fn proposed(&self, caller: Caller, index: Index, term: Term) {
        let waiter = match caller {
            Caller::Propose(reply) => {
                _ = reply.send(Ok((index, term)));
                return;
            }
            Caller::Submit(reply, Some(command)) => {
                let server = self.config.protocol.id;
                let result = foresee(&self.config, &self.replica, index, term, &command);
                self.config.probe.observe(|| Observation::Acknowledged { server, index, term });
                _ = reply.send(Ok(result));
                return;
            }
            Caller::Submit(reply, None) => Waiter::Result(reply),
            Caller::Change(reply) => Waiter::Index(reply),
            Caller::Read(..) | Caller::Transfer(_) => return,
        };
        self.apply(Work::Await { index, term, waiter });
    }

    /// Reads a chunk of a snapshot and sends it.
    pub(super) fn send_chunk(&self, chunk: SendChunk) {
        let (shared, wire, most) =
            (self.shared.clone(), self.wire.clone(), self.config.protocol.chunk.max(1));
        let sending = async move {
            let SendChunk { to, term, meta, offset, round } = chunk;
            let snapshot = match shared.snapshot(meta.last_index).await {
                Ok(snapshot) => snapshot,
                Err(_) if shared.snapshot_end() != meta.last_index => return wire.silence(to),
                Err(error) => return wire.failed(error.into()),
            };
            let total = snapshot.bytes.len();
            let from = usize::try_from(offset).unwrap_or(total).min(total);
            let bytes = &snapshot.bytes[from..total.min(from.saturating_add(most))];
            let (total, chunk) = (total as u64, Bytes::copy_from_slice(bytes));
            let request = InstallSnapshot { term, meta, total, offset, chunk, round };
            wire.send(to, Request::InstallSnapshot(request));
        };
        drop(spawn(sending));
    }
}
