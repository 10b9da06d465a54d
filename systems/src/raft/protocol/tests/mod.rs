//! The protocol against its papers: their figures one by one, and random schedules over a small network in memory.

mod anything;
mod disk;
mod elections;
mod figures;
mod flow;
mod ghost;
mod membership;
mod network;
mod reads;
mod schedules;
mod single;
mod snapshots;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::bugs::Bugs;
use super::super::message::{Configuration, ServerId};
use super::Config;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const ELECTION: RangeInclusive<Duration> = ms(150)..=ms(300);

fn config(id: ServerId, bugs: Bugs) -> Config {
    Config {
        id,
        election: ELECTION,
        heartbeat: ms(40),
        pre_vote: true,
        check_quorum: true,
        noop: true,
        drift_ppm: 1000,
        batch_entries: 4,
        batch_bytes: 64,
        pipeline: 3,
        uncommitted: 64,
        chunk: 16,
        bugs,
        observed: true,
    }
}

fn voters(ids: impl IntoIterator<Item = ServerId>) -> Configuration {
    Configuration { voters: ids.into_iter().collect(), outgoing: BTreeSet::new(), learners: BTreeSet::new() }
}

/// Numbers that look random: splitmix64.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        if n == 0 { self.next() } else { self.next() % n }
    }

    fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }
}
