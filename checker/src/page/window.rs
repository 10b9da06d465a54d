//! Which operations of a large history are drawn.

use crate::history::Operation;
use std::collections::BTreeSet;

/// At most `most` of `operations` (in any order): those of `first`, then the nearest in time to `focus`, or
/// from the beginning on if nothing is in focus. The most important ones first.
pub(super) fn window<I, O>(
    history: &[Operation<I, O>],
    operations: &[usize],
    first: &BTreeSet<usize>,
    focus: Option<usize>,
    most: usize,
) -> Vec<usize> {
    let focus = focus.map(|index| &history[index]);
    let nearness = |index: &usize| {
        let operation = &history[*index];
        let (from, to) = match focus {
            Some(focus) => (focus.call, focus.returned_at().unwrap_or(u64::MAX)),
            None => (0, 0),
        };
        let end = operation.returned_at().unwrap_or(u64::MAX);
        let gap = operation.call.saturating_sub(to).max(from.saturating_sub(end));
        (!first.contains(index), gap, operation.call.abs_diff(from))
    };
    let mut chosen = operations.to_vec();
    chosen.sort_by_cached_key(nearness);
    chosen.truncate(most);
    chosen
}

#[cfg(test)]
mod tests {
    use super::window;
    use crate::history::Operation;
    use std::collections::BTreeSet;

    #[test]
    fn what_matters_is_drawn_and_what_is_near_it() {
        let history: Vec<_> =
            (0..100).map(|at| Operation::completed(0, (), at * 10, (), at * 10 + 5)).collect();
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(window(&history, &all, &BTreeSet::from([3]), Some(50), 4), [3, 50, 49, 51]);
        assert_eq!(window(&history, &all, &BTreeSet::new(), None, 3), [0, 1, 2]);
        assert_eq!(window(&history, &all, &BTreeSet::new(), None, 1000), all);
    }
}
