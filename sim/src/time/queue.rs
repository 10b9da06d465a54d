//! The queue of what will happen: by time, then by the order in which it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens, in 64 bits: a kind in the top byte, then a generation (24 bits) and a place (32 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Planned(u64);

/// What kinds of things are planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A timer of a task.
    Timer,
    /// A message arrives.
    Message,
    /// A stream's own timer: retransmission, connect time-out.
    Stream,
}

impl Planned {
    #[inline]
    pub(crate) fn new(kind: Kind, generation: u32, place: u32) -> Planned {
        Planned((kind as u64) << 56 | u64::from(generation & 0xff_ffff) << 32 | u64::from(place))
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.0 >> 56 {
            0 => Kind::Timer,
            1 => Kind::Message,
            _ => Kind::Stream,
        }
    }

    #[inline]
    pub(crate) fn place(self) -> u32 {
        self.0 as u32
    }

    /// Whether the plan was made for this generation of its place, or for one that is gone.
    #[inline]
    pub(crate) fn fits(self, generation: u32) -> bool {
        (self.0 >> 32) as u32 & 0xff_ffff == generation & 0xff_ffff
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: u64,
    /// Breaks ties: first planned, first served.
    sequence: u64,
    planned: Planned,
}

pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    /// Entries whose plan was cancelled and that still lie in the heap.
    stale: usize,
}

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue { heap: BinaryHeap::new(), sequence: 0, stale: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
        self.sequence = 0;
        self.stale = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, at: u64, planned: Planned) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, planned }));
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u64, Planned)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.planned))
    }

    /// A stale entry came up and was skipped.
    #[inline]
    pub(crate) fn skipped(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    /// A plan was cancelled. Once most entries are stale they are swept out, so that timers that are always
    /// cancelled (time-outs) cost memory for the pending ones only.
    #[inline]
    pub(crate) fn cancelled(&mut self, is_stale: impl Fn(Planned) -> bool) {
        self.stale += 1;
        if self.stale > 64 && self.stale * 2 > self.heap.len() {
            self.heap.retain(|Reverse(entry)| !is_stale(entry.planned));
            self.stale = 0;
        }
    }
}
