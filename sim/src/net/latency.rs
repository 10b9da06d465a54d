//! How long a message takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chance::{Chance, Ratio, StreamId, scale};

/// A distribution of delays. Its calm value is its least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Every delay from the first to the second is as likely.
    Uniform(Duration, Duration),
    /// `min` and on top of it an exponentially distributed delay of mean `mean`, cut off at 50 means.
    Exponential {
        /// The least delay.
        min: Duration,
        /// The mean of what comes on top.
        mean: Duration,
    },
    /// `min` and on top of it a log-normal delay: a long tail, as datacenter round trips have it.
    LogNormal {
        /// The least delay.
        min: Duration,
        /// The median of what comes on top.
        median: Duration,
        /// The standard deviation of the logarithm, in thousandths: 500 is moderate, 1500 a very long tail.
        sigma_milli: u32,
    },
    /// Uniform in the first range, but with probability `slow_share` uniform in the second: a congested path.
    TwoHumped {
        /// The usual delays.
        fast: (Duration, Duration),
        /// The delays of the slow path.
        slow: (Duration, Duration),
        /// How often the slow path is taken.
        slow_share: Ratio,
    },
}

impl Latency {
    /// The least delay, in nanoseconds: the calm value.
    pub fn least(&self) -> u64 {
        match *self {
            Latency::Constant(delay) => nanos(delay),
            Latency::Uniform(low, high) => nanos(low.min(high)),
            Latency::Exponential { min, .. } | Latency::LogNormal { min, .. } => nanos(min),
            Latency::TwoHumped { fast, .. } => nanos(fast.0.min(fast.1)),
        }
    }

    /// The delay, in nanoseconds, that a uniform `raw` maps to.
    #[inline]
    pub fn at(&self, raw: u64) -> u64 {
        match *self {
            Latency::Constant(delay) => nanos(delay),
            Latency::Uniform(low, high) => between(low, high, raw),
            Latency::Exponential { min, mean } => {
                let tail = -ln(unit(raw)) * nanos(mean) as f64;
                nanos(min).saturating_add(tail.min(nanos(mean) as f64 * 50.0) as u64)
            }
            Latency::LogNormal { min, median, sigma_milli } => {
                let tail = nanos(median) as f64 * exp(normal(unit(raw)) * f64::from(sigma_milli) / 1000.0);
                nanos(min).saturating_add(tail as u64)
            }
            Latency::TwoHumped { fast, slow, slow_share } => {
                // One decision, one draw: the hump from the raw bits, the place in it from their hash.
                let (low, high) = if slow_share.admits(raw) { slow } else { fast };
                between(low, high, crate::chance::mix(raw))
            }
        }
    }
}

/// A [`Latency`] made ready for drawing: the two usual kinds in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delay {
    Constant(u64),
    /// The least, and how many values there are.
    Uniform(u64, u64),
    Other(Latency),
}

impl From<Latency> for Delay {
    fn from(latency: Latency) -> Delay {
        match latency {
            Latency::Constant(delay) => Delay::Constant(nanos(delay)),
            Latency::Uniform(low, high) => {
                let (low, high) = (nanos(low.min(high)), nanos(low.max(high)));
                Delay::Uniform(low, (high - low).saturating_add(1))
            }
            other => Delay::Other(other),
        }
    }
}

impl Delay {
    /// Draws one delay, in nanoseconds.
    #[inline(always)]
    pub(crate) fn draw(&self, chance: &mut Chance, stream: StreamId) -> u64 {
        match self {
            Delay::Constant(delay) => *delay,
            Delay::Uniform(low, span) => {
                chance.decide(stream, "latency", *low, |raw| low + scale(raw, *span))
            }
            Delay::Other(latency) => chance.decide(stream, "latency", latency.least(), |raw| latency.at(raw)),
        }
    }
}

#[inline]
fn between(low: Duration, high: Duration, raw: u64) -> u64 {
    let (low, high) = (nanos(low), nanos(high));
    let (low, high) = (low.min(high), low.max(high));
    low + scale(raw, (high - low).saturating_add(1))
}

#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

/// A uniform number in (0, 1).
fn unit(raw: u64) -> f64 {
    ((raw >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// The natural logarithm by +, × and ÷ alone, so that it is the same bits on every machine; libm's is not.
pub(crate) fn ln(x: f64) -> f64 {
    debug_assert!(x > 0.0 && x.is_finite());
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh((m−1)/(m+1)); |s| ≤ 0.172, so 11 terms leave less than 10⁻¹⁷.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for k in (0..11).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * s * sum + exponent as f64 * std::f64::consts::LN_2
}

/// The exponential function, by the same means and for the same reason as [`ln`].
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let k = (x / std::f64::consts::LN_2).round();
    let rest = x - k * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for n in (1..=16).rev() {
        sum = 1.0 + sum * rest / f64::from(n);
    }
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// The inverse of the normal distribution: Tukey's lambda approximation (λ = 0.135), within 0.005 up to ±2.5 σ.
fn normal(p: f64) -> f64 {
    const LAMBDA: f64 = 0.1349;
    (exp(LAMBDA * ln(p)) - exp(LAMBDA * ln(1.0 - p))) / 0.1975
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_agree_with_libm() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.37;
            assert!((ln(x) - x.ln()).abs() < 1e-13 * x.ln().abs().max(1.0), "ln {x}");
            let y = f64::from(i - 1000) * 0.05;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}");
        }
    }

    /// Mean and quantiles of each distribution from a grid of draws, against its definition.
    #[test]
    fn distributions_have_their_moments() {
        let ms = Duration::from_millis;
        let grid = |latency: Latency| -> (f64, Vec<u64>) {
            let n = 20_000_u64;
            let mut all: Vec<u64> =
                (0..n).map(|i| latency.at((u64::MAX / n) * i + u64::MAX / n / 2)).collect();
            all.sort_unstable();
            (all.iter().map(|&x| x as f64).sum::<f64>() / n as f64 / 1e6, all)
        };
        let (mean, all) = grid(Latency::Uniform(ms(1), ms(10)));
        assert!((mean - 5.5).abs() < 0.01, "{mean}");
        assert!(all[0] >= 1_000_000 && *all.last().expect("some") <= 10_000_000);
        let (mean, all) = grid(Latency::Exponential { min: ms(2), mean: ms(3) });
        assert!((mean - 5.0).abs() < 0.02, "{mean}");
        assert!(all[0] >= 2_000_000);
        let (_, all) = grid(Latency::LogNormal { min: ms(1), median: ms(4), sigma_milli: 500 });
        let (median, high) = (all[10_000] as f64 / 1e6, all[16_826] as f64 / 1e6); // 50 %, 84.13 %
        assert!((median - 5.0).abs() < 0.02, "{median}");
        assert!((high - (1.0 + 4.0 * 0.5_f64.exp())).abs() < 0.05, "{high}");
        let humps = Latency::TwoHumped {
            fast: (ms(1), ms(2)),
            slow: (ms(50), ms(60)),
            slow_share: Ratio::percent(10),
        };
        let slow = grid(humps).1.iter().filter(|&&x| x >= 50_000_000).count();
        assert_eq!(slow, 2000);
    }

    #[test]
    fn a_uniform_delay_is_drawn_as_its_latency_says() {
        let latency = Latency::Uniform(Duration::from_nanos(500), Duration::from_nanos(1500));
        let Delay::Uniform(low, span) = Delay::from(latency) else { panic!("uniform") };
        for i in 0..1000 {
            let raw = u64::MAX / 1000 * i;
            assert_eq!(latency.at(raw), low + scale(raw, span));
        }
    }

    #[test]
    fn calm_is_the_least() {
        let latency = Latency::Uniform(Duration::from_millis(9), Duration::from_millis(3));
        assert_eq!(latency.least(), 3_000_000);
        assert!((0..100).all(|i| latency.at(u64::MAX / 100 * i) >= 3_000_000));
    }
}
