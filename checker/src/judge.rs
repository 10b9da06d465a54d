//! From a history to a verdict: split by key, search every part, explain what is wrong.

use crate::direct::{self, Path, Paths, Ruling};
use crate::explain;
use crate::history::Operation;
use crate::model::Model;
use crate::schedule::{self, Decision, Keyed};
use crate::shrink::{self, Core};
use crate::verdict::{Budget, Counterexample, Judgement, Verdict, Why};
use crate::wing_gong::{Fault, Status, Stuck, View, plain_search};
use std::collections::BTreeMap;

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
    judge_with(model, history, budget, paths, |parts, budget| {
        schedule::decide(model, &keyed(parts), budget, Fault::None)
    })
}

/// [`judge`] with the searches of different keys spread over `cores` threads. The judgement is the same. Not for
/// use inside a simulated world, which has one thread.
pub fn judge_on<M>(
    cores: usize,
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
) -> Judgement
where
    M: Model<Input: Sync, Output: Sync> + Sync,
{
    judge_with(model, history, budget, Paths::All, |parts, budget| {
        schedule::decide_on(cores, model, &keyed(parts), budget)
    })
}

fn judge_with<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    paths: Paths,
    search: impl FnOnce(&[Part<'_, M>], Budget) -> Decision,
) -> Judgement {
    let mut decided_by = BTreeMap::new();
    let parts = match split(model, history, Fault::None) {
        Ok(parts) => parts,
        Err(operation) => {
            let verdict = Verdict::Undecided { explored: 0, why: Why::Malformed { operation } };
            return Judgement { verdict, decided_by, refuted_by: None };
        }
    };
    let mut orders = Vec::new();
    let mut open = Vec::new();
    for part in parts {
        let (path, ruling) = match paths {
            Paths::All => direct::rule(model, &part.views, Fault::None),
            Paths::SearchOnly => (Path::Search, Ruling::Unsure),
        };
        match ruling {
            Ruling::Unsure => open.push(part),
            Ruling::Holds(order) => {
                *decided_by.entry(path).or_default() += 1;
                orders.push(order.into_iter().map(|at| part.views[at].index).collect());
            }
            Ruling::Wrong(replies) => {
                *decided_by.entry(path).or_default() += 1;
                let core = shrink::shrink_replies(model, &part.views, &replies);
                let stuck = direct::stuck(model, &part.views, part.key);
                let verdict = refuted(model, history, part.key, core, stuck);
                return Judgement { verdict, decided_by, refuted_by: Some(path) };
            }
        }
    }
    let searched = open.len();
    let (verdict, by_search) = match search(&open, budget) {
        Decision::Linearizable(found) => {
            orders.extend(found);
            (Verdict::Linearizable { witness: merge(history, orders) }, searched)
        }
        Decision::Undecided { explored, why } => (Verdict::Undecided { explored, why }, 0),
        Decision::Refuted { part, stuck, explored } => {
            let part = &open[part];
            let core = shrink::shrink(model, &part.views, &stuck, explored);
            let stuck = deepest(model, part, stuck, explored);
            (refuted(model, history, part.key, core, stuck), 1)
        }
    };
    if by_search > 0 {
        decided_by.insert(Path::Search, by_search);
    }
    let refuted_by = verdict.is_violation().then_some(Path::Search);
    Judgement { verdict, decided_by, refuted_by }
}

fn refuted<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    key: Option<&str>,
    core: Core,
    stuck: Stuck,
) -> Verdict {
    let sentence = explain::sentence(model, history, &core, &stuck);
    Verdict::NotLinearizable(Box::new(Counterexample {
        key: key.map(str::to_owned),
        operations: core.operations,
        minimal: core.minimal,
        culprit: core.culprit,
        explained: stuck.placed,
        state: stuck.state,
        candidates: stuck.candidates,
        sentence,
    }))
}

/// The deepest place of a part that is wrong, where the search had foreseen the end before it came there; `known`
/// if that takes too long.
fn deepest<M: Model>(model: &M, part: &Part<'_, M>, known: Stuck, explored: u64) -> Stuck {
    const LEAST: u64 = 10_000;
    if !known.foreseen {
        return known;
    }
    let allowance = explored.saturating_mul(4).saturating_add(LEAST);
    let Ok(mut hunt) = plain_search(model, &part.views) else { return known };
    match hunt.run(allowance, usize::MAX) {
        Status::Refuted => hunt.stuck(part.key),
        _ => known,
    }
}

/// The bare answer of the search with a planted fault: `None` if undecided. For the checker's own tests.
#[doc(hidden)]
pub fn decide<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    fault: Fault,
) -> Option<bool> {
    let parts = split(model, history, fault).ok()?;
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
    let parts = split(model, history, Fault::None).ok()?;
    let rulings: Vec<Ruling> = parts.iter().map(|part| direct::rule(model, &part.views, fault).1).collect();
    if rulings.iter().any(|ruling| matches!(ruling, Ruling::Wrong(_))) {
        return Some(false);
    }
    rulings.iter().all(|ruling| matches!(ruling, Ruling::Holds(_))).then_some(true)
}

/// The operations of one key.
struct Part<'a, M: Model> {
    key: Option<&'a str>,
    views: Vec<View<'a, M>>,
}

/// By key, in the order of the keys; an error is the index of an operation that returned before its call.
fn split<'a, M: Model>(
    model: &M,
    history: &'a [Operation<M::Input, M::Output>],
    fault: Fault,
) -> Result<Vec<Part<'a, M>>, usize> {
    let mut parts: BTreeMap<(Option<&'a str>, u64), Vec<View<'a, M>>> = BTreeMap::new();
    for (index, operation) in history.iter().enumerate() {
        let ret = operation.returned_at();
        if ret.is_some_and(|ret| ret < operation.call) {
            return Err(index);
        }
        let group = match fault {
            Fault::SplitsByClient => (None, operation.client),
            _ => (model.key(&operation.input), 0),
        };
        let view =
            View { input: &operation.input, output: operation.output(), call: operation.call, ret, index };
        parts.entry(group).or_default().push(view);
    }
    Ok(parts.into_iter().map(|((key, _), views)| Part { key, views }).collect())
}

/// What the schedule takes.
fn keyed<'a, M: Model>(parts: &'a [Part<'a, M>]) -> Vec<Keyed<'a, M>> {
    parts.iter().map(|part| (part.key, &part.views[..])).collect()
}

/// One order for the whole history from an order for each part (the constructive half of locality).
///
/// An operation's point is the latest call among its part's operations up to it. That is not before its own
/// call, and not after its return: an operation called later than that return may not stand before it. So
/// sorting by points respects real time across parts, and keeps the order within each.
fn merge<I, O>(history: &[Operation<I, O>], orders: Vec<Vec<usize>>) -> Vec<usize> {
    let mut points = Vec::new();
    for order in orders {
        let mut point = 0;
        for index in order {
            point = point.max(history[index].call);
            points.push((point, index));
        }
    }
    points.sort_by_key(|(point, _)| *point);
    points.into_iter().map(|(_, index)| index).collect()
}
