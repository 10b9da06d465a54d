//! The seed of a run: the one number from which all its chance is drawn.

use std::fmt;
use std::str::FromStr;

/// A run's seed. There is no default: a test names one, or draws a fresh one and prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed from the operating system's randomness. Print it: it is the name of the run.
    pub fn fresh() -> Self {
        use std::hash::{BuildHasher, Hasher};
        // `RandomState` is the standard library's door to the system's randomness.
        let entropy = std::hash::RandomState::new().build_hasher().finish();
        // Short seeds are easier to read aloud and to retype; 32 bits are plenty for one campaign.
        Seed(entropy >> 32)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why a text is not a seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a seed: write a decimal number (417) or hexadecimal with 0x (0x1a1), at most 64 bits")]
pub struct ParseSeedError(String);

impl FromStr for Seed {
    type Err = ParseSeedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            // `from_str_radix` would take a sign.
            Some(hex) if hex.starts_with(['+', '-']) => return Err(ParseSeedError(text.to_owned())),
            Some(hex) => u64::from_str_radix(hex, 16),
            None if text.starts_with('+') => return Err(ParseSeedError(text.to_owned())),
            None => text.parse(),
        };
        parsed.map(Seed).map_err(|_| ParseSeedError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimal_and_hexadecimal_and_nothing_else() {
        assert_eq!("417".parse(), Ok(Seed(417)));
        assert_eq!("0x1a1".parse(), Ok(Seed(417)));
        assert_eq!("18446744073709551615".parse(), Ok(Seed(u64::MAX)));
        for bad in ["", "0x", "-1", "+1", "0x+1", "1e3", "18446744073709551616", "4 17"] {
            let error = bad.parse::<Seed>().expect_err(bad);
            assert!(error.to_string().contains(&format!("'{bad}'")), "{error}");
        }
    }
}
