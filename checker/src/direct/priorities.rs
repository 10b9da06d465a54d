//! Priority queues into which no value is put twice.
//!
//! A value can be taken only while all of lower numbers are out. So to those it is what an empty answer is to all.
//! Going from the first priority to the last, an instant is *free* if the queue can hold nothing of the
//! priorities so far. For each value of the next priority:
//!
//! - it is taken at a free instant of its take, after its insertion began: let `begun` be the first of these and `last`
//!   the last. If there is none, the history is wrong.
//! - it is in the queue from `ended`, the end of its insertion or `last` if that is earlier, to `begun`; both ends
//!   themselves are free. If nobody took it, for ever.
//!
//! An empty answer needs an instant that is free of all.
//!
//! *That is enough.* Let `Q` be instants that are free of the first `k` priorities. By induction they have a
//! linearization in which the queue is empty at each: a value of priority `k` with `ended` before `q` goes before
//! `q`, any other after it. Between its neighbours in `Q` it is taken at `begun`, or at the neighbour before if that is
//! later: both are free of the first `k - 1` priorities, and within its take. Add these instants to `Q`. Values of
//! lower numbers have a linearization in which the queue is empty at all of them, and there the others fit in.
//!
//! Forbidden instants are kept as disjoint open intervals, so that all costs O(n log n), as in Lee & Mathur (OOPSLA
//! 2025). Unknown outcomes are as for queues; a value that nobody is known to have taken may have gone to a take of
//! unknown outcome. One way to give them away is tried; and if it is wrong even if each could have taken any number, or
//! there are too few of them, it is wrong. Else the search decides.

use super::queues::Cut;
use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// The end of time.
const NEVER: u64 = u64::MAX;

/// A value, and when it is in the queue.
#[derive(Clone, Copy, Debug)]
struct Value {
    priority: i64,
    into: usize,
    out: Option<usize>,
    into_call: u64,
    into_ret: u64,
    begun: u64,
    ended: u64,
}

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    if entries.iter().any(|entry| entry.completed && entry.ret == NEVER) {
        return Ruling::Unsure;
    }
    let values = match values(entries) {
        Ok(values) => values,
        Err(ruling) => return ruling,
    };
    let wrong = match free(entries, values.clone(), NEVER, fault) {
        Ok((values, empty)) => return Ruling::Holds(lay_out(entries, &values, &empty)),
        Err(wrong) => wrong,
    };
    let mut takes: Vec<usize> =
        (0..entries.len()).filter(|at| entries[*at].role == Role::TakeLeast(None)).collect();
    takes.sort_unstable_by_key(|at| (entries[*at].call, *at));
    let Some(perhaps) = takes.first().map(|at| entries[*at].call) else { return Ruling::Wrong(wrong) };
    // What nobody is known to have taken may have gone to these, the first to be taken to the first.
    let mut given = values.clone();
    let mut left = takes.iter().copied();
    given.iter_mut().filter(|value| value.out.is_none()).for_each(|value| value.out = left.next());
    if let Ok((given, empty)) = free(entries, given, NEVER, fault) {
        return Ruling::Holds(lay_out(entries, &given, &empty));
    }
    match free(entries, values.clone(), perhaps, fault) {
        Err(wrong) => Ruling::Wrong(wrong),
        Ok(_) => too_many(entries, &values, &takes),
    }
}

/// Wrong if before a take returned, more values that had to be out than takes of unknown outcome were called.
fn too_many(entries: &[Entry<'_>], values: &[Value], takes: &[usize]) -> Ruling {
    let has_too_many = |lower: &[u64], at: usize| {
        let in_before = lower.partition_point(|into_ret| *into_ret < entries[at].call);
        in_before > takes.partition_point(|take| entries[*take].call <= entries[at].ret)
    };
    // When each value of a lower number that nobody is known to have taken was in, sorted.
    let mut lower: Vec<u64> = Vec::new();
    for level in values.chunk_by(|one, other| one.priority == other.priority) {
        let taken = level.iter().filter_map(|value| Some((value.into, value.out?)));
        if let Some((into, out)) = taken.into_iter().find(|(_, out)| has_too_many(&lower, *out)) {
            return Ruling::Wrong(vec![into, out]);
        }
        for value in level.iter().filter(|value| value.out.is_none()) {
            lower.insert(lower.partition_point(|into_ret| *into_ret < value.into_ret), value.into_ret);
        }
    }
    let empty = (0..entries.len()).filter(|at| entries[*at].role == Role::TakeLeast(Some(None)));
    let found = empty.into_iter().find(|at| has_too_many(&lower, *at));
    found.map_or(Ruling::Unsure, |at| Ruling::Wrong(vec![at]))
}

/// The values that went in, by priority, or what is wrong by names alone.
fn values(entries: &[Entry<'_>]) -> Result<Vec<Value>, Ruling> {
    let mut by_name: FxHashMap<&str, Value> = FxHashMap::default();
    for (into, entry) in entries.iter().enumerate() {
        let Role::Insert { value: name, priority } = entry.role else { continue };
        let (into_call, into_ret, begun, ended) = (entry.call, entry.ret, NEVER, entry.ret);
        let value = Value { priority, into, out: None, into_call, into_ret, begun, ended };
        if by_name.insert(name, value).is_some() {
            return Err(Ruling::Unsure);
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        let Role::TakeLeast(Some(Some(name))) = entry.role else { continue };
        let Some(value) = by_name.get_mut(name).filter(|value| value.into_call <= entry.ret) else {
            return Err(Ruling::Wrong(vec![at]));
        };
        if let Some(before) = value.out.replace(at) {
            return Err(Ruling::Wrong(vec![before, at]));
        }
    }
    let mut values: Vec<Value> = by_name.into_values().collect();
    values.retain(|value| value.out.is_some() || entries[value.into].completed);
    values.sort_unstable_by_key(|value| (value.priority, value.into));
    Ok(values)
}

type Indices = Vec<usize>;

/// Finds out when each value is in, and a free instant for each empty answer; an error is replies that contradict each
/// other. What nobody took may have gone from `perhaps` on.
fn free(
    entries: &[Entry<'_>],
    mut values: Vec<Value>,
    perhaps: u64,
    fault: Fault,
) -> Result<(Vec<Value>, Vec<Cut>), Indices> {
    let mut forbidden = Forbidden::default();
    for level in values.chunk_by_mut(|one, other| one.priority == other.priority) {
        for value in level.iter_mut() {
            let Some(out) = value.out else {
                value.begun = forbidden.first_free(perhaps.max(value.into_call));
                continue;
            };
            let (call, ret) = (entries[out].call.max(value.into_call), entries[out].ret);
            (value.begun, value.ended) = (forbidden.first_free(call), forbidden.last_free(ret));
            if fault == Fault::WorseFirst {
                (value.begun, value.ended) = (call, ret);
            }
            if value.begun == NEVER && !entries[out].completed {
                value.out = None;
                value.ended = value.into_ret;
                continue;
            }
            if value.begun > ret {
                return Err(vec![value.into, out]);
            }
            value.ended = value.ended.min(value.into_ret);
        }
        level.iter().for_each(|value| forbidden.forbid(value.ended, value.begun));
    }
    let mut empty = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        if entry.role == Role::TakeLeast(Some(None)) {
            let instant = forbidden.first_free(entry.call);
            if instant > entry.ret {
                return Err(vec![at]);
            }
            empty.push((instant, at));
        }
    }
    Ok((values, empty))
}

/// Disjoint open intervals, from start to end.
#[derive(Default)]
struct Forbidden(BTreeMap<u64, u64>);

impl Forbidden {
    fn forbid(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((from, until)) = self.0.range(..end).next_back().map(|(from, until)| (*from, *until)) {
            if until <= start {
                break;
            }
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(until));
        }
        self.0.insert(start, end);
    }

    fn around(&self, instant: u64) -> Option<(u64, u64)> {
        let (start, end) = self.0.range(..instant).next_back()?;
        (*end > instant).then_some((*start, *end))
    }

    /// The first free instant that is not before this one; [`NEVER`] if there is none.
    fn first_free(&self, instant: u64) -> u64 {
        self.around(instant).map_or(instant, |(_, end)| end)
    }

    /// The last free instant that is not after this one.
    fn last_free(&self, instant: u64) -> u64 {
        self.around(instant).map_or(instant, |(start, _)| start)
    }
}

/// Where an operation stands: its instant; at one instant, what goes before a cut, the cut, and what goes after it;
/// of that the first and the last priority next to it; and an insertion before the take.
type Spot = (u64, u8, i64, bool, usize);

/// An order, from instants at which the queue can be empty of all lower numbers.
fn lay_out(entries: &[Entry<'_>], values: &[Value], empty: &[Cut]) -> Indices {
    let mut cuts: BTreeSet<u64> = empty.iter().map(|(instant, _)| *instant).collect();
    let mut spots: Vec<Spot> = empty.iter().map(|(instant, at)| (*instant, 1, 0, true, *at)).collect();
    for level in values.chunk_by(|one, other| one.priority == other.priority).rev() {
        let begin = spots.len();
        for value in level {
            let cut = cuts.range(..=value.ended).next_back().copied();
            let spot = |instant: u64, out: bool, at: usize| match cut {
                Some(cut) if cut == instant => (instant, 2, !value.priority, out, at),
                _ if out && cuts.contains(&instant) => (instant, 0, value.priority, out, at),
                _ => (instant, 1, 0, out, at),
            };
            let from = cut.unwrap_or(0);
            spots.push(spot(from.max(entries[value.into].call), false, value.into));
            spots.extend(value.out.map(|at| spot(from.max(value.begun), true, at)));
        }
        cuts.extend(spots[begin..].iter().filter(|(_, _, _, out, _)| *out).map(|(instant, ..)| *instant));
    }
    spots.sort_unstable();
    spots.into_iter().map(|(.., at)| at).collect()
}
