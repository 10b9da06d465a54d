//! A named stream for tests and stories.

use std::ops::Range;

use super::{Ratio, StreamId};
use crate::hub::{looking, with_core};

/// A named stream of chance of the current world: for workloads, weather, and whatever a test decides.
///
/// Get one with `World::stream`. It draws from the seed, takes part in overrides, and moves no other stream.
#[derive(Clone, Copy, Debug)]
pub struct Stream(pub(crate) StreamId);

impl Stream {
    fn decide(self, kind: &'static str, calm: u64, value: impl FnOnce(u64) -> u64) -> u64 {
        looking(|core| core.chance.decide(self.0, kind, calm, value))
    }

    /// Uniform in `0..n`; calm is 0.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(self, n: u64) -> u64 {
        assert!(n > 0, "Stream::below(0): there is nothing to choose from");
        self.decide("below", 0, |raw| super::scale(raw, n)).min(n - 1)
    }

    /// Uniform in the range; calm is its start.
    ///
    /// # Panics
    /// When the range is empty.
    pub fn range(self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.checked_sub(range.start).expect("an empty range"))
    }

    /// Whether something of probability `ratio` happens; calm is that it does not.
    pub fn chance(self, ratio: Ratio) -> bool {
        self.decide("chance", 0, |raw| ratio.admits(raw) as u64) != 0
    }

    /// Whether something that is on the programme takes place. It does; calm, and so any override that makes a failing
    /// run smaller, is that it does not.
    pub fn happens(self) -> bool {
        // Whoever is first, it is the same: no look at what nodes share.
        with_core(|core| core.chance.decide(self.0, "happens", 0, |_| 1)) != 0
    }

    /// One of `items`; calm is the first. `None` when there are none.
    pub fn pick<T>(self, items: &[T]) -> Option<&T> {
        (!items.is_empty()).then(|| &items[self.below(items.len() as u64) as usize])
    }

    /// Log-uniform in `low..=high`: every order of magnitude is as likely; calm is `low`.
    ///
    /// # Panics
    /// Unless `0 < low <= high`.
    pub fn log_uniform(self, low: f64, high: f64) -> f64 {
        assert!(low > 0.0 && low <= high, "log_uniform needs 0 < low ≤ high, got {low}..={high}");
        let position = self.decide("log-uniform", 0, |raw| raw >> 11) as f64 / (1_u64 << 53) as f64;
        low * crate::net::exp(position * crate::net::ln(high / low))
    }

    /// 64 uniform bits; calm is 0.
    pub fn next_u64(self) -> u64 {
        self.decide("u64", 0, |raw| raw)
    }

    /// Shuffles in place (Fisher–Yates); calm leaves the order as it is.
    pub fn shuffle<T>(self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            // Counted down from the place itself, so that the calm value, 0, swaps nothing.
            let down = self.below(i as u64 + 1) as usize;
            items.swap(i, i - down);
        }
    }
}
