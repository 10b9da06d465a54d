//! A worker is given up after less than two of the coordinator's usual looks. One dies for good, and has to be missed.

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/short_patience";

pub(super) fn story() -> Story {
    Story::new(NAME, "However short the patience, who has died is declared dead", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // a schedule that starves a worker makes it as silent as a dead one
        .sometimes("a worker was declared dead")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 6);
    play.policy.dead_after = Duration::from_millis(100 + stream.below(90));
    play.policy.ping_every = play.policy.dead_after / 5;
    // Nobody else may help.
    play.policy.backups = None;
    play.costs = between(100, 400);
    let cast = Cast::new(&stage, play);
    sleep(Duration::from_millis(50 + stream.below(600))).await;
    if stage.strikes("crash") {
        world.crash(cast.workers[0]);
    }
    cast.finish(Duration::from_secs(30)).await;
}
