//! Equal times: what `refine` orders was so, and what it leaves unordered it counts.

use crate::cases::{Case, Maps, Queues, Registers, Stacks, World};
use crate::histories::Rng;
use crate::oracle::OperationOf;
use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::{Budget, Fault, Operation, check, decide, refine};

/// Clients that call one operation after the other, with times as a coarse clock shows them, in some order of the lines.
/// With each operation, its place in what its client did.
fn coarse<C: Case>(rng: &mut Rng) -> Vec<(usize, OperationOf<C>)> {
    let (completed, pending) = (C::completed(), C::pending());
    let clients = 1 + rng.below(3);
    let grain = [2, 4, 12][rng.below(3) as usize];
    let mut points: Vec<(u64, usize, OperationOf<C>)> = Vec::new();
    for client in 0..clients {
        let mut now = rng.below(3);
        for place in 0..1 + rng.below(3) as usize {
            let length = rng.below(6);
            let point = now + rng.below(length + 1);
            let operation = if rng.below(6) == 0 {
                let input = pending[rng.below(pending.len() as u64) as usize].clone();
                Operation::pending(client, input, now / grain)
            } else {
                let (input, output) = completed[rng.below(completed.len() as u64) as usize].clone();
                Operation::completed(client, input, now / grain, output, (now + length) / grain)
            };
            points.push((point, place, operation));
            now += length + 1 + rng.below(3);
        }
    }
    points.sort_by_key(|(point, ..)| *point);
    let mut world = World::new();
    for (_, _, operation) in &mut points {
        let answer = C::run(&mut world, &operation.input);
        operation.returned.iter_mut().for_each(|returned| returned.output = answer.clone());
    }
    let wrong = rng.below(2 * points.len() as u64) as usize;
    if let Some((_, _, operation)) = points.get_mut(wrong) {
        let (input, output) = completed[rng.below(completed.len() as u64) as usize].clone();
        if let Some(returned) = &mut operation.returned {
            (operation.input, returned.output) = (input, output);
        }
    }
    let at = rng.below(points.len() as u64) as usize;
    points.rotate_left(at);
    points.into_iter().map(|(_, place, operation)| (place, operation)).collect()
}

/// Brute force: closed intervals, and each client's operations as it called them.
fn truth<C: Case>(history: &[(usize, OperationOf<C>)], placed: &mut Vec<bool>, world: &World) -> bool {
    let waiting: Vec<usize> = (0..history.len()).filter(|at| !placed[*at]).collect();
    if waiting.iter().all(|at| history[*at].1.returned.is_none()) {
        return true;
    }
    let before = |(first, one): &(usize, OperationOf<C>), (next, other): &(usize, OperationOf<C>)| {
        one.precedes(other) || one.returned.is_some() && one.client == other.client && first < next
    };
    waiting.iter().any(|at| {
        if waiting.iter().any(|first| before(&history[*first], &history[*at])) {
            return false;
        }
        placed[*at] = true;
        let operation = &history[*at].1;
        let next = C::outcomes(world, &operation.input, operation.output());
        let fits = next.iter().any(|next| truth::<C>(history, placed, next));
        placed[*at] = false;
        fits
    })
}

/// How many histories were found wrong that equal times hide, and how many were counted as too coarse.
fn held_against_truth<C: Case>(seed: u64, count: usize) -> (usize, usize) {
    let mut rng = Rng(seed);
    let (mut uncovered, mut blurred) = (0, 0);
    let judge = |history: &[OperationOf<C>]| decide(&C::model(), history, Budget::default(), Fault::None);
    for _ in 0..count {
        let placed = coarse::<C>(&mut rng);
        let expected = truth::<C>(&placed, &mut vec![false; placed.len()], &World::new());
        let recorded: Vec<_> = placed.iter().map(|(_, operation)| operation.clone()).collect();
        let mut history = recorded.clone();
        let refined = refine(&mut history);
        let found = judge(&history);
        if refined.coarse == 0 {
            assert_eq!(found, Some(expected), "{}: {recorded:#?} became {history:#?}", C::NAME);
        } else {
            blurred += 1;
            assert!(found == Some(true) || !expected, "{}: {recorded:#?} became {history:#?}", C::NAME);
        }
        uncovered += usize::from(found == Some(false) && judge(&recorded) == Some(true));
        refined.restore(&mut history);
        assert_eq!(history, recorded);
    }
    (uncovered, blurred)
}

#[test]
fn what_is_refined_is_what_was() {
    for (uncovered, blurred) in [
        held_against_truth::<Registers>(1, 6000),
        held_against_truth::<Maps>(2, 6000),
        held_against_truth::<Queues>(3, 6000),
        held_against_truth::<Stacks>(4, 6000),
    ] {
        assert!(uncovered > 20 && blurred > 100, "{uncovered} {blurred}");
    }
}

fn write(client: u64, value: &str, call: u64, ret: u64) -> Operation<Input, Output> {
    Operation::completed(client, Input::write("x", value), call, Output::Done, ret)
}

fn read(client: u64, value: &str, call: u64, ret: u64) -> Operation<Input, Output> {
    Operation::completed(client, Input::read("x"), call, Output::Value(Some(value.into())), ret)
}

#[test]
fn one_client_is_in_order_at_equal_times() {
    let mut stale = [write(0, "1", 0, 1000), write(0, "2", 1000, 2000), read(0, "1", 2000, 3000)];
    assert!(check(&Register, &stale, Budget::default()).is_linearizable());
    assert_eq!(refine(&mut stale).coarse, 0);
    assert!(check(&Register, &stale, Budget::default()).is_violation());
    // Two clients at one instant: that cannot be said, and is counted.
    let mut two = [write(0, "1", 0, 10), write(0, "2", 10, 20), write(1, "3", 0, 10), read(1, "1", 10, 20)];
    let before = two.clone();
    assert_eq!(refine(&mut two).coarse, 1);
    assert_eq!(two, before);
}

#[test]
fn a_client_that_overlaps_itself_has_no_order() {
    let mut pool = [write(0, "1", 0, 10), write(0, "2", 5, 15), read(0, "1", 15, 20)];
    let before = pool.clone();
    assert_eq!(refine(&mut pool).coarse, 0);
    assert_eq!(pool, before);
}

#[test]
fn times_that_cannot_be_widened_are_counted() {
    let last = u64::MAX - 3;
    let mut late = [write(0, "1", 0, last), write(0, "2", last, last + 1)];
    let before = late.clone();
    assert_eq!(refine(&mut late).coarse, 1);
    assert_eq!(late, before);
}
