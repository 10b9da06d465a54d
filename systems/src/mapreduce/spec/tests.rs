//! Every property can fail, and a run as it should be breaks none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::message::{Attempt, Task, WorkerId};
use super::super::protocol::{Log, Memory};
use super::*;

const ALICE: WorkerId = 1;
const BOB: WorkerId = 2;

fn attempt(number: u32) -> Attempt {
    Attempt { epoch: 1, number }
}

fn started(backups: bool, memory: Memory) -> Observation {
    Observation::Started { job: 7, maps: 2, reduces: 1, backups, dead_after: Duration::from_secs(10), memory }
}

fn assigned(task: Task, number: u32, worker: WorkerId) -> Observation {
    Observation::Recorded(Log::Assigned { task, attempt: attempt(number), worker })
}

fn completed(task: Task, number: u32, worker: WorkerId) -> Observation {
    Observation::Recorded(Log::Completed {
        task,
        attempt: attempt(number),
        worker,
        counters: vec![],
        took: Duration::ZERO,
    })
}

fn carried_out(task: Task, number: u32, consumed: &[(u32, u32)], output: &[u8]) -> Observation {
    let consumed = consumed.iter().map(|(map, number)| (*map, attempt(*number))).collect();
    Observation::CarriedOut { job: 7, task, attempt: attempt(number), consumed, output: output.to_vec() }
}

fn visible(content: Option<&[u8]>) -> Observation {
    Observation::Visible { reduce: 0, content: content.map(<[u8]>::to_vec) }
}

fn done(lines: u64) -> Observation {
    Observation::JobDone { counters: [("lines".to_owned(), lines)].into() }
}

/// Two maps, the second by Bob, and the reduce, with all that belongs to it.
fn calm() -> Vec<Observation> {
    let expected =
        Expected { output: [(0, b"x 2\n".to_vec())].into(), counters: [("lines".to_owned(), 2)].into() };
    vec![
        Observation::Expects(expected),
        started(true, Memory::default()),
        assigned(Task::Map(0), 0, ALICE),
        assigned(Task::Map(1), 1, BOB),
        carried_out(Task::Map(0), 0, &[], b""),
        completed(Task::Map(0), 0, ALICE),
        carried_out(Task::Map(1), 1, &[], b""),
        completed(Task::Map(1), 1, BOB),
        assigned(Task::Reduce(0), 2, ALICE),
        Observation::Located { map: 1, attempt: attempt(1) },
        carried_out(Task::Reduce(0), 2, &[(0, 0), (1, 1)], b"x 2\n"),
        Observation::Committing { reduce: 0 },
        visible(Some(b"x 2\n")),
        completed(Task::Reduce(0), 2, ALICE),
        done(2),
    ]
}

/// The promise that these break first.
fn broken(seen: impl IntoIterator<Item = Observation>) -> Option<&'static str> {
    let probe = Probe::new(|| Duration::ZERO);
    seen.into_iter().for_each(|seen| probe.observe(|| seen));
    probe.broken().map(|(_, broken)| broken.clause)
}

/// The calm run with its observation at `place` replaced by others.
fn with(place: usize, others: &[Observation]) -> Option<&'static str> {
    let mut seen = calm();
    seen.splice(place..=place, others.iter().cloned());
    broken(seen)
}

#[test]
fn a_run_as_it_should_be_breaks_nothing() {
    assert_eq!(broken(calm()), None);
}

#[test]
fn another_output_or_count_breaks_i1_and_i8() {
    let output = b"x 3\n";
    let wrong = [
        carried_out(Task::Reduce(0), 2, &[(0, 0), (1, 1)], output),
        Observation::Committing { reduce: 0 },
        visible(Some(output)),
    ];
    let seen =
        calm().into_iter().take(10).chain(wrong).chain([completed(Task::Reduce(0), 2, ALICE), done(2)]);
    assert_eq!(broken(seen), Some("I1 output_is_sequential"));
    assert_eq!(with(14, &[done(3)]), Some("I8 counted_once"));
}

#[test]
fn half_an_output_or_a_vanished_one_breaks_i2() {
    assert_eq!(with(12, &[visible(Some(b"x"))]), Some("I2 atomic_publish"));
    assert_eq!(with(14, &[visible(None)]), Some("I2 atomic_publish"));
    // Before anybody counts on it, it may vanish: a power loss undoes the rename.
    assert_eq!(with(12, &[visible(Some(b"x 2\n")), visible(None), visible(Some(b"x 2\n"))]), None);
}

#[test]
fn a_winner_that_nobody_sent_breaks_i3() {
    assert_eq!(with(7, &[completed(Task::Map(1), 9, BOB)]), Some("I3 one_winner"));
    let buried = Observation::Recorded(Log::Buried { worker: BOB, at_work: true });
    assert_eq!(with(6, &[buried, carried_out(Task::Map(1), 1, &[], b"")]), Some("I3 one_winner"));
    assert_eq!(with(9, &[Observation::Located { map: 1, attempt: attempt(9) }]), Some("I3 one_winner"));
    let memory = Memory { winners: vec![(Task::Map(1), attempt(1), BOB)], ..Memory::default() };
    assert_eq!(with(4, &[started(true, memory)]), Some("I3 one_winner"));
}

#[test]
fn a_part_less_or_more_breaks_i4() {
    for consumed in [&[(0, 0)][..], &[(0, 0), (1, 1), (1, 1)], &[(0, 0), (0, 0)], &[(0, 0), (1, 7)]] {
        assert_eq!(with(10, &[carried_out(Task::Reduce(0), 2, consumed, b"")]), Some("I4 full_shuffle"));
    }
}

#[test]
fn needless_work_breaks_i5() {
    let again = |number| assigned(Task::Map(0), number, BOB);
    assert_eq!(with(8, &[again(7)]), Some("I5 work_is_called_for"));
    assert_eq!(with(4, &[again(7), again(8)]), Some("I5 work_is_called_for"));
    assert_eq!(
        broken([started(false, Memory::default()), again(1), again(2)]),
        Some("I5 work_is_called_for")
    );
    // A dead worker's map is idle again, a completed reduce never.
    let buried = Observation::Recorded(Log::Buried { worker: ALICE, at_work: true });
    let after: Vec<_> = calm().into_iter().take(14).chain([buried]).collect();
    assert_eq!(broken(after.iter().cloned().chain([again(7)])), None);
    assert_eq!(
        broken(after.into_iter().chain([assigned(Task::Reduce(0), 7, BOB)])),
        Some("I5 work_is_called_for")
    );
    // Nor does a restart lose what was done.
    assert_eq!(with(14, &[started(true, Memory::default())]), Some("I5 work_is_called_for"));
}

#[test]
fn done_without_output_breaks_i6_and_output_without_commit_i7() {
    assert_eq!(with(12, &[]), Some("I6 done_means_published"));
    assert_eq!(with(11, &[]), Some("I7 temporary_names_stay_temporary"));
}

#[test]
fn impatience_breaks_i9() {
    let heard = |at| Observation::Heard { worker: BOB, at: Duration::from_secs(at) };
    let given_up = |at| Observation::GivenUp { worker: BOB, at: Duration::from_secs(at) };
    let start = || started(true, Memory::default());
    assert_eq!(broken([start(), heard(5), given_up(15)]), None);
    assert_eq!(broken([start(), heard(5), given_up(14)]), Some("I9 only_the_silent_are_dead"));
    // A start knows nothing of what an earlier one heard: its clock is another.
    assert_eq!(broken([start(), heard(50), start(), given_up(14)]), None);
}

#[test]
fn expected_output_that_is_missing_is_not_called_wrong() {
    let expected = Expected { output: [(0, b"x".to_vec())].into(), counters: BTreeMap::new() };
    let seen = [Observation::Expects(expected), started(true, Memory::default()), done(0)];
    assert_eq!(broken(seen), Some("I6 done_means_published"));
}

#[test]
fn what_is_done_for_another_job_is_not_judged_and_counts_for_nothing() {
    let mut foreign = carried_out(Task::Reduce(0), 2, &[(0, 0)], b"y 1\n");
    let Observation::CarriedOut { job, .. } = &mut foreign else { unreachable!() };
    *job = 6;
    assert_eq!(with(9, &[foreign.clone()]), None);
    let seen = [foreign, Observation::Committing { reduce: 0 }, visible(Some(b"y 1\n"))];
    assert_eq!(with(9, &seen), Some("I2 atomic_publish"));
}
