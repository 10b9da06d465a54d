//! Arguments that several commands take, and how their texts are read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::Seed;

use crate::campaign::Schedules;

/// `417` or `0x1a1`.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse::<Seed>().map(|seed| seed.0).map_err(|error| error.to_string())
}

/// What one run can have: a schedule by its name, or its share of a portfolio.
pub(crate) fn schedule(text: &str) -> Result<Schedules, String> {
    match text.parse()? {
        Schedules::Guided => Err(format!(
            "'{text}' steers the runs of a campaign by one another (fuzz, bugs): one run has pct1, pct2 or pct3, or its \
             file under findings/"
        )),
        schedules => Ok(schedules),
    }
}

/// `60s`, `500ms`, `2m`, `1h`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration: write 500ms, 60s, 2m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

/// `512M`, `4G`; a number alone is bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a size: write 512M or 4G");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor: u64 = match unit {
        "" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// One part of a campaign split over machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Shard {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Shard {
    /// All of it.
    pub(crate) const WHOLE: Shard = Shard { index: 1, of: 1 };

    /// What the machine says that started this process as one of many, with the name of the variable that said it: a job
    /// array of Slurm, an indexed job of Kubernetes (which does not say how many there are: `STORMGLASS_SHARDS` must),
    /// a parallel job of GitLab, or anybody by `STORMGLASS_SHARD`.
    pub(crate) fn of_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(Shard, &'static str)>, String> {
        let number = |name: &str| -> Result<Option<u64>, String> {
            let Some(text) = variable(name) else { return Ok(None) };
            text.parse().map(Some).map_err(|_| format!("{name} is '{text}', which is no number"))
        };
        if let Some(text) = variable("STORMGLASS_SHARD") {
            let shard = shard(&text).map_err(|error| format!("STORMGLASS_SHARD: {error}"))?;
            return Ok(Some((shard, "STORMGLASS_SHARD")));
        }
        // (the variable with the index, the number of the first one, how many)
        let gitlab = (number("CI_NODE_INDEX")?, Some(1), number("CI_NODE_TOTAL")?, "CI_NODE_INDEX");
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let in_steps = |id: Option<u64>| id.map(|id| id / step);
        let slurm = (
            in_steps(number("SLURM_ARRAY_TASK_ID")?),
            in_steps(number("SLURM_ARRAY_TASK_MIN")?),
            number("SLURM_ARRAY_TASK_COUNT")?,
            "SLURM_ARRAY_TASK_ID",
        );
        let kubernetes =
            (number("JOB_COMPLETION_INDEX")?, Some(0), number("STORMGLASS_SHARDS")?, "JOB_COMPLETION_INDEX");
        for (index, first, of, name) in [gitlab, slurm, kubernetes] {
            let Some(index) = index else { continue };
            let (Some(first), Some(of)) = (first, of) else {
                let missing = match name {
                    "CI_NODE_INDEX" => "CI_NODE_TOTAL",
                    "SLURM_ARRAY_TASK_ID" => "SLURM_ARRAY_TASK_COUNT and SLURM_ARRAY_TASK_MIN",
                    _ => "STORMGLASS_SHARDS",
                };
                return Err(format!(
                    "{name} is set, but not {missing}: how many parts are there? --shard I/N says it, and 1/1 means all of it"
                ));
            };
            let index = index.wrapping_sub(first).wrapping_add(1);
            if index == 0 || index > of {
                return Err(format!("{name} says that this is part {index} of {of}, which cannot be"));
            }
            return Ok(Some((Shard { index, of }, name)));
        }
        Ok(None)
    }

    /// The place of this shard's `n`th seed among all seeds of the campaign, both from 0.
    pub(crate) fn nth(self, n: u64) -> Option<u64> {
        n.checked_mul(self.of)?.checked_add(self.index - 1)
    }

    /// How many of so many seeds are this shard's.
    pub(crate) fn of_seeds(self, seeds: u64) -> u64 {
        seeds / self.of + u64::from(seeds % self.of >= self.index)
    }

    /// Whether the `n`th seed of the campaign, from 0, is this shard's.
    pub(crate) fn has(self, n: u64) -> bool {
        n % self.of == self.index - 1
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Shard, String> {
        shard(&text)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// `2/8`: the second of eight.
pub(crate) fn shard(text: &str) -> Result<Shard, String> {
    let wrong = || format!("'{text}' is not a shard: write I/N with 1 ≤ I ≤ N, as 2/8");
    let (index, of) = text.split_once('/').ok_or_else(wrong)?;
    let (index, of) = (index.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
    if index == 0 || index > of { Err(wrong()) } else { Ok(Shard { index, of }) }
}

/// As many processes as there are cores.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        let ms = |text| duration(text).map(|duration| duration.as_millis());
        assert_eq!(
            (ms("60s"), ms("500ms"), ms("2m"), ms("1h"), ms("0.5")),
            (Ok(60_000), Ok(500), Ok(120_000), Ok(3_600_000), Ok(500))
        );
        for bad in ["", "s", "10 s", "1d", "-1s", "0s", "1e9h", "99999999999999999999h"] {
            assert!(duration(bad).unwrap_err().contains(&format!("'{bad}'")), "{bad}");
        }
    }

    #[test]
    fn one_run_is_not_guided() {
        assert!(schedule("portfolio").is_ok() && schedule("pct2").is_ok());
        assert!(schedule("guided").unwrap_err().contains("'guided' steers the runs of a campaign"));
    }

    #[test]
    fn shards_part_the_seeds() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| shard(text).unwrap()).to_vec();
        for n in 0..30 {
            assert_eq!(shards.iter().filter(|shard| shard.has(n)).count(), 1, "{n}");
        }
        for bad in ["0/3", "4/3", "3", "a/b", "1/0", "/"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_job_array_says_which_part_this_is() {
        let read = |variables: &[(&str, &str)]| {
            Shard::of_environment(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let part = |index, of, name| Ok(Some((Shard { index, of }, name)));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "5")]), part(2, 5, "CI_NODE_INDEX"));
        let slurm =
            [("SLURM_ARRAY_TASK_ID", "12"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(read(&slurm), part(3, 4, "SLURM_ARRAY_TASK_ID"));
        assert_eq!(
            read(&[("JOB_COMPLETION_INDEX", "0"), ("STORMGLASS_SHARDS", "3")]),
            part(1, 3, "JOB_COMPLETION_INDEX")
        );
        assert_eq!(read(&[("STORMGLASS_SHARD", "4/4")]), part(4, 4, "STORMGLASS_SHARD"));
        // GitLab sets the total of every job, and no index where there is one job.
        assert_eq!(read(&[("CI_NODE_TOTAL", "1")]), Ok(None));
        for wrong in [
            &[("STORMGLASS_SHARD", "5/4")][..],
            &[("JOB_COMPLETION_INDEX", "0")],
            &[("SLURM_ARRAY_TASK_ID", "3")],
            &[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")],
            &[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_MIN", "0")],
            &[("CI_NODE_INDEX", "3")],
            &[("CI_NODE_INDEX", "6"), ("CI_NODE_TOTAL", "5")],
            &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "5")],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
