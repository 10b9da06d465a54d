//! Workers die when the maps are done and before reducers have all they need. What they had on their disks is gone, and
//! so their completed maps are done again (§3.3).

use std::time::Duration;

use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/lost_mapper";

pub(super) fn story() -> Story {
    Story::new(NAME, "The completed maps of a worker that dies are done again", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("a completed map became void")
        .sometimes("a worker was declared dead")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 5);
    play.costs = between(50, 400);
    let cast = Cast::new(&stage, play);
    for _ in 0..1 + stream.below(3) {
        stormglass_sim::time::sleep(Duration::from_millis(100 + stream.below(900))).await;
        let Some(&worker) = stream.pick(&cast.workers) else { break };
        if stage.strikes("crash") {
            world.crash(worker);
        }
        // Back before anybody has noticed, or long after.
        if stream.below(2) == 0 {
            stormglass_sim::time::sleep(Duration::from_millis(1 + stream.below(300))).await;
            world.restart(worker);
        }
    }
    // One at least must live.
    world.restart(cast.workers[0]);
    cast.finish(Duration::from_secs(90)).await;
}
