//! Which replies contradict each other.
//!
//! To make a wrong history small one must not make it wrong in a new way. A stale read of 1 after a write of 2
//! stays wrong when the write of 1 is dropped, for now nobody ever wrote 1: dropping operations ends at "a read
//! of 1 alone", which explains nothing. So an operation is not dropped but *forgotten*: as if its reply had
//! never been seen, it may have taken effect at any time after its call, or never. Forgetting only ever permits
//! more. What remains wrong with all others forgotten is wrong by these replies alone.

use crate::direct::{self, Ruling};
use crate::model::Model;
use crate::wing_gong::{Fault, Status, Stuck, View, needed, search_of_all};

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
/// What all searches together may cost where the verdict cost nothing: seconds, for a path decided it.
const LEAST: u64 = 4_000_000;
const LAYING_OUT: u64 = 8;
/// What a search may cost at first. What it cannot decide is asked again, with more, when the rest is small.
const FIRST_ALLOWANCE: u64 = 1_000;

/// Delta debugging (Zeller & Hildebrandt 2002) over what is remembered: chunks first, single operations last,
/// until no single one can be forgotten.
pub(crate) fn shrink<M: Model>(model: &M, views: &[View<'_, M>], stuck: &Stuck, explored: u64) -> Core {
    // The search never got past this instant: it is wrong whatever was answered to later calls.
    let end = stuck.end;
    let mut operations: Vec<Remembered<'_, M>> = views
        .iter()
        .map(|view| Remembered { view: *view, kept: view.ret.is_some() && view.call <= end })
        .collect();
    operations.sort_by_key(|operation| (operation.view.call, operation.view.index));
    let court = Court {
        model,
        operations,
        culprit: stuck.culprit,
        left: explored.saturating_mul(16).saturating_add(LEAST),
        each: FIRST_ALLOWANCE,
        most: explored.saturating_mul(2).saturating_add(50_000),
    };
    conclude(court)
}

/// The same from replies that are known to be wrong with all others forgotten, as places among the views.
pub(crate) fn shrink_replies<M: Model>(model: &M, views: &[View<'_, M>], replies: &[usize]) -> Core {
    let mut operations: Vec<Remembered<'_, M>> =
        views.iter().map(|view| Remembered { view: *view, kept: false }).collect();
    replies.iter().for_each(|at| operations[*at].kept = true);
    operations.sort_by_key(|operation| (operation.view.call, operation.view.index));
    let mut court =
        Court { model, operations, culprit: 0, left: LEAST, each: FIRST_ALLOWANCE, most: 1_000_000 };
    court.culprit = court.last_kept();
    // What a path says is not believed: if these replies do not suffice, all of them do.
    court.each = court.most;
    if !matches!(court.judge(), Judgement::Wrong { .. }) {
        court.operations.iter_mut().for_each(|operation| operation.kept = operation.view.ret.is_some());
        court.culprit = court.last_kept();
    }
    court.each = FIRST_ALLOWANCE;
    conclude(court)
}

fn conclude<M: Model>(mut court: Court<'_, M>) -> Core {
    if let (_, Ruling::Wrong(replies)) = direct::rule(court.model, &court.views(), Fault::None) {
        court.forget_all_but(&By::Replies(replies));
        court.culprit = court.last_kept();
    }
    court.let_go();
    let mut size = court.kept().len().div_ceil(2).max(1);
    let minimal = loop {
        let pass = court.pass(size);
        if size == 1 && !pass.forgot {
            if !pass.unsure || court.each >= court.most {
                break !pass.unsure;
            }
            court.each = court.each.saturating_mul(16).min(court.most);
        }
        if court.left == 0 {
            break false;
        }
        size = (size / 2).max(1);
    };
    let operations = court.kept().into_iter().map(|at| court.operations[at].view.index).collect();
    Core { operations, minimal, culprit: court.culprit }
}

/// An operation, and whether its reply is still held against the history.
struct Remembered<'a, M: Model> {
    view: View<'a, M>,
    kept: bool,
}

impl<'a, M: Model> Remembered<'a, M> {
    fn view(&self) -> View<'a, M> {
        if self.kept { self.view } else { View { output: None, ret: None, ..self.view } }
    }
}

#[derive(PartialEq, Eq)]
enum Judgement {
    Linearizable,
    Wrong { culprit: usize, by: By },
    TooDear,
}

/// What is wrong already.
#[derive(PartialEq, Eq)]
enum By {
    /// These replies, as places among the operations.
    Replies(Vec<usize>),
    /// All replies to what was called by then.
    Instant(u64),
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
struct Court<'a, M: Model> {
    model: &'a M,
    /// In the order of calls. Always wrong.
    operations: Vec<Remembered<'a, M>>,
    culprit: usize,
    left: u64,
    each: u64,
    most: u64,
}

impl<'a, M: Model> Court<'a, M> {
    fn views(&self) -> Vec<View<'a, M>> {
        self.operations.iter().map(Remembered::view).collect()
    }

    fn kept(&self) -> Vec<usize> {
        (0..self.operations.len()).filter(|at| self.operations[*at].kept).collect()
    }

    /// Tries to forget each chunk of `size` once.
    fn pass(&mut self, size: usize) -> Pass {
        let mut pass = Pass { forgot: false, unsure: false };
        let mut from = 0;
        loop {
            let kept = self.kept();
            if from >= kept.len() {
                return pass;
            }
            let chunk = &kept[from..(from + size).min(kept.len())];
            chunk.iter().for_each(|at| self.operations[*at].kept = false);
            match self.judge() {
                Judgement::Wrong { culprit, by } => {
                    self.culprit = culprit;
                    self.forget_all_but(&by);
                    self.let_go();
                    pass.forgot = true;
                }
                judgement => {
                    chunk.iter().for_each(|at| self.operations[*at].kept = true);
                    pass.unsure |= judgement == Judgement::TooDear;
                    from += size;
                }
            }
        }
    }

    /// The last kept reply: with all others needed, it is the first that cannot be explained.
    fn last_kept(&self) -> usize {
        let kept = self.operations.iter().filter(|operation| operation.kept).map(|operation| operation.view);
        kept.max_by_key(|view| (view.ret, view.call, view.index)).map_or(self.culprit, |view| view.index)
    }

    fn judge(&mut self) -> Judgement {
        let views = self.views();
        // Laying out the window and asking the paths costs about as much as so many states for every operation.
        self.left = self.left.saturating_sub(LAYING_OUT * views.len() as u64);
        match direct::rule(self.model, &views, Fault::None).1 {
            Ruling::Holds(_) => return Judgement::Linearizable,
            Ruling::Wrong(replies) => {
                let last =
                    replies.iter().map(|at| &views[*at]).max_by_key(|view| (view.ret, view.call, view.index));
                let culprit = last.map_or(self.culprit, |view| view.index);
                return Judgement::Wrong { culprit, by: By::Replies(replies) };
            }
            Ruling::Unsure => {}
        }
        let Ok(mut hunt) = search_of_all(self.model, &views, Fault::None, usize::MAX) else {
            return Judgement::TooDear;
        };
        let status = hunt.run(self.each.min(self.left), MEMO);
        self.left = self.left.saturating_sub(hunt.explored());
        match status {
            Status::Found => Judgement::Linearizable,
            Status::Refuted => {
                let stuck = hunt.stuck(None);
                Judgement::Wrong { culprit: stuck.culprit, by: By::Instant(stuck.end) }
            }
            Status::Paused | Status::MemoFull => Judgement::TooDear,
        }
    }

    fn forget_all_but(&mut self, by: &By) {
        for (at, operation) in self.operations.iter_mut().enumerate() {
            operation.kept &= match by {
                By::Replies(replies) => replies.contains(&at),
                By::Instant(end) => operation.view.call <= *end,
            };
        }
    }

    /// Drops what was forgotten and can make no difference any more.
    fn let_go(&mut self) {
        let views = self.views();
        let mut needed = needed(self.model, &views).into_iter();
        self.operations.retain(|operation| needed.next() == Some(true) || operation.kept);
    }
}
