//! What each client did, one thing after the other.

use crate::history::Operation;
use std::collections::BTreeMap;

/// Of two operations of one client the first is what returned at the call of the second, or before it. What never
/// returned stands after all that returned by its call, and before nothing. An error is two that have no order: they
/// overlap, or both took no time at one instant.
pub(super) fn programs<I, O>(history: &[Operation<I, O>]) -> Result<BTreeMap<u64, Vec<usize>>, [usize; 2]> {
    let mut programs: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, operation) in history.iter().enumerate() {
        programs.entry(operation.client).or_default().push(at);
    }
    for program in programs.values_mut() {
        program.sort_by_key(|at| place(&history[*at], *at));
        let mut before: Option<usize> = None;
        for at in program.iter().copied() {
            if let Some(before) = before.filter(|before| !follows(&history[at], &history[*before])) {
                return Err([before.min(at), before.max(at)]);
            }
            if history[at].returned.is_some() {
                before = Some(at);
            }
        }
    }
    Ok(programs)
}

/// Where an operation stands in its program: what never returned before what may have followed it at once.
pub(super) fn place<I, O>(operation: &Operation<I, O>, at: usize) -> (u64, Option<u64>, usize) {
    (operation.call, operation.returned_at(), at)
}

/// Whether `before`, which returned and was called first, certainly came first.
fn follows<I, O>(operation: &Operation<I, O>, before: &Operation<I, O>) -> bool {
    let at_once = operation.returned_at().is_some_and(|ret| ret <= before.call);
    before.returned_at().is_none_or(|ret| ret <= operation.call) && !at_once
}
