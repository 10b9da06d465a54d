//! A history part by part, and one order from an order for each part.

use crate::history::Operation;
use crate::model::Model;
use crate::numbers::Numbers;
use crate::wing_gong::{Fault, View};

/// Where the operations of each part stand in the history. Its room can be used again.
#[derive(Default)]
pub(crate) struct Parts {
    numbers: Numbers,
    /// The part of each operation, by the order in which parts begin.
    part_of: Vec<u32>,
    /// The first operation of each part, in the same order.
    firsts: Vec<u32>,
    /// The parts in the order of their keys, and where each ends among `members`.
    sorted: Vec<u32>,
    ends: Vec<u32>,
    /// The operations, part by part in the order of the keys.
    members: Vec<u32>,
}

type Group<'a> = (Option<&'a str>, u64);

fn group<'a, M: Model>(model: &M, operation: &'a Operation<M::Input, M::Output>, fault: Fault) -> Group<'a> {
    match fault {
        Fault::SplitsByClient => (None, operation.client),
        _ => (model.key(&operation.input), 0),
    }
}

impl Parts {
    /// Splits a history; an error is the index of an operation that returned before its call.
    pub(crate) fn split<M: Model>(
        &mut self,
        model: &M,
        history: &[Operation<M::Input, M::Output>],
        fault: Fault,
    ) -> Result<(), usize> {
        let malformed =
            |operation: &Operation<_, _>| operation.returned_at().is_some_and(|ret| ret < operation.call);
        if let Some(index) = history.iter().position(malformed) {
            return Err(index);
        }
        let Self { numbers, part_of, firsts, sorted, ends, members } = self;
        let group_at = |at: u32| group(model, &history[at as usize], fault);
        numbers.clear(16);
        part_of.clear();
        firsts.clear();
        for (at, operation) in history.iter().enumerate() {
            let next = firsts.len() as u32;
            let own = group(model, operation, fault);
            let part = numbers.number(own, next, |part| group_at(firsts[part as usize]) == own);
            if part == next {
                firsts.push(at as u32);
            }
            part_of.push(part);
        }
        sorted.clear();
        sorted.extend(0..firsts.len() as u32);
        sorted.sort_unstable_by_key(|part| group_at(firsts[*part as usize]));
        // By counting: first how many each part has, then where each begins, and as it fills where it ends.
        let mut begins = std::mem::take(ends);
        begins.clear();
        begins.resize(firsts.len(), 0);
        part_of.iter().for_each(|part| begins[*part as usize] += 1);
        let mut total = 0;
        for part in &*sorted {
            total += std::mem::replace(&mut begins[*part as usize], total);
        }
        members.clear();
        members.resize(history.len(), 0);
        for (at, part) in part_of.iter().enumerate() {
            members[begins[*part as usize] as usize] = at as u32;
            begins[*part as usize] += 1;
        }
        *ends = begins;
        Ok(())
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The operations of the part of this place in the order of the keys, in the order of the history.
    pub(crate) fn members(&self, place: usize) -> &[u32] {
        let end = |place: usize| self.ends[self.sorted[place] as usize] as usize;
        let start = if place == 0 { 0 } else { end(place - 1) };
        &self.members[start..end(place)]
    }

    /// Its key.
    pub(crate) fn key<'a, M: Model>(
        &self,
        place: usize,
        model: &M,
        history: &'a [Operation<M::Input, M::Output>],
    ) -> Option<&'a str> {
        model.key(&history[self.members(place)[0] as usize].input)
    }

    /// The operations as the search sees them.
    pub(crate) fn views<'a, M: Model>(
        &self,
        place: usize,
        history: &'a [Operation<M::Input, M::Output>],
    ) -> Vec<View<'a, M>> {
        self.members(place).iter().map(|at| view(history, *at as usize)).collect()
    }
}

/// One operation as the search sees it.
pub(crate) fn view<M: Model>(history: &[Operation<M::Input, M::Output>], index: usize) -> View<'_, M> {
    let operation = &history[index];
    View {
        input: &operation.input,
        output: operation.output(),
        call: operation.call,
        ret: operation.returned_at(),
        index,
    }
}

/// One order for the whole history from an order for each part (the constructive half of locality), one after the
/// other in `orders`, each ending at one of `ends`. `counts` is room.
///
/// An operation's point is the latest call among its part's operations up to it. That is not before its own
/// call, and not after its return: an operation called later than that return may not stand before it. So
/// sorting by points respects real time across parts, and keeps the order within each.
pub(crate) fn merge<I, O>(
    history: &[Operation<I, O>],
    (orders, ends): (&[u32], &[usize]),
    counts: &mut Vec<u32>,
    merged: &mut Vec<usize>,
) {
    merged.clear();
    if ends.len() <= 1 {
        merged.extend(orders.iter().map(|index| *index as usize));
        return;
    }
    let parts = || {
        let starts = std::iter::once(&0).chain(ends);
        starts.zip(ends).map(|(start, end)| &orders[*start..*end])
    };
    if !history.is_sorted_by_key(|operation| operation.call) {
        let mut points = Vec::with_capacity(orders.len());
        for order in parts() {
            let mut point = 0;
            for index in order {
                point = point.max(history[*index as usize].call);
                points.push((point, *index as usize));
            }
        }
        points.sort_by_key(|(point, _)| *point);
        merged.extend(points.into_iter().map(|(_, index)| index));
        return;
    }
    // In the order of calls the latest call is the greatest index, and points are counted rather than sorted.
    counts.clear();
    counts.resize(history.len(), 0);
    let each = |counts: &mut [u32], found: &mut dyn FnMut(&mut u32, u32)| {
        for order in parts() {
            let mut point = 0;
            for index in order {
                point = point.max(*index);
                found(&mut counts[point as usize], *index);
            }
        }
    };
    each(counts, &mut |count, _| *count += 1);
    let mut total = 0;
    for count in &mut *counts {
        total += std::mem::replace(count, total);
    }
    merged.resize(orders.len(), 0);
    each(counts, &mut |place, index| {
        merged[*place as usize] = index as usize;
        *place += 1;
    });
}
