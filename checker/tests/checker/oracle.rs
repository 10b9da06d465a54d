//! A judge that shares no code with the search, and the means to hold the search's answers against it.

use super::cases::{Case, InputOf, OutputOf, World};
use stormglass_checker::Operation;

pub(crate) type OperationOf<C> = Operation<InputOf<C>, OutputOf<C>>;

/// Brute force: tries every order of the operations that respects real time, and for every operation of unknown
/// outcome both that it took effect and that it did not. No memo, no split by key, no clever order; a map is
/// run and its answers compared.
pub(crate) fn linearizable<C: Case>(history: &[OperationOf<C>]) -> bool {
    place::<C>(history, &mut vec![false; history.len()], &World::new())
}

fn place<C: Case>(history: &[OperationOf<C>], placed: &mut Vec<bool>, world: &World) -> bool {
    let waiting: Vec<usize> = (0..history.len()).filter(|at| !placed[*at]).collect();
    if waiting.iter().all(|at| history[*at].returned.is_none()) {
        return true;
    }
    for at in &waiting {
        // Closed intervals: only a return strictly before the call puts another operation first.
        if waiting.iter().any(|first| history[*first].precedes(&history[*at])) {
            continue;
        }
        placed[*at] = true;
        let fits = C::outcomes(world, &history[*at].input, history[*at].output())
            .iter()
            .any(|next| place::<C>(history, placed, next));
        placed[*at] = false;
        if fits {
            return true;
        }
    }
    false
}

/// Whether `order` shows that the history is linearizable: real time, legality, and nothing left out that
/// returned. Written out, so that a witness is not believed because the search believed it.
pub(crate) fn is_witness<C: Case>(history: &[OperationOf<C>], order: &[usize]) -> bool {
    let mut seen = vec![false; history.len()];
    let mut worlds = vec![World::new()];
    for (position, at) in order.iter().enumerate() {
        let after = &order[position + 1..];
        if seen[*at] || after.iter().any(|later| history[*later].precedes(&history[*at])) {
            return false;
        }
        seen[*at] = true;
        let (input, output) = (&history[*at].input, history[*at].output());
        worlds = worlds.iter().flat_map(|world| C::outcomes(world, input, output)).collect();
        // Replies that leave two worlds possible would else double them each time.
        worlds.sort();
        worlds.dedup();
    }
    let complete = history.iter().zip(&seen).all(|(operation, seen)| *seen || operation.returned.is_none());
    complete && !worlds.is_empty()
}

/// The history with only the replies of `kept`; every other operation is of unknown outcome.
pub(crate) fn forget_all_but<C: Case>(history: &[OperationOf<C>], kept: &[usize]) -> Vec<OperationOf<C>> {
    let forget = |(at, operation): (usize, &OperationOf<C>)| {
        let returned = operation.returned.clone().filter(|_| kept.contains(&at));
        Operation { returned, ..operation.clone() }
    };
    history.iter().enumerate().map(forget).collect()
}
