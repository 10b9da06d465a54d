//! What happened before what in a run, and which races of it must be run the other way round.

use super::Frame;

/// The partial order of a run's events, by their places in it.
pub(super) struct Order {
    /// For each event those before it, a bit each.
    before: Vec<Vec<u64>>,
    /// For each event the place of its cause.
    cause: Vec<Option<usize>>,
    /// For each event the last place at which time passed before it.
    floor: Vec<usize>,
}

impl Order {
    pub(super) fn of(frames: &[Frame]) -> Order {
        let mut order =
            Order { before: Vec::with_capacity(frames.len()), cause: Vec::new(), floor: Vec::new() };
        let words = frames.len().div_ceil(64);
        let mut floor = 0;
        for (at, frame) in frames.iter().enumerate() {
            if frame.after_all {
                floor = at;
            }
            let cause = frame
                .event
                .cause
                .and_then(|cause| frames[..at].iter().rposition(|earlier| earlier.event.id == cause));
            let mut before = vec![0; words];
            for earlier in (0..at).rev() {
                if has(&before, earlier) {
                    continue;
                }
                let depends = frame.step().depends_on(frames[earlier].step());
                if earlier < floor || depends || cause == Some(earlier) {
                    before[earlier / 64] |= 1 << (earlier % 64);
                    before.iter_mut().zip(&order.before[earlier]).for_each(|(mine, its)| *mine |= its);
                }
            }
            order.before.push(before);
            order.cause.push(cause);
            order.floor.push(floor);
        }
        order
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        has(&self.before[other], one)
    }

    /// For every race that ends at `from` or later: where another choice must be made, and which.
    pub(super) fn reversals(&self, frames: &[Frame], from: usize) -> Vec<(usize, u64)> {
        let mut reversals: Vec<(usize, u64)> = Vec::new();
        for later in from..frames.len() {
            for earlier in self.floor[later]..later {
                if !self.is_race(frames, earlier, later) {
                    continue;
                }
                let initials = self.initials(frames, earlier, later);
                let frame = &frames[earlier];
                let is_wanted = |id: &u64| frame.wanted.contains(id) || reversals.contains(&(earlier, *id));
                if initials.iter().any(is_wanted) {
                    continue;
                }
                match initials.iter().find(|id| frame.enabled.contains(id)) {
                    Some(&id) => reversals.push((earlier, id)),
                    // Enabledness of timers is not monotone; all is safe.
                    None => reversals.extend(
                        frame
                            .enabled
                            .iter()
                            .filter(|id| !is_wanted(id))
                            .map(|&id| (earlier, id))
                            .collect::<Vec<_>>(),
                    ),
                }
            }
        }
        reversals
    }

    /// Whether the two depend on each other, with nothing between that puts them in order.
    fn is_race(&self, frames: &[Frame], earlier: usize, later: usize) -> bool {
        self.cause[later] != Some(earlier)
            && frames[earlier].step().depends_on(frames[later].step())
            && !(earlier + 1..later)
                .any(|between| self.is_before(earlier, between) && self.is_before(between, later))
    }

    /// What a run that has the later before the earlier may begin with, in place of the earlier.
    fn initials(&self, frames: &[Frame], earlier: usize, later: usize) -> Vec<u64> {
        let free = (earlier + 1..later).filter(|&between| !self.is_before(earlier, between));
        let free: Vec<usize> = free.chain([later]).collect();
        let first =
            |place: &&usize| !free.iter().any(|other| *other < **place && self.is_before(*other, **place));
        free.iter().filter(first).map(|&place| frames[place].event.id).collect()
    }
}

fn has(bits: &[u64], place: usize) -> bool {
    bits[place / 64] >> (place % 64) & 1 == 1
}
