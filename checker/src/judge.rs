//! From a history to a verdict: split by key, ask the paths, search the rest.

use crate::direct::{self, Entry, Path, Paths, Ruling};
use crate::history::Operation;
use crate::model::Model;
use crate::parts::{Parts, view};
use crate::schedule::{self, Decision};
use crate::settle::{Part, Room, keyed, settle};
use crate::verdict::{Budget, Judgement, Verdict, Why};
use crate::wing_gong::Fault;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Judges a history.
///
/// ```
/// use stormglass_checker::{Budget, Operation, check, models::register::{Input, Output, Register}};
///
/// let history = [
///     Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 10),
///     Operation::completed(1, Input::read("x"), 20, Output::Value(None), 30),
/// ];
/// let verdict = check(&Register, &history, Budget::default());
/// assert!(verdict.counterexample().unwrap().sentence.starts_with(
///     "c1 read x = null, although c0's write x = 1 had been acknowledged 10 ns before the read began"
/// ));
/// ```
pub fn check<M: Model>(model: &M, history: &[Operation<M::Input, M::Output>], budget: Budget) -> Verdict {
    judge(model, history, budget).verdict
}

/// Is the history linearizable? `None`: the budget ran out first. It costs what deciding costs: an answer of no comes
/// without a reason, and [`check`] has it.
pub fn holds<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
) -> Option<bool> {
    holds_by(model, history, budget, Paths::All)
}

/// [`holds`] with some ways closed. For measuring the others.
#[doc(hidden)]
pub fn holds_by<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    paths: Paths,
) -> Option<bool> {
    let mut room = Room::default();
    room.parts.split(model, history, Fault::None).ok()?;
    let mut open = Vec::new();
    for place in 0..room.parts.len() {
        match room.rule(place, model, history, paths).1 {
            Ruling::Holds(order) => room.direct.take_back(order),
            Ruling::Wrong(_) => return Some(false),
            Ruling::Unsure => open.push(Part {
                key: room.parts.key(place, model, history),
                views: room.parts.views(place, history),
            }),
        }
    }
    match schedule::decide(model, &keyed(&open), budget, Fault::None) {
        Decision::Linearizable(_) => Some(true),
        Decision::Refuted { .. } => Some(false),
        Decision::Undecided { .. } => None,
    }
}

/// Judges a history as [`check`] does, and says what decided.
pub fn judge<M: Model>(model: &M, history: &[Operation<M::Input, M::Output>], budget: Budget) -> Judgement {
    judge_by(model, history, budget, Paths::All)
}

/// [`judge`] with some ways closed. For measuring the others.
#[doc(hidden)]
pub fn judge_by<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    paths: Paths,
) -> Judgement {
    let mut judgement = Judgement::nothing();
    let mut room = Room::default();
    judge_in(&mut room, &mut judgement, model, history, budget, paths);
    judgement
}

/// [`judge`] with the keys spread over `cores` threads. The judgement is the same. Not for use inside a simulated
/// world, which has one thread.
pub fn judge_on<M>(
    cores: usize,
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
) -> Judgement
where
    M: Model<Input: Sync, Output: Sync> + Sync,
{
    let mut judgement = Judgement::nothing();
    let mut room = Room::default();
    if let Err(operation) = room.parts.split(model, history, Fault::None) {
        judgement.verdict = malformed(operation);
        return judgement;
    }
    let mut rulings = rulings_on(cores, model, history, &room.parts);
    // A thread that was lost takes its rulings with it; the search decides those.
    let rule = |place: usize, _: &mut Room| rulings[place].take().unwrap_or((Path::Search, Ruling::Unsure));
    settle(&mut room, &mut judgement, model, history, rule, |parts| {
        schedule::decide_on(cores, model, &keyed(parts), budget)
    });
    judgement
}

/// A judge of many histories, one after the other. What it needs to judge one it keeps for the next, so that a
/// history no larger than those before it, decided by zones or swaps and linearizable, costs no allocation.
///
/// ```
/// use stormglass_checker::{Budget, Judge, Operation, models::register::{Input, Output, Register}};
///
/// let mut judge = Judge::new(Register, Budget::default());
/// for value in ["1", "2"] {
///     let write = Operation::completed(0, Input::write("x", value), 0, Output::Done, 10);
///     assert!(judge.judge(&[write]).verdict.is_linearizable());
/// }
/// ```
pub struct Judge<M> {
    model: M,
    budget: Budget,
    room: Room,
    judgement: Judgement,
}

impl<M: Model> Judge<M> {
    /// A judge that has judged nothing.
    pub fn new(model: M, budget: Budget) -> Self {
        Self { model, budget, room: Room::default(), judgement: Judgement::nothing() }
    }

    /// Judges a history as the function [`judge`] does.
    pub fn judge(&mut self, history: &[Operation<M::Input, M::Output>]) -> &Judgement {
        let Self { model, budget, room, judgement } = self;
        judge_in(room, judgement, model, history, *budget, Paths::All);
        &self.judgement
    }
}

fn judge_in<M: Model>(
    room: &mut Room,
    judgement: &mut Judgement,
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    paths: Paths,
) {
    if let Err(operation) = room.parts.split(model, history, Fault::None) {
        *judgement = Judgement { verdict: malformed(operation), ..Judgement::nothing() };
        return;
    }
    let rule = |place: usize, room: &mut Room| room.rule(place, model, history, paths);
    settle(room, judgement, model, history, rule, |parts| {
        schedule::decide(model, &keyed(parts), budget, Fault::None)
    });
}

/// What the paths say of each part, found out on several threads.
fn rulings_on<M>(
    cores: usize,
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    parts: &Parts,
) -> Vec<Option<(Path, Ruling)>>
where
    M: Model<Input: Sync, Output: Sync> + Sync,
{
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut entries, mut room, mut found) = (Vec::new(), direct::Room::default(), Vec::new());
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= parts.len() {
                return found;
            }
            entries.clear();
            let views = parts.members(place).iter().map(|at| view::<M>(history, *at as usize));
            entries.extend(views.map(|view| Entry::of(model, &view)));
            found.push((place, direct::decide(&entries, Fault::None, &mut room)));
        }
    };
    let mut rulings: Vec<Option<(Path, Ruling)>> = (0..parts.len()).map(|_| None).collect();
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(parts.len())).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            found.extend(other.join().unwrap_or_default());
        }
        for (place, ruling) in found {
            rulings[place] = Some(ruling);
        }
    });
    rulings
}

fn malformed(operation: usize) -> Verdict {
    Verdict::Undecided { explored: 0, why: Why::Malformed { operation } }
}

/// The bare answer of the search with a planted fault: `None` if undecided. For the checker's own tests.
#[doc(hidden)]
pub fn decide<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    fault: Fault,
) -> Option<bool> {
    let parts = parts_of(model, history, fault)?;
    match schedule::decide(model, &keyed(&parts), budget, fault) {
        Decision::Linearizable(_) => Some(true),
        Decision::Refuted { .. } => Some(false),
        Decision::Undecided { .. } => None,
    }
}

/// The bare answer of the paths with a planted fault: `None` if one has to leave a key to the search. For the
/// checker's own tests.
#[doc(hidden)]
pub fn decide_directly<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    fault: Fault,
) -> Option<bool> {
    let parts = parts_of(model, history, Fault::None)?;
    let rulings: Vec<Ruling> = parts.iter().map(|part| direct::rule(model, &part.views, fault).1).collect();
    if rulings.iter().any(|ruling| matches!(ruling, Ruling::Wrong(_))) {
        return Some(false);
    }
    rulings.iter().all(|ruling| matches!(ruling, Ruling::Holds(_))).then_some(true)
}

/// By key, in the order of the keys; `None` if the history is malformed.
fn parts_of<'a, M: Model>(
    model: &M,
    history: &'a [Operation<M::Input, M::Output>],
    fault: Fault,
) -> Option<Vec<Part<'a, M>>> {
    let mut parts = Parts::default();
    parts.split(model, history, fault).ok()?;
    let part = |place| Part { key: parts.key(place, model, history), views: parts.views(place, history) };
    Some((0..parts.len()).map(part).collect())
}
