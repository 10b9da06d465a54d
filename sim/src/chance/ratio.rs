//! Probabilities as integers: the same on every machine.

use std::fmt;

/// A probability as a threshold over 2⁶⁴: fixed point, so that no rounding of floats enters a run.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Ratio(u64);

impl Ratio {
    /// Never.
    pub const ZERO: Ratio = Ratio(0);
    /// Always.
    pub const ONE: Ratio = Ratio(u64::MAX);

    /// `part` of `whole`.
    ///
    /// # Panics
    /// When `part > whole` or `whole` is 0: that is no probability.
    pub const fn new(part: u64, whole: u64) -> Ratio {
        assert!(part <= whole && whole > 0, "a ratio is part of a whole: 0 ≤ part ≤ whole, whole > 0");
        if part == whole {
            return Ratio::ONE;
        }
        Ratio((((part as u128) << 64) / whole as u128) as u64)
    }

    /// `percent(1)` is 1 %.
    pub const fn percent(n: u64) -> Ratio {
        Ratio::new(n, 100)
    }

    /// `per_mille(1)` is 0.1 %.
    pub const fn per_mille(n: u64) -> Ratio {
        Ratio::new(n, 1000)
    }

    /// The nearest ratio to `p`; values outside 0..=1 are clamped, NaN is 0.
    pub fn from_f64(p: f64) -> Ratio {
        // `as` saturates, and takes NaN to 0.
        Ratio((p * 18_446_744_073_709_551_616.0) as u64)
    }

    /// As a float, for reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 18_446_744_073_709_551_616.0
    }

    /// Whether this never happens.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether a uniformly drawn `raw` falls under this ratio.
    #[inline]
    pub const fn admits(self, raw: u64) -> bool {
        raw < self.0 || self.0 == u64::MAX
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = format!("{:.4}", self.as_f64() * 100.0);
        write!(f, "{}%", percent.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_scale_are_exact() {
        assert!(!Ratio::ZERO.admits(0));
        assert!(Ratio::ONE.admits(u64::MAX));
        assert_eq!(Ratio::new(7, 7), Ratio::ONE);
        assert_eq!(Ratio::from_f64(1.0), Ratio::ONE);
        assert_eq!(Ratio::from_f64(f64::NAN), Ratio::ZERO);
        assert!(Ratio::percent(50).admits((1 << 63) - 1));
        assert!(!Ratio::percent(50).admits(1 << 63));
    }

    #[test]
    fn prints_as_percent() {
        assert_eq!(Ratio::percent(1).to_string(), "1%");
        assert_eq!(Ratio::per_mille(5).to_string(), "0.5%");
        assert_eq!(Ratio::ZERO.to_string(), "0%");
        assert_eq!(Ratio::ONE.to_string(), "100%");
    }
}
