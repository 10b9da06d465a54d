//! A worker reaches the coordinator and the store, and no other worker reaches it or is reached by it: it joined from
//! behind a wall. It complains of everybody, and nobody is to be given up for that.

use std::time::Duration;

use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/cut_off_worker";

pub(super) fn story() -> Story {
    Story::new(NAME, "A worker that reaches no other costs the job nothing but what it did itself", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // a schedule that starves a worker makes it as silent as a dead one
        .sometimes("a worker was declared dead")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let mut play = Play::new(&stage, 8);
    // While others are at work it fails to fetch again and again, and waits each time for as long as a reply may take.
    (play.workers, play.reduces) = (4, 24);
    play.costs = between(1000, 6000);
    let cast = Cast::new(&stage, play);
    if stage.strikes("partition") {
        world.partition(&cast.workers[3..], &cast.workers[..3]);
    }
    cast.spares_all_but(&["w3:7100"], "only who is cut off is given up");
    cast.finish(Duration::from_secs(240)).await;
}
