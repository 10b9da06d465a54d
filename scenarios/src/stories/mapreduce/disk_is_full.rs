//! The store's disk is full. The job stops and keeps what it has; when there is room, the same command again goes on.

use std::time::Duration;

use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/disk_is_full";

pub(super) fn story() -> Story {
    Story::new(NAME, "A full disk stops a job, and costs nothing that was done", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("a job stopped for want of room")
        .sometimes("mapreduce: a store removed what a failed attempt had written")
        .sometimes("mapreduce: a coordinator resumed from its checkpoint")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 5);
    (play.checkpoint, play.chunk, play.reduces) = (true, 32, 4);
    play.costs = between(10, 100);
    let cast = Cast::new(&stage, play);
    // All outputs together have some two hundred bytes.
    world.disk(cast.store, |disk| disk.leave_room(stream.below(300)));
    let stopped = || cast.seen.failure.borrow().is_some();
    let ended = || stopped() || cast.counts().done > 0;
    let waits = || "the job neither ends nor stops".to_owned();
    stage.converges(Duration::from_secs(120), "the job ends or stops", ended, waits).await;
    if !stopped() {
        return;
    }
    stage.sometimes("a job stopped for want of room");
    let why = cast.seen.failure.take().unwrap_or_default();
    stage.claim(why.contains("space"), "a failure names its cause", || why);
    world.disk(cast.store, |disk| disk.configure(|config| config.capacity = None));
    for node in cast.workers.iter().copied().chain([cast.coordinator]) {
        world.crash(node);
        world.restart(node);
    }
    cast.finish(Duration::from_secs(60)).await;
}
