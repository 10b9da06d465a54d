//! A node's view of time: offset, drift, steps, and a clock that stands still.

use std::time::Duration;

/// An instant too far away to write down: what waits for it waits for ever.
pub(crate) const NEVER: u64 = u64::MAX;

/// What can go wrong with a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ClockFault {
    /// The wall clock is this many nanoseconds off (set, not added). The monotonic clock has no origin to be off.
    Offset(i64),
    /// Both clocks run this many parts per million too fast; below zero, too slow. At least −999,999.
    Drift(i64),
    /// The wall clock jumps by this many nanoseconds, as after a correction by NTP.
    Step(i64),
    /// Both clocks stand still: no timer of the node fires.
    Freeze,
    /// They go on from where they stood.
    Thaw,
}

/// One node's clocks, as functions of true virtual time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Neither drift nor freeze, ever: local time is true time. The case that must cost nothing.
    steady: bool,
    base_true: u64,
    base_local: u64,
    drift_ppm: i64,
    frozen: bool,
    wall_offset: i64,
}

impl Clock {
    pub(crate) const STEADY: Clock =
        Clock { steady: true, base_true: 0, base_local: 0, drift_ppm: 0, frozen: false, wall_offset: 0 };

    /// The monotonic clock at true time `now`, in nanoseconds.
    #[inline]
    pub(crate) fn local(&self, now: u64) -> u64 {
        if self.steady { now } else { self.skewed(now) }
    }

    fn skewed(&self, now: u64) -> u64 {
        if self.frozen {
            return self.base_local;
        }
        let passed = i128::from(now - self.base_true).saturating_mul(self.rate()) / 1_000_000;
        self.base_local.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    fn rate(&self) -> i128 {
        (i128::from(self.drift_ppm) + 1_000_000).max(1)
    }

    /// When, in true time, the monotonic clock will show `local`; `None` while it stands still, and for [`NEVER`].
    #[inline]
    pub(crate) fn when(&self, local: u64) -> Option<u64> {
        if local == NEVER {
            return None;
        }
        if self.steady {
            return Some(local);
        }
        if local <= self.base_local {
            return Some(self.base_true);
        }
        if self.frozen {
            return None;
        }
        let wanted = i128::from(local - self.base_local) * 1_000_000;
        let passed = (wanted + self.rate() - 1) / self.rate();
        let at = self.base_true.saturating_add(u64::try_from(passed).unwrap_or(NEVER));
        (at != NEVER).then_some(at)
    }

    /// The wall clock at true time `now`, since the Unix epoch.
    pub(crate) fn wall(&self, now: u64, epoch: Duration) -> Duration {
        let local = Duration::from_nanos(self.local(now));
        let shifted = epoch + local;
        match self.wall_offset {
            offset @ 0.. => shifted + Duration::from_nanos(offset as u64),
            offset => shifted.saturating_sub(Duration::from_nanos(offset.unsigned_abs())),
        }
    }

    /// Applies a fault at true time `now`. The monotonic clock never goes back.
    pub(crate) fn apply(&mut self, fault: ClockFault, now: u64) {
        match fault {
            ClockFault::Offset(offset) => return self.wall_offset = offset,
            ClockFault::Step(step) => return self.wall_offset = self.wall_offset.saturating_add(step),
            _ => {}
        }
        self.base_local = self.local(now);
        self.base_true = now;
        self.steady = false;
        match fault {
            ClockFault::Drift(ppm) => self.drift_ppm = ppm.max(-999_999),
            ClockFault::Freeze => self.frozen = true,
            _ => self.frozen = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn drift_runs_away_and_comes_back_in_step() {
        let mut clock = Clock::STEADY;
        clock.apply(ClockFault::Drift(100_000), SECOND); // 10 % fast
        assert_eq!(clock.local(SECOND), SECOND);
        assert_eq!(clock.local(11 * SECOND), 12 * SECOND);
        assert_eq!(clock.when(12 * SECOND), Some(11 * SECOND));
        clock.apply(ClockFault::Drift(0), 11 * SECOND);
        assert_eq!(clock.local(12 * SECOND), 13 * SECOND, "what was gained is kept: monotonic");
    }

    #[test]
    fn a_timer_never_fires_before_its_local_time() {
        let mut clock = Clock::STEADY;
        for ppm in [-999_999, -333_333, -7, 1, 17, 123_457] {
            clock.apply(ClockFault::Drift(ppm), 5);
            for local in [6, 7, 1000, 1_000_003] {
                let at = clock.when(local).expect("it goes");
                assert!(clock.local(at) >= local, "{ppm} ppm: {local} at {at}");
            }
        }
    }

    #[test]
    fn a_clock_may_run_as_fast_as_can_be_written_down() {
        let mut clock = Clock::STEADY;
        clock.apply(ClockFault::Drift(i64::MAX), SECOND);
        assert_eq!((clock.local(SECOND), clock.local(u64::MAX)), (SECOND, u64::MAX));
        assert_eq!((clock.when(2 * SECOND), clock.when(NEVER)), (Some(SECOND + 1), None));
    }

    #[test]
    fn a_frozen_clock_stands_until_it_thaws() {
        let mut clock = Clock::STEADY;
        clock.apply(ClockFault::Freeze, 10);
        assert_eq!((clock.local(500), clock.when(11)), (10, None));
        clock.apply(ClockFault::Thaw, 500);
        assert_eq!((clock.local(600), clock.when(110)), (110, Some(600)));
    }

    #[test]
    fn steps_and_offsets_move_the_wall_and_not_the_monotonic_clock() {
        let epoch = Duration::from_secs(1_000);
        let mut clock = Clock::STEADY;
        clock.apply(ClockFault::Offset(-5 * SECOND as i64), 0);
        assert_eq!(clock.wall(SECOND, epoch), Duration::from_secs(996));
        clock.apply(ClockFault::Step(7 * SECOND as i64), 0);
        assert_eq!(clock.wall(SECOND, epoch), Duration::from_secs(1_003));
        assert_eq!(clock.local(SECOND), SECOND);
    }
}
