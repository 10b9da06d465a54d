//! Patience is long, and a worker is killed. Whoever started it knows at once, and says so; nobody has to wait.

use std::time::Duration;

use stormglass_sim::net::rpc;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Gone;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, address, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/told_of_deaths";

pub(super) fn story() -> Story {
    Story::new(NAME, "A death that somebody tells of costs no patience", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // how long it takes is all that tells
        .sometimes("a worker was declared dead")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 6);
    play.policy.dead_after = Duration::from_secs(120);
    // Nobody else may help.
    play.policy.backups = None;
    play.costs = between(100, 400);
    let cast = Cast::new(&stage, play);
    sleep(Duration::from_millis(50 + stream.below(500))).await;
    if stage.strikes("crash") {
        world.crash(cast.workers[0]);
        // The coordinator's machine has started it.
        let told = world.spawn_on(cast.coordinator, async {
            let gone = Gone { address: address(0) };
            while rpc::call("coordinator:7000", &gone, Duration::from_secs(1)).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
        });
        drop(told);
    }
    cast.finish(Duration::from_secs(60)).await;
}
