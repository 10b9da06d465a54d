//! An fsync fails, and the kernel drops the pages it could not write: the next fsync has nothing to do, and succeeds. A
//! server that simply tries again has answered for what is nowhere. (Rebello et al., USENIX ATC 2020)

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Fault, FaultRule};
use stormglass_systems::kv::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::power_loss::small_log;
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kv/fsync_fails";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "What was answered after an fsync had failed is there when the power has failed as well",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("the server restarted")
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, small_log());
    for _ in 0..2 {
        cast.client(|clerk| async move { clerk.compete(&["x", "y"], 25).await });
    }
    let failing = FaultRule::new(Fault::SyncError).rate(Ratio::percent(10));
    stage.world().disk(cast.server, |disk| disk.fault(failing));
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(10)).power_losses();
    cast.storm(weather, Duration::from_secs(60)).await;
}
