//! The history as the search walks it: by returns, with what is in flight at each.
//!
//! ```text
//!   rank 0   |--a--|
//!   rank 1      |-----b-----|
//!   rank 2         |-c-------------|       at the return of b: in flight b, c
//!   rank 3                     |-d----|    at the return of c: in flight c, d
//! ```
//!
//! Let `base` be the first operation in the order of returns that is not placed. Everything placed beyond it
//! was called at or before the return of `base` (else `base` precedes it) and returns no earlier: it is in
//! flight at that instant. So what is placed is a number and a subset of what is in flight there, and two
//! operations that are never in flight at one return can share a slot of the mask.

use super::faults::Fault;
use super::twins::Twins;
use super::{Unfit, View, WIDEST, needed};
use crate::model::Model;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Lists, one after the other in one vector.
#[derive(Default)]
pub(super) struct Lists {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Each position of `lists` in the list that stands there, of `count` lists; a number beyond them is none.
    pub(super) fn by(count: usize, lists: impl Iterator<Item = u32> + Clone) -> Self {
        let mut ends = vec![0; count];
        for list in lists.clone() {
            ends.get_mut(list as usize).into_iter().for_each(|length| *length += 1);
        }
        let mut total = 0;
        for end in &mut ends {
            total += std::mem::replace(end, total);
        }
        // Each end is a beginning until its list is filled.
        let mut items = vec![0; total as usize];
        for (at, list) in lists.enumerate() {
            if let Some(end) = ends.get_mut(list as usize) {
                items[*end as usize] = at as u32;
                *end += 1;
            }
        }
        Self { ends, items }
    }

    pub(super) fn get(&self, list: usize) -> &[u32] {
        let start = if list == 0 { 0 } else { self.ends[list - 1] };
        &self.items[start as usize..self.ends[list] as usize]
    }

    fn close(&mut self) {
        self.ends.push(self.items.len() as u32);
    }
}

/// Completed operations have the ids `0..completed` in the order of their returns; the optional ones follow, in
/// the order of their calls.
pub(super) struct Window<'a, M: Model> {
    pub(super) operations: Vec<View<'a, M>>,
    pub(super) completed: usize,
    /// The slot of each completed operation.
    slots: Vec<u16>,
    /// How many slots there are: the most operations in flight at one return. At least as many as are optional.
    pub(super) width: usize,
    reads: Lists,
    writes: Lists,
    /// How many of the optional ones were called by the return of each completed one.
    optional: Vec<u32>,
    /// Whether history before and after each completed operation is independent, see [`Window::cuts_after`].
    cuts: Vec<bool>,
    /// For each completed operation the first bound that does not return before it, `completed` if there is none.
    bounds: Vec<u32>,
    /// Which operations are as good as each other.
    pub(super) twins: Twins,
}

impl<'a, M: Model> Window<'a, M> {
    /// `room`: how many ids the lists may hold.
    pub(super) fn new(model: &M, views: &[View<'a, M>], fault: Fault, room: usize) -> Result<Self, Unfit> {
        let mut operations: Vec<_> = views.iter().filter(|view| view.ret.is_some()).copied().collect();
        if fault == Fault::UnknownTakenAsDone {
            let unknown = views.iter().filter(|view| view.ret.is_none());
            operations.extend(unknown.map(|view| View { ret: Some(u64::MAX), ..*view }));
        }
        operations.sort_by_key(|view| (view.ret, view.call, view.index));
        let completed = operations.len();
        let mut optional: Vec<_> = match fault {
            Fault::UnknownTakenAsFailed | Fault::UnknownTakenAsDone => Vec::new(),
            _ => {
                let needed = needed(model, views).into_iter();
                let optional = views.iter().zip(needed).filter(|(_, needed)| *needed);
                optional.map(|(view, _)| *view).collect()
            }
        };
        optional.sort_by_key(|view| (view.call, view.index));
        operations.append(&mut optional);

        let twins = Twins::of(model, &operations, completed);
        let mut window = Self {
            operations,
            completed,
            slots: Vec::new(),
            width: 0,
            reads: Lists::default(),
            writes: Lists::default(),
            optional: Vec::with_capacity(completed),
            cuts: Vec::with_capacity(completed),
            bounds: Vec::new(),
            twins,
        };
        let mut by_call: Vec<u32> = (0..completed as u32).collect();
        by_call.sort_by_key(|id| (window.operations[*id as usize].call, *id));
        window.assign_slots(&by_call);
        window.width = window.width.max(window.operations.len() - completed);
        if window.width > WIDEST {
            return Err(Unfit::TooWide(window.width));
        }
        // They are told apart by 32 bits.
        let room = room.min(u32::MAX as usize);
        if !window.list_in_flight(model, &by_call, fault, room) {
            return Err(Unfit::TooMuch);
        }
        window.list_bounds(model);
        Ok(window)
    }

    /// Interval colouring: an operation takes the lowest slot whose last user returned before its call.
    fn assign_slots(&mut self, by_call: &[u32]) {
        self.slots = vec![0; self.completed];
        let mut free = BinaryHeap::new();
        let mut busy = BinaryHeap::new();
        for id in by_call {
            let view = &self.operations[*id as usize];
            while let Some(Reverse((ret, slot))) = busy.peek().copied() {
                if ret >= view.call {
                    break;
                }
                busy.pop();
                free.push(Reverse(slot));
            }
            let slot = free.pop().map_or_else(
                || {
                    self.width += 1;
                    self.width - 1
                },
                |Reverse(slot)| slot,
            );
            self.slots[*id as usize] = u16::try_from(slot).unwrap_or(u16::MAX);
            busy.push(Reverse((view.ret.unwrap_or(u64::MAX), slot)));
        }
    }

    /// Per return: what is in flight, what is optional by then, and whether to cut there. `false`: there is no room.
    fn list_in_flight(&mut self, model: &M, by_call: &[u32], fault: Fault, room: usize) -> bool {
        let touches = |call: u64, ret: u64| match fault {
            Fault::OpenIntervals => call < ret,
            _ => call <= ret,
        };
        let read_only: Vec<bool> = self.operations[..self.completed]
            .iter()
            .map(|view| view.output.is_some() && model.read_only(view.input, view.output))
            .collect();
        let mut in_flight: Vec<u32> = Vec::new();
        let mut called = 0;
        let mut optional = self.completed;
        for base in 0..self.completed as u32 {
            let view = self.operations[base as usize];
            let ret = view.ret.unwrap_or(u64::MAX);
            let alone_before = in_flight.is_empty();
            while called < by_call.len()
                && (by_call[called] == base || touches(self.operations[by_call[called] as usize].call, ret))
            {
                in_flight.push(by_call[called]);
                called += 1;
            }
            while optional < self.operations.len() && touches(self.operations[optional].call, ret) {
                optional += 1;
            }
            self.optional.push((optional - self.completed) as u32);
            if self.reads.items.len() + self.writes.items.len() + in_flight.len() > room {
                return false;
            }
            for id in &in_flight {
                let list = if read_only[*id as usize] { &mut self.reads } else { &mut self.writes };
                list.items.push(*id);
            }
            self.reads.close();
            self.writes.close();
            let alone = in_flight.len() == 1 && alone_before || fault == Fault::CutsAmongConcurrent;
            self.cuts.push(alone && view.output.is_some_and(|output| model.settles(view.input, output)));
            in_flight.retain(|id| *id != base);
        }
        true
    }

    fn list_bounds(&mut self, model: &M) {
        let seen: Vec<_> = self.operations.iter().map(|view| (view.input, view.output)).collect();
        let bounds = model.bounds(&seen);
        if !bounds.contains(&true) {
            return;
        }
        let mut next = self.completed as u32;
        self.bounds = vec![next; self.completed];
        for id in (0..self.completed).rev() {
            if bounds[id] {
                next = id as u32;
            }
            self.bounds[id] = next;
        }
    }

    /// Whether any operation is a bound.
    pub(super) fn bounded(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// The first bound that is `from` or returns after it.
    pub(super) fn bound(&self, from: u32) -> Option<u32> {
        self.bounds.get(from as usize).copied().filter(|id| (*id as usize) < self.completed)
    }

    pub(super) fn slot(&self, id: u32) -> usize {
        usize::from(self.slots[id as usize])
    }

    /// The read-only operations in flight at the return of `base`.
    pub(super) fn reads(&self, base: u32) -> &[u32] {
        self.reads.get(base as usize)
    }

    /// The other completed operations in flight at the return of `base`, in the order of their calls.
    pub(super) fn writes(&self, base: u32) -> &[u32] {
        self.writes.get(base as usize)
    }

    /// How many of the optional operations were called by the return of `base`.
    pub(super) fn optional(&self, base: u32) -> usize {
        self.optional[base as usize] as usize
    }

    /// Whether the completed operation `id` was alone in time and settles the state.
    ///
    /// Every way through the history then passes one and the same place right after it: all that returned by
    /// then is placed, nothing else is, and the state is known. A configuration there that used no optional
    /// operation dominates every other, so nothing that is still untried before it can matter: the search may
    /// forget all of it.
    pub(super) fn cuts_after(&self, id: u32) -> bool {
        self.cuts[id as usize]
    }

    /// Stops asking about bounds.
    pub(super) fn forget_bounds(&mut self) {
        self.bounds.clear();
    }
}
