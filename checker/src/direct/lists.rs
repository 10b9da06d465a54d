//! Lists that only grow, where each element that somebody read was appended once.
//!
//! A read shows the order of everything in it: in every linearization the reads are the beginnings of the longest one.
//! That one fixes the order of its appends, and each read stands between the append that it saw last and the next.
//! Nothing else takes effect before the longest read, so all of this is one chain, and it comes first; its levels are the
//! lengths of the list. An acknowledged append that nobody saw is a chain alone, after it. The rest is `chains`. An append
//! of unknown outcome that nobody saw is left out.

use super::chains::{self, FIRST, Place};
use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use rustc_hash::FxHashMap;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let reads = || {
        entries.iter().enumerate().filter_map(|(at, entry)| match entry.role {
            Role::Elements(seen) => Some((at, seen)),
            _ => None,
        })
    };
    let (longest, all) = reads().max_by_key(|(_, seen)| seen.len()).unwrap_or((0, &[]));
    let mut placed = Vec::with_capacity(entries.len());
    for (at, seen) in reads() {
        if !all.starts_with(seen) && fault != Fault::ListsUnordered {
            return Ruling::Wrong(vec![at, longest]);
        }
        placed.push((Place { chain: FIRST, level: 2 * seen.len() + 1 }, at));
    }
    let appended = appended(entries);
    let mut seen = vec![false; entries.len()];
    for (before, element) in all.iter().enumerate() {
        match appended.get(&**element) {
            Some(Appended::Once(at)) if !seen[*at] => {
                seen[*at] = true;
                placed.push((Place { chain: FIRST, level: 2 * before + 2 }, *at));
            }
            Some(Appended::Again) => return Ruling::Unsure,
            // Nobody appended it, or not twice.
            _ => return Ruling::Wrong(vec![longest]),
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        if matches!(entry.role, Role::AppendElement(_)) && entry.completed && !seen[at] {
            placed.push((Place { chain: at + 1, level: 0 }, at));
        }
    }
    chains::order(entries, placed, fault)
}

/// How often an element was appended, and by whom.
enum Appended {
    Once(usize),
    Again,
}

fn appended<'a>(entries: &[Entry<'a>]) -> FxHashMap<&'a str, Appended> {
    let mut appended = FxHashMap::default();
    for (at, entry) in entries.iter().enumerate() {
        if let Role::AppendElement(element) = entry.role {
            appended.entry(element).and_modify(|by| *by = Appended::Again).or_insert(Appended::Once(at));
        }
    }
    appended
}
