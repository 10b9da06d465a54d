//! Everything from the seed: how many clients, which keys, which faults there are at all, how often and how long.

use std::time::Duration;

use stormglass_systems::kv::server::Storage;

use super::cast::Cast;
use super::power_loss::small_log;
use crate::{Stage, Story, Weather};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "kv/swarm_volatile",
            "One copy, one operation at a time, whatever the network does",
            volatile,
        )
        .sometimes("a put ended as maybe")
        .sometimes("kv: several requests share one sync"),
        Story::new(
            "kv/swarm_durable",
            "One copy, one operation at a time, whatever network and power do",
            durable,
        )
        .sometimes("a put ended as maybe")
        .sometimes("the server restarted"),
        Story::new("kv/swarm_lock", "Locks exclude and are passed on, whatever network and power do", lock)
            .sometimes("a put ended as maybe"),
    ]
}

fn weather() -> Weather {
    Weather::lasting(Duration::from_millis(200), Duration::from_secs(20))
        .links()
        .partitions()
        .pauses()
        .clocks()
}

/// Clients, keys of each and operations of each.
fn size(stage: &Stage) -> (u64, usize, usize) {
    let stream = stage.world().stream("workload");
    (1 + stream.below(6), 1 + stream.below(KEYS.len() as u64) as usize, 1 + stream.below(30) as usize)
}

async fn volatile(stage: Stage) {
    compete(stage, Storage::Volatile, weather()).await;
}

async fn durable(stage: Stage) {
    compete(stage, small_log(), weather().crashes().power_losses().disks().ambushes()).await;
}

async fn compete(stage: Stage, storage: Storage, weather: Weather) {
    let mut cast = Cast::new(&stage, storage);
    let (clients, keys, operations) = size(&stage);
    for _ in 0..clients {
        cast.client(move |clerk| async move { clerk.compete(&KEYS[..keys], operations).await });
    }
    cast.storm(weather, Duration::from_secs(120)).await;
}

async fn lock(stage: Stage) {
    let mut cast = Cast::new(&stage, small_log());
    let (clients, locks, turns) = size(&stage);
    for _ in 0..clients {
        cast.client(move |clerk| async move {
            for turn in clerk.each(0..turns.min(8)) {
                let lock = clerk.lock(KEYS[turn % locks]);
                let grant = lock.acquire().await;
                lock.release(grant).await;
            }
        });
    }
    cast.storm(weather().crashes().power_losses().ambushes(), Duration::from_secs(240)).await;
}
