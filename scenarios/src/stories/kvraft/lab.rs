//! The generic test of 6.5840's replicated store in all its settings, once with the clients of 2024 (4A and 4B, until 2023
//! 3A and 3B), who append, and once with those of 2025 (4B and 4C), who race for versions.
//!
//! The tests of 2025 wait for their clients before they partition or crash anything. Here operations overlap with both in
//! either shape, as they did in 2024, and the history of all of them is judged, pending operations too.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::message::ReadPath;
use stormglass_systems::kvraft::protocol::PutError;

use super::super::raft::cast::Plan;
use super::super::raft::work::millis;
use super::cast::{Cast, Hand};
use super::catching;
use crate::weather::Profile::{self, LabReliable, LabUnreliable};
use crate::{Stage, Story};

/// What clients may take once everything is well.
pub(super) const CALM: Duration = Duration::from_secs(30);
/// Bytes of commands after which a snapshot is due, where there are snapshots: several times in the shortest test.
const SNAPSHOT: u64 = 250;
/// Bytes of a segment of the log, the least that is cut off.
const SEGMENT: u64 = 128;
/// Bytes that the log may have then, by the labs' factor.
const LOG: u64 = 8 * SNAPSHOT;

/// One setting of the generic test.
#[derive(Clone, Copy)]
struct Setting {
    clients: u64,
    servers: u64,
    network: Profile,
    crash: bool,
    partitions: bool,
    snapshots: bool,
    /// Keys are shared and drawn; else a client of 2024 has its own, and those of 2025 race for one.
    random_keys: bool,
    versioned: bool,
}

impl Setting {
    /// All keys that its clients write.
    fn keys(&self) -> Vec<String> {
        match (self.versioned, self.random_keys) {
            (true, true) => (0..10).map(|at| format!("k{at}")).collect(),
            (true, false) => vec!["k0".into()],
            (false, _) => (0..self.clients).map(|client| client.to_string()).collect(),
        }
    }

    const PLAIN: Setting = Setting {
        clients: 1,
        servers: 5,
        network: LabReliable,
        crash: false,
        partitions: false,
        snapshots: false,
        random_keys: false,
        versioned: false,
    };
}

/// The labs' table: how many clients and servers, which network, and of crashes, partitions, snapshots and random keys
/// those that there are.
macro_rules! settings {
    ($($name:literal: $clients:literal $servers:literal $network:ident $($flag:ident)*;)+) => {
        [$((
            concat!("kvraft/lab_", $name),
            concat!("kvraft/lab_versioned_", $name),
            Setting { clients: $clients, servers: $servers, network: $network, $($flag: true,)* ..Setting::PLAIN },
        )),+]
    };
}

pub(super) fn stories() -> Vec<Story> {
    let settings = settings! {
        "basic": 1 5 LabReliable;
        "concurrent": 5 5 LabReliable;
        "unreliable": 5 5 LabUnreliable;
        "many_partitions_one_client": 1 5 LabReliable partitions;
        "many_partitions_many_clients": 5 5 LabReliable partitions;
        "persist_one_client": 1 5 LabReliable crash;
        "persist_concurrent": 5 5 LabReliable crash;
        "persist_concurrent_unreliable": 5 5 LabUnreliable crash;
        "persist_partition": 5 5 LabReliable crash partitions;
        "persist_partition_unreliable": 5 5 LabUnreliable crash partitions;
        "persist_partition_unreliable_linearizable": 15 7 LabUnreliable crash partitions random_keys;
        "snapshot_recover": 1 5 LabReliable crash snapshots;
        "snapshot_recover_many_clients": 20 5 LabReliable crash snapshots;
        "snapshot_unreliable": 5 5 LabUnreliable snapshots;
        "snapshot_unreliable_recover": 5 5 LabUnreliable crash snapshots;
        "snapshot_unreliable_recover_partition": 5 5 LabUnreliable crash partitions snapshots;
        "snapshot_unreliable_recover_partition_linearizable":
            15 7 LabUnreliable crash partitions snapshots random_keys;
    };
    let mut stories = Vec::new();
    for versioned in [false, true] {
        for (classic, versions, setting) in settings {
            let setting = Setting { versioned, ..setting };
            let (name, claim) = if versioned {
                (versions, "The version counts the puts that were told Ok, and some of those that may be")
            } else {
                (classic, "Every append is there once, in its client's order, whatever fails meanwhile")
            };
            let mut story = catching(Story::new(name, claim, move |stage| generic(stage, setting)));
            if setting.crash {
                story = story.sometimes("a server restarted");
            }
            if setting.snapshots {
                story = story.sometimes("a log was compacted");
            }
            if setting.snapshots && setting.crash {
                story = story.sometimes("a snapshot was restored");
            }
            stories.push(story);
        }
    }
    stories
}

/// The labs' servers: ten heartbeats a second.
pub(super) fn cast(stage: &Stage, servers: u64, snapshots: bool) -> Cast {
    let mut plan = Plan::of(stage, servers);
    plan.protocol.heartbeat = millis(100);
    plan.protocol.election = millis(300)..=millis(600);
    plan.segment = SEGMENT;
    plan.snapshots.bytes = snapshots.then_some(SNAPSHOT);
    Cast::new(stage, plan, 1024)
}

/// What became of the puts at versions.
#[derive(Default)]
struct Tally {
    ok: Cell<u64>,
    maybe: Cell<u64>,
}

async fn generic(stage: Stage, setting: Setting) {
    let cast = cast(&stage, setting.servers, setting.snapshots);
    let (over, tally) = (Rc::new(Cell::new(false)), Rc::new(Tally::default()));
    for n in 0..setting.clients {
        let (over, tally, told) = (over.clone(), tally.clone(), stage.clone());
        cast.client(ReadPath::Log, move |hand| async move {
            if setting.versioned {
                race(hand, setting, &over, &tally).await;
            } else {
                append(&told, hand, setting, n, &over).await;
            }
        });
    }
    cast.network(setting.network);
    for round in 0..2 {
        storm(&cast, setting, round).await;
    }
    over.set(true);
    cast.finish(CALM).await;
    if setting.snapshots {
        outweigh(&cast, setting.versioned, &tally).await;
    }
    short_log(&cast, setting.snapshots);
    let keys = setting.keys();
    cast.client(ReadPath::Log, move |mut hand| async move {
        for key in hand.each(keys) {
            hand.get(&key).await;
        }
    });
    cast.finish(CALM).await;
    if setting.versioned && !setting.random_keys {
        let version = cast.probe.ghost(|ghost| ghost.counts().effective).unwrap_or_default();
        let (ok, maybe) = (tally.ok.get(), tally.maybe.get());
        let calm = setting.network == LabReliable && !setting.crash && !setting.partitions;
        let holds = (ok..=ok + maybe).contains(&version) && (!calm || version == ok);
        stage.claim(holds, "the version counts the puts that were told Ok, and some that may be", || {
            format!("{ok} puts were told Ok and {maybe} maybe, and the version is {version}")
        });
    }
}

/// Writes more than logs may have, so that they are short for the sake of snapshots and not because little was written. What
/// another leader has overwritten stays until a snapshot and calls for none; there are some now that all is calm.
async fn outweigh(cast: &Cast, versioned: bool, tally: &Rc<Tally>) {
    let tally = tally.clone();
    cast.client(ReadPath::Log, move |mut hand| async move {
        let mut version = 0;
        for _ in hand.each(0..LOG / SNAPSHOT) {
            let value = hand.fresh() + &"x".repeat(SNAPSHOT as usize);
            if !versioned {
                _ = hand.put("weight", &value).await;
                continue;
            }
            match hand.put_at("weight", &value, version).await {
                Ok(()) => tally.ok.set(tally.ok.get() + 1),
                Err(PutError::Maybe) => tally.maybe.set(tally.maybe.get() + 1),
                Err(_) => {}
            }
            version = hand.get("weight").await.map_or(0, |found| found.version);
        }
    });
    cast.finish(CALM).await;
}

/// A round: servers fall into two sides, by a coin each, a few times; then all of them crash and start again. Clients go on
/// meanwhile.
async fn storm(cast: &Cast, setting: Setting, round: u64) {
    let stream = cast.world.stream("storm");
    if !setting.partitions {
        sleep(millis(600)).await;
    }
    if setting.snapshots {
        // One client alone must write enough for several.
        sleep(millis(600)).await;
    }
    for step in 0..if setting.partitions { 2 } else { 0 } {
        if cast.stage.happens(&format!("partition {round}.{step}")) {
            let (one, other): (Vec<usize>, Vec<usize>) =
                cast.all().into_iter().partition(|_| stream.below(2) == 0);
            cast.split(&[&one, &other]);
        }
        sleep(millis(600 + stream.below(200))).await;
    }
    cast.world.heal();
    if setting.crash && cast.stage.happens(&format!("crash {round}")) {
        for at in cast.all() {
            cast.crash(at);
        }
        sleep(millis(300)).await;
        for at in cast.all() {
            cast.restart(at);
        }
    }
    sleep(millis(300)).await;
}

/// So that all clients together do as much, however many there are.
async fn pause(setting: Setting) {
    sleep(millis(1 + below(16 * setting.clients))).await;
}

/// A client of 2024: appends to its own key and foresees every answer, or does as others do to all keys.
async fn append(stage: &Stage, mut hand: Hand, setting: Setting, client: u64, over: &Cell<bool>) {
    let own = client.to_string();
    let mut foreseen = String::new();
    while !over.get() && hand.happens() {
        let key = if setting.random_keys { below(setting.clients).to_string() } else { own.clone() };
        let value = hand.fresh();
        if setting.random_keys && below(20) == 0 {
            _ = hand.put(&key, &value).await;
        } else if below(2) == 0 {
            _ = hand.append(&key, &value).await;
            foreseen.push_str(&value);
        } else {
            let found = hand.get(&key).await.map_or_else(String::new, |found| found.value);
            let right = setting.random_keys || found == foreseen;
            stage.claim(right, "a client that alone writes a key foresees every answer", || {
                format!("a get of {key} showed {found:?}, and {foreseen:?} had been appended")
            });
        }
        pause(setting).await;
    }
}

/// A client of 2025: puts at the version that it knows, and looks.
async fn race(mut hand: Hand, setting: Setting, over: &Cell<bool>, tally: &Tally) {
    let mut known = vec![0; if setting.random_keys { 10 } else { 1 }];
    while !over.get() && hand.happens() {
        let at = below(known.len() as u64) as usize;
        let (key, value) = (format!("k{at}"), hand.fresh());
        match hand.put_at(&key, &value, known[at]).await {
            Ok(()) => tally.ok.set(tally.ok.get() + 1),
            Err(PutError::Maybe) => tally.maybe.set(tally.maybe.get() + 1),
            Err(_) => {}
        }
        known[at] = hand.get(&key).await.map_or(0, |found| found.version);
        pause(setting).await;
    }
}

/// Logs are no longer than [`LOG`]; where nobody asked for snapshots there is none.
pub(super) fn short_log(cast: &Cast, snapshots: bool) {
    for at in cast.all() {
        let Some(status) = cast.status(at) else { continue };
        if snapshots {
            cast.stage.claim(status.log_bytes <= LOG, "the log is kept short", || {
                format!("the log of s{} has {} bytes; {LOG} are allowed", status.id, status.log_bytes)
            });
        } else {
            cast.stage.claim(status.snapshot == 0, "nobody asked for snapshots", || {
                format!("s{} made one at {}", status.id, status.snapshot)
            });
        }
    }
}
