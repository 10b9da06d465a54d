//! Where to draw linearization points.

use crate::history::Operation;

/// For each operation of `order` an instant within its interval, none before the one of its predecessor; in
/// nanoseconds after `base`. Those that the order only squeezes between two instants are spread evenly.
pub(super) fn points<I, O>(history: &[Operation<I, O>], order: &[usize], base: u64) -> Vec<f64> {
    let mut earliest = Vec::with_capacity(order.len());
    let mut bound = 0;
    for index in order {
        bound = bound.max(history[*index].call);
        earliest.push(bound);
    }
    let mut latest = vec![u64::MAX; order.len()];
    let mut bound = u64::MAX;
    for (at, index) in order.iter().enumerate().rev() {
        bound = bound.min(history[*index].returned_at().unwrap_or(u64::MAX));
        latest[at] = bound;
    }
    let since = |time: u64| time.saturating_sub(base) as f64;
    let mut points = Vec::with_capacity(order.len());
    let mut from = 0;
    while from < order.len() {
        // All that wait for the same call.
        let run = earliest[from..].iter().take_while(|time| **time == earliest[from]).count();
        let next = earliest.get(from + run).copied().unwrap_or(u64::MAX);
        let (low, mut high) = (earliest[from], latest[from].min(next));
        if high == u64::MAX {
            high = low.saturating_add(1);
        }
        let gap = (since(high) - since(low)) / (run + 1) as f64;
        points.extend((1..=run).map(|step| since(low) + gap * step as f64));
        from += run;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::points;
    use crate::history::Operation;

    #[test]
    fn points_lie_within_their_operations_and_keep_the_order() {
        let done = |call, at| Operation::completed(0, (), call, (), at);
        let history = [
            done(0, 100),
            done(10, 60),
            done(20, 50),
            done(50, 50),
            Operation::pending(0, (), 55),
            done(70, 90),
        ];
        for order in [vec![2, 3, 1, 4, 5, 0], vec![0, 1, 2, 3, 5], vec![1, 2, 3, 4, 0, 5], vec![]] {
            let points = points(&history, &order, 0);
            assert!(points.is_sorted(), "{points:?}");
            for (point, index) in points.iter().zip(&order) {
                let operation = &history[*index];
                let end = operation.returned_at().unwrap_or(u64::MAX) as f64;
                assert!((operation.call as f64..=end).contains(point), "{order:?} {index} {point}");
            }
        }
    }
}
