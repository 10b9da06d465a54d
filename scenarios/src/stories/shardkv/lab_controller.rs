//! The tests of the shard controller of 2024, lab 5A's first half (4A before).

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::message::{Config, Gid};

use super::admin::{Admin, millis};
use super::cast::Cast;
use super::lab::LAB;
use super::plan::Plan;
use super::story;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/lab_controller_leave_join",
            "TestBasic, TestMulti: groups join and leave, one or three at once",
            leave_join,
        ),
        story(
            "shardkv/lab_controller_history",
            "TestBasic: every configuration there was is still told",
            history,
        ),
        story("shardkv/lab_controller_move", "TestBasic: shards are moved by hand", moves),
        story(
            "shardkv/lab_controller_concurrent",
            "TestBasic, TestMulti: ten clerks join and leave at once",
            concurrent,
        ),
        story(
            "shardkv/lab_controller_minimal",
            "TestMinimalAgain, MinimalTransfer: no shard moves that need not",
            minimal,
        ),
        story(
            "shardkv/lab_controller_agrees",
            "TestMulti, AgreeConfig: the next leader has the same configurations",
            agrees,
        ),
    ]
}

fn cast(stage: &Stage) -> Cast {
    let cast = Cast::new(stage, Plan { groups: Vec::new(), ..Plan::followers() });
    stage.world().links(Profile::LabReliable.requests());
    cast
}

async fn script<T: Future<Output = ()> + 'static>(cast: Cast, work: impl FnOnce(Admin) -> T + 'static) {
    cast.script("admin", move |hand| work(Admin::new(hand)));
    cast.finish(LAB).await;
}

async fn leave_join(stage: Stage) {
    let many = stage.world().stream("plan").below(2) == 0;
    let cast = cast(&stage);
    script(cast.clone(), move |mut admin| async move {
        let sets: [Vec<Gid>; 2] = if many { [vec![1, 2, 3], vec![4, 5, 6]] } else { [vec![1], vec![2]] };
        admin.join(&sets[0]).await;
        cast.check(&admin.query().await, &sets[0]);
        admin.join(&sets[1]).await;
        cast.check(&admin.query().await, &sets.concat());
        admin.leave(&sets[0]).await;
        cast.check(&admin.query().await, &sets[1]);
        admin.leave(&sets[1]).await;
        cast.check(&admin.query().await, &[]);
    })
    .await;
}

async fn history(stage: Stage) {
    let cast = cast(&stage);
    script(cast.clone(), move |mut admin| async move {
        let mut known: Vec<Config> = vec![admin.query().await];
        for gid in [1, 2, 3] {
            admin.join(&[gid]).await;
            known.push(admin.query().await);
        }
        admin.leave(&[2]).await;
        known.push(admin.query().await);
        for member in cast.controllers.iter() {
            cast.world.crash(member.node);
            for config in &known {
                let told = admin.history(config.num).await;
                cast.stage.claim(told == *config, "a configuration stays as it was", || {
                    format!("configuration {} was {config:?} and is {told:?}", config.num)
                });
            }
            cast.world.restart(member.node);
        }
    })
    .await;
}

async fn moves(stage: Stage) {
    let cast = cast(&stage);
    script(cast.clone(), move |mut admin| async move {
        admin.join(&[503]).await;
        admin.join(&[504]).await;
        let wanted = |shard: usize| if shard < 5 { 503 } else { 504 };
        for shard in 0..10 {
            let before = admin.query().await;
            admin.move_shard(shard, wanted(shard)).await;
            let after = admin.query().await;
            let grew = before.shards[shard] == wanted(shard) || after.num > before.num;
            cast.stage.claim(grew, "a move makes a configuration", || {
                format!("{} after {}", after.num, before.num)
            });
        }
        let config = admin.query().await;
        let moved = (0..10).all(|shard| config.shards[shard] == wanted(shard));
        cast.stage.claim(moved, "shards are where they were moved", || format!("{:?}", config.shards));
    })
    .await;
}

async fn concurrent(stage: Stage) {
    let many = stage.world().stream("plan").below(2) == 0;
    let cast = cast(&stage);
    let each = if many { 3 } else { 1 };
    for clerk in 0..10u64 {
        cast.script(&format!("clerk{clerk}"), move |hand| async move {
            let mut admin = Admin::new(hand);
            let stays: Vec<Gid> = (0..each).map(|n| 1 + clerk * each + n).collect();
            let goes: Vec<Gid> = stays.iter().map(|gid| gid + 1000).collect();
            admin.join(&goes).await;
            admin.join(&stays).await;
            admin.leave(&goes).await;
        });
    }
    cast.finish(LAB).await;
    let checked = cast.clone();
    script(cast, move |mut admin| async move {
        let all: Vec<Gid> = (1..=10 * each).collect();
        checked.check(&admin.query().await, &all);
    })
    .await;
}

/// The lab's MinimalTransfer looks at groups that are not there; here it is K8 that looks, at every join and leave.
async fn minimal(stage: Stage) {
    let cast = cast(&stage);
    script(cast.clone(), move |mut admin| async move {
        let mut inside: Vec<Gid> = Vec::new();
        for gid in admin.hand.each(1..=6u64) {
            admin.join(&[gid]).await;
            inside.push(gid);
            cast.check(&admin.query().await, &inside);
        }
        admin.join(&[21, 22, 23]).await;
        inside.extend([21, 22, 23]);
        for gid in admin.hand.each(1..=6u64) {
            if inside.contains(&gid) {
                admin.leave(&[gid]).await;
                inside.retain(|inside| *inside != gid);
                cast.check(&admin.query().await, &inside);
            }
        }
    })
    .await;
}

async fn agrees(stage: Stage) {
    let cast = cast(&stage);
    let all = cast.clone();
    script(cast.clone(), move |mut admin| async move {
        admin.join(&[1, 2, 3]).await;
        admin.join(&[4, 5, 6, 7]).await;
        admin.leave(&[2, 5]).await;
        let before = admin.query().await;
        let leads = |member: &&super::cast::Member| member.door.status().is_some_and(|status| status.leads);
        if let Some(leader) = cast.controllers.iter().find(leads) {
            cast.world.crash(leader.node);
        }
        sleep(millis(1000)).await;
        let after = admin.query().await;
        cast.stage.claim(before == after, "the next leader agrees", || format!("{before:?}, then {after:?}"));
    })
    .await;
    // Whoever was down applies what it missed.
    for member in all.controllers.iter().filter(|member| !all.world.is_up(member.node)) {
        all.world.restart(member.node);
    }
    sleep(Duration::from_secs(1)).await;
}
