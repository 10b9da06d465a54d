//! The queue of what will happen: by time, then by the order in which it was planned.
//!
//! A calendar: time is cut into ticks of about two milliseconds. The entries of the current tick are kept in order;
//! those of the next second lie unsorted, each tick's by itself, and are put in order when their tick comes; what is
//! further away waits in a heap. So planning costs the same however much is pending, and a timer that was cancelled
//! before its tick, as most time-outs are, is never put in order at all.

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

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    at: u64,
    /// Breaks ties: first planned, first served.
    sequence: u64,
    planned: Planned,
}

/// A tick lasts 2²¹ ns.
const SHIFT: u32 = 21;
/// So many ticks, about a second, lie ahead in the calendar.
const PAGES: usize = 512;

pub(crate) struct Queue {
    /// The tick that has come. Everything before it, and what is planned for it from now on, is in `sorted` or `late`.
    tick: u64,
    /// What was on the page of the tick when it came, the next last.
    sorted: Vec<Entry>,
    /// What was planned for the tick after it came.
    late: BinaryHeap<Reverse<Entry>>,
    /// The ticks ahead, each at its number modulo [`PAGES`]. Made at the first use.
    pages: Vec<Vec<Entry>>,
    /// Which pages have entries.
    marks: [u64; PAGES / 64],
    /// What lies beyond the calendar, or lay there when it was planned.
    far: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    /// How many entries there are, and how many of them stand for plans that were cancelled.
    length: usize,
    stale: usize,
}

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue {
            tick: 0,
            sorted: Vec::new(),
            late: BinaryHeap::new(),
            pages: Vec::new(),
            marks: [0; PAGES / 64],
            far: BinaryHeap::new(),
            sequence: 0,
            length: 0,
            stale: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.sorted.clear();
        self.late.clear();
        self.far.clear();
        for (word, marks) in self.marks.iter_mut().enumerate() {
            while *marks != 0 {
                self.pages[word * 64 + marks.trailing_zeros() as usize].clear();
                *marks &= *marks - 1;
            }
        }
        (self.tick, self.sequence, self.length, self.stale) = (0, 0, 0, 0);
    }

    #[inline]
    pub(crate) fn push(&mut self, at: u64, planned: Planned) {
        self.sequence += 1;
        self.length += 1;
        let entry = Entry { at, sequence: self.sequence, planned };
        let tick = at >> SHIFT;
        if tick <= self.tick {
            self.late.push(Reverse(entry));
        } else if tick - self.tick < PAGES as u64 {
            self.write(tick, entry);
        } else {
            self.far.push(Reverse(entry));
        }
    }

    #[inline]
    fn write(&mut self, tick: u64, entry: Entry) {
        if self.pages.is_empty() {
            self.pages.resize_with(PAGES, Vec::new);
        }
        let page = tick as usize % PAGES;
        self.marks[page / 64] |= 1 << (page % 64);
        self.pages[page].push(entry);
    }

    /// The next entry. Those that `is_stale` knows to be cancelled may be left out.
    #[inline]
    pub(crate) fn pop(&mut self, is_stale: impl Fn(Planned) -> bool) -> Option<(u64, Planned)> {
        loop {
            let entry = match (self.sorted.last(), self.late.peek()) {
                (Some(sorted), Some(Reverse(late))) if late < sorted => {
                    self.late.pop().map(|Reverse(late)| late)
                }
                (Some(_), _) => self.sorted.pop(),
                (None, Some(_)) => self.late.pop().map(|Reverse(late)| late),
                (None, None) => {
                    self.turn(&is_stale)?;
                    continue;
                }
            };
            self.length -= 1;
            return entry.map(|entry| (entry.at, entry.planned));
        }
    }

    /// The next entry, if its time is not after `latest`.
    pub(crate) fn pop_until(
        &mut self,
        latest: u64,
        is_stale: impl Fn(Planned) -> bool,
    ) -> Option<(u64, Planned)> {
        loop {
            let late = self.late.peek().map(|Reverse(entry)| entry);
            match self.sorted.last().into_iter().chain(late).min() {
                Some(entry) if entry.at > latest => return None,
                Some(_) => return self.pop(is_stale),
                None => self.turn(&is_stale)?,
            }
        }
    }

    /// Turns to the next tick that has entries; `None` when there is none.
    fn turn(&mut self, is_stale: &impl Fn(Planned) -> bool) -> Option<()> {
        let ahead = self.next_mark();
        let beyond = self.far.peek().map(|Reverse(entry)| entry.at >> SHIFT);
        self.tick = match (ahead, beyond) {
            (Some(ahead), Some(beyond)) => ahead.min(beyond),
            (ahead, beyond) => ahead.or(beyond)?,
        };
        if ahead == Some(self.tick) {
            let page = self.tick as usize % PAGES;
            self.marks[page / 64] &= !(1 << (page % 64));
            std::mem::swap(&mut self.sorted, &mut self.pages[page]);
            let before = self.sorted.len();
            if self.stale > 0 {
                self.sorted.retain(|entry| !is_stale(entry.planned));
            }
            let left_out = before - self.sorted.len();
            self.stale = self.stale.saturating_sub(left_out);
            self.length -= left_out;
            self.sorted.sort_unstable_by(|a, b| b.cmp(a));
        }
        while self.far.peek().is_some_and(|Reverse(entry)| entry.at >> SHIFT == self.tick) {
            self.late.extend(self.far.pop());
        }
        Some(())
    }

    /// The next tick ahead whose page has entries.
    fn next_mark(&self) -> Option<u64> {
        let first = (self.tick + 1) as usize % PAGES;
        let words = PAGES / 64;
        // The word of the first page is looked at twice: from that page on, and at last up to it.
        for step in 0..=words {
            let word = (first / 64 + step) % words;
            let mask = match step {
                0 => u64::MAX << (first % 64),
                _ if step == words => !(u64::MAX << (first % 64)),
                _ => u64::MAX,
            };
            let marks = self.marks[word] & mask;
            if marks != 0 {
                let page = word * 64 + marks.trailing_zeros() as usize;
                return Some(self.tick + 1 + ((page + PAGES - first) % PAGES) as u64);
            }
        }
        None
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
        if self.stale > 1024 && self.stale * 2 > self.length {
            self.sweep(is_stale);
        }
    }

    #[cold]
    fn sweep(&mut self, is_stale: impl Fn(Planned) -> bool) {
        self.sorted.retain(|entry| !is_stale(entry.planned));
        self.late.retain(|Reverse(entry)| !is_stale(entry.planned));
        self.far.retain(|Reverse(entry)| !is_stale(entry.planned));
        self.pages.iter_mut().for_each(|page| page.retain(|entry| !is_stale(entry.planned)));
        let pages: usize = self.pages.iter().map(Vec::len).sum();
        self.length = self.sorted.len() + self.late.len() + self.far.len() + pages;
        self.stale = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a test does to a queue.
    #[derive(Clone, Debug)]
    enum Step {
        /// Plans something, so far ahead.
        Push(u64),
        Pop,
        /// Cancels the n-th entry that is still there.
        Cancel(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let ahead = prop_oneof![
            Just(0),
            0_u64..1000,
            0_u64..10_000_000,
            0_u64..3_000_000_000,
            (0_u64..2000).prop_map(|ticks| ticks << SHIFT),
        ];
        let step = prop_oneof![
            4 => ahead.prop_map(Step::Push),
            3 => Just(Step::Pop),
            2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against a list that is searched for its least entry.
        #[test]
        fn entries_come_by_time_and_then_by_the_order_of_planning(steps in steps(), rounds in 1_usize..3) {
            let mut queue = Queue::new();
            for _ in 0..rounds {
                queue.clear();
                let (mut plain, mut cancelled, mut now) = (Vec::<(u64, u32)>::new(), Vec::new(), 0);
                for (number, step) in steps.iter().enumerate() {
                    match step {
                        Step::Push(ahead) => {
                            plain.push((now + ahead, number as u32));
                            queue.push(now + ahead, Planned::new(Kind::Timer, 0, number as u32));
                        }
                        Step::Cancel(pick) if !plain.is_empty() => {
                            cancelled.push(plain.remove(pick.index(plain.len())).1);
                            queue.cancelled(|planned| cancelled.contains(&planned.place()));
                        }
                        Step::Cancel(_) => {}
                        Step::Pop => {
                            let least = (0..plain.len()).min_by_key(|&place| plain[place]);
                            let expected = least.map(|place| plain.remove(place));
                            let is_stale = |planned: Planned| cancelled.contains(&planned.place());
                            let popped = loop {
                                match queue.pop(is_stale) {
                                    Some((_, planned)) if is_stale(planned) => queue.skipped(),
                                    other => break other.map(|(at, planned)| (at, planned.place())),
                                }
                            };
                            prop_assert_eq!(popped, expected);
                            now = expected.map_or(now, |(at, _)| at);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn time_outs_that_are_always_cancelled_do_not_pile_up() {
        let mut queue = Queue::new();
        for number in 0..1_000_000 {
            queue.push(u64::from(number) + 3_600_000_000_000, Planned::new(Kind::Timer, 0, number));
            queue.cancelled(|_| true);
        }
        assert!(queue.far.len() <= 1025, "{}", queue.far.len());
    }
}
