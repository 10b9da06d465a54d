//! A cluster in memory: servers with disks, and messages that are lost, late, doubled and overtaken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::super::super::bugs::Bugs;
use super::super::super::message::{
    Configuration, Index, InstallSnapshot, Reply, Request, ServerId, SnapshotMeta,
};
use super::super::{Answer, Change, Config, Effects, Input, Raft, ReadProof, Role};
use super::disk::{Disk, Machine};
use super::ghost::{self, Ghost};
use super::{Dice, config, ms};

/// How bad the network and the disks are.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    pub(super) loss: u64,
    pub(super) duplicates: u64,
    pub(super) latency: (u64, u64),
    pub(super) fsync: (u64, u64),
}

pub(super) const CALM: Weather = Weather { loss: 0, duplicates: 0, latency: (1, 3), fsync: (0, 1) };

#[derive(Debug)]
enum Event {
    Request { call: u64, from: ServerId, to: ServerId, request: Request },
    Reply { call: u64, from: ServerId, to: ServerId, reply: Reply, incarnation: u64 },
    Patience { call: u64, from: ServerId, to: ServerId, incarnation: u64 },
    Flush { id: ServerId, incarnation: u64 },
    Tick(ServerId),
}

/// Who waits for the reply to a request: the call, the server, its incarnation.
type Caller = (u64, ServerId, u64);

pub(super) struct Server {
    pub(super) raft: Raft,
    pub(super) machine: Machine,
    pub(super) up: bool,
    pub(super) incarnation: u64,
    /// Steps whose writes are not on disk yet, with the call that each has to answer.
    pending: Vec<(Effects, Option<Caller>)>,
    tick: Duration,
}

pub(super) struct Network {
    pub(super) now: Duration,
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) disks: BTreeMap<ServerId, Disk>,
    pub(super) cut: BTreeSet<(ServerId, ServerId)>,
    pub(super) ghost: Ghost,
    pub(super) answers: Vec<(ServerId, Answer)>,
    /// The first promise that was broken.
    pub(super) broken: Option<String>,
    /// What the cluster had decided when a read was asked for, by ticket.
    reads: BTreeMap<u64, Index>,
    tickets: u64,
    pub(super) messages: u64,
    /// Calls that nobody has answered yet.
    open: BTreeSet<u64>,
    events: BTreeMap<(Duration, u64), Event>,
    count: u64,
    settings: Box<dyn Fn(ServerId) -> Config>,
}

impl Network {
    /// Servers `1..=n` that start with the configuration `initial`.
    pub(super) fn new(seed: u64, n: u64, initial: &Configuration, bugs: Bugs) -> Network {
        Self::with(seed, n, initial, Box::new(move |id| config(id, bugs)))
    }

    pub(super) fn with(
        seed: u64,
        n: u64,
        initial: &Configuration,
        settings: Box<dyn Fn(ServerId) -> Config>,
    ) -> Network {
        let mut network = Network {
            now: Duration::ZERO,
            dice: Dice(seed),
            weather: CALM,
            servers: BTreeMap::new(),
            disks: BTreeMap::new(),
            cut: BTreeSet::new(),
            ghost: Ghost::default(),
            answers: Vec::new(),
            broken: None,
            reads: BTreeMap::new(),
            tickets: 0,
            messages: 0,
            open: BTreeSet::new(),
            events: BTreeMap::new(),
            count: 0,
            settings,
        };
        for id in 1..=n {
            let config =
                if initial.voters.contains(&id) { initial.clone() } else { Configuration::default() };
            let meta = SnapshotMeta { config, ..SnapshotMeta::default() };
            network.disks.insert(id, Disk { meta, ..Disk::default() });
            network.start(id);
        }
        network
    }

    /// (Re)starts a server from its disk.
    pub(super) fn start(&mut self, id: ServerId) {
        let disk = &self.disks[&id];
        let mut dice = Dice(self.dice.next());
        let settings = (self.settings)(id);
        let raft = Raft::new(settings, disk.recover(), self.now, Box::new(move |n| dice.below(n)));
        let machine = Machine::restore(&disk.snapshot);
        let machine = self.judge(machine).unwrap_or_default();
        let incarnation = self.servers.get(&id).map_or(0, |server| server.incarnation + 1);
        let tick = Duration::MAX;
        self.servers.insert(id, Server { raft, machine, up: true, incarnation, pending: Vec::new(), tick });
        self.arm(id);
    }

    /// Power fails: what was not on disk is gone.
    pub(super) fn crash(&mut self, id: ServerId) {
        let server = self.servers.get_mut(&id).unwrap();
        server.up = false;
        server.pending.clear();
        server.incarnation += 1;
    }

    pub(super) fn leader(&self) -> Option<ServerId> {
        let leads = |server: &&Server| server.up && server.raft.role() == Role::Leader;
        let leaders = self.servers.values().filter(leads);
        leaders.max_by_key(|server| server.raft.term()).map(|server| server.raft.id())
    }

    fn judge<T>(&mut self, verdict: Result<T, String>) -> Option<T> {
        match verdict {
            Ok(value) => Some(value),
            Err(broken) => {
                self.broken.get_or_insert(format!("{broken} (at {:?})", self.now));
                None
            }
        }
    }

    fn at(&mut self, delay: Duration, event: Event) {
        self.count += 1;
        self.events.insert((self.now + delay, self.count), event);
    }

    fn delay(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_micros(1000 * least + self.dice.below(1000 * (most - least) + 1))
    }

    fn arm(&mut self, id: ServerId) {
        let server = self.servers.get_mut(&id).unwrap();
        let due = server.raft.deadline().max(self.now);
        if server.tick != due {
            server.tick = due;
            let delay = due - self.now;
            self.at(delay, Event::Tick(id));
        }
    }

    /// Sends, with all that can happen on the way. Copies of one message travel by themselves.
    fn post(&mut self, from: ServerId, to: ServerId, event: impl Fn() -> Event) {
        self.messages += 1;
        let copies = if self.dice.percent(self.weather.duplicates) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.cut.contains(&(from, to)) && !self.dice.percent(self.weather.loss) {
                let mut delay = self.delay(self.weather.latency);
                if self.weather.loss > 0 && self.dice.percent(5) {
                    delay *= 20;
                }
                self.at(delay, event());
            }
        }
    }

    fn call(&mut self, from: ServerId, to: ServerId, request: Request) {
        self.count += 1;
        let call = self.count;
        let incarnation = self.servers[&from].incarnation;
        self.open.insert(call);
        self.post(from, to, || Event::Request { call, from, to, request: request.clone() });
        self.at(ms(60), Event::Patience { call, from, to, incarnation });
    }

    /// One input to a server that is up.
    pub(super) fn input(&mut self, id: ServerId, input: Input) {
        self.step(id, input, None);
    }

    fn step(&mut self, id: ServerId, input: Input, caller: Option<Caller>) {
        let now = self.now;
        let server = self.servers.get_mut(&id).unwrap();
        if !server.up {
            return;
        }
        let led = server.raft.role() == Role::Leader;
        let commit = server.raft.commit();
        let mut effects = server.raft.step(now, input);
        let (leads, incarnation) = (server.raft.role() == Role::Leader, server.incarnation);
        for seen in &effects.seen {
            let verdict = self.ghost.see(seen, incarnation);
            self.judge(verdict);
        }
        for (to, request) in std::mem::take(&mut effects.send_early) {
            self.call(id, to, request);
        }
        let idle = self.servers[&id].pending.is_empty();
        self.servers.get_mut(&id).unwrap().pending.push((effects, caller));
        if leads {
            self.check_leader(id, !led, commit);
        }
        if idle {
            let delay = self.delay(self.weather.fsync);
            self.at(delay, Event::Flush { id, incarnation });
        }
        self.arm(id);
    }

    /// Leader completeness at the beginning; a quorum on disk for whatever it decides.
    fn check_leader(&mut self, id: ServerId, new: bool, commit: Index) {
        let raft = &self.servers[&id].raft;
        let mut verdict = Ok(());
        if new {
            verdict = self.ghost.leads(raft.log.base_index(), |index| raft.log.term_at(index), id);
        }
        if let (true, Some(term)) = (raft.commit() > commit, raft.log.term_at(raft.commit())) {
            let index = raft.commit();
            let has = |peer| self.disks[&peer].holds(index, term);
            if !ghost::is_quorum(&raft.members.latest().1, has) {
                verdict = Err(format!("commit quorum: {id} decides {index} of term {term}"));
            }
        }
        self.judge(verdict);
    }

    /// The writes of all pending steps reach the disk; then what rests on them happens.
    fn flush(&mut self, id: ServerId) {
        let steps = std::mem::take(&mut self.servers.get_mut(&id).unwrap().pending);
        let raft = &self.servers[&id].raft;
        let persisted = Input::Persisted { term: raft.term(), index: raft.last_index() };
        let disk = self.disks.get_mut(&id).unwrap();
        let (mut rest, mut wrote) = (Vec::new(), false);
        for (mut effects, caller) in steps {
            wrote |= !effects.persist.is_empty();
            effects.persist.drain(..).for_each(|what| disk.write(what));
            rest.push((effects, caller));
        }
        let verdict = ghost::is_sound(&self.disks[&id]);
        self.judge(verdict);
        if wrote {
            self.step(id, persisted, None);
        }
        for (effects, caller) in rest {
            self.release(id, effects, caller);
        }
    }

    fn release(&mut self, id: ServerId, effects: Effects, caller: Option<Caller>) {
        let incarnation = self.servers[&id].incarnation;
        for (to, request) in effects.send {
            self.call(id, to, request);
        }
        if let (Some(reply), Some((call, to, incarnation))) = (effects.reply, caller) {
            self.post(id, to, || Event::Reply { call, from: id, to, reply: reply.clone(), incarnation });
        }
        if effects.restore.is_some() {
            let machine = Machine::restore(&self.disks[&id].snapshot);
            if let Some(machine) = self.judge(machine) {
                self.servers.get_mut(&id).unwrap().machine = machine;
            }
        }
        for entry in &effects.apply {
            let verdict = self.ghost.applied(id, entry);
            self.judge(verdict);
            let verdict = self.servers.get_mut(&id).unwrap().machine.apply(entry);
            self.judge(verdict);
        }
        for chunk in effects.send_chunk {
            let disk = &self.disks[&id];
            let from = usize::try_from(chunk.offset).unwrap();
            if disk.meta != chunk.meta || from > disk.snapshot.len() {
                self.count += 1;
                let call = self.count;
                self.open.insert(call);
                self.at(ms(1), Event::Patience { call, from: id, to: chunk.to, incarnation });
                continue;
            }
            let to = disk.snapshot.len().min(from + (self.settings)(id).chunk);
            let request = InstallSnapshot {
                term: chunk.term,
                meta: chunk.meta,
                total: disk.snapshot.len() as u64,
                offset: chunk.offset,
                chunk: Bytes::copy_from_slice(&disk.snapshot[from..to]),
                round: chunk.round,
            };
            self.call(id, chunk.to, Request::InstallSnapshot(request));
        }
        for answer in effects.answers {
            if let Answer::ReadAt { ticket, index } = answer
                && index < self.reads[&ticket]
            {
                let needed = self.reads[&ticket];
                self.judge::<()>(Err(format!("stale read: at {index}, {needed} was decided before")));
            }
            self.answers.push((id, answer));
        }
    }

    /// Runs for `time`, or until a promise is broken.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.broken.is_none() {
            match self.events.first_key_value() {
                Some((&(at, _), _)) if at <= end => {
                    let ((at, _), event) = self.events.pop_first().unwrap();
                    self.now = at;
                    self.happen(event);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(id) => {
                let server = self.servers.get_mut(&id).unwrap();
                if server.up && server.tick == self.now {
                    server.tick = Duration::MAX;
                    self.input(id, Input::Tick);
                }
            }
            Event::Request { call, from, to, request } => {
                let incarnation = self.servers[&from].incarnation;
                self.step(to, Input::Request(from, request), Some((call, from, incarnation)));
            }
            Event::Reply { call, from, to, reply, incarnation } => {
                self.open.remove(&call);
                if self.servers[&to].incarnation == incarnation {
                    self.input(to, Input::Reply(from, reply));
                }
            }
            Event::Patience { call, from, to, incarnation } => {
                if self.open.remove(&call) && self.servers[&from].incarnation == incarnation {
                    self.input(from, Input::Silence(to));
                }
            }
            Event::Flush { id, incarnation } => {
                if self.servers[&id].incarnation == incarnation && self.servers[&id].up {
                    self.flush(id);
                }
            }
        }
    }

    pub(super) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(super) fn propose(&mut self, id: ServerId) -> u64 {
        let ticket = self.ticket();
        let command = Bytes::copy_from_slice(&ticket.to_le_bytes());
        self.input(id, Input::Propose { ticket, command });
        ticket
    }

    pub(super) fn read(&mut self, id: ServerId, proof: ReadProof) -> u64 {
        let ticket = self.ticket();
        let decided = self.ghost.decided.last_key_value().map_or(0, |(&index, _)| index);
        self.reads.insert(ticket, decided);
        self.input(id, Input::Read { ticket, proof });
        ticket
    }

    pub(super) fn change(&mut self, id: ServerId, change: Change) -> u64 {
        let ticket = self.ticket();
        self.input(id, Input::Change { ticket, change });
        ticket
    }

    /// The server makes a snapshot of its state machine, as it is now.
    pub(super) fn snapshot(&mut self, id: ServerId) {
        let server = &self.servers[&id];
        let (index, bytes) = (server.machine.applied, server.machine.snapshot());
        let pending_install = server.pending.iter().any(|(effects, _)| effects.restore.is_some());
        if !server.up || pending_install {
            return;
        }
        let Some(meta) =
            server.raft.snapshot_meta(index).filter(|meta| meta.last_index > server.raft.log.base_index())
        else {
            return;
        };
        let length = bytes.len() as u64;
        let disk = self.disks.get_mut(&id).unwrap();
        (disk.meta, disk.snapshot) = (meta.clone(), bytes);
        disk.log.retain(|entry| entry.index > index);
        self.input(id, Input::Snapshotted { meta, length });
    }
}
