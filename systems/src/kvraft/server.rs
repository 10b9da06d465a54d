//! The shell: the store as Raft's state machine, and the requests that are served at its port.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::rpc::{Request, Server};
use stormglass_sim::time::Instant;

use super::bugs::{Bug, Bugs};
use super::message::{
    Action, Answer, Command, Get, Once, Open, Page, Range, ReadPath, Reply, Scan, Versioned, Write,
};
use super::protocol::{Effects, Outcome, Store};
use super::spec::{self, Executed, Observation, Probe};
use crate::raft::message::{Index, ServerId, Term};
use crate::raft::protocol::ReadProof;
use crate::raft::server::{self, Door, SnapshotPolicy, StateMachine};
use crate::raft::{protocol, spec::digest_bytes};
use crate::rsm::{Front, Way, decode, encode};

impl Request for Get {
    type Reply = Reply<Option<Versioned>>;
    const NAME: &'static str = "Get";
}

impl Request for Scan {
    type Reply = Reply<Page>;
    const NAME: &'static str = "Scan";
}

impl Request for Write {
    type Reply = Reply<Once<Answer>>;
    const NAME: &'static str = "Write";
}

/// How the store is served; all else is said in the raft server's own [`server::Config`].
#[derive(Debug, Clone)]
pub struct Config {
    /// When a server makes a snapshot of its own accord.
    pub snapshots: SnapshotPolicy,
    /// For how many client sessions there is room, while this server leads.
    pub sessions: usize,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            snapshots: SnapshotPolicy::default(),
            sessions: 1024,
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        }
    }
}

/// A founder of a cluster: server `protocol.id` of `peers`, who all vote.
pub fn config(
    config: Config,
    protocol: protocol::Config,
    peers: BTreeMap<ServerId, String>,
) -> server::Config<Machine> {
    let id = protocol.id;
    // The handlers of an incarnation see the machine of theirs.
    let latest: Rc<RefCell<Option<Machine>>> = Rc::default();
    let made = latest.clone();
    let addresses = Rc::new(peers.clone());
    let (settings, room) = (config.clone(), config.sessions);
    let machine = move || {
        let machine = Machine::new(id, settings.clone());
        *made.borrow_mut() = Some(machine.clone());
        machine
    };
    let serve = move |server: &mut Server, door: &Door| {
        let machine = latest.borrow().clone().expect("the machine is made before its handlers");
        let desk = Desk { machine, front: Front::new(door, &addresses), door: door.clone(), room };
        desk.serve(server);
    };
    let snapshots = policy(config.snapshots, config.bugs);
    server::Config { snapshots, serve: Rc::new(serve), ..server::Config::new(protocol, peers, machine) }
}

/// The policy that a server follows.
fn policy(policy: SnapshotPolicy, bugs: Bugs) -> SnapshotPolicy {
    let share = if bugs.has(Bug::SnapshotsOften) { 8 } else { 1 };
    if bugs.has(Bug::NeverSnapshots) {
        return SnapshotPolicy::default();
    }
    let SnapshotPolicy { entries, bytes } = policy;
    SnapshotPolicy { entries: entries.map(|most| most / share), bytes: bytes.map(|most| most / share) }
}

/// The store as the state machine of one incarnation of a server. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct Machine {
    store: Rc<RefCell<Store>>,
    server: ServerId,
    bugs: Bugs,
    probe: Probe,
    /// When it applied something last.
    active: Instant,
}

impl Machine {
    fn new(server: ServerId, Config { bugs, probe, .. }: Config) -> Self {
        probe.observe(|| Observation::Started { server });
        let store = Rc::new(RefCell::new(Store::new(bugs)));
        Machine { store, server, bugs, probe, active: Instant::now() }
    }
}

impl StateMachine for Machine {
    fn apply(&mut self, index: Index, _: Term, command: &[u8]) -> Vec<u8> {
        let store = &mut *self.store.borrow_mut();
        if self.bugs.has(Bug::ExpiresByLocalClock) && self.active.elapsed() > Duration::from_millis(300) {
            store.forget_sessions();
        }
        self.active = Instant::now();
        // No client of this service writes anything else; all servers skip it alike.
        let Ok(command) = decode::<Command>(command) else { return Vec::new() };
        let write = if let Command::Write(write) = &command { Some(write.clone()) } else { None };
        let Effects { opened, ended, executed, reply } = store.apply(index, command);
        self.probe.observe(|| {
            let (by, what) = write.as_ref().map_or((None, 0), |write| (Some(write.by), spec::digest(write)));
            let changed = write
                .as_ref()
                .and_then(|write| Some((write.key.clone(), spec::fingerprint(store.get(&write.key)?))));
            Observation::Applied {
                server: self.server,
                index,
                digest: digest_bytes(&encode(&(&reply, &changed, store.sessions().0))),
                changed,
                opened,
                ended,
                used: by,
                executed: executed.map(|answer| Executed { what, answer }),
                sessions: store.sessions(),
            }
        });
        match reply {
            Outcome::Opened(session) => encode(&session),
            Outcome::Written(once) => encode(&once),
            Outcome::Found(found) => encode(&found),
            Outcome::Scanned(page) => encode(&page),
        }
    }

    fn read(&self, query: &[u8]) -> Vec<u8> {
        let store = self.store.borrow();
        match decode(query) {
            Ok(Command::Get(key)) => encode(&store.get(&key)),
            Ok(Command::Scan(range)) => encode(&store.scan(&range)),
            // No front asks anything else.
            _ => Vec::new(),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        let store = self.store.borrow();
        let snapshot = store.snapshot();
        self.probe.observe(|| {
            let (digest, bytes) = (digest_bytes(&store.whole()), snapshot.len());
            Observation::Snapshot { server: self.server, index: store.applied(), digest, bytes }
        });
        snapshot
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let store = &mut *self.store.borrow_mut();
        store.restore(snapshot)?;
        self.probe.observe(|| {
            let digest = digest_bytes(&store.whole());
            Observation::Restored { server: self.server, index: store.applied(), digest }
        });
        Ok(())
    }
}

/// Where the clients of one incarnation are served.
#[derive(Clone)]
struct Desk {
    machine: Machine,
    front: Front,
    door: Door,
    /// For how many sessions there is room.
    room: usize,
}

impl Desk {
    fn serve(self, server: &mut Server) {
        let room = self.room;
        self.front.serves(server, move |_: Open| Way::Log(encode(&Command::Open { room })));
        let desk = self.clone();
        server.on(move |_, write: Write| {
            let desk = desk.clone();
            async move { desk.write(write).await }
        });
        let desk = self.clone();
        server.on(move |_, get: Get| {
            let desk = desk.clone();
            async move { desk.get(get).await }
        });
        server.on(move |_, scan: Scan| {
            let desk = self.clone();
            async move { desk.scan(scan).await }
        });
    }

    async fn get(&self, Get { key, path }: Get) -> Reply<Option<Versioned>> {
        let bugs = self.machine.bugs;
        if bugs.has(Bug::ReadsLocally) && self.door.status().is_some_and(|status| status.leads) {
            return Reply::Done(self.machine.store.borrow().get(&key).cloned());
        }
        let path = if bugs.has(Bug::ReadsThroughLog) { ReadPath::Log } else { path };
        self.front.answer(way(&Command::Get(key), path)).await
    }

    async fn scan(&self, Scan { range, path }: Scan) -> Reply<Page> {
        let bugs = self.machine.bugs;
        let path = if bugs.has(Bug::ReadsThroughLog) { ReadPath::Log } else { path };
        if bugs.has(Bug::ScansInTwoSnapshots) && range.limit > 1 {
            return self.scan_by_halves(range, path).await;
        }
        self.front.answer(way(&Command::Scan(range), path)).await
    }

    /// See [`Bug::ScansInTwoSnapshots`].
    async fn scan_by_halves(&self, range: Range, path: ReadPath) -> Reply<Page> {
        let half = Range { limit: range.limit.div_ceil(2), ..range.clone() };
        let (mut entries, from) = match self.front.answer(way(&Command::Scan(half), path)).await {
            Reply::Done(Page { entries, next: Some(next) }) => (entries, next),
            reply => return reply,
        };
        let rest = Range { from, limit: range.limit - entries.len(), ..range };
        match self.front.answer::<Page>(way(&Command::Scan(rest), path)).await {
            Reply::Done(rest) => {
                entries.extend(rest.entries);
                Reply::Done(Page { entries, next: rest.next })
            }
            reply => reply,
        }
    }

    async fn write(&self, mut write: Write) -> Reply<Once<Answer>> {
        let bugs = self.machine.bugs;
        if (bugs.has(Bug::ChecksAtReceipt) || bugs.has(Bug::AnswersCopiesAtOnce))
            && let Some(answer) = self.machine.store.borrow().known(write.by)
        {
            return Reply::Done(Once::Done(answer));
        }
        if bugs.has(Bug::CasAtReceipt)
            && let Action::Cas(from, to) = &write.action
        {
            let found = self.machine.store.borrow().get(&write.key).map(|found| found.value.clone());
            if found != *from {
                return Reply::Done(Once::Done(Answer::Differs));
            }
            write.action = Action::Put(to.clone());
        }
        let reply = self.front.answer(Way::Log(encode(&Command::Write(write)))).await;
        if bugs.has(Bug::DeposedIsCertain) && reply == Reply::Unknown {
            return Reply::Elsewhere(None);
        }
        reply
    }
}

/// A read is the same command on every way, in the log or past it.
fn way(read: &Command, path: ReadPath) -> Way {
    let read = encode(read);
    match path {
        ReadPath::Log => Way::Log(read),
        ReadPath::Quorum => Way::Read(read, ReadProof::Quorum),
        ReadPath::Lease => Way::Read(read, ReadProof::Lease),
    }
}
