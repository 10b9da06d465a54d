//! What a caller and the other servers are told at turns that stories seldom take.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use stormglass_sim::net::{Bandwidth, LinkConfig};
use stormglass_sim::sync::{mpsc, oneshot};
use stormglass_sim::task::spawn;
use stormglass_sim::time::{Instant, sleep};
use stormglass_sim::{NodeId, Seed, Sim, rand};

use super::super::bugs::Bugs;
use super::super::message::{
    AppendEntries, Configuration, Entry, Payload, Reply, Request, SnapshotMeta, Vote,
};
use super::super::protocol::{self, Input, Raft, Recovered, SendChunk};
use super::super::storage::Storage;
use super::applier::{Replica, Waiter, Work};
use super::event::{Call, Event};
use super::shared::Shared;
use super::turn::Turn;
use super::wire::Wire;
use super::{Config, Door, Error, StateMachine, SubmitError};

/// A state machine that nobody asks.
struct Idle;

impl StateMachine for Idle {
    fn apply(&mut self, _: u64, _: u64, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn read(&self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// The loop of server 1 of 3, and all that it talks to.
struct Loop {
    turn: Turn<Idle>,
    events: mpsc::Sender<Event>,
    arriving: mpsc::Receiver<Event>,
    work: mpsc::UnboundedReceiver<Work>,
}

impl Loop {
    /// With a snapshot up to this entry, of which the disk knows nothing.
    async fn new(snapshot: u64) -> Loop {
        let peers: BTreeMap<_, _> = (1..=3).map(|id| (id, format!("s{id}:7000"))).collect();
        let config = Rc::new(Config::new(protocol::Config::new(1), peers, || Idle));
        let members = Configuration { voters: (1..=3).collect(), ..Configuration::default() };
        let meta = SnapshotMeta { last_index: snapshot, last_term: snapshot.min(1), config: members };
        let recovered = Recovered { snapshot: meta, ..Recovered::default() };
        let raft = Raft::new(config.protocol.clone(), recovered, Duration::ZERO, Box::new(rand::below));
        let (storage, _) = Storage::open(config.storage.clone(), config.protocol.bugs).await.unwrap();
        let shared = Rc::new(Shared::new(1, raft, config.storage.clone()));
        let replica = Rc::new(Replica { machine: RefCell::new(Idle), applied: Cell::new(snapshot) });
        let (events, arriving) = mpsc::channel(64);
        let wire = Rc::new(Wire::new((0, 1), &config.peers, config.patience, events.clone()));
        let (orders, work) = mpsc::unbounded_channel();
        let turn = Turn::new(config, shared, replica, storage, wire, orders, Instant::now());
        Loop { turn, events, arriving, work }
    }
}

/// Runs `test` on a node of a world.
fn on_a_node<F: Future<Output = ()> + 'static>(test: fn() -> F) {
    let outcome = Sim::new(Seed(1)).run(move |world| async move {
        let node = world.node("s1", || async {});
        world.spawn_on(node, test()).await.unwrap();
    });
    outcome.unwrap();
}

/// Elected by the first event of a group, and deposed by the last: whoever submitted in between is told.
#[test]
fn a_leader_of_one_turn_tells_its_callers_that_it_is_deposed() {
    on_a_node(|| async {
        let Loop { turn, events, arriving, mut work } = Loop::new(0).await;
        let shared = turn.shared.clone();
        drop(spawn(turn.run(arriving)));
        let send = |event| events.try_send(event).unwrap();
        let promise = Vote { term: 1, granted: true };
        while shared.raft.borrow().term() == 0 {
            sleep(Duration::from_millis(10)).await;
            send(Event::Input(Input::Reply(2, Reply::PreVote(promise.clone()))));
        }
        let (reply, mut answer) = oneshot::channel();
        let (asked, _) = oneshot::channel();
        let appended =
            AppendEntries { term: 9, prev_index: 0, prev_term: 0, entries: Vec::new(), commit: 0, round: 1 };
        send(Event::Input(Input::Reply(2, Reply::Vote(promise))));
        send(Event::Call(Call::Submit { command: Bytes::from_static(b"x"), reply }));
        send(Event::Request { from: 3, request: Request::AppendEntries(appended), reply: asked });
        sleep(Duration::from_millis(10)).await;
        assert_eq!(shared.raft.borrow().term(), 9);
        assert!(answer.try_recv().is_err(), "the applier tells it");
        let mut told = Vec::new();
        while let Ok(work) = work.try_recv() {
            told.push(match work {
                Work::Await { index, term, .. } => format!("await {index} of term {term}"),
                Work::Deposed => "deposed".into(),
                _ => "something else".into(),
            });
        }
        assert_eq!(told, ["await 2 of term 1", "deposed"]);
    });
}

#[test]
fn a_leader_that_cannot_read_its_snapshot_ends() {
    on_a_node(|| async {
        let Loop { turn, mut arriving, .. } = Loop::new(5).await;
        let meta = |last_index| SnapshotMeta { last_index, last_term: 1, ..SnapshotMeta::default() };
        let chunk = |last_index| SendChunk { to: 2, term: 1, meta: meta(last_index), offset: 0, round: 1 };
        // One that a later snapshot has replaced may be gone.
        turn.send_chunk(chunk(3));
        assert!(matches!(arriving.recv().await, Some(Event::Input(Input::Silence(2)))));
        turn.send_chunk(chunk(5));
        assert!(matches!(arriving.recv().await, Some(Event::Failed(Error::Storage(_)))));
    });
}

/// No leader of its cluster removes what a follower knows to be committed.
#[test]
fn a_follower_that_is_to_lose_what_is_committed_ends() {
    on_a_node(|| async {
        let Loop { turn, events, arriving, .. } = Loop::new(0).await;
        let storage = turn.config.storage.clone();
        let ended = spawn(turn.run(arriving));
        let entries = |term| {
            let payload = Payload::Command(Bytes::from(format!("of term {term}")));
            vec![Entry { index: 1, term, payload }]
        };
        for (from, term, commit) in [(2, 1, 1), (3, 2, 0)] {
            let (reply, _answer) = oneshot::channel();
            let (prev_index, prev_term, entries) = (0, 0, entries(term));
            let request = AppendEntries { term, prev_index, prev_term, entries, commit, round: 1 };
            let request = Request::AppendEntries(request);
            events.try_send(Event::Request { from, request, reply }).unwrap();
            sleep(Duration::from_millis(10)).await;
        }
        let error = ended.await.unwrap();
        let text = error.to_string();
        assert!(text.contains("server 3") && text.contains("up to 1 to be committed"), "{text}");
        let (_, found) = Storage::open(storage, Bugs::NONE).await.unwrap();
        assert_eq!(found.recovered.entries, entries(1), "it is there yet");
    });
}

/// The terms of two servers that have each other for peers, the first of cluster 5, after a while.
fn terms_after(cluster: u64) -> Vec<u64> {
    let outcome = Sim::new(Seed(1)).run(move |world| async move {
        let peers: BTreeMap<_, _> = (1..=2).map(|id| (id, format!("s{id}:7000"))).collect();
        let doors: Vec<Door> = (1..=2)
            .map(|id| {
                let protocol = protocol::Config::new(id);
                let cluster = if id == 1 { 5 } else { cluster };
                let config = Config { cluster, ..Config::new(protocol, peers.clone(), || Idle) };
                let door = config.door.clone();
                world.node(&format!("s{id}"), move || {
                    let config = config.clone();
                    async move { drop(super::run(config).await) }
                });
                door
            })
            .collect();
        sleep(Duration::from_secs(5)).await;
        doors.iter().map(|door| door.status().unwrap().term).collect::<Vec<u64>>()
    });
    outcome.unwrap()
}

#[test]
fn servers_of_two_clusters_do_not_hear_each_other() {
    assert!(terms_after(5).iter().all(|term| *term > 0), "two of two elect");
    assert_eq!(terms_after(6), [0, 0], "nobody has a second vote");
}

/// A large entry is on its way to a follower for longer than the answer to a small message.
#[test]
fn a_large_entry_is_sent_once() {
    const BYTES: usize = 4 << 20;
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let peers: BTreeMap<_, _> = (1..=3).map(|id| (id, format!("s{id}:7000"))).collect();
        let server = |id| {
            let config = Config::new(protocol::Config::new(id), peers.clone(), || Idle);
            let door = config.door.clone();
            let node = world.node(&format!("s{id}"), move || {
                let config = config.clone();
                async move { drop(super::run(config).await) }
            });
            (node, door)
        };
        let servers: Vec<(NodeId, Door)> = (1..=3).map(server).collect();
        let leads = |(_, door): &&(NodeId, Door)| door.status().is_some_and(|status| status.leads);
        while !servers.iter().any(|server| leads(&server)) {
            sleep(Duration::from_millis(10)).await;
        }
        let (leader, door) = servers.iter().find(leads).unwrap().clone();
        let (slow, _) = servers.iter().find(|(node, _)| *node != leader).unwrap().clone();
        let bandwidth = Bandwidth { bytes_per_second: 2 << 20, queue_bytes: 64 << 20 };
        let line = LinkConfig { bandwidth: Some(bandwidth), ..world.link_config(leader, slow) };
        world.link(leader, slow, line);
        door.submit(vec![7; BYTES]).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        let link = (world.name(leader), world.name(slow));
        world.counters().links[&link].bytes
    });
    let bytes = outcome.unwrap();
    assert!(bytes < 3 * BYTES as u64 / 2, "{bytes} bytes");
}

/// A command that was replaced is certainly not executed; of a change, the joint half may be in force.
#[test]
fn what_was_replaced_is_certain_for_a_command_alone() {
    let (result, mut command) = oneshot::channel();
    Waiter::Result(result).replaced();
    assert_eq!(command.try_recv().unwrap(), Err(SubmitError::Replaced));
    let (index, mut change) = oneshot::channel();
    Waiter::Index(index).replaced();
    assert_eq!(change.try_recv().unwrap(), Err(SubmitError::Unknown));
}
