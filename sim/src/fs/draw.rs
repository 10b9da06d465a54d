//! Where a disk takes its chances from.

use crate::chance::Ratio;
use crate::net::Latency;
use std::time::Duration;

/// The chances of one disk. The world gives each disk its own stream, so that a draw here moves no other.
///
/// The least answer is always the calm one: `0`, `false`, the shortest latency. For a power loss calm means
/// that everything written survives, so a run whose disk draws were all made calm has lost nothing.
pub trait Draw {
    /// A number below `n`; `0` is calm. `n` is never 0.
    fn below(&mut self, kind: &'static str, n: u64) -> u64;
    /// True with probability `p`; `false` is calm. Never asked when `p` is `ZERO` or `ONE`.
    fn chance(&mut self, kind: &'static str, p: Ratio) -> bool;
    /// One draw from the distribution.
    fn latency(&mut self, kind: &'static str, latency: &Latency) -> Duration;
}

/// The source that always answers calmly and takes no time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calm;

impl Draw for Calm {
    fn below(&mut self, _: &'static str, _: u64) -> u64 {
        0
    }
    fn chance(&mut self, _: &'static str, _: Ratio) -> bool {
        false
    }
    fn latency(&mut self, _: &'static str, _: &Latency) -> Duration {
        Duration::ZERO
    }
}

/// A chance that costs no draw where there is nothing to decide.
pub(super) fn happens(draw: &mut dyn Draw, kind: &'static str, p: Ratio) -> bool {
    p == Ratio::ONE || (p != Ratio::ZERO && draw.chance(kind, p))
}
