//! The coordinator's process is stopped for longer than a worker may be silent: by SIGSTOP, or with its whole machine. When
//! it goes on, it has heard of nobody for a long time, and that says nothing about them.

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/coordinator_sleeps";

pub(super) fn story() -> Story {
    Story::new(NAME, "A coordinator that was stopped takes nobody for dead", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // a schedule that starves a worker makes it as silent as a dead one
        .sometimes("the coordinator woke before the end")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 6);
    play.policy.dead_after = Duration::from_secs(5);
    play.costs = between(200, 2000);
    let cast = Cast::new(&stage, play);
    cast.spares_all_but(&[], "nobody is given up who was never silent");
    sleep(Duration::from_millis(100 + stream.below(2000))).await;
    if stage.strikes("pause") {
        world.pause(cast.coordinator);
        sleep(Duration::from_millis(5_500 + stream.below(20_000))).await;
        world.resume(cast.coordinator);
    }
    if cast.counts().done == 0 {
        stage.sometimes("the coordinator woke before the end");
    }
    cast.finish(Duration::from_secs(60)).await;
}
