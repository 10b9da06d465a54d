//! The durable server loses its power, again and again, at any instant. What a client was told, of a put or by a get, is
//! still there afterwards, or has been overwritten since. (Pillai et al., OSDI 2014, on what a file system may lose)

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Fault, FaultRule};
use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::log;
use stormglass_systems::kv::server::Storage;

use super::super::caught_by;
use super::cast::Cast;
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kv/power_loss";

pub(super) fn story() -> Story {
    Story::new(NAME, "What a client was told survives a crash of the process and a loss of power", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("the server restarted")
        .sometimes("kv: the log was compacted")
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, small_log());
    for _ in 0..4 {
        cast.client(|clerk| async move { clerk.compete(&["x", "y"], 30).await });
    }
    // Readers, for a get may be the first to tell of a put.
    for _ in 0..3 {
        cast.client(|clerk| async move {
            for _ in clerk.each(0..60) {
                clerk.get("x").await;
            }
        });
    }
    // A disk that takes its time: what is not yet synced is there to be lost, and requests gather behind it.
    let slow = FaultRule::new(Fault::Stall(Duration::from_millis(150))).rate(Ratio::percent(20));
    stage.world().disk(cast.server, |disk| disk.fault(slow));
    let weather =
        Weather::lasting(Duration::from_secs(2), Duration::from_secs(10)).crashes().power_losses().certain();
    cast.storm(weather, Duration::from_secs(60)).await;
}

/// A log so short that it is compacted every few puts.
pub(super) fn small_log() -> Storage {
    Storage::Durable(log::Config { compact_after: 512, ..log::Config::default() })
}
