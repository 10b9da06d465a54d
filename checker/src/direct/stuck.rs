//! How far a wrong partition can be explained, told as the search tells it.

use super::{Ruling, rule_once, witness};
use crate::model::Model;
use crate::wing_gong::{Fault, Stuck, View};

/// The longest prefix by returns that a path can explain, and further as long as any operation fits.
pub(crate) fn stuck<M: Model>(model: &M, views: &[View<'_, M>], key: Option<&str>) -> Stuck {
    let mut by_ret: Vec<usize> = (0..views.len()).filter(|at| views[*at].ret.is_some()).collect();
    by_ret.sort_unstable_by_key(|at| (views[*at].ret, views[*at].call, *at));
    // With more replies forgotten a history is never worse, so the first that is too many can be bisected.
    let (mut explained, mut too_many) = (0, by_ret.len());
    let mut order = Vec::new();
    while explained + 1 < too_many {
        let half = explained.midpoint(too_many);
        let mut cut = views.to_vec();
        for at in &by_ret[half..] {
            cut[*at] = View { output: None, ret: None, ..cut[*at] };
        }
        match rule_once(model, &cut, Fault::None) {
            (_, Ruling::Holds(found)) => (explained, order) = (half, found),
            _ => too_many = half,
        }
    }
    // What was forgotten and stands last is not needed, and may have been called after what comes next returned.
    while order.last().is_some_and(|at| !by_ret[..explained].contains(at)) {
        order.pop();
    }
    let (mut states, done) = witness::replay(model, views, &order);
    order.truncate(done);
    let mut is_placed = vec![false; views.len()];
    order.iter().for_each(|at| is_placed[*at] = true);
    let mut by_call = by_ret.clone();
    by_call.sort_unstable_by_key(|at| (views[*at].call, *at));
    let (mut first_ret, mut first_call) = (0, 0);
    loop {
        while by_ret.get(first_ret).is_some_and(|at| is_placed[*at]) {
            first_ret += 1;
        }
        while by_call.get(first_call).is_some_and(|at| is_placed[*at]) {
            first_call += 1;
        }
        // All placed would be a witness, and the partition is wrong.
        let culprit = by_ret.get(first_ret).copied().unwrap_or_default();
        let end = views[culprit].ret;
        let waiting: Vec<usize> = by_call[first_call..]
            .iter()
            .copied()
            .take_while(|at| end.is_none_or(|end| views[*at].call <= end))
            .filter(|at| !is_placed[*at])
            .collect();
        let next = waiting.iter().find_map(|at| {
            let next = witness::after(model, &states, &views[*at]);
            (!next.is_empty()).then_some((*at, next))
        });
        let Some((at, next)) = next else {
            return Stuck {
                placed: order.iter().map(|at| views[*at].index).collect(),
                culprit: views[culprit].index,
                candidates: waiting.iter().map(|at| views[*at].index).collect(),
                state: model.show(key, &states[0]),
                end: end.unwrap_or(u64::MAX),
                foreseen: false,
            };
        };
        is_placed[at] = true;
        order.push(at);
        states = next;
    }
}
