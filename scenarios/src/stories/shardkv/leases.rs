//! Controllers that share a lease: they are held up for longer than it lasts, cut off, and die with it, and their clocks drift.

use std::time::Duration;

use futures::future::join;
use stormglass_sim::NodeId;
use stormglass_sim::chance::Stream;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::{ClockFault, sleep};
use stormglass_systems::shardkv::protocol::LeaseConfig;
use stormglass_systems::shardkv::spec::Ghost;

use super::admin::{Boss, brisk, millis, rough};
use super::cast::Cast;
use super::controllers::{self, GROUPS, hold_up};
use super::plan::Plan;
use super::story;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(60);

/// What a rival waits for. By clocks that differ by as much as is declared a holder has 240 ms of that.
const LEASE: LeaseConfig = LeaseConfig { duration: Duration::from_millis(400), drift_ppm: 400_000 };

/// Clocks run by so much too fast or too slow: two of them differ by less than is declared.
const DRIFT: i64 = 160_000;

/// What looking and putting take beside the lease itself.
const SLACK: Duration = Duration::from_millis(200);

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/leases",
            "Controllers with a lease work one after the other, and who outstays it does no harm",
            leases,
        )
        .sometimes("a lease ran out and another took it")
        .sometimes("shardkv: a controller has lost its lease")
        .sometimes("shardkv: a controller recovers"),
        story(
            "shardkv/leases_of_the_dead",
            "A controller that dies delays the next one by its lease, and no longer",
            leases_of_the_dead,
        )
        .sometimes("a lease ran out and another took it")
        .sometimes("shardkv: a controller recovers"),
    ]
}

fn cast(stage: &Stage) -> Cast {
    Cast::new(stage, Plan { lease: Some(LEASE), ..controllers::plan(stage) })
}

fn drifts(cast: &Cast, node: NodeId, ppm: i64) {
    if cast.stage.strikes("drift") {
        cast.world.skew(node, ClockFault::Drift(ppm));
    }
}

async fn leases(stage: Stage) {
    let cast = cast(&stage);
    stage.world().links(rough());
    let bosses: Vec<NodeId> = (0..3)
        .map(|number| {
            cast.script(&format!("boss{number}"), |hand| async move {
                let mut boss = Boss::new(hand);
                boss.init().await;
                boss.shuffle(&GROUPS, 8, millis(20)).await;
            })
        })
        .collect();
    // A change lasts about as long as a lease, in many steps.
    let slow = LinkConfig::with_latency(Latency::Uniform(millis(10), millis(60)));
    for boss in &bosses {
        cast.servers().into_iter().for_each(|server| stage.world().link(*boss, server, slow.clone()));
    }
    controllers::competitors(&cast, 2, 25);
    let draw = stage.world().stream("trouble");
    for _ in stage.each("trouble", 0..16) {
        sleep(about(draw, millis(100))).await;
        trouble(&cast, &bosses, draw).await;
    }
    cast.script("heir", |hand| async move {
        let boss = Boss::new(hand);
        boss.recover().await;
    });
    cast.finish(CALM).await;
}

/// Something that lasts about as long as a lease happens to a controller. Its clock is slow then and the others' fast.
async fn trouble(cast: &Cast, bosses: &[NodeId], draw: Stream) {
    let Some(store) = cast.store else { return };
    let struck = bosses[draw.below(bosses.len() as u64) as usize];
    for boss in bosses {
        drifts(cast, *boss, if *boss == struck { -DRIFT } else { DRIFT });
    }
    let lasts = LEASE.duration * 3 / 4 + about(draw, LEASE.duration / 4);
    match draw.below(4) {
        0 | 1 => hold_up(cast.world, struck, lasts).await,
        2 => {
            let others = if draw.below(2) == 0 { cast.servers() } else { vec![store] };
            cast.world.partition(&[struck], &others);
            sleep(lasts).await;
            cast.world.heal();
        }
        _ => {
            // What it asks of the store is done at once, and it hears of it late.
            let late = LinkConfig::with_latency(Latency::Uniform(lasts / 2, lasts));
            cast.world.link(store, struck, late);
            sleep(LEASE.duration * 2).await;
            cast.world.link(store, struck, rough());
        }
    }
}

async fn leases_of_the_dead(stage: Stage) {
    let cast = cast(&stage);
    stage.world().links(brisk());
    controllers::competitors(&cast, 2, 25);
    let draw = stage.world().stream("deaths");
    let heir = cast.script("heir", move |hand| async move {
        let mut heir = Boss::new(hand);
        heir.init().await;
        let cast = heir.hand.cast.clone();
        for death in heir.hand.each(0..4) {
            let node = cast.script(&format!("boss{death}"), |hand| async move {
                Boss::new(hand).shuffle(&GROUPS, 5, millis(20)).await;
            });
            drifts(&cast, node, -DRIFT);
            sleep(about(draw, millis(150))).await;
            cast.world.crash(node);
            // What the dead has sent arrives yet.
            sleep(millis(20)).await;
            let posted = heir.controller.posted().await.unwrap_or_default();
            join(heir.recover(), succeeds(&cast)).await;
            let current = heir.query().await;
            cast.stage.claim(current.num >= posted.num, "what was posted is carried out", || {
                format!("configuration {} is current, {} was posted", current.num, posted.num)
            });
        }
        let keys = heir.hand.keys();
        heir.hand.read_all(&keys).await;
    });
    drifts(&cast, heir, -DRIFT);
    cast.finish(CALM).await;
}

/// Somebody takes over from whoever has the lease now, who is dead.
async fn succeeds(cast: &Cast) {
    let holder = || cast.probe.ghost(Ghost::lease).flatten();
    let Some(dead) = holder() else { return };
    let waits = || format!("the lease is still controller {dead:016x}'s, which is dead");
    // By the slowest clock.
    let within = LEASE.duration * 1_000_000 / (1_000_000 - DRIFT as u32) + SLACK;
    let claim = "who died is succeeded when its lease is over";
    cast.stage.converges(within, claim, || holder() != Some(dead), waits).await;
}
