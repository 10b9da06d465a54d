//! Time, virtual in a world and real outside: sleeping, time-outs, intervals, and two clocks per node.
//!
//! Virtual time is in nanoseconds and jumps to the next event. [`Instant::now`] reads the monotonic clock of the
//! node whose code runs, [`system_now`] its wall clock; both may drift, only the wall clock may jump.

pub(crate) mod clock;
mod instant;
mod interval;
pub(crate) mod queue;
mod sleep;
mod timeout;
pub(crate) mod timers;

pub use clock::ClockFault;
pub use instant::{Instant, system_now};
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub(crate) use sleep::true_sleep;
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
