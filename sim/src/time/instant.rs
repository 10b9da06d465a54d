//! Points in time.

use std::ops::{Add, AddAssign, Sub};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::hub::{HUB, simulated};
use crate::net::nanos;

/// A reading of a node's monotonic clock, in nanoseconds since the start of the world (for real: of the process's
/// first reading). Readings of different nodes do not compare: their clocks may drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub(crate) u64);

impl Instant {
    /// The monotonic clock of the node whose code runs.
    #[inline]
    pub fn now() -> Instant {
        if !simulated() {
            return Instant(nanos(real_origin().elapsed()));
        }
        HUB.with(|hub| {
            if hub.reads_on_and_on() {
                hub.core.borrow_mut().lose_patience();
            }
            let core = hub.core.borrow();
            Instant(core.clock(hub.node.get()).local(core.now))
        })
    }

    /// How long ago this was, on the same clock; zero if it is yet to come.
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this; zero if `earlier` is later, as in std.
    pub fn duration_since(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// `None` on overflow.
    pub fn checked_add(self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(u64::try_from(duration.as_nanos()).ok()?).map(Instant)
    }
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the real side of the clock")]
pub(crate) fn real_origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates: an instant too far away to write down is one that never comes.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(nanos(duration)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// The wall clock of the node whose code runs. It may be off, drift, and jump.
pub fn system_now() -> SystemTime {
    if !simulated() {
        return real_system_now();
    }
    HUB.with(|hub| {
        let core = hub.core.borrow();
        SystemTime::UNIX_EPOCH + core.clock(hub.node.get()).wall(core.now, core.epoch)
    })
}

#[expect(clippy::disallowed_methods, reason = "the real side of the clock")]
fn real_system_now() -> SystemTime {
    SystemTime::now()
}
