//! Everything from the seed: how many clients, which keys, which faults there are at all, how often and how long.

use std::time::Duration;

use super::cast::Cast;
use crate::{Stage, Story, Weather};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

pub(super) fn story() -> Story {
    Story::new("kvonce/swarm", "Each operation once, one at a time, whatever the network does", tell)
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage);
    let stream = stage.world().stream("workload");
    let (clients, keys) = (1 + stream.below(6), 1 + stream.below(KEYS.len() as u64) as usize);
    let operations = 1 + stream.below(30) as usize;
    for _ in 0..clients {
        cast.client(move |mut clerk| async move { clerk.mix(&KEYS[..keys], operations).await });
    }
    let weather = Weather::lasting(Duration::from_millis(200), Duration::from_secs(20));
    cast.storm(weather.links().partitions().pauses().clocks(), Duration::from_secs(120)).await;
}
