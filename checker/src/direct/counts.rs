//! Counters whose increments are all alike.
//!
//! Then a read says how many increments stand before it, and any of them will do. Let increments be *late*: one takes
//! effect only when it must, because it ends, or because a read that ends has seen more than took effect so far. In that
//! case it is the one, of those called by then, that ends first.
//!
//! *Then no order has fewer increments before any instant.* Let one have fewer at `t`, and none before. At `t` no
//! read asked for one, or both have it. So an increment `x` ended, and the other order has it by then in place
//! of some `z` that ends after `t` and that a read asked for at an earlier instant, the last such. Whatever
//! took effect after that ends by `t`, and like `x` was not called before, or it would have been asked for in place of `z`. So
//! the other order has all that after that instant, too, and `x` besides, and no fewer before it.
//!
//! So the counter is linearizable exactly if no read is called when more increments took effect than it saw, and
//! no read ends that saw more than were called. A read stands right behind the last increment that it saw. An
//! increment of unknown outcome has no end; it is taken if a read asks for it.
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
    let mut events = Vec::with_capacity(2 * entries.len());
    for (at, entry) in entries.iter().enumerate() {
        match entry.role {
            Role::Increment(0) => {}
            Role::Increment(_) => {
                events.push((entry.call, Event::Called, at, 0));
                events.extend(entry.completed.then_some((entry.ret, Event::Ends, at, 0)));
            }
            Role::Count(seen) => {
                // In wide numbers, since the least number divided by -1 has no place in narrow ones.
                let (seen, step) = (i128::from(seen), i128::from(step));
                let Some(count) = usize::try_from(seen / step).ok().filter(|_| seen % step == 0) else {
                    return Ruling::Wrong(vec![at]);
                };
                events.push((entry.call, Event::ReadCalled, at, count));
                events.push((entry.ret, Event::ReadEnds, at, count));
            }
            _ => {}
        }
    }
    events.sort_unstable();
    match late(entries, &events, fault) {
        Ok(order) => with_zeros(entries, order, fault),
        Err(replies) => Ruling::Wrong(replies),
    }
}

/// What happens, in the order in which it counts if it happens at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Called,
    ReadCalled,
    Ends,
    ReadEnds,
}

/// The increments as late as can be, and each read behind the last that it saw; an error is replies that contradict
/// each other.
fn late(
    entries: &[Entry<'_>],
    events: &[(u64, Event, usize, usize)],
    fault: Fault,
) -> Result<Vec<usize>, Vec<usize>> {
    // Called and not placed, by ends.
    let mut open = BinaryHeap::new();
    let mut is_placed = vec![false; entries.len()];
    let mut placed = Vec::new();
    let mut reads: Vec<(usize, usize)> = Vec::new();
    // How many were placed before this instant.
    let (mut before, mut instant) = (0, 0);
    let mut most: Option<(usize, usize)> = None;
    for (time, event, at, count) in events.iter().copied() {
        if time > instant {
            (before, instant) = (placed.len(), time);
        }
        match event {
            Event::Called => open.push(Reverse((entries[at].ret, at))),
            Event::ReadCalled if before > count && fault != Fault::CountsUnordered => {
                let other = most.filter(|(most, _)| *most > count).map(|(_, at)| at);
                return Err([at].into_iter().chain(other).collect());
            }
            Event::ReadCalled => reads.push((count, at)),
            Event::Ends if is_placed[at] => {}
            Event::Ends => {
                is_placed[at] = true;
                placed.push(at);
            }
            Event::ReadEnds => {
                while placed.len() < count {
                    let Some(Reverse((_, at))) = open.pop() else { return Err(vec![at]) };
                    if !std::mem::replace(&mut is_placed[at], true) {
                        placed.push(at);
                    }
                }
                most = most.max(Some((count, at)));
            }
        }
    }
    // By what they saw, and then by calls, as they came.
    reads.sort_by_key(|(count, _)| *count);
    let mut order = Vec::with_capacity(entries.len());
    let mut reads = reads.into_iter().peekable();
    for count in 0..=placed.len() {
        while let Some((_, at)) = reads.next_if(|(seen, _)| *seen == count) {
            order.push(at);
        }
        order.extend(placed.get(count));
    }
    Ok(order)
}

/// Puts in what adds nothing: it stands anywhere, as what was refused for a reason that never holds.
fn with_zeros(entries: &[Entry<'_>], order: Vec<usize>, fault: Fault) -> Ruling {
    let mut entries = entries.to_vec();
    entries.iter_mut().filter(|entry| !entry.completed).for_each(|entry| entry.role = Role::Look);
    let tells = |role: &Role<'_>| match role {
        Role::Increment(0) => Tells::IsNot(true),
        _ => Tells::Nothing,
    };
    refusals::insert(&entries, order, false, tells, fault)
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
