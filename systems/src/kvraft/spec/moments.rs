//! The replicated keys at every moment, for whoever must have seen one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::message::{PAGE_BYTES, PAGE_KEYS, Page, Range};
use super::{Fingerprint, fingerprint};
use crate::raft::message::Index;

/// Each key's changes: by which entry, and the [`fingerprint`] of what it has since.
#[derive(Debug, Default)]
pub struct Moments(BTreeMap<String, Vec<(Index, Fingerprint)>>);

impl Moments {
    /// The entry, later than all before, left the key with this.
    pub(super) fn note(&mut self, index: Index, key: &str, fingerprint: Fingerprint) {
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

    /// Whether the page shows the beginning of the range, and where the rest begins, as they were after this entry; and no
    /// less than was asked for and fits.
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
            && match (there.next(), page.next.as_deref()) {
                (Some((key, found)), Some(next)) => key == next && is_full(range, page, key, found),
                (rest, next) => rest.is_none() && next.is_none(),
            }
    }

    fn keys<'a>(&'a self, range: &'a Range) -> impl Iterator<Item = (&'a str, &'a [(Index, Fingerprint)])> {
        let keys = self.0.range(range.from.clone()..).take_while(|(key, _)| range.ends_after(key));
        keys.map(|(key, changes)| (key.as_str(), changes.as_slice()))
    }
}

/// Whether there was no room for the next key.
fn is_full(range: &Range, page: &Page, next: &str, found: Fingerprint) -> bool {
    let bytes: usize = page.entries.iter().map(|(key, found)| key.len() + found.value.len()).sum();
    let too_long = !page.entries.is_empty() && bytes + next.len() + found.bytes > PAGE_BYTES;
    page.entries.len() == range.limit.clamp(1, PAGE_KEYS) || too_long
}
