//! The disk as a server uses it, and every way to go down in the middle of it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use stormglass_sim::fs::{self, Calm, Disk, Fault, FaultRule};
use stormglass_sim::net::Latency;
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, Seed, Sim, World};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Entry, Index, Payload, SnapshotMeta, Term};
use super::super::protocol::{HardState, Persist};
use super::{Config, Found, Snapshot, Storage, write_snapshot};

/// What a server does with its disk, in order.
enum Act {
    Persist(Vec<Persist>),
    Snapshot(Snapshot),
}

fn entries(from: Index, to: Index, term: Term) -> Vec<Entry> {
    let entry = |index: Index| {
        let payload = Payload::Command(Bytes::from(vec![index as u8 | 1; 40 * index as usize]));
        Entry { index, term, payload }
    };
    (from..=to).map(entry).collect()
}

fn noop(index: Index, term: Term) -> Entry {
    Entry { index, term, payload: Payload::Noop }
}

fn hard(term: Term, voted_for: Option<u64>) -> Persist {
    Persist::HardState(HardState { term, voted_for })
}

fn meta(last_index: Index, last_term: Term) -> SnapshotMeta {
    SnapshotMeta { last_index, last_term, ..SnapshotMeta::default() }
}

fn chunk(meta: &SnapshotMeta, total: u64, offset: u64, byte: u8) -> Persist {
    Persist::Chunk { meta: meta.clone(), total, offset, bytes: Bytes::from(vec![byte; 3]) }
}

/// Elections, entries, a truncation, a snapshot of one's own, a leader's that voids the log, and one that does not.
fn script() -> Vec<Act> {
    let (theirs, kept) = (meta(30, 4), meta(31, 4));
    let act = Act::Persist;
    vec![
        act(vec![hard(1, None)]),
        act(vec![hard(1, Some(2))]),
        act(vec![Persist::Append(entries(1, 3, 1))]),
        act(vec![hard(2, None), Persist::Append(entries(4, 9, 2))]),
        act(vec![hard(3, Some(1)), Persist::Truncate(7), Persist::Append(entries(7, 8, 3))]),
        act(vec![Persist::Truncate(8), Persist::Append(entries(8, 10, 3))]),
        Act::Snapshot(Snapshot { meta: meta(7, 3), bytes: vec![7; 70] }),
        act(vec![Persist::Compact(7)]),
        act(vec![Persist::Append(entries(11, 14, 3))]),
        act(vec![hard(4, None), chunk(&theirs, 6, 0, 1)]),
        act(vec![chunk(&theirs, 6, 3, 2), Persist::Install { meta: theirs, keep_suffix: false }]),
        act(vec![hard(4, Some(3)), Persist::Append(entries(31, 33, 4))]),
        act(vec![chunk(&kept, 3, 0, 3), Persist::Install { meta: kept, keep_suffix: true }]),
        act(vec![Persist::Append(entries(34, 36, 4))]),
        act(vec![hard(5, None), Persist::Append(vec![noop(37, 5)])]),
        act(vec![hard(6, None), Persist::Append(vec![noop(38, 6)])]),
    ]
}

/// What may be on a disk, by the contract alone.
#[derive(Clone, Default)]
struct Model {
    hard: HardState,
    snapshot: SnapshotMeta,
    /// All entries after the last that a snapshot voided.
    base: Index,
    log: Vec<Entry>,
}

impl Model {
    fn change(&mut self, change: &Persist) {
        match change {
            Persist::HardState(state) => self.hard = *state,
            Persist::Truncate(from) => self.log.retain(|entry| entry.index < *from),
            Persist::Append(entries) => self.log.extend(entries.iter().cloned()),
            Persist::Install { meta, keep_suffix } => {
                self.snapshot = meta.clone();
                if !keep_suffix {
                    (self.base, self.log) = (meta.last_index, Vec::new());
                }
            }
            Persist::Chunk { .. } | Persist::Compact(_) | Persist::Overtaken(_) => {}
        }
    }

    /// What a server would find that has this log and `snapshot`.
    fn entries_after(&self, snapshot: &SnapshotMeta) -> Vec<Entry> {
        let last = self.log.iter().find(|entry| entry.index == snapshot.last_index);
        let follows =
            snapshot.last_index == self.base || last.is_some_and(|entry| entry.term == snapshot.last_term);
        let after = self.log.iter().filter(|entry| follows && entry.index > snapshot.last_index);
        after.cloned().collect()
    }
}

/// Whether a disk may say `found` when `done` acts had returned and the next one had perhaps begun.
fn allowed(script: &[Act], done: usize, found: &Found) -> bool {
    let mut model = Model::default();
    for act in &script[..done] {
        match act {
            Act::Persist(changes) => changes.iter().for_each(|change| model.change(change)),
            Act::Snapshot(snapshot) => model.snapshot = snapshot.meta.clone(),
        }
    }
    let mut logs = vec![model.clone()];
    let mut after = model.clone();
    match script.get(done) {
        Some(Act::Persist(changes)) => {
            for change in changes {
                after.change(change);
                logs.push(after.clone());
            }
        }
        Some(Act::Snapshot(snapshot)) => after.snapshot = snapshot.meta.clone(),
        None => {}
    }
    let recovered = &found.recovered;
    let states = [&model, &after];
    // A server that has an entry of a term knows that term, or it would vote in it again.
    recovered.entries.iter().all(|entry| entry.term <= recovered.hard.term)
        && states.iter().any(|state| state.hard == recovered.hard)
        && states.iter().any(|state| state.snapshot == recovered.snapshot)
        && logs.iter().any(|state| state.entries_after(&recovered.snapshot) == recovered.entries)
}

/// One run: how it goes down, and what goes wrong.
#[derive(Clone, Copy)]
struct Run {
    bugs: Bugs,
    /// When the node goes down the first time.
    at: Duration,
    /// How it goes down, then and at the second time.
    blows: [fn(World, NodeId); 2],
    disk: fn(&mut Disk),
    seed: u64,
}

fn quick(disk: &mut Disk) {
    let micros = |n| Latency::Constant(Duration::from_micros(n));
    disk.configure(|config| (config.read, config.write, config.sync) = (micros(1), micros(9), micros(12)));
}

/// What each incarnation found, and the term and vote that it left.
type Finds = Rc<RefCell<Vec<Option<Result<(Found, HardState), String>>>>>;

/// Plays the script on a node that goes down once, and again after it has recovered. What is wrong with what it found.
fn play(run: Run) -> Result<usize, String> {
    let script = Rc::new(script());
    let outcome = Sim::new(Seed(run.seed)).run(|world| async move {
        let done = Rc::new(Cell::new(0));
        let finds: Finds = Rc::default();
        let (acts, count, seen) = (script.clone(), done.clone(), finds.clone());
        let node = world.node("server", move || {
            seen.borrow_mut().push(None);
            server(run.bugs, acts.clone(), count.clone(), seen.clone())
        });
        world.disk(node, |disk| {
            quick(disk);
            (run.disk)(disk);
        });
        sleep(run.at).await;
        for blow in run.blows {
            blow(world, node);
            world.disk(node, Disk::clear_faults);
            world.restart(node);
            sleep(Duration::from_millis(2)).await;
        }
        let finds = finds.borrow();
        let mut left: Option<Found> = None;
        for found in finds.iter().skip(1) {
            let found = found.as_ref().expect("recovery takes less than the pause");
            let (found, hard) =
                found.as_ref().map_err(|error| format!("after {} acts: {error}", done.get()))?;
            if left.as_ref().is_some_and(|left| left != found) {
                return Err("it believed what was not durable, or wrote what could not be read".into());
            }
            if left.is_none() && !allowed(&script, done.get(), found) {
                let log = found.recovered.entries.iter().map(|entry| (entry.index, entry.term));
                let (hard, log) = (found.recovered.hard, log.collect::<Vec<_>>());
                return Err(format!("after {} acts it found {hard:?} and {log:?}", done.get()));
            }
            let mut found = found.clone();
            found.recovered.hard = *hard;
            left = Some(found);
        }
        Ok(done.get())
    });
    outcome.unwrap()
}

/// Opens its disk, and plays the script if it is the first incarnation; a later one has another vote to remember.
async fn server(bugs: Bugs, script: Rc<Vec<Act>>, done: Rc<Cell<usize>>, finds: Finds) {
    let config = Config { segment: 700, ..Config::default() };
    let first = finds.borrow().len() == 1;
    let tell = |came| *finds.borrow_mut().last_mut().unwrap() = Some(came);
    let (mut storage, found) = match Storage::open(config.clone(), bugs).await {
        Ok(opened) => opened,
        Err(error) => return tell(Err(error.to_string())),
    };
    let HardState { term, .. } = found.recovered.hard;
    if !first {
        let vote = HardState { term: term + 1, voted_for: Some(9) };
        let voted = storage.persist(vec![Persist::HardState(vote)]).await;
        return tell(voted.map(|()| (found, vote)).map_err(|error| error.to_string()));
    }
    for act in script.iter() {
        let acted = match act {
            Act::Persist(changes) => storage.persist(changes.clone()).await,
            Act::Snapshot(snapshot) => write_snapshot(&config, snapshot, bugs).await,
        };
        if acted.is_err() {
            return;
        }
        done.set(done.get() + 1);
    }
}

const CRASH: fn(World, NodeId) = |world, node| world.crash(node);
const POWER: fn(World, NodeId) = |world, node| world.power_off(node);

/// Goes down at every microsecond of the script, in all ways. How many acts had been done at most, or what was wrong.
fn everywhere(bugs: Bugs, disk: fn(&mut Disk), seeds: u64) -> Result<usize, String> {
    let mut most = 0;
    for at in 0..2000 {
        for blows in [[CRASH, POWER], [POWER, POWER], [POWER, CRASH]] {
            for seed in 0..seeds {
                let at = Duration::from_micros(at);
                most = most.max(play(Run { bugs, at, blows, disk, seed: seed + at.as_micros() as u64 })?);
            }
        }
        if most == script().len() {
            break;
        }
    }
    Ok(most)
}

#[test]
fn what_was_persisted_survives_and_nothing_else_appears() {
    assert_eq!(everywhere(Bugs::NONE, |_| {}, 1), Ok(script().len()), "the script does not end in time");
}

fn failing_syncs(disk: &mut Disk) {
    let of_the_log = |path: &Path| path.to_string_lossy().contains("log-");
    disk.fault(FaultRule::new(Fault::SyncError).when(of_the_log).nth(5));
}

#[test]
fn a_failed_sync_ends_it_and_nothing_is_lost() {
    let most = everywhere(Bugs::NONE, failing_syncs, 1).unwrap();
    assert!((1..script().len()).contains(&most), "{most} acts");
}

#[test]
fn every_wrong_belief_about_the_disk_is_seen() {
    for bug in [
        Bug::VoteNotSynced,
        Bug::TermNotPersisted,
        Bug::CompactsBeforeDurable,
        Bug::TrustsTornTail,
        Bug::TrustsPageCache,
        Bug::ForgetsDirectory,
    ] {
        assert!(everywhere(Bugs::only(bug), |_| {}, 4).is_err(), "{bug:?}");
    }
    assert!(everywhere(Bugs::only(Bug::IgnoresFsyncError), failing_syncs, 1).is_err());
}

/// A segment that a later one knows to be longer, a hole in the row, a log that is gone: refused, and named.
#[test]
fn lost_promises_are_refused_by_name() {
    let refusal = |damage: fn(&mut Disk)| {
        let outcome = Sim::new(Seed(1)).run(move |world| async move {
            let config = || Config { segment: 1, ..Config::default() };
            let node = world.node("server", || async {});
            let opened = world.spawn_on(node, async move {
                let (mut storage, _) = Storage::open(config(), Bugs::NONE).await.unwrap();
                for index in 1..=3 {
                    storage.persist(vec![Persist::Append(entries(index, index, 1))]).await.unwrap();
                }
            });
            opened.await.unwrap();
            world.disk(node, |disk| {
                damage(disk);
                disk.drop_caches();
            });
            let again =
                world.spawn_on(node, async move { Storage::open(config(), Bugs::NONE).await.map(drop) });
            again.await.unwrap().map_err(|error| error.to_string())
        });
        outcome.unwrap()
    };
    const SEGMENT: &str = "/raft/log-00000000000000000002";
    assert_eq!(refusal(|_| {}), Ok(()));
    let last_byte = refusal(|disk| {
        let length = disk.content(SEGMENT).unwrap().len() as u64;
        assert!(disk.flip_bit(SEGMENT, length - 1, 0).unwrap());
    });
    let text = last_byte.unwrap_err();
    assert!(text.contains("log-00000000000000000002") && text.contains("bytes had been synced"), "{text}");
    let first_byte = refusal(|disk| assert!(disk.flip_bit(SEGMENT, 20, 0).unwrap()));
    assert!(first_byte.unwrap_err().contains("does not begin as one"));
    let gone = refusal(|disk| disk.remove_file(SEGMENT, &mut Calm).unwrap());
    assert!(gone.unwrap_err().contains("what lies between is lost"));
}

#[test]
fn a_snapshot_that_a_leaders_has_overtaken_goes_with_the_next() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let node = world.node("server", || async {});
        let left = world.spawn_on(node, async move {
            let config = Config::default();
            let (mut storage, _) = Storage::open(config.clone(), Bugs::NONE).await.unwrap();
            let theirs = meta(30, 4);
            let install = Persist::Install { meta: theirs.clone(), keep_suffix: false };
            storage.persist(vec![hard(4, None), chunk(&theirs, 3, 0, 1), install]).await.unwrap();
            let own = |index| Snapshot { meta: meta(index, 4), bytes: vec![7; 70] };
            write_snapshot(&config, &own(7), Bugs::NONE).await.unwrap();
            storage.persist(vec![Persist::Overtaken(7), Persist::Append(entries(31, 33, 4))]).await.unwrap();
            write_snapshot(&config, &own(32), Bugs::NONE).await.unwrap();
            storage.persist(vec![Persist::Compact(32)]).await.unwrap();
            let names = fs::read_dir(&config.directory).await.unwrap();
            let names = names.into_iter().map(|entry| entry.name);
            names.filter(|name| name.starts_with("snapshot")).collect::<Vec<_>>()
        });
        left.await.unwrap()
    });
    assert_eq!(outcome.unwrap(), ["snapshot-00000000000000000032"]);
}

#[test]
fn of_snapshots_that_come_at_once_the_last_is_left() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let node = world.node("server", || async {});
        let left = world.spawn_on(node, async move {
            let config = Config::default();
            let (mut storage, _) = Storage::open(config.clone(), Bugs::NONE).await.unwrap();
            storage.persist(vec![hard(1, None), Persist::Append(entries(1, 9, 1))]).await.unwrap();
            for index in 7..=9 {
                let own = Snapshot { meta: meta(index, 1), bytes: vec![7; 70] };
                write_snapshot(&config, &own, Bugs::NONE).await.unwrap();
            }
            storage.persist((7..=9).map(Persist::Compact).collect()).await.unwrap();
            let names = fs::read_dir(&config.directory).await.unwrap();
            let names = names.into_iter().map(|entry| entry.name);
            names.filter(|name| name.starts_with("snapshot")).collect::<Vec<_>>()
        });
        left.await.unwrap()
    });
    assert_eq!(outcome.unwrap(), ["snapshot-00000000000000000009"]);
}

#[test]
fn a_group_of_changes_costs_one_write_and_one_sync() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let node = world.node("server", || async {});
        world.disk(node, quick);
        let persisted = world.spawn_on(node, async move {
            let (mut storage, _) = Storage::open(Config::default(), Bugs::NONE).await.unwrap();
            let before = world.now();
            let group =
                [hard(1, None), Persist::Append(entries(1, 5, 1)), Persist::Truncate(4), hard(2, Some(1))];
            let group = group.into_iter().chain([Persist::Append(entries(4, 6, 2))]).collect();
            storage.persist(group).await.unwrap();
            world.now() - before
        });
        persisted.await.unwrap()
    });
    assert_eq!(outcome.unwrap(), Duration::from_micros(9 + 12), "a write takes 9, an fsync 12");
}
