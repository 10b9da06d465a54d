//! All small histories, and random larger ones.

use super::cases::{Case, InputOf, World};
use super::oracle::OperationOf;
use stormglass_checker::{Model, Operation};

/// Every history of `size` operations with times below `times` (so that many coincide), each operation by its own
/// client, up to the order in which they are listed. Operations and outputs are the case's.
pub(crate) fn all<C: Case>(size: usize, times: u64, mut visit: impl FnMut(&[OperationOf<C>])) {
    let mut atoms = Vec::new();
    for call in 0..times {
        for (input, output) in C::completed() {
            for ret in call..times {
                atoms.push(Operation::completed(0, input.clone(), call, output.clone(), ret));
            }
        }
        for input in C::pending() {
            atoms.push(Operation::pending(0, input, call));
        }
    }
    choose::<C>(&atoms, 0, size, &mut Vec::new(), &mut visit);
}

fn choose<C: Case>(
    atoms: &[OperationOf<C>],
    from: usize,
    size: usize,
    chosen: &mut Vec<OperationOf<C>>,
    visit: &mut impl FnMut(&[OperationOf<C>]),
) {
    if chosen.len() == size {
        return visit(chosen);
    }
    for at in from..atoms.len() {
        chosen.push(Operation { client: chosen.len() as u64, ..atoms[at].clone() });
        choose::<C>(atoms, at, size, chosen, visit);
        chosen.pop();
    }
}

/// SplitMix64: enough for tests, and the same everywhere.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// The first of a few draws that is not old, or the last.
    fn pick_new<'a, T>(&mut self, from: &'a [T], is_old: impl Fn(&T) -> bool) -> &'a T {
        for _ in 0..8 {
            let drawn = self.pick(from);
            if !is_old(drawn) {
                return drawn;
            }
        }
        self.pick(from)
    }
}

/// A history that the case's map really gave, at points drawn inside the intervals; then, more often than not, one
/// operation is replaced by another, which may or may not be wrong. In some histories a fifth of the replies is
/// lost, in others half. One in four ends at the end of time.
pub(crate) fn random<C: Case>(rng: &mut Rng, size: u64) -> Vec<OperationOf<C>> {
    draw::<C>(rng, size, false)
}

/// The same, but what changes anything is rarely drawn a second time.
pub(crate) fn distinct<C: Case>(rng: &mut Rng, size: u64) -> Vec<OperationOf<C>> {
    draw::<C>(rng, size, true)
}

fn draw<C: Case>(rng: &mut Rng, size: u64, distinct: bool) -> Vec<OperationOf<C>> {
    let (completed, pending) = (C::completed(), C::pending());
    let model = C::model();
    let mut used: Vec<InputOf<C>> = Vec::new();
    let mut points: Vec<(u64, OperationOf<C>)> = Vec::new();
    let one_unknown_in = [5, 2][rng.below(2) as usize];
    for client in 0..size {
        let call = rng.below(2 * size);
        if rng.below(one_unknown_in) == 0 {
            let input = rng.pick_new(&pending, |input| distinct && used.contains(input)).clone();
            used.push(input.clone());
            points.push((call + rng.below(2 * size), Operation::pending(client, input, call)));
        } else {
            let drawn = rng.pick_new(&completed, |(input, _)| distinct && used.contains(input));
            let (input, output) = drawn.clone();
            if !model.read_only(&input, Some(&output)) {
                used.push(input.clone());
            }
            let length = rng.below(size);
            let point = call + rng.below(length + 1);
            points.push((point, Operation::completed(client, input, call, output, call + length)));
        }
    }
    points.sort_by_key(|(point, _)| *point);
    let mut world = World::new();
    for (_, operation) in &mut points {
        // Half of what never returned never took effect either.
        if operation.returned.is_none() && rng.below(2) == 0 {
            continue;
        }
        let seen = operation.output().cloned();
        // The output drawn is kept if it happens to fit: that is how an append says nothing, or a put `Maybe`.
        let fitting = C::outcomes(&world, &operation.input, seen.as_ref());
        if fitting.is_empty() {
            let answer = C::run(&mut world, &operation.input);
            operation.returned.iter_mut().for_each(|returned| returned.output = answer.clone());
        } else {
            world = rng.pick(&fitting).clone();
        }
    }
    let mut history: Vec<OperationOf<C>> = points.into_iter().map(|(_, operation)| operation).collect();
    if rng.below(3) > 0 {
        let at = rng.below(size) as usize;
        let (input, output) = rng.pick(&completed).clone();
        if history[at].returned.is_some() {
            history[at].input = input;
            history[at].returned.iter_mut().for_each(|returned| returned.output = output.clone());
        }
    }
    if rng.below(4) == 0 {
        end_with_time::<C>(&mut history);
    }
    history
}

/// Moves the history to where its last time is the last there is.
fn end_with_time<C: Case>(history: &mut [OperationOf<C>]) {
    let latest = history.iter().map(|operation| operation.returned_at().unwrap_or(operation.call)).max();
    let later = u64::MAX - latest.unwrap_or(0);
    for operation in history {
        operation.call += later;
        operation.returned.iter_mut().for_each(|returned| returned.at += later);
    }
}
