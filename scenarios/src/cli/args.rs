//! Arguments that several commands take, and how their texts are read.

use std::time::Duration;

use stormglass_sim::Seed;

/// Real time after which a run counts as hung, unless `--patience` says otherwise.
pub(crate) const PATIENCE: &str = "30s";

/// `417` or `0x1a1`.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse::<Seed>().map(|seed| seed.0).map_err(|error| error.to_string())
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

/// One part of a campaign split over machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Shard {
    /// Whether the `n`th seed of the campaign, from 0, is this shard's.
    pub(crate) fn has(self, n: u64) -> bool {
        n % self.of == self.index - 1
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
    fn shards_part_the_seeds() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| shard(text).unwrap()).to_vec();
        for n in 0..30 {
            assert_eq!(shards.iter().filter(|shard| shard.has(n)).count(), 1, "{n}");
        }
        for bad in ["0/3", "4/3", "3", "a/b", "1/0", "/"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
    }
}
