//! The machine's own clock. Only the harness reads it: progress, `--time` and hang detection. Nothing here reaches a world.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the harness runs outside every world"
)]

use std::time::{Duration, Instant};

/// A stopwatch on the machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
