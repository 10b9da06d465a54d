//! Refusals, put into an order of all other operations: a failed compare-and-set, a lock that could not be had.
//!
//! In an order without them, gap `i` lies before the `i`-th operation. A refusal may stand in a gap if no
//! operation before the gap was called after it returned, none behind the gap returned before it was called, and
//! the state there is not the one that it did not find. The earliest such gap is the best for it: going by calls,
//! only refusals that returned before this one was called ask it to stand no earlier than they do. Since they
//! change nothing, they do not ask anything else of each other.

use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What an operation tells of the state.
#[derive(Clone, Copy)]
pub(super) enum Tells<S> {
    /// It is this one afterwards.
    Becomes(S),
    /// It was not this one: a refusal.
    IsNot(S),
    /// Nothing.
    Nothing,
}

/// Puts the refusals into `order`, which begins in `initial`; unsure if one finds no place there.
pub(super) fn insert<'a, S: Copy + Eq>(
    entries: &[Entry<'a>],
    order: Vec<usize>,
    initial: S,
    tells: impl Fn(&Role<'a>) -> Tells<S>,
    fault: Fault,
) -> Ruling {
    let refusal = |(at, entry): (usize, &Entry<'a>)| match tells(&entry.role) {
        Tells::IsNot(state) => Some((entry.call, at, state)),
        _ => None,
    };
    let mut refusals: Vec<(u64, usize, S)> = entries.iter().enumerate().filter_map(refusal).collect();
    if refusals.is_empty() {
        return Ruling::Holds(order);
    }
    let becomes = |at: &usize| match tells(&entries[*at].role) {
        Tells::Becomes(state) => Some(state),
        _ => None,
    };
    let gaps = Gaps::of(entries, &order, initial, becomes);
    refusals.sort_unstable_by_key(|(call, at, _)| (*call, *at));
    let mut standing: Vec<(usize, usize)> = Vec::with_capacity(refusals.len());
    // Those that may not have returned yet, by return; and the last gap of those that have.
    let mut open = BinaryHeap::new();
    let mut earliest = 0;
    for (call, at, state) in refusals {
        let ret = entries[at].ret;
        while let Some(Reverse((_, gap))) = open.peek().copied().filter(|Reverse((ret, _))| *ret < call) {
            earliest = earliest.max(gap);
            open.pop();
        }
        let mut gap = gaps.first_after(call).max(earliest);
        while fault != Fault::FailedSwapsAnywhere && gaps.states.get(gap) == Some(&state) {
            gap = gaps.changes[gap];
        }
        if gap > order.len() || gaps.called[gap].is_some_and(|called| called > ret) {
            return Ruling::Unsure;
        }
        standing.push((gap, at));
        open.push(Reverse((ret, gap)));
    }
    standing.sort_by_key(|(gap, _)| *gap);
    let mut whole = Vec::with_capacity(order.len() + standing.len());
    let mut standing = standing.into_iter().peekable();
    for gap in 0..=order.len() {
        while let Some((_, at)) = standing.next_if(|(before, _)| *before == gap) {
            whole.push(at);
        }
        whole.extend(order.get(gap));
    }
    Ruling::Holds(whole)
}

/// What is known of each gap of an order; there is one more than operations.
struct Gaps<S> {
    /// The state there.
    states: Vec<S>,
    /// The next gap with another state, or one that does not exist.
    changes: Vec<usize>,
    /// The latest call before it.
    called: Vec<Option<u64>>,
    /// The earliest return behind it.
    returns: Vec<u64>,
}

impl<S: Copy + Eq> Gaps<S> {
    fn of(entries: &[Entry<'_>], order: &[usize], initial: S, becomes: impl Fn(&usize) -> Option<S>) -> Self {
        let (mut states, mut called) = (vec![initial], vec![None]);
        let (mut state, mut latest) = (initial, None);
        for at in order {
            state = becomes(at).unwrap_or(state);
            latest = latest.max(Some(entries[*at].call));
            states.push(state);
            called.push(latest);
        }
        let mut changes = vec![order.len() + 1; order.len() + 1];
        let mut returns = vec![u64::MAX; order.len() + 1];
        for gap in (0..order.len()).rev() {
            changes[gap] = if states[gap] == states[gap + 1] { changes[gap + 1] } else { gap + 1 };
            returns[gap] = returns[gap + 1].min(entries[order[gap]].ret);
        }
        Self { states, changes, called, returns }
    }

    /// The first gap behind which nothing returned before `call`.
    fn first_after(&self, call: u64) -> usize {
        self.returns.partition_point(|ret| *ret < call)
    }
}
