//! Shards that move in parts, and groups that are not there when theirs come.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::protocol::Limits;

use super::admin::{Admin, brisk, millis, rough};
use super::cast::Cast;
use super::moves::{CALM, GROUPS, plan};
use super::plan::Plan;
use super::story;
use crate::{Stage, Story};

/// How soon a group has its shards once it has a leader.
const SOON: Duration = Duration::from_secs(1);

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/shards_in_parts",
            "A shard comes in parts, and is what it was, whoever restarts and whatever comes twice",
            in_parts,
        )
        .sometimes("a shard came in parts"),
        story(
            "shardkv/silent_group",
            "A group is given its shards, though another that is given some is silent",
            silent,
        ),
    ]
}

/// Messages with room for a few bytes, some of which come twice. Servers make snapshots all the time, and restart.
async fn in_parts(stage: Stage) {
    let draw = stage.world().stream("plan/parts");
    let limits = Limits { part: 6 + draw.below(30) as usize, ..Limits::default() };
    let plan = Plan { limits, shards: 3, ..plan(&stage) }.snapshots(2 + draw.below(6));
    let cast = Cast::new(&stage, plan);
    stage.world().links(LinkConfig { duplicate: Ratio::percent(20), ..rough() });
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..1]).await;
        admin.shuffle(&GROUPS, 5, millis(400)).await;
    });
    for _ in 0..3 {
        cast.client(|hand| async move {
            let keys = hand.keys();
            hand.mix(keys, 25, millis(30)).await;
        });
    }
    cast.crashes(Cast::servers, 5, millis(250), millis(50)).await;
    cast.finish(CALM).await;
    if cast.probe.ghost(|ghost| ghost.counts().parts).is_some_and(|parts| parts > 0) {
        stage.sometimes("a shard came in parts");
    }
}

/// Two groups are given shards: one of them elects just then, the other is cut off.
async fn silent(stage: Stage) {
    let cast = Cast::new(&stage, Plan { shards: 6, ..Plan::followers() });
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let (cast, keys) = (admin.hand.cast.clone(), admin.hand.keys());
        admin.join(&GROUPS[..1]).await;
        admin.hand.set_all(&keys).await;
        let silent: Vec<_> = cast.group(GROUPS[2]).iter().map(|member| member.node).collect();
        let others: Vec<_> = cast.servers().into_iter().filter(|node| !silent.contains(node)).collect();
        cast.world.partition(&silent, &others);
        cast.shut(GROUPS[1]);
        admin.join(&GROUPS[1..]).await;
        let config = admin.query().await;
        sleep(millis(200)).await;
        cast.restart(GROUPS[1]);
        let leads = || cast.group(GROUPS[1]).iter().any(|it| it.door.status().is_some_and(|it| it.leads));
        while !leads() {
            sleep(millis(10)).await;
        }
        let (probe, gid) = (cast.probe.clone(), GROUPS[1]);
        let lacks = || {
            let served = |shard| probe.ghost(|ghost| ghost.serving(shard) == Some(gid)).unwrap_or(true);
            let mine = (0..config.shards.len()).filter(|shard| config.shards[*shard] == gid);
            mine.filter(|shard| !served(*shard)).collect::<Vec<usize>>()
        };
        let claim = "who is there is served";
        let waits = || format!("group {gid} leads, and lacks shards {:?}", lacks());
        cast.stage.converges(SOON, claim, || lacks().is_empty(), waits).await;
        cast.world.heal();
        admin.hand.check_and_append(&keys).await;
    });
    cast.finish(CALM).await;
}
