//! Everything from the seed: how many servers, who joins and leaves, which faults there are at all, and what clients do.

use std::time::Duration;

use stormglass_sim::chance::{Ratio, Stream};
use stormglass_systems::raft::protocol::ReadProof;

use super::admin::{Admin, Boss, millis};
use super::cast::Cast;
use super::plan::{Design, Plan};
use super::story;
use crate::{Stage, Story, Weather};

const CALM: Duration = Duration::from_secs(60);

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/swarm",
            "One copy, one operation at a time, whatever networks, disks and decrees do",
            followers,
        )
        .sometimes("a shard moved")
        .sometimes("a shard was deleted")
        .sometimes("a group refused what is not its"),
        story("shardkv/swarm_controllers", "The same, where controllers compete to move the shards", store)
            .sometimes("a shard moved")
            .sometimes("a put ended as maybe")
            .sometimes("shardkv: a controller recovers"),
    ]
}

fn plan(stage: &Stage, draw: Stream, design: Design) -> Plan {
    let mut plan = if design == Design::Store { Plan::store() } else { Plan::followers() };
    plan = plan.members(stage.servers(1, 2 * draw.below(2)));
    plan.shards = 1 + draw.below(8) as usize;
    let first = if design == Design::Store { 1 } else { 100 };
    plan.groups = (first..first + 2 + draw.below(3)).collect();
    plan.heartbeat = millis(40 + draw.below(80));
    if draw.chance(Ratio::percent(60)) {
        plan.snapshots = Some(draw.log_uniform(1.0, 40.0) as u64);
    }
    // A shard forgets clerks, and is full, where it has room for few.
    plan.limits.clerks = draw.log_uniform(2.0, 64.0) as usize;
    if draw.chance(Ratio::percent(25)) {
        plan.limits.bytes = draw.log_uniform(50.0, 1000.0) as u64;
    }
    // A lease rests on clocks that hardly drift, which this weather does not touch.
    plan.reads = [None, Some(ReadProof::Quorum), Some(ReadProof::Lease)][draw.below(3) as usize];
    plan
}

fn weather(plan: &Plan) -> Weather {
    Weather::lasting(millis(200), Duration::from_secs(3))
        .links()
        .partitions()
        .crashes()
        .power_losses()
        .ambushes()
        .disks()
        .pauses()
        .most_down(plan.members as usize)
}

/// Clients, operations of each, and how far apart.
fn clients(cast: &Cast, draw: Stream) {
    let versions = draw.below(2) == 0;
    for _ in 0..1 + draw.below(4) {
        let (operations, pace) = (1 + draw.below(25) as usize, millis(draw.below(60)));
        let some = 1 + draw.below(cast.plan.shards as u64) as usize;
        cast.client(move |hand| async move {
            let keys = hand.keys()[..some].to_vec();
            if versions {
                hand.compete(keys, operations, pace).await
            } else {
                hand.mix(keys, operations, pace).await
            }
        });
    }
}

async fn storm(cast: &Cast, weather: Weather) {
    let clients = cast.clients.borrow().clone();
    cast.stage.storm(weather, &cast.servers(), &clients).await;
    cast.finish(CALM).await;
}

async fn followers(stage: Stage) {
    let draw = stage.world().stream("plan");
    let plan = plan(&stage, draw, Design::Followers(3));
    let (weather, gids) = (weather(&plan), plan.groups.clone());
    let cast = Cast::new(&stage, plan);
    clients(&cast, draw);
    let (times, pace) = (1 + draw.below(10) as usize, millis(1 + draw.below(300)));
    cast.script("admin", move |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&gids[..1]).await;
        admin.shuffle(&gids, times, pace).await;
        admin.settles().await;
    });
    storm(&cast, weather).await;
}

async fn store(stage: Stage) {
    let draw = stage.world().stream("plan");
    let plan = plan(&stage, draw, Design::Store);
    let (weather, gids) = (weather(&plan), plan.groups.clone());
    let cast = Cast::new(&stage, plan);
    clients(&cast, draw);
    for number in 0..1 + draw.below(3) {
        let (times, pace, gids) = (1 + draw.below(6) as usize, millis(1 + draw.below(200)), gids.clone());
        cast.script(&format!("boss{number}"), move |hand| async move {
            let mut boss = Boss::new(hand);
            boss.init().await;
            boss.shuffle(&gids, times, pace).await;
            boss.recover().await;
        });
    }
    storm(&cast, weather).await;
    let checked = cast.clone();
    cast.script("heir", |hand| async move {
        let boss = Boss::new(hand);
        boss.recover().await;
        checked.check_garbage(&boss.query().await);
    });
    cast.finish(CALM).await;
}
