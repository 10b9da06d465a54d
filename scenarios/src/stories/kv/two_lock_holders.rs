//! A put that takes or frees the lock ends as maybe. To believe it gives the lock to two; to disbelieve it and try again
//! under a new name leaves one waiting for itself; to free without looking takes it from whoever holds it by now.

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::server::Storage;

use super::super::caught_by;
use super::cast::Cast;
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kv/two_lock_holders";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "Nobody is given a lock that another holds, and once the network is calm everybody is given it",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("a put ended as maybe")
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    for _ in 0..3 {
        cast.client(|clerk| async move {
            let lock = clerk.lock("l");
            for _ in clerk.each(0..5) {
                let grant = lock.acquire().await;
                sleep(Duration::from_millis(10)).await;
                lock.release(grant).await;
            }
        });
    }
    let weather = Weather::lasting(Duration::from_millis(500), Duration::from_secs(10)).links().partitions();
    // Each of fifteen turns may find the others at the end of their longest wait.
    cast.storm(weather, Duration::from_secs(60)).await;
}
