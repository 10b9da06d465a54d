//! Shards move between groups that follow a controller, while clients go on.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Fate, Latency, LinkConfig, Rule};
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::protocol::Limits;

use super::admin::{Admin, brisk, millis, rough};
use super::cast::Cast;
use super::hand::key_of;
use super::plan::Plan;
use super::story;
use crate::{Stage, Story};

pub(super) const CALM: Duration = Duration::from_secs(60);
pub(super) const GROUPS: [u64; 3] = [100, 101, 102];

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/moves_under_load",
            "Whatever moves, each shard is served by one group, and no write is lost",
            under_load,
        )
        .sometimes("a shard moved")
        .sometimes("a group refused what is not its"),
        story(
            "shardkv/late_delete",
            "Who has given a shard away does not answer for it, though it has it still",
            late_delete,
        ),
        story(
            "shardkv/resend_across_a_move",
            "A write is executed once, though its resend meets another group",
            resend,
        ),
        story(
            "shardkv/fast_configurations",
            "One configuration is done with before the next, however fast they come",
            fast,
        ),
        story(
            "shardkv/everybody_leaves",
            "A shard that nobody serves is kept for whoever comes",
            everybody_leaves,
        ),
        story(
            "shardkv/forgotten_clerks",
            "A write is executed once, though its shard remembers fewer clerks than there are",
            forgotten,
        )
        .sometimes("shardkv: a clerk was forgotten while it sent"),
        story(
            "shardkv/snapshots_during_moves",
            "What is given away stays so, whoever restarts from a snapshot",
            snapshots,
        ),
    ]
}

/// Groups of one server or of three.
pub(super) fn plan(stage: &Stage) -> Plan {
    let more = if stage.world().stream("plan").below(3) == 0 { 2 } else { 0 };
    Plan::followers().members(stage.servers(1, more))
}

async fn under_load(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(rough());
    for _ in 0..3 {
        cast.client(|hand| async move {
            let keys = hand.keys();
            hand.mix(keys, 30, millis(20)).await;
        });
    }
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..1]).await;
        admin.shuffle(&GROUPS, 8, millis(120)).await;
    });
    cast.crashes(Cast::servers, 3, millis(200), millis(100)).await;
    cast.finish(CALM).await;
}

/// Whoever has handed a shard over does not hear so, and keeps it.
async fn late_delete(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(brisk());
    let key = || key_of(0, 10, 0);
    cast.script("admin", move |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..2]).await;
        admin.settles().await;
        let silence = Rule::new(Fate::Drop).kind("Install reply").first(4);
        admin.hand.cast.world.rule(silence);
        for gid in [101, 100, 101] {
            admin.move_shard(0, gid).await;
            sleep(millis(300)).await;
        }
    });
    for client in 0..3 {
        cast.client(move |mut hand| async move {
            for _ in hand.each(0..40) {
                if client == 0 {
                    hand.append(&key()).await;
                } else {
                    hand.get(&key()).await;
                }
                sleep(millis(25)).await;
            }
        });
    }
    cast.finish(CALM).await;
}

/// Answers to clients are lost, and the shards move meanwhile.
async fn resend(stage: Stage) {
    let versions = stage.world().stream("plan").below(2) == 0;
    let cast = Cast::new(&stage, if versions { super::controllers::plan(&stage) } else { plan(&stage) });
    stage.world().links(brisk());
    let lossy = LinkConfig { loss: Ratio::percent(25), ..brisk() };
    if versions {
        super::controllers::moves_on(&cast, 8, millis(150));
    } else {
        cast.script("admin", |hand| async move {
            let mut admin = Admin::new(hand);
            admin.join(&GROUPS[..2]).await;
            admin.shuffle(&GROUPS, 10, millis(150)).await;
        });
    }
    for _ in 0..2 {
        cast.client(move |hand| async move {
            let keys = hand.keys()[..3].to_vec();
            let pace = millis(10);
            if versions { hand.compete(keys, 15, pace).await } else { hand.mix(keys, 15, pace).await }
        });
    }
    for server in cast.servers() {
        for client in cast.clients.borrow().iter().skip(1) {
            stage.world().link(server, *client, lossy.clone());
        }
    }
    cast.finish(CALM).await;
}

/// Shards that remember two clerks or three. More than that write to one of them; answers are lost, messages come twice, and
/// the shard moves.
async fn forgotten(stage: Stage) {
    let draw = stage.world().stream("plan");
    let (clerks, versions) = (2 + draw.below(2) as usize, draw.below(2) == 0);
    let limits = Limits { clerks, ..Limits::default() };
    let cast = Cast::new(&stage, Plan { limits, ..plan(&stage) });
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..2]).await;
        admin.shuffle(&GROUPS, 3, millis(400)).await;
    });
    for _ in 0..if versions { 6 } else { 4 } {
        cast.client(move |hand| async move {
            // What was forgotten stays open for ever in the history: too many on one key, and no judge decides.
            let keys = (0..4).map(|nth| key_of(0, 10, nth)).collect();
            if versions {
                hand.compete(keys, 12, millis(30)).await
            } else {
                hand.mix(keys, 12, millis(30)).await
            }
        });
    }
    // A copy is often there long before the message itself.
    let latency = Latency::TwoHumped {
        fast: (millis(1), millis(8)),
        slow: (millis(40), millis(200)),
        slow_share: Ratio::percent(30),
    };
    let copies = LinkConfig { duplicate: Ratio::percent(50), ..LinkConfig::with_latency(latency) };
    let lossy = LinkConfig { loss: Ratio::percent(35), ..copies.clone() };
    for server in cast.servers() {
        for client in cast.clients.borrow().iter().skip(1) {
            stage.world().link(*client, server, copies.clone());
            stage.world().link(server, *client, lossy.clone());
        }
    }
    cast.finish(CALM).await;
}

async fn fast(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(rough());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..1]).await;
        sleep(millis(150)).await;
        admin.shuffle(&GROUPS, 15, millis(4)).await;
        admin.settles().await;
    });
    for _ in 0..2 {
        cast.client(|hand| async move {
            let keys = hand.keys();
            hand.mix(keys, 20, millis(30)).await;
        });
    }
    cast.finish(CALM).await;
}

async fn everybody_leaves(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let keys = admin.hand.keys();
        for gid in GROUPS {
            admin.join(&[gid]).await;
            admin.hand.check_and_append(&keys[..4]).await;
            admin.leave(&[gid]).await;
        }
        admin.join(&GROUPS[..2]).await;
        admin.hand.read_all(&keys[..4]).await;
    });
    cast.finish(CALM).await;
}

/// The new group is down, so that the old one keeps what it has given away, in its snapshots too.
async fn snapshots(stage: Stage) {
    let cast = Cast::new(&stage, plan(&stage).snapshots(3));
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let (keys, cast) = (admin.hand.keys(), admin.hand.cast.clone());
        admin.join(&GROUPS[..1]).await;
        admin.hand.set_all(&keys).await;
        cast.shut(101);
        admin.join(&GROUPS[1..2]).await;
        sleep(millis(400)).await;
        cast.shut(100);
        sleep(millis(100)).await;
        cast.restart(100);
        sleep(millis(600)).await;
        cast.restart(101);
        admin.hand.check_and_append(&keys).await;
    });
    // One key each: who waits for the group that is down holds up no other.
    for shard in 0..4 {
        cast.client(move |hand| async move {
            let keys = hand.keys()[shard..=shard].to_vec();
            hand.mix(keys, 25, millis(40)).await;
        });
    }
    cast.finish(CALM).await;
}
