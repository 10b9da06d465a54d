//! Randomness for code on a node: the node's own stream of the seed; for real, the operating system's.

use std::convert::Infallible;

use rand_core::{Rng, TryRng};

use crate::chance::{Ratio, scale};
use crate::hub::{HUB, simulated};

/// 64 uniform bits.
pub fn random_u64() -> u64 {
    if !simulated() {
        return real_u64();
    }
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        let stream = core.node_rand(hub.node.get());
        core.chance.bits(stream)
    })
}

/// Uniform in `0..n`; 0 when `n` is 0.
pub fn below(n: u64) -> u64 {
    scale(random_u64(), n)
}

/// Whether something of probability `ratio` happens.
pub fn chance(ratio: Ratio) -> bool {
    ratio.admits(random_u64())
}

/// A generator for everything that takes one: the node's own stream.
pub fn rng() -> NodeRng {
    NodeRng
}

/// The generator of [`rng`].
#[derive(Clone, Copy, Debug)]
pub struct NodeRng;

impl TryRng for NodeRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((random_u64() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(random_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&random_u64().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The first place below `branches` that `select!` polls.
#[doc(hidden)]
pub fn first_branch(branches: u32) -> u32 {
    if !simulated() {
        return (real_u64() % u64::from(branches.max(1))) as u32;
    }
    HUB.with(|hub| {
        let core = &mut *hub.core.borrow_mut();
        let stream = core.node_rand(hub.node.get());
        core.chance.below(stream, "select", u64::from(branches.max(1))) as u32
    })
}

fn real_u64() -> u64 {
    use rand_core::SeedableRng;
    use std::cell::RefCell;
    thread_local! {
        static REAL: RefCell<Option<rand_chacha::ChaCha8Rng>> = const { RefCell::new(None) };
    }
    REAL.with(|real| {
        let mut real = real.borrow_mut();
        let fresh = || {
            let mut key = [0; 32];
            for part in key.chunks_mut(4) {
                part.copy_from_slice(&(crate::Seed::fresh().0 as u32).to_le_bytes());
            }
            rand_chacha::ChaCha8Rng::from_seed(key)
        };
        real.get_or_insert_with(fresh).next_u64()
    })
}
