//! Which schedule a seed runs under.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stormglass_sim::Schedule;

/// One schedule for all seeds, or a share of them for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Schedules {
    /// The seeds are shared out; the share is a function of the seed alone.
    Portfolio,
    /// PCT, a third for each depth, and other futures of runs that covered something new.
    Guided,
    /// All of them.
    One(Schedule),
}

/// The shares of the portfolio, of sixteen.
const SHARES: [(Schedule, u64); 9] = [
    (Schedule::Random, 6),
    (Schedule::Pos, 2),
    (Schedule::Walk, 2),
    (Schedule::Pct(1), 1),
    (Schedule::Pct(2), 1),
    (Schedule::Pct(3), 1),
    (Schedule::PctCp(2), 1),
    (Schedule::PctCp(3), 1),
    (Schedule::Starve, 1),
];

impl Schedules {
    /// The schedule of a seed.
    pub(crate) fn of(self, seed: u64) -> Schedule {
        match self {
            Schedules::One(schedule) => schedule,
            Schedules::Guided => Schedule::Pct(1 + (spread(seed) % 3) as u8),
            Schedules::Portfolio => {
                let total: u64 = SHARES.iter().map(|(_, share)| share).sum();
                let mut place = spread(seed) % total;
                for (schedule, share) in SHARES {
                    if place < share {
                        return schedule;
                    }
                    place -= share;
                }
                Schedule::Random
            }
        }
    }
}

/// Neighbours, and the seeds of a shard, must not share a schedule.
fn spread(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

impl Default for Schedules {
    /// What a run has that nobody asks anything of.
    fn default() -> Schedules {
        Schedules::One(Schedule::default())
    }
}

impl fmt::Display for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedules::Portfolio => f.pad("portfolio"),
            Schedules::Guided => f.pad("guided"),
            Schedules::One(schedule) => schedule.fmt(f),
        }
    }
}

impl FromStr for Schedules {
    type Err = String;

    fn from_str(text: &str) -> Result<Schedules, String> {
        match text {
            "portfolio" => Ok(Schedules::Portfolio),
            "guided" => Ok(Schedules::Guided),
            _ => text.parse().map(Schedules::One).map_err(|error| {
                format!(
                    "{error}; portfolio, a share of the seeds for each; and guided, which varies what covers something new"
                )
            }),
        }
    }
}

impl TryFrom<String> for Schedules {
    type Error = String;

    fn try_from(text: String) -> Result<Schedules, String> {
        text.parse()
    }
}

impl From<Schedules> for String {
    fn from(schedules: Schedules) -> String {
        schedules.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_share_is_had_also_by_a_shard() {
        let total: u64 = SHARES.iter().map(|(_, share)| share).sum();
        for (first, step) in [(0, 1), (1_000_000, 1), (3, 8), (1, total as usize)] {
            let mut runs: BTreeMap<Schedule, u64> = BTreeMap::new();
            for seed in (first..).step_by(step).take(16_000) {
                *runs.entry(Schedules::Portfolio.of(seed)).or_default() += 1;
            }
            for (schedule, share) in SHARES {
                let (got, fair) = (runs[&schedule], 16_000 * share / total);
                assert!(got.abs_diff(fair) < fair / 5, "{schedule} from {first} by {step}: {got} of {fair}");
            }
        }
    }

    #[test]
    fn a_wrong_name_is_told_the_right_ones() {
        let error = "prtfolio".parse::<Schedules>().unwrap_err();
        assert!(
            error.contains("'prtfolio'") && error.contains("pctcp2") && error.contains("portfolio"),
            "{error}"
        );
        assert_eq!("portfolio".parse(), Ok(Schedules::Portfolio));
        assert_eq!(
            Schedules::One(Schedule::Pct(2)).to_string().parse(),
            Ok(Schedules::One(Schedule::Pct(2)))
        );
    }
}
