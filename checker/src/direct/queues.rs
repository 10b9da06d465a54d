//! First-in, first-out queues in which no value is enqueued twice.
//!
//! Let `E` and `D` be the intervals of a value's enqueue and dequeue. Every order of the values in which they go
//! through the queue must put `x` before `y` if `E(x)` ended before `E(y)` began, or `D(x)` before `D(y)` or `E(y)`.
//! The first value of an order must so have `E` begin by the first end of any `E` and `D`, and `D` begin by the
//! first end of any `D`. *Peeling* takes such values off, one after the other. If there is none: let `x` have the
//! first end of a `D`, and `y` the first end of an `E`. Then `E(y)` ended before `E(x)` began (else `x` may be
//! first) and `D(x)` ended before `D(y)` began (else `y` may): the history is wrong by these two values. And an
//! order is enough: each operation takes effect at the latest of the beginnings before it in the order (for a
//! dequeue also those of the enqueues), which is not after its end, or the order would be another.
//!
//! **Empty answers.** At an instant `q` the queue can be empty unless for some value one of `E`, `D` ended before `q`
//! and the other began after. So each value forbids an open interval. If an empty answer's interval is covered
//! by these, it is wrong. If not, it takes its first free instant as a *cut*: the values with an end before `q` go
//! before those without. All they must follow has an end before `q` as well, so that cuts never contradict each
//! other or the order above.
//!
//! A value that nobody took is taken after the end of time. These are the conditions of Henzinger, Sezgin &
//! Vafeiadis (CONCUR 2013, theorem 1), in O(n log n) as in Lee & Mathur (OOPSLA 2025).
//!
//! An enqueue of unknown outcome is left out unless its value was taken. A dequeue of unknown outcome may be left
//! out; but if that makes a history wrong because some value was never taken, the search must decide.

use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A value that went into a queue or onto a stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Its enqueue.
    pub(super) into: usize,
    /// Its dequeue.
    pub(super) out: Option<usize>,
    pub(super) into_call: u64,
    pub(super) into_ret: u64,
    pub(super) out_call: u64,
    pub(super) out_ret: u64,
}

impl Value {
    /// When the first of its operations ended.
    pub(super) fn ended(&self) -> u64 {
        self.into_ret.min(self.out_ret)
    }

    /// When the last of its operations began; `None`: never.
    pub(super) fn begun(&self) -> Option<u64> {
        self.out.map(|_| self.into_call.max(self.out_call))
    }
}

/// An empty answer at an instant at which nothing forbids it.
pub(super) type Cut = (u64, usize);

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let values = match values(entries) {
        Ok(values) => values,
        Err(ruling) => return ruling,
    };
    let cuts = match cuts(entries, &values, fault) {
        Ok(cuts) => cuts,
        Err(ruling) => return ruling,
    };
    // Before how many cuts a value stands is how many instants lie after its first end.
    let block = |value: &Value| cuts.partition_point(|(instant, _)| *instant <= value.ended());
    let mut blocks: Vec<Vec<Value>> = vec![Vec::new(); cuts.len() + 1];
    values.iter().for_each(|value| blocks[block(value)].push(*value));
    let mut order = Vec::with_capacity(entries.len());
    for (at, block) in blocks.into_iter().enumerate() {
        let from = at.checked_sub(1).map(|cut| cuts[cut]);
        order.extend(from.map(|(_, empty)| empty));
        let peeled = match peel(block, fault) {
            Ok(peeled) => peeled,
            Err((first, second)) => return out_of_order(entries, &[first, second]),
        };
        lay_out(&peeled, from.map_or(0, |(instant, _)| instant), &mut order);
    }
    Ruling::Holds(order)
}

/// The values that went in, by their first ends, or what is wrong by names and numbers alone.
pub(super) fn values(entries: &[Entry<'_>]) -> Result<Vec<Value>, Ruling> {
    let mut by_name: FxHashMap<&str, Value> = FxHashMap::default();
    for (at, entry) in entries.iter().enumerate() {
        if let Role::Enqueue(name) | Role::Push(name) = entry.role {
            let (into_call, into_ret) = (entry.call, entry.ret);
            let value =
                Value { into: at, out: None, into_call, into_ret, out_call: u64::MAX, out_ret: u64::MAX };
            if by_name.insert(name, value).is_some() {
                return Err(Ruling::Unsure);
            }
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        let (Role::Dequeue(Some(Some(name))) | Role::Pop(Some(Some(name)))) = entry.role else { continue };
        let Some(value) = by_name.get_mut(name).filter(|value| value.into_call <= entry.ret) else {
            return Err(Ruling::Wrong(vec![at]));
        };
        if let Some(before) = value.out.replace(at) {
            return Err(Ruling::Wrong(vec![before, at]));
        }
        (value.out_call, value.out_ret) = (entry.call, entry.ret);
    }
    let mut values: Vec<Value> = by_name.into_values().collect();
    values.retain(|value| value.out.is_some() || entries[value.into].completed);
    values.sort_unstable_by_key(|value| (value.ended(), value.into));
    Ok(values)
}

fn is_empty(entry: &Entry<'_>) -> bool {
    matches!(entry.role, Role::Dequeue(Some(None)) | Role::Pop(Some(None)))
}

/// The first free instant of each empty answer, in their order.
pub(super) fn cuts(entries: &[Entry<'_>], values: &[Value], fault: Fault) -> Result<Vec<Cut>, Ruling> {
    let mut empty: Vec<usize> = (0..entries.len()).filter(|at| is_empty(&entries[*at])).collect();
    empty.sort_unstable_by_key(|at| (entries[*at].call, *at));
    let mut cuts: Vec<Cut> = Vec::with_capacity(empty.len());
    // By first end: once one begins to forbid at the instant or after it, so do all that follow.
    let mut next = 0;
    let mut latest: Option<Value> = None;
    let mut instant = 0;
    let mut cover = Vec::new();
    let is_later = |value: &Value, than: &Value| match (value.begun(), than.begun()) {
        (_, None) => false,
        (None, _) => true,
        (value, than) => value > than,
    };
    for at in empty {
        let (call, ret) = (entries[at].call, entries[at].ret);
        // All from an earlier call to its free instant is covered.
        if call >= instant {
            instant = call;
            cover.clear();
        } else if instant > ret && fault != Fault::EmptyWherever {
            return Err(never_empty(entries, at, &cover));
        }
        loop {
            while next < values.len() && values[next].ended() < instant {
                if latest.is_none_or(|latest| is_later(&values[next], &latest)) {
                    latest = Some(values[next]);
                }
                next += 1;
            }
            let Some(over) = latest.filter(|value| value.begun().is_none_or(|begun| begun > instant)) else {
                break;
            };
            cover.push(over);
            match over.begun().filter(|begun| *begun <= ret) {
                Some(begun) => instant = begun,
                None if fault == Fault::EmptyWherever => break,
                None => return Err(never_empty(entries, at, &cover)),
            }
        }
        cuts.push((instant, at));
    }
    cuts.sort_unstable_by_key(|(instant, at)| (*instant, entries[*at].call, *at));
    Ok(cuts)
}

fn never_empty(entries: &[Entry<'_>], at: usize, cover: &[Value]) -> Ruling {
    match out_of_order(entries, cover) {
        Ruling::Wrong(replies) => Ruling::Wrong([vec![at], replies].concat()),
        ruling => ruling,
    }
}

/// Wrong by these values. If one was never taken, also by the values that all dequeues took in its place.
pub(super) fn out_of_order(entries: &[Entry<'_>], of: &[Value]) -> Ruling {
    let mut replies: Vec<usize> =
        of.iter().flat_map(|value| [Some(value.into), value.out]).flatten().collect();
    if of.iter().any(|value| value.out.is_none()) {
        let dequeues =
            || (0..entries.len()).filter(|at| matches!(entries[*at].role, Role::Dequeue(_) | Role::Pop(_)));
        if dequeues().any(|at| !entries[at].completed) {
            return Ruling::Unsure;
        }
        replies.extend(dequeues());
    }
    replies.retain(|at| entries[*at].completed);
    replies.sort_unstable();
    replies.dedup();
    Ruling::Wrong(replies)
}

/// The values in an order in which they can go through the queue, or two that cannot go in any. What was never taken is
/// taken after all that was: also after what was taken at the end of time.
fn peel(mut values: Vec<Value>, fault: Fault) -> Result<Vec<Value>, (Value, Value)> {
    values.sort_unstable_by_key(|value| (value.into_call, value.into));
    let sorted = |end: fn(&Value) -> (u64, bool)| {
        let mut by_end: Vec<usize> = (0..values.len()).collect();
        by_end.sort_unstable_by_key(|at| (end(&values[*at]), *at));
        by_end
    };
    let by_into = sorted(|value| (value.into_ret, false));
    let by_out = sorted(|value| (value.out_ret, value.out.is_none()));
    let mut is_peeled = vec![false; values.len()];
    let (mut first_into, mut first_out, mut called) = (0, 0, 0);
    let mut ready = BinaryHeap::new();
    let mut order = Vec::with_capacity(values.len());
    while order.len() < values.len() {
        while is_peeled[by_into[first_into]] {
            first_into += 1;
        }
        while is_peeled[by_out[first_out]] {
            first_out += 1;
        }
        let (x, y) = (values[by_out[first_out]], values[by_into[first_into]]);
        while called < values.len() && values[called].into_call <= y.into_ret.min(x.out_ret) {
            ready.push(Reverse((values[called].out_call, values[called].out.is_none(), called)));
            called += 1;
        }
        let fits = |at: usize| {
            let value: &Value = &values[at];
            value.out_call <= x.out_ret && (value.out.is_some() || x.out.is_none())
                || fault == Fault::QueueUnordered
        };
        match ready.pop().filter(|Reverse((.., at))| fits(*at)) {
            Some(Reverse((.., at))) => {
                is_peeled[at] = true;
                order.push(values[at]);
            }
            None => return Err((x, y)),
        }
    }
    Ok(order)
}

/// Each operation at the earliest instant from `from` on, for values in this order.
fn lay_out(values: &[Value], from: u64, order: &mut Vec<usize>) {
    let (mut into, mut out) = (from, from);
    let mut spots = Vec::with_capacity(2 * values.len());
    for (rank, value) in values.iter().enumerate() {
        into = into.max(value.into_call);
        spots.push((into, false, rank, value.into));
        if let Some(at) = value.out {
            out = out.max(into).max(value.out_call);
            spots.push((out, true, rank, at));
        }
    }
    spots.sort_unstable();
    order.extend(spots.into_iter().map(|(_, _, _, at)| at));
}
