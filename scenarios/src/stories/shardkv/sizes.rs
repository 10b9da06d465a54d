//! How large a shard may be, and what it takes to move a large one.

use stormglass_sim::net::{Bandwidth, LinkConfig};
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::message::Rule;
use stormglass_systems::shardkv::protocol::{Limits, shard_of};
use stormglass_systems::shardkv::spec::Phase;

use super::admin::{Admin, Boss, brisk, millis, rough};
use super::cast::Cast;
use super::hand::{Hand, key_of};
use super::moves::{CALM, GROUPS, plan};
use super::plan::Plan;
use super::story;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/full_shards",
            "A shard grows until it is full, and no further: it can always be handed over",
            full,
        )
        .sometimes("shardkv: a write was refused by a full shard"),
        story("shardkv/heavy_shards", "A shard moves, however long it is on its way", heavy)
            .sometimes("a shard moved"),
    ]
}

/// Shards with room for little. Clients write more than that, and the shards move.
async fn full(stage: Stage) {
    let bytes = 40 + stage.world().stream("plan").below(60);
    let limits = Limits { bytes, part: 32, ..Limits::default() };
    let cast = Cast::new(&stage, Plan { limits, shards: 2, ..plan(&stage) }.members(3));
    let bandwidth = Some(Bandwidth { bytes_per_second: 100_000, queue_bytes: 100_000 });
    stage.world().links(LinkConfig { bandwidth, ..rough() });
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..1]).await;
        admin.shuffle(&GROUPS, 4, millis(200)).await;
    });
    let keys = || (0..6).map(|n| key_of(n % 2, 2, n / 2)).collect::<Vec<String>>();
    for _ in 0..3 {
        cast.client(move |hand| async move { hand.mix(keys(), 30, millis(20)).await });
    }
    cast.finish(CALM).await;
    let checked = cast.clone();
    cast.client(move |mut hand| async move {
        let mut stored = [0; 2];
        for key in keys() {
            let value = hand.get(&key).await.map_or(0, |found| key.len() + found.value.len());
            stored[shard_of(&key, 2)] += value as u64;
        }
        let holds = stored.iter().all(|stored| *stored <= bytes);
        checked.stage.claim(holds, "a shard holds no more than it may", || {
            format!("the shards have {stored:?} bytes of keys and values; {bytes} are allowed")
        });
    });
    cast.finish(CALM).await;
}

/// Bytes of a large value.
const VALUE: usize = 2 << 20;

/// Groups of three with one shard, which is for a second on a line between servers of a group: longer than an election
/// takes. Between groups it is for four; a part of it takes longer than a small answer is waited for.
async fn heavy(stage: Stage) {
    let plan = if stage.world().stream("plan").below(2) == 0 {
        Plan { shards: 1, groups: vec![1, 2], ..Plan::store() }
    } else {
        Plan { shards: 1, ..Plan::followers() }
    };
    let cast = Cast::new(&stage, plan);
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        if hand.cast.store.is_some() {
            let mut boss = Boss::new(hand);
            boss.init().await;
            boss.join(&[2]).await;
            burden(&mut boss.hand).await;
            boss.change(&Rule::Move(0, 2)).await;
            check(&mut boss.hand).await;
        } else {
            let mut admin = Admin::new(hand);
            admin.join(&GROUPS[..2]).await;
            burden(&mut admin.hand).await;
            let from = admin.query().await.shards[0];
            let to = GROUPS[usize::from(from == GROUPS[0])];
            admin.move_shard(0, to).await;
            admin.settles().await;
            admin.hand.note(Some(format!("group {from} to hear that group {to} has the shard")));
            while admin.hand.cast.probe.ghost(|ghost| ghost.held(0, from).phase) != Some(Phase::Absent) {
                sleep(millis(10)).await;
            }
            admin.hand.note(None);
            check(&mut admin.hand).await;
        }
    });
    cast.finish(CALM).await;
}

/// Stores a large value; then the lines are what they are.
async fn burden(hand: &mut Hand) {
    let value = "v".repeat(VALUE);
    hand.note(Some("set a large value".into()));
    _ = hand.clerk.set(&key_of(0, 1, 0), &value).await;
    hand.note(None);
    let line = |bytes_per_second| {
        let bandwidth = Some(Bandwidth { bytes_per_second, queue_bytes: VALUE as u64 * 3 / 2 });
        LinkConfig { bandwidth, ..brisk() }
    };
    let cast = &hand.cast;
    cast.world.links(line(VALUE as u64 / 4));
    for group in cast.plan.groups.iter().map(|gid| cast.group(*gid)) {
        for (from, to) in group.iter().flat_map(|from| group.iter().map(move |to| (from.node, to.node))) {
            cast.world.link(from, to, line(VALUE as u64));
        }
    }
}

async fn check(hand: &mut Hand) {
    hand.cast.world.links(brisk());
    let found = hand.get(&key_of(0, 1, 0)).await.map_or(0, |found| found.value.len());
    hand.cast.stage.claim(found == VALUE, "what was stored is there", || format!("{found} bytes"));
}
