//! A job is interrupted, and another begins at the same address, over the same input. Attempts are numbered alike in both,
//! and a worker that has not heard of it still writes, commits and fetches for the first.

use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/next_job";

pub(super) fn story() -> Story {
    Story::new(NAME, "What is left over of an earlier job gets into no output of the next", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("mapreduce: a store was asked for another job")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 4);
    (play.before, play.reduces) = (Some("indexer"), 4);
    play.costs = between(10, 200);
    let cast = Cast::new(&stage, play);
    let latency = Latency::Uniform(Duration::from_millis(10), Duration::from_millis(600));
    for &worker in &cast.workers {
        world.link(worker, cast.store, LinkConfig { latency, ..LinkConfig::default() });
    }
    sleep(Duration::from_millis(500 + stream.below(3000))).await;
    // Two do not hear of it for a while; the third has all the next job's work to do.
    if stage.strikes("partition") {
        world.partition_one_way(&cast.workers[1..], &[cast.coordinator]);
    }
    cast.seen.begun.set(true);
    // Who had heard that the first was done has ended.
    let ended: Vec<usize> = cast.seen.left.borrow().keys().copied().collect();
    let ended = ended.into_iter().map(|worker| cast.workers[worker]);
    for node in [cast.store, cast.coordinator].into_iter().chain(ended) {
        world.crash(node);
        world.restart(node);
    }
    sleep(Duration::from_millis(stream.below(6000))).await;
    world.heal();
    cast.finish(Duration::from_secs(120)).await;
}
