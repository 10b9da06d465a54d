//! The store loses its power while outputs are written and committed. A final name is absent, or it names the whole
//! output of one attempt; and once the coordinator was told that it is there, it stays. (Pillai et al., OSDI 2014)

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Fault, FaultRule};
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "mapreduce/store_loses_power";

pub(super) fn story() -> Story {
    Story::new(NAME, "An output is absent or whole, whenever the store loses its power", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("an attempt failed")
}

async fn tell(stage: Stage) {
    let mut play = Play::new(&stage, 3);
    (play.reduces, play.chunk) = (6, 64);
    play.costs = between(10, 300);
    let cast = Cast::new(&stage, play);
    let slow = FaultRule::new(Fault::Stall(Duration::from_millis(30))).rate(Ratio::percent(20));
    stage.world().disk(cast.store, |disk| disk.fault(slow));
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(6))
        .crashes()
        .power_losses()
        .certain()
        .disks();
    cast.storm(weather, &[cast.store], Duration::from_secs(120)).await;
}
