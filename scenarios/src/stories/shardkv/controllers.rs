//! Controllers without a server of their own: they compete, are held up, and die half-way.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};
use stormglass_systems::shardkv::message::Rule;

use super::admin::{Boss, brisk, millis, rough};
use super::cast::Cast;
use super::plan::Plan;
use super::story;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(60);
pub(super) const GROUPS: [u64; 3] = [1, 2, 3];

pub(super) fn stories() -> Vec<Story> {
    vec![
        story("shardkv/controller_under_load", "A controller moves shards, and no write is lost", under_load)
            .sometimes("a shard moved"),
        story(
            "shardkv/freeze_among_writes",
            "A write that finds the shard frozen when its turn comes is refused",
            overtaken,
        ),
        story("shardkv/late_copies", "What a controller asked for long ago changes nothing", late_copies),
        story(
            "shardkv/controllers_compete",
            "One configuration follows the other, however many controllers there are and wherever they stop",
            compete,
        )
        .sometimes("shardkv: a controller recovers"),
        story(
            "shardkv/controllers_die",
            "Wherever a controller dies, the next one finishes what it began",
            die,
        )
        .sometimes("shardkv: a controller recovers"),
    ]
}

/// Three groups of one server or of three.
pub(super) fn plan(stage: &Stage) -> Plan {
    let members = if stage.world().stream("plan/members").below(3) == 0 { 3 } else { 1 };
    Plan { groups: GROUPS.to_vec(), shards: 6, ..Plan::store() }.members(members)
}

/// A controller that changes the configuration so many times.
pub(super) fn moves_on(cast: &Cast, times: usize, pace: Duration) -> NodeId {
    cast.script("boss", move |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        boss.shuffle(&GROUPS, times, pace).await;
    })
}

pub(super) fn competitors(cast: &Cast, clients: usize, operations: usize) {
    for _ in 0..clients {
        cast.client(move |hand| async move {
            let keys = hand.keys();
            hand.compete(keys, operations, millis(15)).await;
        });
    }
}

async fn under_load(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(rough());
    moves_on(&cast, 8, millis(100));
    competitors(&cast, 3, 30);
    cast.finish(CALM).await;
}

/// One shard goes to and fro, and many write to it all the time: some of their writes lie in the log before the freeze,
/// some after.
async fn overtaken(stage: Stage) {
    let cast = Cast::new(&stage, Plan { groups: vec![1, 2], shards: 1, ..Plan::store() });
    stage.world().links(brisk());
    cast.script("boss", |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        boss.join(&[2]).await;
        for round in boss.hand.each(0..6) {
            _ = boss.change(&Rule::Move(0, 1 + round % 2)).await;
            sleep(millis(40)).await;
        }
    });
    for _ in 0..5 {
        cast.client(|mut hand| async move {
            let key = hand.keys()[0].clone();
            for _ in hand.each(0..20) {
                hand.append(&key).await;
            }
            hand.get(&key).await;
        });
    }
    cast.finish(CALM).await;
}

/// Copies of what the controller sends come late.
async fn late_copies(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(brisk());
    let boss = moves_on(&cast, 12, millis(100));
    competitors(&cast, 2, 30);
    let latency = Latency::TwoHumped {
        fast: (millis(1), millis(8)),
        slow: (millis(200), millis(1500)),
        slow_share: Ratio::percent(20),
    };
    let late = LinkConfig { duplicate: Ratio::percent(40), ..LinkConfig::with_latency(latency) };
    for server in cast.servers() {
        stage.world().link(boss, server, late.clone());
    }
    cast.finish(CALM).await;
}

async fn compete(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(rough());
    let store = cast.store;
    let mut bosses = Vec::new();
    for number in 0..3 {
        bosses.push(cast.script(&format!("boss{number}"), |hand| async move {
            let mut boss = Boss::new(hand);
            boss.init().await;
            boss.shuffle(&GROUPS, 5, millis(60)).await;
        }));
    }
    competitors(&cast, 2, 25);
    let draw = stage.world().stream("trouble");
    for _ in stage.each("trouble", 0..6) {
        sleep(about(draw, millis(100))).await;
        let boss = bosses[draw.below(3) as usize];
        if draw.below(2) == 0 {
            hold_up(cast.world, boss, about(draw, millis(300))).await;
        } else if let Some(store) = store {
            cast.world.partition(&[boss], &[store]);
            sleep(about(draw, millis(300))).await;
            cast.world.heal();
        }
    }
    // Somebody stops half-way, for ever; another finishes what it left.
    cast.script("heir", |hand| async move {
        let boss = Boss::new(hand);
        boss.recover().await;
    });
    cast.finish(CALM).await;
}

/// One controller after the other dies, anywhere.
async fn die(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(brisk());
    competitors(&cast, 2, 25);
    cast.script("heir", |hand| async move {
        let mut heir = Boss::new(hand);
        heir.init().await;
        let cast = heir.hand.cast.clone();
        let draw = cast.world.stream("deaths");
        for death in heir.hand.each(0..4) {
            let node = cast.script(&format!("boss{death}"), |hand| async move {
                Boss::new(hand).shuffle(&GROUPS, 5, millis(20)).await;
            });
            sleep(about(draw, millis(150))).await;
            cast.world.crash(node);
        }
        // What the dead have sent arrives yet: what is posted after this look, the recovery need not have met.
        let posted = heir.controller.posted().await.unwrap_or_default();
        heir.recover().await;
        let current = heir.query().await;
        cast.stage.claim(current.num >= posted.num, "what was posted is carried out", || {
            format!("configuration {} is current, {} was posted", current.num, posted.num)
        });
        let keys = heir.hand.keys();
        heir.hand.read_all(&keys).await;
    });
    cast.finish(CALM).await;
}

/// A node stops, and goes on as if nothing had been.
pub(super) async fn hold_up(world: World, node: NodeId, lasts: Duration) {
    world.pause(node);
    sleep(lasts).await;
    world.resume(node);
}
