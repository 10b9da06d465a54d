//! The replicated keys at every moment, for whoever must have seen one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::message::{Page, Range};
use super::fingerprint;
use crate::raft::message::Index;

/// Each key's changes: by which entry, and the [`fingerprint`] of what it has since.
#[derive(Debug, Default)]
pub struct Moments(BTreeMap<String, Vec<(Index, u64)>>);

impl Moments {
    /// The entry, later than all before, left the key with this.
    pub(super) fn note(&mut self, index: Index, key: &str, fingerprint: u64) {
        let changes = self.0.entry(key.to_owned()).or_default();
        if changes.last().is_none_or(|(_, last)| *last != fingerprint) {
            changes.push((index, fingerprint));
        }
    }

    /// The moment after this entry, and those after each later one that changed something in the range.
    pub fn of(&self, range: &Range, since: Index) -> BTreeSet<Index> {
        let changes = self.keys(range).flat_map(|(_, changes)| changes.iter().map(|(index, _)| *index));
        changes.filter(|index| *index > since).chain([since]).collect()
    }

    /// How many keys of the range changed after this entry.
    pub fn changed(&self, range: &Range, since: Index) -> usize {
        self.keys(range)
            .filter(|(_, changes)| changes.last().is_some_and(|(index, _)| *index > since))
            .count()
    }

    /// Whether the page shows the beginning of the range, and where the rest begins, as they were after this entry.
    pub fn show(&self, range: &Range, moment: Index, page: &Page) -> bool {
        let mut there = self.keys(range).filter_map(|(key, changes)| {
            let until = changes.partition_point(|(index, _)| *index <= moment);
            let (_, fingerprint) = changes[..until].last()?;
            Some((key, *fingerprint))
        });
        page.entries.len() <= range.limit.max(1)
            && page
                .entries
                .iter()
                .all(|(key, found)| there.next() == Some((key.as_str(), fingerprint(found))))
            && there.next().map(|(key, _)| key) == page.next.as_deref()
    }

    fn keys<'a>(&'a self, range: &'a Range) -> impl Iterator<Item = (&'a str, &'a [(Index, u64)])> {
        let keys = self.0.range(range.from.clone()..).take_while(|(key, _)| range.ends_after(key));
        keys.map(|(key, changes)| (key.as_str(), changes.as_slice()))
    }
}
