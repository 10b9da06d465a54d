//! The coordinator's turns, one by one.

use std::time::Duration;

use super::super::bugs::{Bug, Bugs};
use super::super::message::*;
use super::*;

const ALICE: WorkerId = 1;
const BOB: WorkerId = 2;

fn at(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(seconds), wall: Duration::from_secs(1_000 + seconds) }
}

fn job(maps: u32, reduces: u32) -> Job {
    let copies = vec!["alice".to_owned()];
    let inputs = vec![
        Input { path: "a".into(), length: 10, version: 0, copies: vec![] },
        Input { path: "b".into(), length: 10, version: 0, copies },
    ];
    let splits =
        (0..maps).map(|map| Split { input: u32::from(map + 1 == maps), offset: 0, length: 10 }).collect();
    Job { id: 5, app: "wc".into(), args: vec![], inputs, splits, reduces }
}

/// A coordinator with Alice and Bob, and all it has recorded.
struct Desk {
    coordinator: Coordinator,
    log: Vec<Log>,
    ticked: u64,
}

impl Desk {
    fn new(policy: Policy) -> Desk {
        Desk::with(policy, Bugs::NONE)
    }

    fn with(policy: Policy, bugs: Bugs) -> Desk {
        Desk::at(job(2, 2), policy, bugs)
    }

    fn at(job: Job, policy: Policy, bugs: Bugs) -> Desk {
        let coordinator = Coordinator::new(job, policy, bugs, &[], at(0));
        let log = vec![coordinator.started()];
        let mut desk = Desk { coordinator, log, ticked: 0 };
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

    /// A tick every second until then.
    fn tick(&mut self, seconds: u64) {
        (self.ticked + 1..=seconds)
            .for_each(|second| self.log.extend(self.coordinator.tick(at(second)).persist));
        self.ticked = seconds;
    }

    /// The coordinator is started again.
    fn restart(&mut self) {
        let policy = self.coordinator.policy.clone();
        self.coordinator = Coordinator::new(job(2, 2), policy, Bugs::NONE, &self.log, at(0));
        self.log.push(self.coordinator.started());
        self.ticked = 0;
    }

    fn winner(&self, of: WorkerId) -> Option<(Task, Attempt)> {
        let memory = self.coordinator.memory();
        memory.winners.iter().find(|(.., worker)| *worker == of).map(|(task, attempt, _)| (*task, *attempt))
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
        let current = self.coordinator.workers.get(&worker).and_then(|worker| worker.current);
        let reduce = if let Some((Task::Reduce(reduce), _)) = current { reduce } else { 0 };
        let locate = Locate { worker, reduce, attempt, lost, waits: false };
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

const CAROL: WorkerId = 3;

/// Alice and Bob have done a map each; Carol and Alice have a reduce. Bob's map and its attempt.
fn two_reducers(desk: &mut Desk) -> (u32, Attempt) {
    desk.step(0, Command::Join(Join { worker: CAROL, address: "carol".into() }));
    desk.mapped();
    let (Task::Map(map), attempt) = desk.winner(BOB).unwrap() else { unreachable!() };
    (map, attempt)
}

#[test]
fn a_mapper_of_which_two_reducers_complain_is_given_up() {
    let mut desk = Desk::new(Policy::default());
    let lost = two_reducers(&mut desk);
    let (first, second) = (desk.ask(2, ALICE).unwrap().1, desk.ask(2, CAROL).unwrap().1);
    for _ in 0..2 {
        desk.located(2, ALICE, first, vec![lost]);
    }
    // Of an attempt that is not the winner nobody minds.
    desk.located(2, CAROL, second, vec![(lost.0, Attempt { epoch: 9, number: 9 })]);
    assert!(desk.winner(BOB).is_some());
    desk.located(2, CAROL, second, vec![lost]);
    assert!(desk.winner(BOB).is_none());
}

#[test]
fn of_a_mapper_of_which_one_complains_others_try_to_fetch() {
    let mut desk = Desk::new(Policy::default());
    let lost = two_reducers(&mut desk);
    let mut of = |worker| {
        let reduce = desk.ask(2, worker)?.1;
        let located =
            (0..9).map(|_| desk.located(2, worker, reduce, vec![lost])).find(|l| *l == Located::Drop);
        Some((located.is_some(), desk.ask(2, worker), desk.winner(BOB).is_some()))
    };
    // Alice is relieved of it and does not get it again; Carol can do it.
    let Some((true, Some((Task::Reduce(1), _)), true)) = of(ALICE) else { panic!("Alice has it still") };
    assert!(desk.ask(2, CAROL).is_some_and(|(task, _)| task == Task::Reduce(0)));
}

#[test]
fn who_complains_of_everybody_is_no_witness() {
    for believed in [false, true] {
        let bugs = if believed { Bugs::only(Bug::LoneComplaintBelieved) } else { Bugs::NONE };
        let mut desk = Desk::with(Policy::default(), bugs);
        let bobs = two_reducers(&mut desk);
        let (Task::Map(map), attempt) = desk.winner(ALICE).unwrap() else { unreachable!() };
        let (cut_off, other) = (desk.ask(2, CAROL).unwrap().1, desk.ask(2, ALICE).unwrap().1);
        // Alice's one failed fetch is an accident, and Carol's are her own fault.
        desk.located(2, ALICE, other, vec![bobs]);
        for _ in 0..9 {
            desk.located(2, CAROL, cut_off, vec![(map, attempt), bobs]);
        }
        assert_eq!(desk.winner(ALICE).is_none() && desk.winner(BOB).is_none(), believed);
        assert_eq!(desk.winner(ALICE).is_some() && desk.winner(BOB).is_some(), !believed);
    }
}

#[test]
fn where_everybody_has_tried_the_mapper_is_given_up_and_shunned() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    let (Task::Map(map), attempt) = desk.winner(BOB).unwrap() else { unreachable!() };
    for worker in [BOB, ALICE] {
        let reduce = desk.ask(2, worker).unwrap().1;
        (0..3).for_each(|_| _ = desk.located(2, worker, reduce, vec![(map, attempt)]));
    }
    assert!(desk.winner(BOB).is_none());
    // Bob comes back under another id and the same address. Alice can fetch what she does herself.
    desk.step(3, Command::Join(Join { worker: CAROL, address: "bob".into() }));
    assert_eq!(desk.ask(3, CAROL), None);
    let Task::Reduce(_) = desk.ask(3, ALICE).unwrap().0 else { panic!("Alice was still at it") };
    let attempt = desk.ask(3, ALICE).unwrap().1;
    let locate = Locate { worker: ALICE, reduce: 0, attempt, lost: vec![], waits: true };
    assert_eq!(desk.step(3, Command::Locate(locate)), Reply::Located(Located::Drop));
    assert!(matches!(desk.ask(3, ALICE), Some((Task::Map(0), _))));
    // When she is gone he is better than nobody.
    desk.step(9, Command::Ping(Ping { worker: CAROL, running: None }));
    desk.tick(14);
    assert!(matches!(desk.ask(14, CAROL), Some((Task::Map(_), _))));
}

#[test]
fn interrupting_and_resuming_is_no_failure_and_workers_that_die_at_a_task_are() {
    let mut desk = Desk::new(Policy { max_failures: 3, ..Policy::default() });
    let mut worker = ALICE;
    for again in 0..5 {
        desk.ask(desk.ticked, worker).unwrap();
        // She dies with the coordinator, which notices when it is back.
        desk.restart();
        desk.tick(12);
        worker = 100 + again;
        desk.step(12, Command::Join(Join { worker, address: "alice".into() }));
    }
    for death in 0..3 {
        assert_eq!(desk.coordinator.failure(), None, "after {death}");
        let (now, worker) = (desk.ticked, 200 + death);
        desk.step(now, Command::Join(Join { worker, address: format!("d{death}") }));
        assert!(matches!(desk.ask(now, worker), Some((Task::Map(0), _))));
        desk.tick(now + 12);
    }
    assert_eq!(desk.coordinator.failure(), Some("map 0 has failed 3 times, the last time: its worker died"));
    // Who starts it again wants it to be tried again.
    desk.restart();
    assert_eq!(desk.coordinator.failure(), None);
}

#[test]
fn who_was_asleep_takes_nobody_for_dead() {
    let mut desk = Desk::new(Policy::default());
    desk.tick(1);
    desk.log.extend(desk.coordinator.tick(at(60)).persist);
    assert_eq!(desk.coordinator.progress(at(60)).workers, 2);
    desk.ticked = 60;
    desk.tick(75);
    assert_eq!(desk.coordinator.progress(at(75)).workers, 0);
}

#[test]
fn a_locate_of_somebody_else_s_attempt_is_dropped() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    let reduce = desk.ask(2, ALICE).unwrap().1;
    assert_eq!(desk.located(2, BOB, reduce, vec![]), Located::Drop);
    assert!(matches!(desk.located(2, ALICE, reduce, vec![]), Located::Here { .. }));
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
    let (one, _) = (desk.ask(0, ALICE).unwrap(), desk.ask(0, BOB).unwrap());
    desk.done(3, ALICE, one);
    let backup = desk.ask(20, ALICE).unwrap();
    desk.done(21, ALICE, backup);
    desk.ask(22, BOB).unwrap();
    let again = Job { id: 6, ..job(2, 2) };
    let again = Coordinator::new(again, Policy::default(), Bugs::NONE, &desk.log, at(0));
    assert_eq!(again.memory(), desk.coordinator.memory());
    assert_eq!(again.counters(), desk.coordinator.counters());
    assert_eq!((again.id(), again.progress(at(0)).backups), (5, 1));
    // How long tasks take is known, too, or every one would be a straggler.
    assert_eq!(again.maps.mean(), Some(Duration::from_secs(2)));
    assert!(matches!(again.started(), Log::Started { epoch: 2, id: 5, .. }));
    assert_ne!(job(2, 1).fingerprint(), job(2, 2).fingerprint());
    let mut edited = job(2, 1);
    edited.inputs[0].version = 1;
    assert_ne!(job(2, 1).fingerprint(), edited.fingerprint());
}

#[test]
fn the_dead_are_missed_however_seldom_it_looks() {
    let dead_after = Duration::from_millis(400);
    let found = |bugs| {
        let mut desk = Desk::with(Policy { dead_after, ..Policy::default() }, bugs);
        for look in 1..=10 {
            let now = Duration::from_millis(250 * look);
            _ = desk.coordinator.tick(Now { monotonic: now, wall: now });
        }
        desk.coordinator.progress(at(3)).buried
    };
    assert_eq!(found(Bugs::NONE), 2);
    assert_eq!(found(Bugs::only(Bug::EveryGapIsOwnSleep)), 0);
}

#[test]
fn a_death_that_is_told_of_costs_no_patience() {
    let mut desk = Desk::new(Policy::default());
    desk.mapped();
    let gone = Command::Gone(Gone { address: "bob".into() });
    assert_eq!(desk.step(2, gone.clone()), Reply::Noted(()));
    assert_eq!(desk.coordinator.progress(at(2)).maps, (1, 2));
    // Once is enough, and of a stranger it says nothing.
    desk.step(2, gone);
    assert_eq!(desk.coordinator.progress(at(2)).buried, 1);
    assert_eq!(desk.ask(2, ALICE).unwrap().0, Task::Map(0));
}

#[test]
fn who_was_beaten_is_told_that_nobody_wants_its_output() {
    let backups = Some(Backups { least: Duration::ZERO, percent_of_mean: 100 });
    let mut desk = Desk::new(Policy { backups, ..Policy::default() });
    let (one, two) = (desk.ask(0, ALICE).unwrap(), desk.ask(0, BOB).unwrap());
    desk.done(1, ALICE, one);
    let backup = desk.ask(4, ALICE).unwrap();
    assert_eq!(backup.0, two.0);
    for (worker, (task, attempt), kept) in [(ALICE, backup, true), (BOB, two, false), (ALICE, backup, true)] {
        let done = Done { worker, task, attempt, counters: vec![] };
        assert_eq!(desk.step(5, Command::Done(done)), Reply::Kept(Kept(kept)));
    }
}

#[test]
fn who_may_not_help_the_slowest_helps_the_next() {
    const CAROL: WorkerId = 3;
    let backups = Some(Backups { least: Duration::ZERO, percent_of_mean: 100 });
    let mut desk = Desk::at(job(2, 3), Policy { backups, ..Policy::default() }, Bugs::NONE);
    desk.step(0, Command::Join(Join { worker: CAROL, address: "carol".into() }));
    desk.mapped();
    let (slowest, next) = (desk.ask(2, ALICE).unwrap(), desk.ask(3, BOB).unwrap());
    let third = desk.ask(3, CAROL).unwrap();
    desk.done(4, CAROL, third);
    desk.coordinator.reduces.note(0, |one| one.avoid.push("carol".into()));
    assert_eq!((slowest.0, next.0), (Task::Reduce(0), Task::Reduce(1)));
    assert_eq!(desk.ask(9, CAROL).unwrap().0, Task::Reduce(1));
}
