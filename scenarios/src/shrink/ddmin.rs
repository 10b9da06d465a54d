//! Delta debugging: the part of a set that is still needed.

/// Tries so many candidates, made as they are needed, and says which is the first, in their order, that still fails.
pub(super) type First<'a, T, E> = dyn FnMut(usize, &dyn Fn(usize) -> Vec<T>) -> Result<Option<usize>, E> + 'a;

/// Which of the items that are left still have a part in the run.
pub(super) type Alive<'a, T, E> = dyn FnMut(&[T]) -> Result<Vec<bool>, E> + 'a;

/// Items above which it is worth a run to see which of them have a part in it.
const MANY: usize = 100;

/// A part of `items` that still fails and from which no single item can be taken, provided that all of them together
/// fail (after Zeller & Hildebrandt, "Simplifying and isolating failure-inducing input", TSE 2002, without the step
/// that tries the subsets: what is left out in large pieces first is left out sooner).
pub(super) fn ddmin<T: Clone, E>(
    mut items: Vec<T>,
    first: &mut First<'_, T, E>,
    alive: &mut Alive<'_, T, E>,
) -> Result<Vec<T>, E> {
    let mut size = items.len();
    while size > 0 {
        let mut from = 0;
        let mut left_out = false;
        while from < items.len() {
            let start = |nth: usize| from + nth * size;
            let candidate = |nth: usize| without(&items, start(nth), start(nth) + size);
            let Some(found) = first((items.len() - from).div_ceil(size), &candidate)? else { break };
            (from, items) = (start(found), candidate(found));
            left_out = true;
            if items.len() > MANY {
                let mut alive = alive(&items)?.into_iter();
                from = alive.as_slice()[..from].iter().filter(|alive| **alive).count();
                items.retain(|_| alive.next() == Some(true));
            }
        }
        // What could not go may be able to now that something else has gone.
        if size > 1 || !left_out {
            size /= 2;
        }
    }
    Ok(items)
}

/// Where that is not worth asking.
pub(super) fn all_alive<T, E>(items: &[T]) -> Result<Vec<bool>, E> {
    Ok(vec![true; items.len()])
}

fn without<T: Clone>(items: &[T], from: usize, to: usize) -> Vec<T> {
    [&items[..from], &items[to.min(items.len())..]].concat()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn smallest(n: u32, fails: impl Fn(&[u32]) -> bool) -> (Vec<u32>, usize) {
        let mut tried = 0;
        let mut first = |count: usize, candidate: &dyn Fn(usize) -> Vec<u32>| {
            let found = (0..count).find(|nth| fails(&candidate(*nth)));
            tried += found.map_or(count, |found| found + 1);
            Ok::<_, Infallible>(found)
        };
        let Ok(left) = ddmin((0..n).collect(), &mut first, &mut all_alive);
        (left, tried)
    }

    /// Without an item of the first half the second has no part in the run, and nobody tries to take it out.
    #[test]
    fn what_has_no_part_any_more_is_not_tried() {
        let tried = |alive: &mut Alive<'_, u32, Infallible>| {
            let mut tried = 0;
            let mut first = |count: usize, candidate: &dyn Fn(usize) -> Vec<u32>| {
                let needed = |items: Vec<u32>| (0..500).filter(|n| n % 2 == 0).all(|n| items.contains(&n));
                let found = (0..count).find(|nth| needed(candidate(*nth)));
                tried += found.map_or(count, |found| found + 1);
                Ok::<_, Infallible>(found)
            };
            let Ok(left) = ddmin((0..1000).collect(), &mut first, alive);
            assert_eq!(left, (0..500).filter(|n| n % 2 == 0).collect::<Vec<_>>());
            tried
        };
        let mut half = |items: &[u32]| Ok(items.iter().map(|n| *n < 500).collect());
        assert!(tried(&mut half) <= tried(&mut all_alive));
        let mut none_odd = |items: &[u32]| Ok(items.iter().map(|n| *n < 500 && n % 2 == 0).collect());
        assert!(tried(&mut none_odd) * 2 < tried(&mut all_alive));
    }

    #[test]
    fn what_is_needed_stays_and_nothing_else() {
        let needs = |needed: &'static [u32]| move |items: &[u32]| needed.iter().all(|x| items.contains(x));
        assert!(smallest(1000, needs(&[])).0.is_empty());
        assert_eq!(smallest(1000, needs(&[0, 417, 999])).0, [0, 417, 999]);
        let (_, tried) = smallest(1000, needs(&[417]));
        assert!(tried < 60, "one of a thousand is found in about two tries a halving, not {tried}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Not monotone: any one of several sets is enough, and too many of one kind hide the failure.
        #[test]
        fn nothing_can_be_taken_from_what_is_left(a in 0_u32..40, b in 0_u32..40, c in 0_u32..40, odd in 0_usize..12) {
            let fails = |items: &[u32]| {
                let has = |x| items.contains(&x);
                let odds = items.iter().filter(|x| *x % 2 == 1).count();
                (has(a) && has(b)) || (has(c) && odds <= odd) || items.len() == 40
            };
            let (left, _) = smallest(40, fails);
            prop_assert!(fails(&left));
            for at in 0..left.len() {
                prop_assert!(!fails(&without(&left, at, at + 1)), "{:?} without item {}", left, at);
            }
        }
    }
}
