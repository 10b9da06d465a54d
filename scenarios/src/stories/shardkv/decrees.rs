//! Several who give decrees to the replicated controller, on a network that copies them.

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::message::{Gid, Shard};

use super::admin::{Admin, millis, rough};
use super::cast::Cast;
use super::plan::Plan;
use super::story;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(60);

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/copies_of_decrees",
            "A decree that is answered is carried out once, and one that is refused never",
            copies,
        )
        .sometimes("a decree was refused")
        .sometimes("the configuration changed"),
    ]
}

/// Nobody knows what the others decree: many a decree makes no sense when its turn comes.
async fn copies(stage: Stage) {
    let plan = Plan { groups: Vec::new(), ..Plan::followers() };
    let cast = Cast::new(&stage, plan.snapshots(5));
    stage.world().links(rough());
    for number in 0..3 {
        cast.script(&format!("admin{number}"), |hand| async move {
            let mut admin = Admin::new(hand);
            let draw = admin.hand.cast.world.stream(&admin.hand.name);
            for _ in admin.hand.each(0..12) {
                let gid: Gid = 1 + draw.below(4);
                match draw.below(8) {
                    0..3 => admin.join(&[gid]).await,
                    3..5 => admin.leave(&[gid]).await,
                    // One of them there is not.
                    5..7 => admin.move_shard(draw.below(11) as Shard, gid).await,
                    _ => drop(admin.query().await),
                }
                sleep(about(draw, millis(20))).await;
            }
        });
    }
    let controllers = |cast: &Cast| cast.controllers.iter().map(|member| member.node).collect();
    cast.crashes(controllers, 3, millis(300), millis(200)).await;
    cast.finish(CALM).await;
}
