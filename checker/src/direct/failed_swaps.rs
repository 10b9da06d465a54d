//! Failed compare-and-sets, put into an order of all other operations.
//!
//! In an order without them, gap `i` lies before the `i`-th operation. A failed swap may stand in a gap if no
//! operation before the gap was called after it returned, none behind the gap returned before it was called, and
//! the value there is not the one that it did not find. The earliest such gap is the best for it: going by calls,
//! only failed swaps that returned before this one was called ask it to stand no earlier than they do. Since they
//! change nothing, they do not ask anything else of each other.

use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) fn insert(entries: &[Entry<'_>], order: &[usize], fault: Fault) -> Ruling {
    let gaps = Gaps::of(entries, order);
    let mut failed: Vec<usize> =
        (0..entries.len()).filter(|at| matches!(entries[*at].role, Role::NotSwapped { .. })).collect();
    failed.sort_unstable_by_key(|at| (entries[*at].call, *at));
    let mut standing: Vec<(usize, usize)> = Vec::with_capacity(failed.len());
    // Those that may not have returned yet, by return; and the last gap of those that have.
    let mut open = BinaryHeap::new();
    let mut earliest = 0;
    for at in failed {
        let entry = &entries[at];
        let Role::NotSwapped { from } = entry.role else { continue };
        while let Some(Reverse((ret, gap))) =
            open.peek().copied().filter(|Reverse((ret, _))| *ret < entry.call)
        {
            let _: u64 = ret;
            earliest = earliest.max(gap);
            open.pop();
        }
        let mut gap = gaps.first_after(entry.call).max(earliest);
        while fault != Fault::FailedSwapsAnywhere && gaps.values.get(gap) == Some(&from) {
            gap = gaps.changes[gap];
        }
        if gap > order.len() || gaps.called[gap].is_some_and(|called| called > entry.ret) {
            return Ruling::Unsure;
        }
        standing.push((gap, at));
        open.push(Reverse((entry.ret, gap)));
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
struct Gaps<'a> {
    /// The value there.
    values: Vec<Option<&'a str>>,
    /// The next gap with another value, or one that does not exist.
    changes: Vec<usize>,
    /// The latest call before it.
    called: Vec<Option<u64>>,
    /// The earliest return behind it.
    returns: Vec<u64>,
}

impl<'a> Gaps<'a> {
    fn of(entries: &[Entry<'a>], order: &[usize]) -> Self {
        let (mut values, mut called) = (vec![None], vec![None]);
        let (mut value, mut latest) = (None, None);
        for at in order {
            if let Role::Write(to) | Role::Swap { to, .. } = entries[*at].role {
                value = to;
            }
            latest = latest.max(Some(entries[*at].call));
            values.push(value);
            called.push(latest);
        }
        let mut changes = vec![order.len() + 1; order.len() + 1];
        let mut returns = vec![u64::MAX; order.len() + 1];
        for gap in (0..order.len()).rev() {
            changes[gap] = if values[gap] == values[gap + 1] { changes[gap + 1] } else { gap + 1 };
            returns[gap] = returns[gap + 1].min(entries[order[gap]].ret);
        }
        Self { values, changes, called, returns }
    }

    /// The first gap behind which nothing returned before `call`.
    fn first_after(&self, call: u64) -> usize {
        self.returns.partition_point(|ret| *ret < call)
    }
}
