//! 6.5840 lab 4A, and the test of 4C that is about it: a counter that is replicated, and what becomes of those who
//! submit to it. The network is reliable in all of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::task::spawn;
use stormglass_sim::time::{Instant, sleep};
use stormglass_systems::raft::message::{Index, ServerId, Term};
use stormglass_systems::raft::server::{self, SnapshotPolicy, StateMachine, SubmitError};
use stormglass_systems::rsm::{decode, encode};

use super::super::raft::cast::{Cast as Raft, Plan};
use super::super::raft::work::millis;
use super::catching;
use crate::weather::Profile;
use crate::{Stage, Story};

/// What the counters may take to be equal.
const EQUAL: Duration = Duration::from_secs(10);
/// Bytes that a log may have; twice the labs' limit for a snapshot, as there.
const LOG: u64 = 2000;

pub(super) fn stories() -> Vec<Story> {
    let replies = "A submitted command is executed once, on every server, and answered with its result";
    let away = "What two of three execute, the third executes when it is back";
    let trap =
        "Nobody is told that a command was done which a deposed leader had taken, and nobody waits for ever";
    let replay = "After a restart the log is executed once more, to the same result";
    let ends = "Whoever waits at a server that ends is answered";
    let small = "The log is kept short, and nothing is lost with what was cut";
    [
        Story::new("kvraft/lab_rsm_basic", replies, basic),
        Story::new("kvraft/lab_rsm_concurrent", replies, concurrent),
        Story::new("kvraft/lab_rsm_leader_failure", away, leader_failure),
        Story::new("kvraft/lab_rsm_leader_partition", trap, leader_partition),
        Story::new("kvraft/lab_rsm_restart_replay", replay, restart_replay),
        Story::new("kvraft/lab_rsm_shutdown", ends, shutdown),
        Story::new("kvraft/lab_rsm_restart_submit", ends, restart_submit),
        Story::new("kvraft/lab_rsm_snapshot", small, snapshot).sometimes("a log was compacted"),
    ]
    .map(catching)
    .into()
}

/// What the labs' test service does.
const NOTHING: u8 = 0;
const INC: u8 = 1;
/// To be executed by nobody.
const DEC: u8 = 2;

/// The counters of all servers, and how often one was told to count down.
#[derive(Default)]
struct Book {
    counters: BTreeMap<ServerId, u64>,
    downs: u64,
}

struct Counter {
    id: ServerId,
    value: u64,
    book: Rc<RefCell<Book>>,
}

impl Counter {
    fn is(&mut self, value: u64) {
        self.value = value;
        self.book.borrow_mut().counters.insert(self.id, value);
    }
}

impl StateMachine for Counter {
    fn apply(&mut self, _: Index, _: Term, command: &[u8]) -> Vec<u8> {
        match command {
            [INC] => self.is(self.value + 1),
            [DEC] => self.book.borrow_mut().downs += 1,
            _ => {}
        }
        encode(&self.value)
    }

    fn read(&self, _: &[u8]) -> Vec<u8> {
        encode(&self.value)
    }

    fn snapshot(&self) -> Vec<u8> {
        encode(&self.value)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.is(decode(snapshot)?);
        Ok(())
    }
}

/// The cast of one run.
struct Cast {
    raft: Raft,
    book: Rc<RefCell<Book>>,
    last: Cell<usize>,
}

/// Commands that wait, and those that were done.
struct Batch {
    waiting: Rc<Cell<usize>>,
    done: Rc<Cell<usize>>,
}

impl Cast {
    /// Three servers. A leader of the labs does not look whether anybody hears it.
    fn new(stage: &Stage, snapshots: bool) -> Cast {
        let mut plan = Plan::of(stage, 3);
        plan.protocol.check_quorum = false;
        plan.protocol.heartbeat = millis(100);
        plan.protocol.election = millis(300)..=millis(600);
        plan.segment = 256;
        let snapshots = SnapshotPolicy { entries: snapshots.then_some(20), bytes: None };
        let book: Rc<RefCell<Book>> = Rc::default();
        let entered = book.clone();
        let raft = Raft::of(stage, plan, move |protocol, peers| {
            let (id, book) = (protocol.id, entered.clone());
            let machine = move || {
                let mut counter = Counter { id, value: 0, book: book.clone() };
                counter.is(0);
                counter
            };
            server::Config { snapshots, ..server::Config::new(protocol, peers, machine) }
        });
        Profile::LabReliable.among(stage.world(), &raft.nodes());
        Cast { raft, book, last: Cell::new(0) }
    }

    /// `onePartition`: of the servers that are not cut off, one takes it; up to 10 s. The result.
    async fn inc(&self) -> u64 {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            for place in 0..3 {
                let at = (self.last.get() + place) % 3;
                if !self.raft.connected().contains(&at) {
                    continue;
                }
                if let Ok(result) = self.raft.servers[at].door.submit(vec![INC]).await {
                    self.last.set(at);
                    return decode(&result).unwrap_or_default();
                }
            }
            sleep(millis(50)).await;
        }
        self.raft.stalled("a command is executed within 10 s", &self.raft.all()).await;
        0
    }

    /// The reply is this, and so are the counters of so many servers.
    async fn counts(&self, reply: u64, expected: u64, servers: usize) {
        self.raft.stage.claim(reply == expected, "the reply is the counter", || {
            format!("{expected} were counted, and the reply was {reply}")
        });
        let equal = || {
            let book = self.book.borrow();
            let up = self.raft.all().into_iter().filter(|&at| self.raft.status(at).is_some());
            let ids = up.map(|at| self.raft.servers[at].id);
            ids.filter(|id| book.counters.get(id) == Some(&expected)).count() >= servers
        };
        let seen = || format!("{:?}; {}", self.book.borrow().counters, self.raft.standing(&self.raft.all()));
        self.raft.stage.converges(EQUAL, "the counters are equal", equal, seen).await;
    }

    /// Submits so many commands at once.
    fn submit(&self, at: usize, command: u8, count: usize) -> Batch {
        let batch = Batch { waiting: Rc::new(Cell::new(count)), done: Rc::default() };
        for _ in 0..count {
            let door = self.raft.servers[at].door.clone();
            let (waiting, done) = (batch.waiting.clone(), batch.done.clone());
            drop(spawn(async move {
                let result: Result<Vec<u8>, SubmitError> = door.submit(vec![command]).await;
                waiting.set(waiting.get() - 1);
                done.set(done.get() + usize::from(result.is_ok()));
            }));
        }
        batch
    }

    async fn returned(&self, batch: &Batch, within: Duration) {
        let waits = || format!("{} commands wait", batch.waiting.get());
        let claim = "whoever submitted is answered";
        self.raft.stage.converges(within, claim, || batch.waiting.get() == 0, waits).await;
    }

    async fn leader(&self) -> usize {
        self.raft.elected(&self.raft.connected(), Duration::from_secs(5)).await
    }

    fn stop_all(&self) {
        self.raft.all().into_iter().for_each(|at| self.raft.crash(at));
    }

    async fn restart_all(&self) {
        self.stop_all();
        sleep(millis(200)).await;
        self.raft.all().into_iter().for_each(|at| self.raft.restart(at));
    }
}

/// `TestBasic4A`.
async fn basic(stage: Stage) {
    let cast = Cast::new(&stage, false);
    for expected in 1..=10 {
        cast.counts(cast.inc().await, expected, 3).await;
    }
}

/// `TestConcurrent4A`.
async fn concurrent(stage: Stage) {
    let cast = Cast::new(&stage, false);
    let batch = cast.submit(cast.leader().await, INC, 50);
    cast.returned(&batch, Duration::from_secs(10)).await;
    cast.counts(50, batch.done.get() as u64, 3).await;
}

/// `TestLeaderFailure4A`.
async fn leader_failure(stage: Stage) {
    let cast = Cast::new(&stage, false);
    cast.counts(cast.inc().await, 1, 3).await;
    let leader = cast.leader().await;
    cast.raft.cut(leader);
    cast.counts(cast.inc().await, 2, 2).await;
    cast.raft.join(leader);
    cast.counts(2, 2, 3).await;
}

/// `TestLeaderPartition4A`.
async fn leader_partition(stage: Stage) {
    let cast = Cast::new(&stage, false);
    cast.counts(cast.inc().await, 1, 3).await;
    let leader = cast.leader().await;
    cast.raft.cut(leader);
    let batch = cast.submit(leader, DEC, 100);
    sleep(millis(10)).await;
    cast.counts(cast.inc().await, 2, 2).await;
    sleep(millis(1000)).await;
    stage.claim(
        batch.waiting.get() > 0,
        "a leader that is cut off waits to see what becomes of them",
        || "all were answered within a second".into(),
    );
    cast.raft.join(leader);
    cast.returned(&batch, millis(1000)).await;
    let (done, downs) = (batch.done.get(), cast.book.borrow().downs);
    stage.claim((done, downs) == (0, 0), "what a deposed leader had taken is not done", || {
        format!("{done} were told that it is, and {downs} were executed")
    });
    cast.counts(2, 2, 3).await;
}

/// `TestRestartReplay4A`, with 40 commands.
async fn restart_replay(stage: Stage) {
    let cast = Cast::new(&stage, false);
    for expected in 1..=40 {
        cast.counts(cast.inc().await, expected, 3).await;
    }
    cast.restart_all().await;
    cast.counts(cast.inc().await, 41, 3).await;
}

/// `TestShutdown4A`.
async fn shutdown(stage: Stage) {
    let cast = Cast::new(&stage, false);
    let batch = cast.submit(cast.leader().await, NOTHING, 100);
    sleep(millis(cast.raft.world.stream("shutdown").below(20))).await;
    cast.stop_all();
    cast.returned(&batch, Duration::from_secs(11)).await;
}

/// `TestRestartSubmit4A`, with 40 commands.
async fn restart_submit(stage: Stage) {
    let cast = Cast::new(&stage, false);
    for expected in 1..=40 {
        cast.counts(cast.inc().await, expected, 3).await;
    }
    cast.restart_all().await;
    cast.counts(cast.inc().await, 41, 3).await;
    let batch = cast.submit(cast.leader().await, NOTHING, 100);
    sleep(millis(cast.raft.world.stream("shutdown").below(20))).await;
    cast.stop_all();
    cast.returned(&batch, Duration::from_secs(11)).await;
    cast.restart_all().await;
    cast.counts(cast.inc().await, 42, 3).await;
}

/// `TestSnapshot4C`.
async fn snapshot(stage: Stage) {
    let cast = Cast::new(&stage, true);
    for expected in 1..=100 {
        cast.counts(cast.inc().await, expected, 3).await;
    }
    for at in cast.raft.all() {
        let bytes = cast.raft.status(at).map_or(0, |status| status.log_bytes);
        stage.claim(bytes <= LOG, "the log is kept short", || {
            format!("it has {bytes} bytes; {LOG} are allowed")
        });
    }
    cast.restart_all().await;
    cast.counts(cast.inc().await, 101, 3).await;
    cast.raft.tell();
}
