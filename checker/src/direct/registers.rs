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
use crate::wing_gong::Fault;
use rustc_hash::FxHashMap;

type Value<'a> = Option<&'a str>;

/// What is known of a value.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Who writes it.
    writers: Vec<usize>,
    /// The first found that saw it, and must have been there.
    seen_by: Option<usize>,
    /// All reads of it.
    reads: Vec<usize>,
    /// The swaps away from it that took effect.
    swaps: Vec<usize>,
}

struct Register<'e, 'a> {
    entries: &'e [Entry<'a>],
    numbers: FxHashMap<Value<'a>, usize>,
    values: Vec<Known>,
    /// Completed, or seen.
    happened: Vec<bool>,
}

/// The number of `None`, the initial value.
const INITIAL: usize = 0;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let mut register = Register {
        entries,
        numbers: FxHashMap::default(),
        values: Vec::new(),
        happened: vec![false; entries.len()],
    };
    register.number(None);
    for (at, entry) in entries.iter().enumerate() {
        if let Role::Write(to) | Role::Swap { to, .. } = entry.role {
            let number = register.number(to);
            register.values[number].writers.push(at);
        }
    }
    register.look();
    let placed = match register.place(fault) {
        Ok(placed) => placed,
        Err(ruling) => return ruling,
    };
    match chains::order(entries, placed, fault) {
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

impl<'a> Register<'_, 'a> {
    fn number(&mut self, value: Value<'a>) -> usize {
        let next = self.values.len();
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.values.push(Known::default());
        }
        number
    }

    /// Finds out what happened: all that returned, and all whose value was seen by what happened.
    fn look(&mut self) {
        let mut waiting: Vec<usize> =
            (0..self.entries.len()).rev().filter(|at| self.entries[*at].completed).collect();
        waiting.iter().for_each(|at| self.happened[*at] = true);
        while let Some(at) = waiting.pop() {
            let seen = match self.entries[at].role {
                Role::Read(value) => value,
                Role::Swap { from, .. } => from,
                _ => continue,
            };
            let number = self.number(seen);
            let known = &mut self.values[number];
            match self.entries[at].role {
                Role::Swap { .. } => known.swaps.push(at),
                _ => known.reads.push(at),
            }
            if known.seen_by.is_none() {
                known.seen_by = Some(at);
                for writer in &known.writers {
                    if !std::mem::replace(&mut self.happened[*writer], true) {
                        waiting.push(*writer);
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
            let (Role::Write(to) | Role::Swap { to, .. }) = self.entries[at].role else { return None };
            at = self.values[*self.numbers.get(&to)?].seen_by?;
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
    fn place(&self, fault: Fault) -> Result<Vec<(Place, usize)>, Ruling> {
        let seen = || self.values.iter().enumerate().filter(|(_, known)| known.seen_by.is_some());
        let writers = |(number, known): (usize, &Known)| known.writers.len() + usize::from(number == INITIAL);
        if seen().any(|value| writers(value) > 1) {
            return Err(Ruling::Unsure);
        }
        if let Some((_, known)) = seen().find(|value| writers(*value) == 0) {
            return Err(self.wrong(known.seen_by));
        }
        if fault != Fault::SwapsUnlinked
            && let Some((_, known)) = seen().find(|(_, known)| known.swaps.len() > 1)
        {
            return Err(self.wrong(known.swaps[..2].iter().copied()));
        }
        let mut placed = Vec::new();
        let mut is_placed = vec![false; self.entries.len()];
        if self.values[INITIAL].seen_by.is_some() {
            self.follow(FIRST, None, &mut placed, &mut is_placed);
        }
        let mut chain = FIRST;
        for (at, entry) in self.entries.iter().enumerate() {
            let begins = match entry.role {
                Role::Write(_) => true,
                Role::Swap { .. } => fault == Fault::SwapsUnlinked,
                _ => false,
            };
            if begins && self.happened[at] && !is_placed[at] {
                chain += 1;
                self.follow(chain, Some(at), &mut placed, &mut is_placed);
            }
        }
        let is_swap = |at: &usize| matches!(self.entries[*at].role, Role::Swap { .. });
        let circular =
            (0..self.entries.len()).find(|at| is_swap(at) && self.happened[*at] && !is_placed[*at]);
        match circular {
            Some(at) => Err(self.wrong(self.circle(at))),
            None => Ok(placed),
        }
    }

    /// Walks a chain from the operation that begins it; `None`: from the initial value.
    fn follow(
        &self,
        chain: usize,
        begin: Option<usize>,
        placed: &mut Vec<(Place, usize)>,
        is_placed: &mut [bool],
    ) {
        let mut next = begin;
        for level in (0..).step_by(2) {
            let value = match next {
                Some(at) if is_placed[at] => return,
                Some(at) => {
                    placed.push((Place { chain, level }, at));
                    is_placed[at] = true;
                    match self.entries[at].role {
                        Role::Write(to) | Role::Swap { to, .. } => to,
                        _ => return,
                    }
                }
                None => None,
            };
            let Some(known) = self.numbers.get(&value).map(|number| &self.values[*number]) else { return };
            if known.seen_by.is_none() {
                return;
            }
            placed.extend(known.reads.iter().map(|read| (Place { chain, level: level + 1 }, *read)));
            match known.swaps.first() {
                Some(swap) => next = Some(*swap),
                None => return,
            }
        }
    }

    /// Swaps that lead back to the one they begin with, found backwards from one that no chain reaches.
    fn circle(&self, mut at: usize) -> Vec<usize> {
        let mut way = Vec::new();
        let mut seen = vec![false; self.entries.len()];
        while !std::mem::replace(&mut seen[at], true) {
            way.push(at);
            let Role::Swap { from, .. } = self.entries[at].role else { return way };
            let writer = self.numbers.get(&from).and_then(|number| self.values[*number].writers.first());
            let Some(writer) = writer else { return way };
            at = *writer;
        }
        way.drain(..way.iter().position(|before| *before == at).unwrap_or(0));
        way
    }
}
