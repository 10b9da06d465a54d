//! The log in memory: what follows the latest snapshot.

use std::collections::VecDeque;

use super::super::message::{Entry, Index, Payload, Term};

/// Entries without gaps, from the one after `base` on.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// Index and term of the last entry that is gone, because a snapshot stands for it; zeros at first.
    base: (Index, Term),
    entries: VecDeque<Entry>,
}

impl Log {
    pub(super) fn new(base: (Index, Term), entries: Vec<Entry>) -> Log {
        Log { base, entries: entries.into() }
    }

    pub(super) fn base_index(&self) -> Index {
        self.base.0
    }

    pub(super) fn last_index(&self) -> Index {
        self.base.0.saturating_add(self.entries.len() as u64)
    }

    pub(super) fn next_index(&self) -> Index {
        self.last_index().saturating_add(1)
    }

    pub(super) fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base.1, |entry| entry.term)
    }

    pub(super) fn get(&self, index: Index) -> Option<&Entry> {
        self.entries.get(self.slot(index)?)
    }

    /// The term of the entry at `index`, as far as it is known: the snapshot's end, and what follows.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.0 { Some(self.base.1) } else { self.get(index).map(|entry| entry.term) }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// Removes the entry at `from` and all after it.
    pub(super) fn truncate(&mut self, from: Index) {
        self.entries.truncate(self.slot(from).unwrap_or(0));
    }

    /// A snapshot stands for everything up to `index`, which has `term`; what follows stays.
    pub(super) fn compact(&mut self, index: Index, term: Term) {
        let gone = self.slot(index).map_or(0, |slot| slot + 1).min(self.entries.len());
        self.entries.drain(..gone);
        self.base = (index, term);
    }

    /// A snapshot stands for everything: nothing stays.
    pub(super) fn reset(&mut self, index: Index, term: Term) {
        self.entries.clear();
        self.base = (index, term);
    }

    /// Entries from `from` on for one message: at most `most`, and at most `bytes` bytes of commands unless
    /// the first alone is longer.
    pub(super) fn batch(&self, from: Index, most: usize, bytes: usize) -> Vec<Entry> {
        let Some(start) = self.slot(from).filter(|&start| start < self.entries.len()) else {
            return Vec::new();
        };
        let mut room = bytes;
        let fits = |(taken, entry): (usize, &Entry)| {
            let size = if let Payload::Command(command) = &entry.payload { command.len() } else { 0 };
            let fits = taken == 0 || size <= room;
            room = room.saturating_sub(size);
            fits
        };
        let longest = self.entries.range(start..).take(most);
        let count = longest.enumerate().map(fits).take_while(|&fits| fits).count();
        self.entries.range(start..start + count).cloned().collect()
    }

    /// The first entry of the term that the entry at `index` has. Terms never fall along a log: a binary search.
    pub(super) fn first_of_its_term(&self, index: Index) -> Index {
        let Some(entry) = self.get(index) else { return index };
        self.at_slot(self.entries.partition_point(|other| other.term < entry.term))
    }

    /// The last entry of `term`, if there is one here.
    pub(super) fn last_of_term(&self, term: Term) -> Option<Index> {
        let slot = self.entries.partition_point(|entry| entry.term <= term).checked_sub(1);
        match slot {
            Some(slot) => (self.entries[slot].term == term).then(|| self.at_slot(slot)),
            None => (self.base.1 == term).then_some(self.base.0),
        }
    }

    fn slot(&self, index: Index) -> Option<usize> {
        usize::try_from(index.checked_sub(self.base.0)?.checked_sub(1)?).ok()
    }

    fn at_slot(&self, slot: usize) -> Index {
        self.base.0.saturating_add(slot as u64).saturating_add(1)
    }
}
