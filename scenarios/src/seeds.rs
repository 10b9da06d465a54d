//! Which seeds a `#[test]` runs.

use stormglass_sim::Seed;

/// The variable that makes a test run one seed only: what its failure tells you to set.
pub(crate) const VARIABLE: &str = "STORMGLASS_SEED";

/// The seeds of one [`check`](crate::check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    from: u64,
    count: u64,
}

impl Seeds {
    /// `count` seeds that no run before has had. A failure prints the one that failed.
    pub fn fresh(count: u64) -> Seeds {
        Seeds { from: Seed::fresh().0, count }
    }

    /// This one: to replay a failure, and to keep it as a regression test.
    pub fn one(seed: u64) -> Seeds {
        Seeds { from: seed, count: 1 }
    }

    /// The same seeds in every run.
    pub fn range(seeds: std::ops::Range<u64>) -> Seeds {
        Seeds { from: seeds.start, count: seeds.end.saturating_sub(seeds.start) }
    }

    /// In order.
    pub fn iter(self) -> impl Iterator<Item = Seed> {
        (0..self.count).map(move |n| Seed(self.from.wrapping_add(n)))
    }

    /// What the environment asks for instead, if it does.
    ///
    /// # Panics
    /// When the variable is not a seed.
    pub(crate) fn or_from_environment(self) -> Seeds {
        match std::env::var(VARIABLE) {
            Ok(text) => match text.parse::<Seed>() {
                Ok(seed) => Seeds::one(seed.0),
                Err(error) => panic!("{VARIABLE}: {error}"),
            },
            Err(_) => self,
        }
    }
}
