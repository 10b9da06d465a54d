//! Does an order show what it is said to show? Nothing here knows how it was found.

use crate::model::{Model, Next};
use crate::wing_gong::View;

/// The states after as many of `order` as are legal one after the other, and how many those are. More than one
/// state if the model leaves it open.
pub(crate) fn replay<M: Model>(model: &M, views: &[View<'_, M>], order: &[usize]) -> (Vec<M::State>, usize) {
    let mut states = vec![model.init()];
    for (done, at) in order.iter().enumerate() {
        match after(model, &states, &views[*at]) {
            next if next.is_empty() => return (states, done),
            next => states = next,
        }
    }
    (states, order.len())
}

/// The states that follow any of these.
pub(super) fn after<M: Model>(model: &M, states: &[M::State], view: &View<'_, M>) -> Vec<M::State> {
    let mut all = Vec::new();
    for state in states {
        let next = match model.step(state, view.input, view.output) {
            Next::Nowhere => Vec::new(),
            Next::One(state) => vec![state],
            Next::Any(states) => states,
        };
        for state in next {
            if !all.contains(&state) {
                all.push(state);
            }
        }
    }
    all
}

/// Whether an order holds each operation once at most and each completed one, respects real time, and is legal.
pub(crate) fn holds<M: Model>(model: &M, views: &[View<'_, M>], order: &[usize]) -> bool {
    let mut placed = vec![false; views.len()];
    if order.iter().any(|at| std::mem::replace(&mut placed[*at], true)) {
        return false;
    }
    let complete = views.iter().zip(&placed).all(|(view, placed)| *placed || view.ret.is_none());
    let mut latest = 0;
    let in_time = order.iter().all(|at| {
        latest = latest.max(views[*at].call);
        views[*at].ret.is_none_or(|ret| latest <= ret)
    });
    complete && in_time && replay(model, views, order).1 == order.len()
}
