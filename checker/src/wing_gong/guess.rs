//! A first search without the operations that hardly happened.
//!
//! What is of unknown outcome may never have taken effect, so an order without it is an order: leaving some of it out
//! takes luck and no promise. Where a compare-and-set has failed, whatever nobody saw may be why, and the search with all
//! of it tries every subset before it gives up a wrong order of the others. Without luck, that search comes second.

use super::{Fault, Search, Status, Stuck, View};
use crate::model::Model;

/// Configurations after which the first search has had its luck.
const LUCK: u64 = 100_000;

/// Two searches, the second only if the first finds nothing.
pub(super) struct Guess<'a> {
    /// The lucky one, as long as it may be.
    first: Option<Box<dyn Search + 'a>>,
    /// What it has cost, once it is over.
    spent: u64,
    all: Box<dyn Search + 'a>,
    fault: Fault,
}

impl<'a> Guess<'a> {
    pub(super) fn new(first: Box<dyn Search + 'a>, all: Box<dyn Search + 'a>, fault: Fault) -> Self {
        Self { first: Some(first), spent: 0, all, fault }
    }
}

/// The views without those that the model takes for unlikely; `None` when there are none of these.
pub(super) fn likely<'a, M: Model>(model: &M, views: &[View<'a, M>]) -> Option<Vec<View<'a, M>>> {
    let unknown: Vec<&M::Input> =
        views.iter().filter(|view| view.ret.is_none()).map(|view| view.input).collect();
    if unknown.is_empty() {
        return None;
    }
    let others: Vec<_> = views.iter().map(|view| (view.input, view.output)).collect();
    let mut likely = model.likely(&unknown, &others)?.into_iter();
    let kept = |view: &&View<'a, M>| view.ret.is_some() || likely.next() != Some(false);
    let kept: Vec<View<'a, M>> = views.iter().filter(kept).copied().collect();
    (kept.len() < views.len()).then_some(kept)
}

impl Search for Guess<'_> {
    fn run(&mut self, states: u64, memo: usize) -> Status {
        let Some(first) = &mut self.first else { return self.all.run(states, memo) };
        let before = first.explored();
        let status = first.run(states.min(LUCK.saturating_sub(before)), memo);
        let after = first.explored();
        match status {
            Status::Found => return Status::Found,
            Status::Refuted if self.fault == Fault::GuessBelieved => return Status::Refuted,
            Status::Paused if after < LUCK => return Status::Paused,
            Status::Refuted | Status::Paused | Status::MemoFull => {}
        }
        (self.first, self.spent) = (None, after);
        self.all.run(states.saturating_sub(after - before), memo)
    }

    fn explored(&self) -> u64 {
        self.first.as_ref().map_or(self.spent, |first| first.explored()) + self.all.explored()
    }

    fn remembered(&self) -> usize {
        self.first.as_ref().unwrap_or(&self.all).remembered()
    }

    fn witness(&self) -> Vec<usize> {
        self.first.as_ref().unwrap_or(&self.all).witness()
    }

    fn stuck(&mut self, key: Option<&str>) -> Stuck {
        self.first.as_mut().unwrap_or(&mut self.all).stuck(key)
    }
}
