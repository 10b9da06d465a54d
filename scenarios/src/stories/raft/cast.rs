//! Who plays in a raft story: servers with their doors, perhaps clients of the log service, and the observer that judges
//! them all after every step.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Budget;
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{NodeId, World};
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::client::{self, Clerk};
use stormglass_systems::raft::message::{Configuration, Index, ServerId, Term};
use stormglass_systems::raft::server::{self, Door, SnapshotPolicy, StateMachine, Status};
use stormglass_systems::raft::spec::{self, Probe};
use stormglass_systems::raft::{protocol, service, storage};

use super::super::{fell, planted};
use super::ledger::{Ledger, Shared, command};
use crate::report::span;
use crate::weather::Weather;
use crate::{Fall, Stage};

/// How the servers of a story are made.
#[derive(Clone)]
pub(in super::super) struct Plan {
    /// Servers that are members from the start.
    pub(in super::super) founders: u64,
    /// Servers that may become members.
    pub(in super::super) joiners: u64,
    /// How all behave; `id` is set for each.
    pub(in super::super) protocol: protocol::Config,
    pub(in super::super) snapshots: SnapshotPolicy,
    /// Bytes of a log's segment.
    pub(in super::super) segment: u64,
    /// How long a server waits for another's answer.
    pub(in super::super) patience: Duration,
    /// How long applying takes.
    pub(in super::super) apply_pause: Duration,
    /// How many events may wait.
    pub(in super::super) queue: usize,
    /// Bytes of a snapshot beyond the few that it needs.
    pub(in super::super) bulk: usize,
}

impl Plan {
    /// Servers as they should be run where a message takes 1 to 10 ms.
    pub(in super::super) fn of(stage: &Stage, founders: u64) -> Plan {
        let millis = Duration::from_millis;
        let protocol = protocol::Config {
            id: 0,
            election: millis(150)..=millis(300),
            heartbeat: millis(40),
            pre_vote: true,
            check_quorum: true,
            noop: true,
            drift_ppm: 1000,
            batch_entries: 64,
            batch_bytes: 64 << 10,
            pipeline: 4,
            uncommitted: 256,
            chunk: 4096,
            bugs: planted::<Bug>(stage),
            observed: true,
        };
        Plan {
            founders,
            joiners: 0,
            protocol,
            snapshots: SnapshotPolicy::default(),
            segment: 4096,
            patience: millis(150),
            apply_pause: Duration::ZERO,
            queue: 1024,
            bulk: 0,
        }
    }

    /// Snapshots after so many entries.
    pub(in super::super) fn snapshots(mut self, entries: u64) -> Plan {
        self.snapshots.entries = Some(entries);
        self
    }
}

/// One server, whatever its incarnation.
#[derive(Clone)]
pub(in super::super) struct Server {
    pub(in super::super) id: ServerId,
    pub(in super::super) node: NodeId,
    pub(in super::super) door: Door,
}

/// The cast of one run; clones are the same cast.
#[derive(Clone)]
pub(in super::super) struct Cast {
    pub(in super::super) stage: Stage,
    pub(in super::super) world: World,
    pub(in super::super) probe: Probe,
    pub(in super::super) servers: Rc<[Server]>,
    /// What the stories' own state machine has shown; empty where the log service is replicated.
    pub(super) book: Shared,
    pub(in super::super) clients: Rc<RefCell<Vec<NodeId>>>,
    /// Which servers are not cut off, for [`cut`](Cast::cut) and [`join`](Cast::join).
    pub(in super::super) connected: Rc<RefCell<Vec<bool>>>,
    /// How many clients were asked for, those included that were left out.
    announced: Rc<Cell<usize>>,
    /// Values are drawn from here, so that no two are the same.
    next: Rc<Cell<u64>>,
    doing: Doing,
}

/// What each client is doing, since when.
type Doing = Rc<RefCell<Vec<(String, Duration, String)>>>;

impl Cast {
    /// Servers that replicate a [`Ledger`].
    pub(in super::super) fn new(stage: &Stage, plan: Plan) -> Cast {
        let (book, bulk, snapshots) = (Shared::default(), plan.bulk, plan.snapshots);
        let shared = book.clone();
        Cast::start(stage, plan, book, move |protocol, peers| {
            let (book, id) = (shared.clone(), protocol.id);
            let config = server::Config::new(protocol, peers, move || Ledger::new(&book, id, bulk));
            server::Config { snapshots, ..config }
        })
    }

    /// Servers that replicate the log service; the history of its clients is judged when the run is over.
    pub(in super::super) fn service(stage: &Stage, plan: Plan) -> Cast {
        let snapshots = plan.snapshots;
        let cast = Cast::start(stage, plan, Shared::default(), move |protocol, peers| server::Config {
            snapshots,
            ..service::config(protocol, peers)
        });
        let judged = cast.probe.clone();
        stage.judge(move || fell(spec::linearizable(&judged, Budget::default())));
        let (asked, world) = (cast.doing.clone(), cast.world);
        stage.waits(move |client| {
            let (_, since, what) = asked.borrow().iter().find(|(name, ..)| name == client)?.clone();
            Some(format!("{client} has been at {what} for {}", span(world.now().saturating_sub(since))))
        });
        cast
    }

    /// Servers that replicate any other machine; `make` sees to the snapshots.
    pub(in super::super) fn of<S: StateMachine>(
        stage: &Stage,
        plan: Plan,
        make: impl Fn(protocol::Config, BTreeMap<ServerId, String>) -> server::Config<S>,
    ) -> Cast {
        Cast::start(stage, plan, Shared::default(), make)
    }

    fn start<S: StateMachine>(
        stage: &Stage,
        plan: Plan,
        book: Shared,
        make: impl Fn(protocol::Config, BTreeMap<ServerId, String>) -> server::Config<S>,
    ) -> Cast {
        let world = stage.world();
        let probe = Probe::new(move || world.now());
        let all = 1..=plan.founders + plan.joiners;
        let peers: BTreeMap<ServerId, String> = all.clone().map(|id| (id, format!("s{id}:7000"))).collect();
        let servers: Vec<Server> = all
            .map(|id| {
                let protocol = protocol::Config { id, ..plan.protocol.clone() };
                let founders: BTreeSet<ServerId> =
                    (1..=plan.founders).filter(|_| id <= plan.founders).collect();
                let door = Door::new();
                let config = server::Config {
                    initial: Configuration { voters: founders, ..Configuration::default() },
                    storage: storage::Config { segment: plan.segment, ..storage::Config::default() },
                    patience: plan.patience,
                    apply_pause: plan.apply_pause,
                    queue: plan.queue,
                    probe: probe.clone(),
                    door: door.clone(),
                    ..make(protocol, peers.clone())
                };
                Server { id, node: world.node(&format!("s{id}"), move || keep_running(config.clone())), door }
            })
            .collect();
        let (watched, entered) = (probe.clone(), book.clone());
        stage.watch(move || match (watched.broken(), &entered.borrow().fell) {
            (Some((_, broken)), _) => Err(Fall::new("invariant", broken.clause, broken.detail)),
            (None, Some(wrong)) => Err(Fall::new("claim", "states are what the log makes of them", wrong)),
            (None, None) => Ok(()),
        });
        Cast {
            stage: stage.clone(),
            world,
            probe,
            connected: Rc::new(RefCell::new(vec![true; servers.len()])),
            servers: servers.into(),
            book,
            clients: Rc::default(),
            announced: Rc::default(),
            next: Rc::default(),
            doing: Doing::default(),
        }
    }

    /// A client of the log service does `work`, once.
    pub(in super::super) fn client<T>(&self, lease: bool, work: impl FnOnce(Hand) -> T + 'static)
    where
        T: Future<Output = ()> + 'static,
    {
        let name = format!("c{}", self.announced.replace(self.announced.get() + 1));
        if !self.stage.happens("clients") {
            return;
        }
        let servers: Vec<String> = self.servers.iter().map(|server| format!("s{}:7000", server.id)).collect();
        let config = client::Config { lease, probe: self.probe.clone(), ..client::Config::default() };
        let (doing, who, world, stage) = (self.doing.clone(), name.clone(), self.world, self.stage.clone());
        let node = self.stage.client(&name, async move {
            let clerk = Clerk::new(servers, config);
            work(Hand { name: who, stage, clerk, world, doing, written: 0 }).await;
        });
        self.clients.borrow_mut().push(node);
    }

    pub(in super::super) fn nodes(&self) -> Vec<NodeId> {
        self.servers.iter().map(|server| server.node).collect()
    }

    /// All servers, by their place in [`servers`](Cast::servers).
    pub(in super::super) fn all(&self) -> Vec<usize> {
        (0..self.servers.len()).collect()
    }

    pub(in super::super) fn status(&self, at: usize) -> Option<Status> {
        self.servers[at].door.status()
    }

    /// Who leads in the highest term, of these servers.
    pub(in super::super) fn leader(&self, among: &[usize]) -> Option<usize> {
        let leads =
            |&at: &usize| self.status(at).filter(|status| status.leads).map(|status| (status.term, at));
        among.iter().filter_map(leads).max().map(|(_, at)| at)
    }

    /// A value that nobody has proposed.
    pub(in super::super) fn fresh(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    /// Puts a command into the log of this server, if it leads.
    pub(in super::super) async fn propose(&self, at: usize, value: u64) -> Option<(Index, Term)> {
        self.propose_bytes(at, command(value, 0)).await
    }

    pub(in super::super) async fn propose_bytes(&self, at: usize, command: Vec<u8>) -> Option<(Index, Term)> {
        let door = self.servers[at].door.clone();
        timeout(Duration::from_secs(1), door.propose(command)).await.ok()?.ok()
    }

    /// The storm, over all servers and clients.
    pub(in super::super) async fn storm(&self, weather: Weather) {
        let clients = self.clients.borrow().clone();
        self.stage.storm(weather, &self.nodes(), &clients).await;
    }

    /// Says what the run has seen, for the story's `sometimes`.
    pub(in super::super) fn tell(&self) {
        let counts = self.probe.ghost(spec::Ghost::counts).unwrap_or_default();
        let all = self.servers.len() as u64;
        for (times, event) in [
            (counts.elected.saturating_sub(1), "leadership changed"),
            (counts.truncated, "a log was cut"),
            (counts.installed, "a snapshot was installed"),
            (counts.compacted, "a log was compacted"),
            (counts.booted.saturating_sub(all), "a server restarted"),
            (counts.changed, "the membership changed"),
            (counts.read, "a read was served"),
        ] {
            if times > 0 {
                self.stage.sometimes(event);
            }
        }
    }
}

/// A supervisor: a server whose disk failed is started again, as a new process that reads what is there.
async fn keep_running<S: StateMachine>(config: server::Config<S>) {
    loop {
        match server::run(config.clone()).await {
            Ok(()) => return,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A client's clerk; says what it is waiting for.
pub(in super::super) struct Hand {
    pub(in super::super) name: String,
    stage: Stage,
    clerk: Clerk,
    world: World,
    doing: Doing,
    written: u64,
}

impl Hand {
    /// Those of the steps of this client that take place.
    pub(super) fn each<I: IntoIterator>(&self, steps: I) -> impl Iterator<Item = I::Item> + use<I> {
        self.stage.each(&self.name, steps)
    }

    /// Appends a value that nobody else appends.
    pub(in super::super) async fn append(&mut self) {
        self.written += 1;
        let value = format!("{}-{}", self.name, self.written);
        self.note(Some(format!("append of {value}")));
        // What it cannot know stays open in the history.
        _ = self.clerk.append(&value).await;
        self.note(None);
    }

    /// Reads the list.
    pub(in super::super) async fn read(&mut self) {
        self.note(Some("read".into()));
        _ = self.clerk.read().await;
        self.note(None);
    }

    fn note(&self, what: Option<String>) {
        let mut doing = self.doing.borrow_mut();
        doing.retain(|(name, ..)| *name != self.name);
        doing.extend(what.map(|what| (self.name.clone(), self.world.now(), what)));
    }
}
