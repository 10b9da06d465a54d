//! Sets from which nothing is taken.
//!
//! Each read holds all that an earlier one did. So reads stand in the order of their sizes, and those of one set are a
//! *class*. An element *goes in* by the first of its adds, and since any of them may be the first, at an instant
//! from the first call of any to the first return of any: the add that was called first is not over then. It
//! must go in after all classes without it and before the first with it; who missed it stands before that, and who
//! found it after.
//!
//! All this only says what must stand before what. So each operation takes effect as early as it can, at the latest of
//! its call and of all that must stand before it, and the set is linearizable exactly if that is nowhere after its return.
//! What nobody saw and nobody completed adding never goes in.

use super::super::{Entry, Role, Ruling};
use super::Indices;
use crate::models::Text;
use crate::wing_gong::Fault;

use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Element {
    adds: Indices,
    found: Indices,
    missed: Indices,
}

/// An instant before which something cannot take effect, and the reply that makes it so late.
type Earliest = (u64, Option<usize>);

struct Growing<'e, 'a> {
    entries: &'e [Entry<'a>],
    elements: BTreeMap<&'a str, Element>,
    /// When the last class was over.
    from: Earliest,
    /// When each operation takes effect; at one instant, in the order of the second number.
    points: Vec<(u64, usize, usize)>,
}

pub(super) fn rule(entries: &[Entry<'_>], of: Indices, fault: Fault) -> Ruling {
    let mut elements: BTreeMap<&str, Element> = BTreeMap::new();
    let mut reads: Vec<(&BTreeSet<Text>, usize)> = Vec::new();
    for at in of {
        match entries[at].role {
            Role::Add(value) => elements.entry(value).or_default().adds.push(at),
            Role::Contains(value, true) => elements.entry(value).or_default().found.push(at),
            Role::Contains(value, false) => elements.entry(value).or_default().missed.push(at),
            Role::Members(seen) => reads.push((seen, at)),
            _ => {}
        }
    }
    reads.sort_by_key(|(seen, at)| (seen.len(), entries[*at].call, *at));
    let mut growing = Growing { entries, elements, from: (0, None), points: Vec::new() };
    match growing.run(&reads, fault) {
        Err(replies) => Ruling::Wrong(replies),
        Ok(()) => {
            growing.points.sort_unstable();
            Ruling::Holds(growing.points.into_iter().map(|(_, _, at)| at).collect())
        }
    }
}

impl<'a> Growing<'_, 'a> {
    fn run(&mut self, reads: &[(&'a BTreeSet<Text>, usize)], fault: Fault) -> Result<(), Indices> {
        let none = BTreeSet::new();
        let (mut before, mut shown_by) = (&none, None);
        let mut stage = 1;
        for class in reads.chunk_by(|one, other| one.0 == other.0) {
            let (seen, first) = class[0];
            if !before.is_subset(seen) {
                return Err([first].into_iter().chain(shown_by).collect());
            }
            let mut begun = self.from;
            for value in seen.difference(before) {
                // Without an add it was never in.
                let element = self.elements.remove(&**value).unwrap_or_default();
                begun = begun.max(self.go_in(element, Some(first), stage)?);
            }
            let mut over = begun;
            for (_, at) in class {
                let point = begun.max((self.entries[*at].call, Some(*at)));
                self.place(*at, point, begun, stage + 2)?;
                over = over.max(point);
            }
            if fault != Fault::ReadsUnordered {
                self.from = over;
            }
            (before, shown_by) = (seen, Some(first));
            stage += 3;
        }
        for (_, element) in std::mem::take(&mut self.elements) {
            self.go_in(element, None, stage)?;
        }
        Ok(())
    }

    /// Lets an element in as early as it can; an error is replies that contradict each other.
    fn go_in(&mut self, element: Element, read: Option<usize>, stage: usize) -> Result<Earliest, Indices> {
        let entries = self.entries;
        let Element { adds, found, missed } = element;
        for at in &missed {
            self.points.push((entries[*at].call, 0, *at));
        }
        let seen_by = read.or(found.first().copied());
        if seen_by.is_none() && !adds.iter().any(|at| entries[*at].completed) {
            return Ok(self.from);
        }
        let Some(first) = adds.iter().copied().min_by_key(|at| (entries[*at].call, *at)) else {
            return Err(seen_by.into_iter().collect());
        };
        let missed = missed.iter().map(|at| (entries[*at].call, Some(*at))).max();
        let in_from = self.from.max(missed.unwrap_or_default()).max((entries[first].call, None));
        self.place(first, in_from, in_from, stage)?;
        for at in adds.into_iter().filter(|at| *at != first && entries[*at].completed).chain(found) {
            self.place(at, in_from.max((entries[at].call, None)), in_from, stage + 1)?;
        }
        Ok(in_from)
    }

    /// Places an operation at an instant, if it is not over then; `late` is what made it so late.
    fn place(&mut self, at: usize, point: Earliest, late: Earliest, stage: usize) -> Result<(), Indices> {
        if self.entries[at].ret < point.0 {
            return Err([Some(at), late.1]
                .into_iter()
                .flatten()
                .filter(|at| self.entries[*at].completed)
                .collect());
        }
        self.points.push((point.0, stage, at));
        Ok(())
    }
}
