//! The coordinator's wall clock is set, forward and back. How long a worker was silent is another clock's business.

use std::time::Duration;

use stormglass_sim::time::{ClockFault, sleep};
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/clock_is_set";

pub(super) fn story() -> Story {
    Story::new(NAME, "Setting the coordinator's clock kills no worker and revives none", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("a worker was declared dead")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 5);
    play.costs = between(100, 800);
    let cast = Cast::new(&stage, play);
    for _ in 0..3 {
        sleep(Duration::from_millis(100 + stream.below(800))).await;
        let jump = stream.below(120_000_000_000) as i64 - 60_000_000_000;
        if stage.strikes("wrong clock") {
            world.skew(cast.coordinator, ClockFault::Step(jump));
        }
    }
    // One that does die must be found out all the same.
    if stage.strikes("crash") {
        world.crash(cast.workers[1]);
    }
    cast.finish(Duration::from_secs(60)).await;
}
