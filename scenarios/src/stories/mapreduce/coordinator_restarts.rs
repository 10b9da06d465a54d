//! The coordinator dies and loses its power, again and again. It resumes from its checkpoint, with the workers that are
//! still there and all that they have done. (§3.3 proposes checkpoints; the paper's master lived without.)

use std::time::Duration;

use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "mapreduce/coordinator_restarts";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "A coordinator that dies resumes, and nothing that was done is lost or believed too early",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("the coordinator restarted")
    .sometimes("mapreduce: a coordinator resumed from its checkpoint")
}

async fn tell(stage: Stage) {
    let mut play = Play::new(&stage, 5);
    play.checkpoint = true;
    play.costs = between(100, 1500);
    let cast = Cast::new(&stage, play);
    let weather =
        Weather::lasting(Duration::from_secs(2), Duration::from_secs(10)).crashes().power_losses().certain();
    cast.storm(weather, &[cast.coordinator], Duration::from_secs(120)).await;
}
