//! Counters whose increments are all alike.
//!
//! Then a read says how many increments stand before it, and reads stand in the order of what they read. All reads
//! of one number are a *class*, and it is the class's turn from the last increment it needs on until the last of its
//! reads has been called. Increments can be exchanged for each other, so only times decide which stand before
//! a class. Going by classes, let `from` be when the turn of the last one was over:
//!
//! - An increment taken for a class must begin by `until`, the first return of its reads, and end at `from` or later;
//!   what was not taken for a class must end no earlier than its turn is over.
//! - The turn is over at the latest of `from`, the calls of its reads, and the call of the last increment it takes. The
//!   earliest such instant is the best for all that comes later, so of the increments called by then and by
//!   `until`, those that end first are taken. By exchange: let another choice take `y` in place of `x`, which ends before
//!   `y`. It takes `x` later, and may take `y` there instead.
//!
//! What is left at the end and completed stands last. An increment of unknown outcome has no end, so that it is
//! taken last, and left out if no class needs it.
//!
//! **Increments of different sizes.** Which of them stand before a read is a question of sums of subsets, and left to
//! the search. But no read sees less than all that certainly stands before it, nor more than all that may.

use super::refusals::{self, Tells};
use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let mut steps = entries.iter().filter_map(|entry| match entry.role {
        Role::Increment(by) if by != 0 => Some(by),
        _ => None,
    });
    let step = steps.next().unwrap_or(1);
    if steps.any(|by| by != step) {
        return within_bounds(entries);
    }
    let mut classes: Vec<(u64, usize)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Role::Count(seen) = entry.role else { continue };
        // In wide numbers, since the least number divided by -1 has no place in narrow ones.
        let (seen, step) = (i128::from(seen), i128::from(step));
        match u64::try_from(seen / step) {
            Ok(count) if seen % step == 0 => classes.push((count, at)),
            _ => return Ruling::Wrong(vec![at]),
        }
    }
    classes.sort_unstable_by_key(|(count, at)| (*count, entries[*at].call, *at));
    let mut turns = Turns::of(entries);
    for class in classes.chunk_by(|one, other| one.0 == other.0) {
        if let Err(replies) = turns.take(class, fault) {
            return Ruling::Wrong(replies);
        }
    }
    turns.finish(fault)
}

/// The increments by turns.
struct Turns<'e, 'a> {
    entries: &'e [Entry<'a>],
    /// By calls, and how many of them were called by now.
    increments: Vec<usize>,
    called: usize,
    /// Called and not taken, by returns.
    open: BinaryHeap<Reverse<(u64, usize)>>,
    taken: usize,
    /// When the last turn was over, and the read that made it so.
    from: u64,
    reason: Option<usize>,
    order: Vec<usize>,
}

impl<'e, 'a> Turns<'e, 'a> {
    fn of(entries: &'e [Entry<'a>]) -> Self {
        let counts = |at: &usize| matches!(entries[*at].role, Role::Increment(by) if by != 0);
        let mut increments: Vec<usize> = (0..entries.len()).filter(counts).collect();
        increments.sort_unstable_by_key(|at| (entries[*at].call, *at));
        let (open, order) = (BinaryHeap::new(), Vec::with_capacity(entries.len()));
        Self { entries, increments, called: 0, open, taken: 0, from: 0, reason: None, order }
    }

    /// Takes as many increments as stand before the reads of a class, which come by calls; an error is replies that
    /// contradict each other.
    fn take(&mut self, class: &[(u64, usize)], fault: Fault) -> Result<(), Vec<usize>> {
        let entries = self.entries;
        let (count, last) = class[class.len() - 1];
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (until, first) =
            class.iter().map(|(_, at)| (entries[*at].ret, *at)).min().unwrap_or((u64::MAX, last));
        if until < self.from {
            return Err([first].into_iter().chain(self.reason).collect());
        }
        let needed = match count.checked_sub(1).map(|at| self.increments.get(at)) {
            None => 0,
            Some(Some(at)) if entries[*at].call <= until => entries[*at].call,
            Some(_) => return Err(vec![first]),
        };
        let over = self.from.max(needed).max(entries[last].call);
        while let Some(at) = self.increments.get(self.called) {
            if entries[*at].call > over.min(until) {
                break;
            }
            self.open.push(Reverse((entries[*at].ret, *at)));
            self.called += 1;
        }
        let begin = self.order.len();
        while self.taken < count {
            let Some(Reverse((_, at))) = self.open.pop() else { return Err(vec![first]) };
            self.ends_in_time(at, fault)?;
            self.order.push(at);
            self.taken += 1;
        }
        self.order[begin..].sort_unstable_by_key(|at| (entries[*at].call, *at));
        self.order.extend(class.iter().map(|(_, at)| *at));
        if over > self.from {
            self.reason = Some(if entries[last].call == over { last } else { first });
        }
        self.from = over;
        Ok(())
    }

    /// Whether an increment that no turn so far took did not end before the last one was over.
    fn ends_in_time(&self, at: usize, fault: Fault) -> Result<(), Vec<usize>> {
        let is_late = self.entries[at].ret < self.from && fault != Fault::CountsUnordered;
        if is_late { Err([at].into_iter().chain(self.reason).collect()) } else { Ok(()) }
    }

    /// Puts what no turn took behind all.
    fn finish(mut self, fault: Fault) -> Ruling {
        let entries = self.entries;
        let open = std::mem::take(&mut self.open).into_iter().map(|Reverse((_, at))| at);
        let mut rest: Vec<usize> = open.chain(self.increments[self.called..].iter().copied()).collect();
        rest.retain(|at| entries[*at].completed);
        rest.sort_unstable_by_key(|at| (entries[*at].call, *at));
        for at in rest {
            if let Err(replies) = self.ends_in_time(at, fault) {
                return Ruling::Wrong(replies);
            }
            self.order.push(at);
        }
        // What adds nothing stands anywhere, as what was refused for a reason that never holds.
        let tells = |role: &Role<'_>| match role {
            Role::Increment(0) => Tells::IsNot(true),
            _ => Tells::Nothing,
        };
        let completed = |entry: &Entry<'a>| match entry.completed {
            true => *entry,
            false => Entry { role: Role::Look, ..*entry },
        };
        let entries: Vec<Entry<'_>> = entries.iter().map(completed).collect();
        refusals::insert(&entries, self.order, false, tells, fault)
    }
}

type Time = fn(&Entry<'_>) -> u64;

/// Whether each read lies between what certainly and what possibly stands before it.
fn within_bounds(entries: &[Entry<'_>]) -> Ruling {
    let sums = |is_counted: fn(i64) -> bool, time: Time| {
        let of = |entry: &Entry<'_>| match entry.role {
            Role::Increment(by) if is_counted(by) => Some((time(entry), i128::from(by))),
            _ => None,
        };
        let mut sums: Vec<(u64, i128)> = entries.iter().filter_map(of).collect();
        sums.sort_unstable();
        let mut sum = 0;
        sums.iter_mut().for_each(|(_, by)| {
            sum += *by;
            *by = sum;
        });
        sums
    };
    let until = |sums: &[(u64, i128)], is_before: &dyn Fn(u64) -> bool| {
        let count = sums.partition_point(|(time, _)| is_before(*time));
        count.checked_sub(1).map_or(0, |last| sums[last].1)
    };
    let [up, down] = [|by: i64| by > 0, |by: i64| by < 0];
    let (call, ret): (Time, Time) = (|entry| entry.call, |entry| entry.ret);
    let (up_called, up_ended) = (sums(up, call), sums(up, ret));
    let (down_called, down_ended) = (sums(down, call), sums(down, ret));
    for (at, entry) in entries.iter().enumerate() {
        let Role::Count(seen) = entry.role else { continue };
        let (called, ended) = (|time: u64| time <= entry.ret, |time: u64| time < entry.call);
        let least = until(&up_ended, &ended) + until(&down_called, &called);
        let most = until(&up_called, &called) + until(&down_ended, &ended);
        if !(least..=most).contains(&i128::from(seen)) {
            return Ruling::Wrong(vec![at]);
        }
    }
    Ruling::Unsure
}
