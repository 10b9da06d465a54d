//! Registers: writes, reads and compare-and-sets, where each value that somebody saw was written once.
//!
//! Such a value is the register's only between its one write and the next, so the write and all that saw the
//! value are contiguous in every linearization. A swap from `a` to `b` comes right after all else that saw `a` and
//! right before what saw `b`: it links the two into one chain, as read-modify-writes do in MTC (arXiv
//! 2504.02344). Two swaps away from one value, or a circle of them, cannot be. What remains are `chains`, and the
//! chain of the initial value stands first.
//!
//! A write or swap of unknown outcome took effect if somebody saw its value, and is left out if nobody did, for
//! then what stands behind it up to the next write is unseen, too.
//!
//! **A failed swap** says that the value is not `from`. It is put into the order of all others, at the first gap
//! where it fits. Without it, the others are wrong as they were; but if it finds no gap, another order, or an
//! unseen write of unknown outcome, might have had one, and so the search must decide.

use super::chains::{self, FIRST, Place};
use super::refusals::{self, Tells};
use super::{Entry, Role, Ruling};
use crate::numbers::Numbers;
use crate::wing_gong::Fault;

type Value<'a> = Option<&'a str>;

const NONE: u32 = u32::MAX;

/// What is known of a value.
#[derive(Clone, Copy)]
struct Known {
    /// Twice the operation that names it first, and one more if that saw it.
    name: u32,
    /// Who writes it, and how many do.
    writer: u32,
    writers: u32,
    /// The first found that saw it, and must have been there.
    seen_by: u32,
    /// The first and the last read of it; `next_read` has those between.
    reads: (u32, u32),
    /// The first two swaps away from it that took effect.
    swaps: [u32; 2],
}

/// Room for the work, to be used again.
#[derive(Default)]
pub(crate) struct Room {
    numbers: Numbers,
    values: Vec<Known>,
    /// The value that each operation writes, and the one that it saw.
    makes: Vec<u32>,
    sees: Vec<u32>,
    next_read: Vec<u32>,
    /// Completed, or seen.
    happened: Vec<bool>,
    is_placed: Vec<bool>,
    waiting: Vec<u32>,
    pub(super) chains: chains::Room,
}

struct Register<'e, 'a> {
    entries: &'e [Entry<'a>],
    room: &'e mut Room,
}

/// The number of `None`, the initial value.
const INITIAL: usize = 0;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault, room: &mut Room) -> Ruling {
    let mut register = Register { entries, room };
    register.name_values();
    register.look();
    if let Err(ruling) = register.place(fault) {
        return ruling;
    }
    match chains::order_in(entries, &mut room.chains, fault) {
        Ruling::Holds(order) => refusals::insert(entries, order, None, tells, fault),
        ruling => ruling,
    }
}

/// What a role tells of the value.
fn tells<'a>(role: &Role<'a>) -> Tells<Value<'a>> {
    match role {
        Role::Write(to) | Role::Swap { to, .. } => Tells::Becomes(*to),
        Role::NotSwapped { from } => Tells::IsNot(*from),
        _ => Tells::Nothing,
    }
}

/// The value that an operation writes, and the one that it saw.
fn values_of<'a>(entry: &Entry<'a>) -> (Option<Value<'a>>, Option<Value<'a>>) {
    match entry.role {
        Role::Write(to) => (Some(to), None),
        Role::Read(value) => (None, Some(value)),
        Role::Swap { from, to } => (Some(to), Some(from)),
        _ => (None, None),
    }
}

/// The value of a name.
fn named<'a>(entries: &[Entry<'a>], name: u32) -> Option<Value<'a>> {
    let (to, from) = values_of(&entries[name as usize / 2]);
    if name.is_multiple_of(2) { to } else { from }
}

impl Register<'_, '_> {
    /// Gives each value a number, and finds its writers.
    fn name_values(&mut self) {
        let (entries, room) = (self.entries, &mut *self.room);
        let unknown = Known {
            name: NONE,
            writer: NONE,
            writers: 0,
            seen_by: NONE,
            reads: (NONE, NONE),
            swaps: [NONE; 2],
        };
        room.numbers.clear(entries.len() + 1);
        room.values.clear();
        room.values.push(unknown);
        room.makes.clear();
        room.sees.clear();
        for (at, entry) in entries.iter().enumerate() {
            let (to, from) = values_of(entry);
            let mut number = |value: Option<Option<&str>>, name: u32| match value {
                None => NONE,
                Some(None) => INITIAL as u32,
                Some(text) => {
                    let next = room.values.len() as u32;
                    let is = |known: u32| named(entries, room.values[known as usize].name) == Some(text);
                    let number = room.numbers.number(text, next, is);
                    if number == next {
                        room.values.push(Known { name, ..unknown });
                    }
                    number
                }
            };
            let (to, from) = (number(to, 2 * at as u32), number(from, 2 * at as u32 + 1));
            room.makes.push(to);
            room.sees.push(from);
            if let Some(known) = room.values.get_mut(to as usize) {
                (known.writer, known.writers) = (at as u32, known.writers + 1);
            }
        }
    }

    /// Finds out what happened: all that returned, and all whose value was seen by what happened.
    fn look(&mut self) {
        let (entries, room) = (self.entries, &mut *self.room);
        room.happened.clear();
        room.happened.extend(entries.iter().map(|entry| entry.completed));
        room.next_read.clear();
        room.next_read.resize(entries.len(), NONE);
        for at in 0..entries.len() as u32 {
            if entries[at as usize].completed {
                room.waiting.push(at);
            }
            while let Some(at) = room.waiting.pop() {
                let Some(known) = room.values.get_mut(room.sees[at as usize] as usize) else { continue };
                if let Role::Swap { .. } = entries[at as usize].role {
                    let free = known.swaps.iter_mut().find(|swap| **swap == NONE);
                    free.into_iter().for_each(|swap| *swap = at);
                } else if known.reads.0 == NONE {
                    known.reads = (at, at);
                } else {
                    room.next_read[known.reads.1 as usize] = at;
                    known.reads.1 = at;
                }
                if known.seen_by == NONE {
                    known.seen_by = at;
                    // Of several writers none can be told to have happened, and nothing is decided.
                    if let Some(happened) = room.happened.get_mut(known.writer as usize)
                        && !std::mem::replace(happened, true)
                    {
                        room.waiting.push(known.writer);
                    }
                }
            }
        }
    }

    /// The completed operation that shows that `at` happened.
    fn evidence(&self, mut at: usize) -> Option<usize> {
        for _ in 0..=self.entries.len() {
            if self.entries[at].completed {
                return Some(at);
            }
            at = self.room.values.get(self.room.makes[at] as usize)?.seen_by as usize;
            if at >= self.entries.len() {
                return None;
            }
        }
        None
    }

    fn wrong(&self, of: impl IntoIterator<Item = usize>) -> Ruling {
        let mut replies: Vec<usize> = of.into_iter().filter_map(|at| self.evidence(at)).collect();
        replies.sort_unstable();
        replies.dedup();
        Ruling::Wrong(replies)
    }

    /// The chain and the level of all that happened but failed swaps.
    fn place(&mut self, fault: Fault) -> Result<(), Ruling> {
        let seen = || self.room.values.iter().enumerate().filter(|(_, known)| known.seen_by != NONE);
        let writers = |(number, known): (usize, &Known)| known.writers + u32::from(number == INITIAL);
        if seen().any(|value| writers(value) > 1) {
            return Err(Ruling::Unsure);
        }
        if let Some((_, known)) = seen().find(|value| writers(*value) == 0) {
            return Err(self.wrong([known.seen_by as usize]));
        }
        if fault != Fault::SwapsUnlinked
            && let Some((_, known)) = seen().find(|(_, known)| known.swaps[1] != NONE)
        {
            return Err(self.wrong(known.swaps.map(|swap| swap as usize)));
        }
        self.room.chains.placed.clear();
        self.room.is_placed.clear();
        self.room.is_placed.resize(self.entries.len(), false);
        if self.room.values[INITIAL].seen_by != NONE {
            self.follow(FIRST, None);
        }
        let mut chain = FIRST;
        for (at, entry) in self.entries.iter().enumerate() {
            let begins = match entry.role {
                Role::Write(_) => true,
                Role::Swap { .. } => fault == Fault::SwapsUnlinked,
                _ => false,
            };
            if begins && self.room.happened[at] && !self.room.is_placed[at] {
                chain += 1;
                self.follow(chain, Some(at));
            }
        }
        let is_swap = |at: &usize| matches!(self.entries[*at].role, Role::Swap { .. });
        let circular = (0..self.entries.len())
            .find(|at| is_swap(at) && self.room.happened[*at] && !self.room.is_placed[*at]);
        match circular {
            Some(at) => Err(self.wrong(self.circle(at))),
            None => Ok(()),
        }
    }

    /// Walks a chain from the operation that begins it; `None`: from the initial value.
    fn follow(&mut self, chain: usize, begin: Option<usize>) {
        let room = &mut *self.room;
        let mut next = begin;
        for level in (0..).step_by(2) {
            let value = match next {
                Some(at) if room.is_placed[at] => return,
                Some(at) => {
                    room.chains.placed.push((Place { chain, level }, at));
                    room.is_placed[at] = true;
                    room.makes[at] as usize
                }
                None => INITIAL,
            };
            let Some(known) = room.values.get(value).filter(|known| known.seen_by != NONE) else { return };
            let mut read = known.reads.0;
            while read != NONE {
                room.chains.placed.push((Place { chain, level: level + 1 }, read as usize));
                read = room.next_read[read as usize];
            }
            match known.swaps[0] {
                NONE => return,
                swap => next = Some(swap as usize),
            }
        }
    }

    /// Swaps that lead back to the one they begin with, found backwards from one that no chain reaches.
    fn circle(&self, mut at: usize) -> Vec<usize> {
        let mut way = Vec::new();
        let mut seen = vec![false; self.entries.len()];
        while !std::mem::replace(&mut seen[at], true) {
            way.push(at);
            let Some(known) = self.room.values.get(self.room.sees[at] as usize) else { return way };
            if known.writer == NONE {
                return way;
            }
            at = known.writer as usize;
        }
        way.drain(..way.iter().position(|before| *before == at).unwrap_or(0));
        way
    }
}
