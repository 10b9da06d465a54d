//! Stacks on which no value is pushed twice.
//!
//! A value is certainly on the stack between the end of its push and the beginning of its pop; one that nobody popped,
//! for ever. Two steps take a history apart, and both lose nothing: removing a value, push and pop, from a legal
//! sequence leaves a legal one.
//!
//! 1. **Cut** at an instant `q` at which no value is certainly on the stack. Let all values with an end before `q` go
//!    before the others. Given any linearization, its part with the first values followed by its part with the
//!    others is legal, and in time: of the first nothing began after `q`, of the others nothing ended before.
//!    An empty answer needs such an instant, as in [`queues`](super::queues).
//! 2. **Take the bottom.** If there is no such instant between the first end and the last beginning, the stack
//!    is never empty there, and one value lies below all others: its push comes before all else, its pop after.
//!    Any value may be it for which the times allow that: given a linearization, take it out and put its push
//!    before all and its pop behind all the rest. If the times allow it for none, the history is wrong by
//!    these values. What lies above is taken apart in the same way.
//!
//! So a history is linearizable exactly if it can be taken apart to nothing. Each value is the bottom once, and finding it
//! looks at the values above: O(n d) for a stack of depth d, up to sorting; quadratic at worst, as in Abdulla
//! et al. (PLDI 2025). Unknown outcomes are as for queues.

use super::queues::{Value, cuts, out_of_order, values};
use super::{Entry, Ruling};
use crate::wing_gong::Fault;

/// What is left to do, the next last.
enum Work {
    /// Take these apart.
    Apart(Vec<Value>),
    /// Put this operation into the order.
    Place(usize),
}

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let values = match values(entries) {
        Ok(values) => values,
        Err(ruling) => return ruling,
    };
    let cuts = match cuts(entries, &values, fault) {
        Ok(cuts) => cuts,
        Err(ruling) => return ruling,
    };
    let mut blocks: Vec<Vec<Value>> = vec![Vec::new(); cuts.len() + 1];
    for value in values {
        blocks[cuts.partition_point(|(instant, _)| *instant <= value.ended())].push(value);
    }
    let mut work = Vec::new();
    for (at, block) in blocks.into_iter().enumerate().rev() {
        work.push(Work::Apart(block));
        work.extend(at.checked_sub(1).map(|cut| Work::Place(cuts[cut].1)));
    }
    let mut order = Vec::with_capacity(entries.len());
    while let Some(next) = work.pop() {
        match next {
            Work::Place(at) => order.push(at),
            Work::Apart(values) => {
                for group in groups(values).into_iter().rev() {
                    if let Err(group) = take_bottom(group, &mut work, fault) {
                        return out_of_order(entries, &group);
                    }
                }
            }
        }
    }
    Ruling::Holds(order)
}

/// Cuts wherever it is possible. The values come by their first ends, and stay so.
fn groups(values: Vec<Value>) -> Vec<Vec<Value>> {
    let mut groups: Vec<Vec<Value>> = Vec::new();
    // The last beginning of a group; all the group is before it, or touches it.
    let mut until = Some(0);
    for value in values {
        let begun = value.begun();
        match groups.last_mut() {
            Some(group) if until.is_none_or(|until| value.ended() < until) => {
                group.push(value);
                until = until.and_then(|until| Some(until.max(begun?)));
            }
            _ => {
                groups.push(vec![value]);
                until = begun;
            }
        }
    }
    groups
}

/// Plans the push of the bottom, all that lies above it, and its pop; an error if none can be the bottom.
fn take_bottom(mut group: Vec<Value>, work: &mut Vec<Work>, fault: Fault) -> Result<(), Vec<Value>> {
    let begun = |value: &Value| value.begun().unwrap_or(u64::MAX);
    let first = group.iter().map(Value::ended).min().unwrap_or(u64::MAX);
    let last = group.iter().map(begun).max().unwrap_or(0);
    let all_popped = group.iter().all(|value| value.out.is_some());
    let fits = |value: &Value| {
        value.into_call <= first && value.out_ret >= last && (all_popped || value.out.is_none())
    };
    let Some(at) = group.iter().position(|value| fault == Fault::StackUnordered || fits(value)) else {
        return Err(group);
    };
    let bottom = group.remove(at);
    work.extend(bottom.out.map(Work::Place));
    if !group.is_empty() {
        work.push(Work::Apart(group));
    }
    work.push(Work::Place(bottom.into));
    Ok(())
}
