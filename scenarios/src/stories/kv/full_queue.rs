//! More clerks than a durable server with a slow disk has room for: two wait, the others are turned away. Whoever is turned
//! away is told nothing, comes again, and is served in the end.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Fault, FaultRule};
use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::server;

use super::super::caught_by;
use super::cast::Cast;
use super::power_loss::small_log;
use crate::{Stage, Story, Weather};

const NAME: &str = "kv/full_queue";

pub(super) fn story() -> Story {
    Story::new(NAME, "A request that finds the queue full was not done, and its clerk is served later", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("kv: a request found the queue full")
}

async fn tell(stage: Stage) {
    let config = server::Config { storage: small_log(), queue: 2, group: 1, ..server::Config::default() };
    let mut cast = Cast::serving(&stage, config);
    for _ in 0..6 {
        cast.client(|clerk| async move { clerk.compete(&["x", "y"], 10).await });
    }
    let slow = FaultRule::new(Fault::Stall(Duration::from_millis(40))).rate(Ratio::percent(30));
    stage.world().disk(cast.server, |disk| disk.fault(slow));
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(10)).links().crashes();
    cast.storm(weather, Duration::from_secs(60)).await;
}
