//! Two workers cannot reach each other, and both reach everybody else: connectivity is not transitive. A mapper that
//! answers the coordinator and not a reducer would keep that reducer waiting for ever. (Alquraan et al., OSDI 2018)

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/unreachable_mapper";

pub(super) fn story() -> Story {
    Story::new(NAME, "A reducer that cannot reach a mapper is no reason to wait for ever", tell)
        .catches(caught_by::<Bug>(NAME))
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let mut play = Play::new(&stage, 4);
    // A backup elsewhere would hide it.
    play.policy.backups = None;
    play.costs = between(50, 300);
    let cast = Cast::new(&stage, play);
    sleep(Duration::from_millis(world.stream("blows").below(400))).await;
    // For good: no calm comes to this link.
    if stage.strikes("partition") {
        world.partition(&cast.workers[..1], &cast.workers[1..2]);
    }
    cast.finish(Duration::from_secs(240)).await;
}
