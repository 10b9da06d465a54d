//! An input is cut short while the job runs. Its output is that of the whole input, or there is none and the job says why.

use std::time::Duration;

use stormglass_sim::fs::{Calm, OpenOptions};
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/input_shrinks";

pub(super) fn story() -> Story {
    Story::new(NAME, "Input that is cut while the job runs is no shorter input, but a failure", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("a job failed for want of input")
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 4);
    // Cut in any line, and at the ends of splits.
    (play.split, play.chunk) = (20 + stream.below(200), 16 + stream.below(100) as usize);
    play.costs = between(10, 400);
    let (path, content) = play.files[0].clone();
    let cast = Cast::new(&stage, play);
    sleep(Duration::from_millis(stream.below(800))).await;
    let left = stream.below(content.len() as u64);
    if stage.strikes("cut") {
        for node in cast.workers.iter().copied().chain([cast.store]) {
            world.disk(node, |disk| {
                // Not everybody has a copy.
                if let Ok(handle) = disk.open(&path, OpenOptions::new().write(true), &mut Calm) {
                    disk.set_len(handle, left, &mut Calm).expect("a disk without faults cuts files");
                    disk.close(handle);
                }
            });
        }
    }
    let failure = || cast.seen.failure.borrow().clone();
    let ended = || failure().is_some() || cast.counts().done > 0;
    let waits = || "the job neither ends nor fails".to_owned();
    stage.converges(Duration::from_secs(60), "the job ends or fails", ended, waits).await;
    if let Some(why) = failure() {
        stage.claim(why.contains("shorter than when the job began"), "a failure names its cause", || why);
        stage.sometimes("a job failed for want of input");
    }
}
