//! The data path against the plainest code that does the same, and the coordinator's turns one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::super::app::{Application, Emit, WordCount};
use super::super::bugs::Bugs;
use super::super::message::*;
use super::*;

/// All lines of a text with their offsets, as splits of this size and reads of this size find them.
fn lines_of(text: &[u8], split: u64, read: usize) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    for (offset, length) in splits(text.len() as u64, split) {
        let mut lines = Lines::new(offset, length);
        while let Some(at) = lines.wants() {
            let rest = &text[text.len().min(at as usize)..];
            lines
                .feed(&rest[..rest.len().min(read)], |offset, line| found.push((offset, line.to_vec())))
                .unwrap();
        }
    }
    found
}

proptest! {
    #[test]
    fn every_line_is_in_one_split(
        text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), any::<u8>()], 0..80),
        split in 1_u64..40,
        read in 1_usize..20,
    ) {
        let mut offset = 0;
        let mut expected = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            expected.push((offset, line.strip_suffix(b"\n").unwrap_or(line).to_vec()));
            offset += line.len() as u64;
        }
        prop_assert_eq!(lines_of(&text, split, read), expected);
    }

    #[test]
    fn splits_cover_a_file(length in 0_u64..10_000, size in 1_u64..500) {
        let mut next = 0;
        for (offset, bytes) in splits(length, size) {
            prop_assert!(offset == next && bytes > 0 && bytes <= size + size / 10);
            next += bytes;
        }
        prop_assert_eq!(next, length);
    }

    #[test]
    fn what_is_gathered_comes_out_sorted_and_whole(
        keys in prop::collection::vec("[a-c]{0,3}", 0..60),
        combines in any::<bool>(),
        parts in 1_u32..4,
    ) {
        let mut gather = Gather::new(combines, 1 << 20);
        for key in &keys {
            gather.of(&WordCount).emit(key.as_bytes(), &1_u64.to_le_bytes());
        }
        let spill = gather.spill(parts, |key| WordCount.partition(key, parts));
        prop_assert!(gather.is_empty() && spill.ends.len() == parts as usize);
        let (mut found, mut start) = (BTreeMap::new(), 0);
        for (part, end) in (0..).zip(&spill.ends) {
            let pairs = pairs(vec![spill.bytes[start..*end as usize].to_vec()]);
            prop_assert!(pairs.is_sorted_by_key(|(key, _)| key.clone()));
            for (key, value) in pairs {
                prop_assert_eq!(WordCount.partition(&key, parts), part);
                let count = found.entry(key).or_insert((0, 0));
                *count = (count.0 + 1, count.1 + u64::from_le_bytes(*value.first_chunk().unwrap()));
            }
            start = *end as usize;
        }
        for (key, (times, sum)) in &found {
            prop_assert_eq!(*sum, keys.iter().filter(|known| known.as_bytes() == key).count() as u64);
            prop_assert!(!combines || *times == 1);
        }
        prop_assert_eq!(found.values().map(|(_, sum)| *sum).sum::<u64>(), keys.len() as u64);
    }

    #[test]
    fn merged_runs_are_one_sorted_run(runs in prop::collection::vec(prop::collection::vec("[a-d]{0,2}", 0..12), 0..6)) {
        let mut all: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut encoded = Vec::new();
        for (number, run) in (0_u8..).zip(&runs) {
            let (mut run, mut bytes) = (run.clone(), Vec::new());
            run.sort();
            run.iter().for_each(|key| encode(&mut bytes, key.as_bytes(), &[number]));
            all.extend(run.into_iter().map(|key| (key.into_bytes(), vec![number])));
            encoded.push(bytes);
        }
        // Equal keys in the order of the runs.
        all.sort();
        prop_assert_eq!(pairs(encoded), all);
    }

    #[test]
    fn a_damaged_run_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), cut in 1_usize..9) {
        let mut cursor = Cursor::default();
        let mut rest = bytes.as_slice();
        for _ in 0..200 {
            match cursor.advance() {
                Err(_) => break,
                Ok(true) if cursor.pair().is_none() => break,
                Ok(true) => {}
                Ok(false) => {
                    let (now, later) = rest.split_at(rest.len().min(cut));
                    cursor.push(now);
                    rest = later;
                }
            }
        }
    }
}

fn pairs(runs: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut merge = Merge::default();
    for run in runs {
        let mut cursor = Cursor::whole(run);
        assert!(cursor.advance().unwrap());
        merge.add(cursor);
    }
    let mut pairs = Vec::new();
    while let Some((key, value)) = merge.pair() {
        pairs.push((key.to_vec(), value.to_vec()));
        assert!(merge.top().unwrap().1.advance().unwrap());
        merge.settle();
    }
    pairs
}

#[test]
fn a_line_without_end_is_refused() {
    let mut lines = Lines::new(0, 1);
    let mebibyte = vec![b'x'; 1 << 20];
    let fed = (0..65).map(|_| lines.feed(&mebibyte, |_, _| {})).find(Result::is_err);
    assert_eq!(fed, Some(Err(TooLong(0))));
}

#[test]
fn the_hash_is_the_labs() {
    assert_eq!([hash(b""), hash(b"a"), hash(b"foobar")], [0x011c_9dc5, 0x640c_292c, 0x3f9c_f968]);
}

const ALICE: WorkerId = 1;
const BOB: WorkerId = 2;

fn at(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(seconds), wall: Duration::from_secs(1_000 + seconds) }
}

fn job(maps: u32, reduces: u32) -> Job {
    let copies = vec!["alice".to_owned()];
    let inputs = vec![
        Input { path: "a".into(), length: 10, copies: vec![] },
        Input { path: "b".into(), length: 10, copies },
    ];
    let splits =
        (0..maps).map(|map| Split { input: u32::from(map + 1 == maps), offset: 0, length: 10 }).collect();
    Job { app: "wc".into(), args: vec![], inputs, splits, reduces }
}

/// A coordinator with Alice and Bob, and all it has recorded.
struct Desk {
    coordinator: Coordinator,
    log: Vec<Log>,
}

impl Desk {
    fn new(policy: Policy) -> Desk {
        let coordinator = Coordinator::new(job(2, 1), policy, Bugs::NONE, &[], at(0));
        let log = vec![coordinator.started()];
        let mut desk = Desk { coordinator, log };
        for (worker, address) in [(ALICE, "alice"), (BOB, "bob")] {
            desk.step(0, Command::Join(Join { worker, address: address.into() }));
        }
        desk
    }

    fn step(&mut self, seconds: u64, command: Command) -> Reply {
        let effects = self.coordinator.step(at(seconds), &command);
        self.log.extend(effects.persist);
        effects.reply.unwrap()
    }

    fn tick(&mut self, seconds: u64) {
        self.log.extend(self.coordinator.tick(at(seconds)).persist);
    }

    fn ask(&mut self, seconds: u64, worker: WorkerId) -> Option<(Task, Attempt)> {
        let Reply::Assignment(assignment) = self.step(seconds, Command::Ask(Ask { worker })) else {
            unreachable!()
        };
        match *assignment {
            Assignment::Map { map, attempt, .. } => Some((Task::Map(map), attempt)),
            Assignment::Reduce { reduce, attempt, .. } => Some((Task::Reduce(reduce), attempt)),
            _ => None,
        }
    }

    fn done(&mut self, seconds: u64, worker: WorkerId, (task, attempt): (Task, Attempt)) {
        let counters = vec![("lines".to_owned(), 1)];
        self.step(seconds, Command::Done(Done { worker, task, attempt, counters }));
    }

    /// Both maps are done, one by each.
    fn mapped(&mut self) {
        for worker in [ALICE, BOB] {
            let given = self.ask(1, worker).unwrap();
            self.done(1, worker, given);
        }
    }

    fn located(
        &mut self,
        seconds: u64,
        worker: WorkerId,
        attempt: Attempt,
        lost: Vec<(u32, Attempt)>,
    ) -> Located {
        let locate = Locate { worker, reduce: 0, attempt, lost, waits: false };
        let Reply::Located(located) = self.step(seconds, Command::Locate(locate)) else { unreachable!() };
        located
    }
}

#[test]
fn a_worker_gets_what_lies_on_its_own_disk() {
    let mut desk = Desk::new(Policy::default());
    assert_eq!(desk.ask(0, ALICE).unwrap().0, Task::Map(1));
    assert_eq!(desk.ask(0, BOB).unwrap().0, Task::Map(0));
}

#[test]
fn a_lost_reply_gives_out_nothing_twice() {
    let mut desk = Desk::new(Policy::default());
    let first = desk.ask(0, ALICE);
    assert_eq!(desk.ask(1, ALICE), first);
}

#[test]
fn reduces_wait_for_all_maps() {
    let mut desk = Desk::new(Policy::default());
    let (one, two) = (desk.ask(0, ALICE).unwrap(), desk.ask(0, BOB).unwrap());
    desk.done(1, ALICE, one);
    assert_eq!(desk.ask(1, ALICE), None);
    desk.done(2, BOB, two);
    assert!(matches!(desk.ask(2, ALICE), Some((Task::Reduce(0), _))));
}

#[test]
fn a_dead_workers_maps_are_idle_again_and_its_late_word_counts_for_nothing() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    let reduce = desk.ask(2, ALICE).unwrap();
    desk.step(9, Command::Ping(Ping { worker: ALICE, running: Some(reduce) }));
    desk.tick(12);
    assert_eq!(desk.coordinator.progress(at(12)).maps, (1, 2));
    assert_eq!(
        desk.step(12, Command::Ping(Ping { worker: BOB, running: None })),
        Reply::Pong(Pong::Stranger)
    );
    let join = Join { worker: BOB, address: "bob".into() };
    assert_eq!(desk.step(12, Command::Join(join)), Reply::Joined(Joined::Buried));
    // Alice waits in the reduce, and is needed for the map.
    let Located::Here { places, of } = desk.located(12, ALICE, reduce.1, vec![]) else { panic!("dropped") };
    assert_eq!((places.len(), of), (1, 2));
    let locate = Locate { worker: ALICE, reduce: 0, attempt: reduce.1, lost: vec![], waits: true };
    assert_eq!(desk.step(12, Command::Locate(locate)), Reply::Located(Located::Drop));
    assert!(matches!(desk.ask(12, ALICE), Some((Task::Map(0), _))));
}

#[test]
fn the_first_completion_wins_and_counters_count_once() {
    let backups = Some(Backups { least: Duration::from_secs(5), percent_of_mean: 150 });
    let mut desk = Desk::new(Policy { backups, ..Policy::default() });
    let (one, two) = (desk.ask(0, ALICE).unwrap(), desk.ask(0, BOB).unwrap());
    desk.done(1, ALICE, one);
    assert_eq!(desk.ask(4, ALICE), None, "too early for a backup");
    let backup = desk.ask(6, ALICE).unwrap();
    assert!(backup.0 == two.0 && backup.1 != two.1);
    desk.done(7, ALICE, backup);
    desk.done(8, BOB, two);
    assert_eq!(desk.coordinator.counters()["lines"], 2);
    assert!(desk.coordinator.memory().winners.iter().all(|(.., worker)| *worker == ALICE));
    assert_eq!(
        desk.step(8, Command::Ping(Ping { worker: BOB, running: Some(two) })),
        Reply::Pong(Pong::Drop)
    );
}

#[test]
fn a_mapper_of_which_reducers_complain_is_given_up() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    let reduce = desk.ask(2, ALICE).unwrap().1;
    let winner = |desk: &Desk, of| {
        let memory = desk.coordinator.memory();
        memory.winners.iter().find(|(.., worker)| *worker == of).map(|(task, attempt, _)| (*task, *attempt))
    };
    let (Task::Map(map), attempt) = winner(&desk, BOB).unwrap() else { unreachable!() };
    for _ in 0..2 {
        desk.located(2, ALICE, reduce, vec![(map, attempt)]);
    }
    assert!(winner(&desk, BOB).is_some());
    // Of an attempt that is not the winner nobody minds.
    desk.located(2, ALICE, reduce, vec![(map, Attempt { epoch: 9, number: 9 })]);
    assert!(winner(&desk, BOB).is_some());
    desk.located(2, ALICE, reduce, vec![(map, attempt)]);
    assert!(winner(&desk, BOB).is_none());
}

#[test]
fn a_shunned_worker_does_the_map_when_nobody_else_is_free() {
    let mut desk = Desk::new(Policy { complaints: 1, ..Policy::default() });
    desk.mapped();
    let reduce = desk.ask(2, ALICE).unwrap().1;
    let winners = desk.coordinator.memory().winners;
    let lost =
        winners.iter().filter(|(.., worker)| *worker == BOB).map(|(_, attempt, _)| (0, *attempt)).collect();
    desk.located(2, ALICE, reduce, lost);
    // Bob comes back under another id and the same address; Alice is busy, and waits for this very map.
    let carol = 3;
    desk.step(3, Command::Join(Join { worker: carol, address: "bob".into() }));
    assert!(matches!(desk.ask(3, carol), Some((Task::Map(0), _))));
}

#[test]
fn a_record_that_fails_twice_is_skipped_or_fails_the_job() {
    let failures = |policy: Policy| {
        let mut desk = Desk::new(policy);
        for times in 0.. {
            let Reply::Assignment(given) = desk.step(0, Command::Ask(Ask { worker: BOB })) else {
                unreachable!()
            };
            match *given {
                Assignment::Map { skip, .. } if !skip.is_empty() => return (times, Ok(skip)),
                Assignment::Map { map, attempt, .. } => {
                    let (task, culprit, why) =
                        (Task::Map(map), Some(Culprit::Record(7)), "a dragon".to_owned());
                    desk.step(0, Command::Failed(Failed { worker: BOB, task, attempt, culprit, why }));
                }
                _ => return (times, Err(desk.coordinator.failure().unwrap().to_owned())),
            }
        }
        unreachable!()
    };
    assert_eq!(failures(Policy { skip_after: Some(2), ..Policy::default() }), (2, Ok(vec![7])));
    let (times, failure) = failures(Policy { max_failures: 4, ..Policy::default() });
    assert_eq!(
        (times, failure.unwrap_err().as_str()),
        (4, "map 0 has failed 4 times, the last time: a dragon")
    );
}

#[test]
fn the_records_alone_bring_the_memory_back() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    desk.ask(2, BOB).unwrap();
    let again = Coordinator::new(job(2, 1), Policy::default(), Bugs::NONE, &desk.log, at(0));
    assert_eq!(again.memory(), desk.coordinator.memory());
    assert_eq!(again.counters(), desk.coordinator.counters());
    assert!(matches!(again.started(), Log::Started { epoch: 2, .. }));
    assert_ne!(job(2, 1).fingerprint(), job(2, 2).fingerprint());
}
