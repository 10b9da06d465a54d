//! When to send again, and when to give up: RFC 6298 and RFC 1122.

use super::SECOND;

/// Before a round trip was measured.
pub(super) const INITIAL: u64 = SECOND;
const SHORTEST: u64 = SECOND / 5;
const LONGEST: u64 = 60 * SECOND;
/// How long nothing may be acknowledged before the connection breaks.
const PATIENCE: u64 = 120 * SECOND;

#[derive(Debug)]
pub(super) struct Pace {
    /// The smoothed round trip and its deviation.
    measured: Option<(u64, u64)>,
    /// How often the time-out was doubled.
    doubled: u32,
    /// When the timer was started, while it runs.
    started: Option<u64>,
    /// When there was last any progress.
    progress: u64,
    /// A number that is being timed, and when it was sent.
    timed: Option<(u64, u64)>,
}

impl Pace {
    pub(super) const fn new() -> Pace {
        Pace { measured: None, doubled: 0, started: None, progress: 0, timed: None }
    }

    /// Takes a measured round trip into account.
    pub(super) fn measure(&mut self, trip: u64) {
        self.measured = Some(match self.measured {
            None => (trip, trip / 2),
            Some((smooth, deviation)) => {
                ((7 * smooth + trip) / 8, (3 * deviation + smooth.abs_diff(trip)) / 4)
            }
        });
    }

    fn interval(&self) -> u64 {
        let base = self.measured.map_or(INITIAL, |(smooth, deviation)| smooth + 4 * deviation);
        // Ten doublings exceed the longest interval from any base.
        (base.max(SHORTEST) << self.doubled.min(10)).min(LONGEST)
    }

    /// Times the number `seq`, unless another is being timed.
    pub(super) fn time(&mut self, seq: u64, now: u64) {
        self.timed.get_or_insert((seq, now));
    }

    /// Starts the timer unless it runs.
    pub(super) fn start(&mut self, now: u64) {
        if self.started.is_none() {
            (self.started, self.progress) = (Some(now), now);
        }
    }

    pub(super) fn stop(&mut self) {
        self.started = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.started.is_some()
    }

    /// The peer has been heard of.
    pub(super) fn heard(&mut self, now: u64) {
        self.progress = now;
    }

    /// Everything below `ack` has arrived; `more` is on its way.
    pub(super) fn acknowledged(&mut self, ack: u64, more: bool, now: u64) {
        if let Some((_, sent)) = self.timed.take_if(|(seq, _)| *seq < ack) {
            self.measure(now - sent);
        }
        self.doubled = 0;
        self.progress = now;
        self.started = more.then_some(now);
    }

    /// When the timer is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.started.map(|started| (started + self.interval()).min(self.progress + PATIENCE))
    }

    /// The timer was due: starts it anew, slower. `false` when it is time to give up.
    pub(super) fn expire(&mut self, now: u64) -> bool {
        self.doubled += 1;
        self.started = Some(now);
        // What was sent twice cannot be timed: an acknowledgement could be of either (Karn).
        self.timed = None;
        now < self.progress + PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_double_up_to_a_minute_and_end_after_two() {
        let mut pace = Pace::new();
        pace.measure(SECOND / 100);
        pace.start(0);
        let mut tries = Vec::new();
        let end = loop {
            let now = pace.deadline().expect("runs");
            if !pace.expire(now) {
                break now;
            }
            tries.push(now / 100_000_000);
        };
        assert_eq!(tries, [2, 6, 14, 30, 62, 126, 254, 510, 1022]);
        assert_eq!(end, PATIENCE);
    }

    #[test]
    fn round_trips_set_the_time_out_and_progress_ends_the_doubling() {
        let mut pace = Pace::new();
        assert_eq!(pace.interval(), INITIAL);
        for _ in 0..100 {
            pace.measure(SECOND / 2);
        }
        assert_eq!(pace.interval() / 10_000_000, 50);
        pace.start(0);
        assert!(pace.expire(SECOND) && pace.interval() >= SECOND);
        pace.acknowledged(1, true, SECOND);
        assert_eq!(pace.deadline().expect("more is on its way") / 10_000_000, 150);
        pace.acknowledged(2, false, SECOND);
        assert_eq!(pace.deadline(), None);
    }
}
