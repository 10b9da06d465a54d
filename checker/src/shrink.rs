//! Which replies contradict each other.
//!
//! To make a wrong history small one must not make it wrong in a new way. A stale read of 1 after a write of 2
//! stays wrong when the write of 1 is dropped, for now nobody ever wrote 1: dropping operations ends at "a read
//! of 1 alone", which explains nothing. So an operation is not dropped but *forgotten*: as if its reply had
//! never been seen, it may have taken effect at any time after its call, or never. Forgetting only ever permits
//! more. What remains wrong with all others forgotten is wrong by these replies alone.

use crate::model::Model;
use crate::wing_gong::{Fault, Status, View, search};

/// The operations that a counterexample rests on.
pub(crate) struct Core {
    /// In the order of calls, as indices into the history.
    pub(crate) operations: Vec<usize>,
    /// Whether forgetting any one of them makes the rest linearizable.
    pub(crate) minimal: bool,
    /// The one whose return cannot be explained.
    pub(crate) culprit: usize,
}

const MEMO: usize = 1_000_000;

/// Delta debugging (Zeller & Hildebrandt 2002) over what is remembered: chunks first, single operations last,
/// until no single one can be forgotten.
pub(crate) fn shrink<M: Model>(model: &M, views: &[View<'_, M>], culprit: usize, explored: u64) -> Core {
    // The search never got past the culprit's return, so it is wrong already without what was called later.
    let end = views.iter().find(|view| view.index == culprit).and_then(|view| view.ret).unwrap_or(u64::MAX);
    let mut views: Vec<View<'_, M>> = views.iter().filter(|view| view.call <= end).copied().collect();
    views.sort_by_key(|view| (view.call, view.index));
    let mut kept: Vec<usize> = (0..views.len()).filter(|at| views[*at].ret.is_some()).collect();
    let mut court = Court {
        model,
        views: &views,
        left: explored.saturating_mul(16).saturating_add(4_000_000),
        each: explored.saturating_mul(2).saturating_add(10_000),
    };
    let mut size = kept.len().div_ceil(2).max(1);
    let minimal = loop {
        let pass = court.pass(&mut kept, size);
        if size == 1 && !pass.forgot {
            break !pass.unsure;
        }
        if court.left == 0 {
            break false;
        }
        size = (size / 2).max(1);
    };
    let culprit = court.culprit(&kept).unwrap_or(culprit);
    Core { operations: kept.iter().map(|at| views[*at].index).collect(), minimal, culprit }
}

/// What one pass over the kept operations did.
struct Pass {
    /// Some were forgotten.
    forgot: bool,
    /// For some it could not be found out.
    unsure: bool,
}

/// Judges one partition again and again, with more and more of it forgotten. The work is bounded, in states and
/// operations looked at, so that explaining a verdict costs no more than a small multiple of reaching it.
struct Court<'a, 'b, M: Model> {
    model: &'a M,
    views: &'b [View<'a, M>],
    left: u64,
    each: u64,
}

impl<'a, M: Model> Court<'a, '_, M> {
    /// Tries to forget each chunk of `size` once.
    fn pass(&mut self, kept: &mut Vec<usize>, size: usize) -> Pass {
        let mut pass = Pass { forgot: false, unsure: false };
        let mut at = 0;
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + size).min(kept.len()));
            match self.linearizable_without_the_rest(&fewer) {
                Some(false) => {
                    *kept = fewer;
                    pass.forgot = true;
                }
                known => {
                    pass.unsure |= known.is_none();
                    at += size;
                }
            }
        }
        pass
    }

    /// Whether the partition is linearizable with only the replies of `kept`; `None` if it costs too much.
    fn linearizable_without_the_rest(&mut self, kept: &[usize]) -> Option<bool> {
        let mut views: Vec<View<'a, M>> =
            self.views.iter().map(|view| View { output: None, ret: None, ..*view }).collect();
        kept.iter().for_each(|at| views[*at] = self.views[*at]);
        // Laying out the window costs about as much as a state for every operation.
        self.left = self.left.saturating_sub(views.len() as u64);
        let mut hunt = search(self.model, &views, Fault::None).ok()?;
        let status = hunt.run(self.each.min(self.left), MEMO);
        self.left = self.left.saturating_sub(hunt.explored());
        match status {
            Status::Found => Some(true),
            Status::Refuted => Some(false),
            Status::Paused | Status::MemoFull => None,
        }
    }

    /// The kept operation whose return the kept ones alone cannot be explained up to.
    fn culprit(&self, kept: &[usize]) -> Option<usize> {
        let views: Vec<View<'a, M>> = kept.iter().map(|at| self.views[*at]).collect();
        let mut hunt = search(self.model, &views, Fault::None).ok()?;
        (hunt.run(self.each, MEMO) == Status::Refuted).then(|| hunt.stuck(None).culprit)
    }
}
