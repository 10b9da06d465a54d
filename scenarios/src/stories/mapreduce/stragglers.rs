//! Some workers are many times slower than others. When nothing is left to hand out, what still runs gets a backup, and
//! whichever is first wins (§3.6).

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Task;
use stormglass_systems::mapreduce::protocol::Backups;

use super::super::caught_by;
use super::cast::Cast;
use super::play::Play;
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/stragglers";

/// Less than the slowest task takes.
const WITHIN: Duration = Duration::from_secs(9);

pub(super) fn story() -> Story {
    Story::new(NAME, "A slow worker holds nobody up, and its late work changes nothing", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // in nine seconds
        .sometimes("a task got a backup")
}

async fn tell(stage: Stage) {
    let stream = stage.world().stream("stragglers");
    let mut play = Play::new(&stage, 6);
    play.workers = 4;
    play.policy.ping_every = Duration::from_secs(3);
    play.policy.backups = Some(Backups { least: Duration::from_millis(200), percent_of_mean: 150 });
    // So slow that what comes late comes before the end; or that the job is held up for ten seconds at least.
    let slower = if stream.below(2) == 0 { 8 } else { 200 };
    // The first is slow in any case, the last never.
    let slow: Vec<bool> =
        (0..play.workers).map(|worker| worker == 0 || (worker < 3 && stream.below(4) == 0)).collect();
    play.costs = Rc::new(move |worker, _: Task| {
        let factor = if slow[worker] { slower } else { 1 };
        Box::pin(async move { sleep(Duration::from_millis(factor * (50 + below(100)))).await })
    });
    let cast = Cast::new(&stage, play);
    cast.finish(WITHIN).await;
}
