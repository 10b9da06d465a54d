//! Ticking.

use std::time::Duration;

use super::{Instant, sleep_until};

/// What an [`Interval`] does about ticks for which nobody waited in time; tokio's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Makes up for them at once, one after another.
    #[default]
    Burst,
    /// Forgets them and counts the period from now.
    Delay,
    /// Forgets them and keeps to the original beat.
    Skip,
}

/// Ticks at once, then every `period`.
///
/// # Panics
/// When `period` is zero.
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `start`, then every `period`.
///
/// # Panics
/// When `period` is zero.
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period above zero");
    Interval { next: start, period, missed: MissedTickBehavior::default() }
}

/// A series of ticks; made by [`interval`].
#[derive(Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick. Cancelling it loses none.
    pub async fn tick(&mut self) -> Instant {
        sleep_until(self.next).await;
        let (tick, now) = (self.next, Instant::now());
        self.next = match self.missed {
            MissedTickBehavior::Burst => tick + self.period,
            MissedTickBehavior::Delay => now + self.period,
            MissedTickBehavior::Skip => {
                let late = now.saturating_duration_since(tick).as_nanos();
                let beats = late / self.period.as_nanos() + 1;
                tick + self.period.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX))
            }
        };
        tick
    }

    /// Sets what happens about missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// Starts over: the next tick comes after one period.
    pub fn reset(&mut self) {
        self.next = Instant::now() + self.period;
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
