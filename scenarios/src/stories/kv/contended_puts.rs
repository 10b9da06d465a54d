//! Several clerks want the same version of the same keys. One put wins each version; everybody else is told so, and
//! told right. Some put at versions that do not exist yet: those are refused, whatever the network makes of it.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::rand::{below, chance};
use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::server::Storage;

use super::super::caught_by;
use super::cast::{Cast, Hand};
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kv/contended_puts";

const KEYS: [&str; 2] = ["x", "y"];

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "Each version of a key is installed by exactly one put, and every other is told that it was not",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("a put was refused for certain")
    .sometimes("a put ended as maybe")
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    for _ in 0..4 {
        cast.client(|clerk| async move {
            clerk.clone().compete(&KEYS, 12).await;
            guess(&clerk).await;
            clerk.compete(&KEYS, 8).await;
        });
    }
    let weather = Weather::lasting(Duration::from_millis(500), Duration::from_secs(10)).links().partitions();
    cast.storm(weather, Duration::from_secs(60)).await;
}

/// Puts at a version that nobody has told this clerk: 0 for a key that exists, or one from the future. The server
/// never crashes here, so no version is ever taken back and the guess cannot come true by accident.
async fn guess(clerk: &Hand) {
    for _ in clerk.each(0..4) {
        let key = KEYS[below(2) as usize];
        let future = clerk.get(key).await.map_or(0, |found| found.version) + 2 + below(50);
        let version = if chance(Ratio::percent(50)) { 0 } else { future };
        // Whatever this says is judged by the observer.
        _ = clerk.put(key, &clerk.fresh_value(), version).await;
    }
}
