//! The tests of shardkv of 2024, labs 5A and 5B (4B before): three groups of three that follow a controller.

use stormglass_sim::chance::Stream;
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::message::Config;

use super::admin::{Admin, millis};
use super::cast::Cast;
use super::lab::{Gets, LAB, appenders, rotate};
use super::plan::Plan;
use super::story;
use crate::weather::Profile;
use crate::{Stage, Story};

const JOIN: bool = true;
const LEAVE: bool = false;

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/lab_static_shards",
            "With one of two groups down, half of the keys are read",
            |stage| static_shards(stage, false),
        ),
        story(
            "shardkv/lab_rejection",
            "A group refuses keys that are not its, whatever a clerk believes",
            |stage| static_shards(stage, true),
        ),
        story("shardkv/lab_join_leave", "Shards leave a group that then goes away", join_leave),
        story("shardkv/lab_snapshot", "Shards move, logs are cut, everybody restarts", snapshot),
        story("shardkv/lab_miss_change", "Servers that miss configurations catch up", miss_change),
        story(
            "shardkv/lab_concurrent_1",
            "Appends during joins and leaves and while all groups are down",
            concurrent_1,
        ),
        story("shardkv/lab_concurrent_2", "Appends while shards go round, and groups restart", concurrent_2),
        story(
            "shardkv/lab_concurrent_3",
            "Appends at full speed while everybody restarts again and again",
            concurrent_3,
        ),
        story("shardkv/lab_unreliable_1", "Shards move on a network that loses messages", unreliable_1),
        story("shardkv/lab_unreliable_2", "Appends meanwhile", unreliable_2),
        story("shardkv/lab_unreliable_3", "Anything meanwhile, on any key", unreliable_3),
    ]
}

fn cast(stage: &Stage, snapshots: Option<u64>, profile: Profile) -> Cast {
    let cast = Cast::new(stage, Plan { snapshots, ..Plan::followers() });
    stage.world().links(profile.requests());
    cast
}

async fn script<T: Future<Output = ()> + 'static>(cast: Cast, work: impl FnOnce(Admin) -> T + 'static) {
    cast.script("admin", move |hand| work(Admin::new(hand)));
    cast.finish(LAB).await;
    cast.check_logs();
}

async fn static_shards(stage: Stage, rejection: bool) {
    let cast = cast(&stage, None, Profile::LabReliable);
    script(cast.clone(), move |mut admin| async move {
        let keys = admin.hand.keys();
        admin.join(&[100, 101]).await;
        admin.hand.set_all(&keys).await;
        admin.hand.read_all(&keys).await;
        let config = admin.query().await;
        let alone = Config { shards: vec![100; keys.len()], groups: cast.named(&[100]), ..config.clone() };
        if rejection {
            let gets = Gets::begin(&cast, &keys, Some(&alone));
            gets.count(|shard| config.shards[shard] == 100, false).await;
        } else {
            cast.shut(101);
            let gets = Gets::begin(&cast, &keys, None);
            gets.count(|shard| config.shards[shard] == 100, false).await;
            cast.restart(101);
        }
        admin.hand.read_all(&keys).await;
    })
    .await;
}

async fn join_leave(stage: Stage) {
    script(cast(&stage, None, Profile::LabReliable), |mut admin| async move {
        let keys = admin.hand.keys();
        admin.join(&[100]).await;
        admin.hand.set_all(&keys).await;
        admin.join(&[101]).await;
        admin.hand.check_and_append(&keys).await;
        admin.leave(&[100]).await;
        admin.hand.check_and_append(&keys).await;
        sleep(millis(1000)).await;
        admin.hand.cast.shut(100);
        admin.hand.read_all(&keys).await;
    })
    .await;
}

async fn snapshot(stage: Stage) {
    let cast = cast(&stage, Some(5), Profile::LabReliable);
    script(cast.clone(), move |mut admin| async move {
        let keys: Vec<String> = (0..20).map(|n| super::hand::key_of(n % 10, 10, n / 10)).collect();
        admin.join(&[100]).await;
        admin.hand.set_all(&keys).await;
        rotate(&mut admin, &[(JOIN, 101), (JOIN, 102), (LEAVE, 100)], 0).await;
        admin.hand.check_and_append(&keys).await;
        rotate(&mut admin, &[(LEAVE, 101), (JOIN, 100)], 0).await;
        admin.hand.check_and_append(&keys).await;
        sleep(millis(500)).await;
        cast.check_logs();
        for gid in [100, 101, 102] {
            cast.shut(gid);
        }
        for gid in [100, 101, 102] {
            cast.restart(gid);
        }
        admin.hand.read_all(&keys).await;
    })
    .await;
}

async fn miss_change(stage: Stage) {
    let cast = cast(&stage, Some(8), Profile::LabReliable);
    script(cast.clone(), move |mut admin| async move {
        let keys = admin.hand.keys();
        let (down, up) =
            (|cast: &Cast, node| cast.world.crash(node), |cast: &Cast, node| cast.world.restart(node));
        admin.join(&[100]).await;
        admin.hand.set_all(&keys).await;
        admin.join(&[101]).await;
        cast.each_group(0, down);
        rotate(&mut admin, &[(JOIN, 102), (LEAVE, 101), (LEAVE, 100)], 0).await;
        admin.hand.check_and_append(&keys).await;
        admin.join(&[101]).await;
        admin.hand.check_and_append(&keys).await;
        cast.each_group(0, up);
        admin.hand.check_and_append(&keys).await;
        sleep(millis(1000)).await;
        cast.each_group(1, down);
        rotate(&mut admin, &[(JOIN, 100), (LEAVE, 102)], 0).await;
        admin.hand.check_and_append(&keys).await;
        cast.each_group(1, up);
        admin.hand.read_all(&keys).await;
    })
    .await;
}

async fn concurrent_1(stage: Stage) {
    let cast = cast(&stage, Some(10), Profile::LabReliable);
    appenders(&cast, 6, 20, millis(80));
    script(cast.clone(), move |mut admin| async move {
        admin.join(&[100]).await;
        sleep(millis(150)).await;
        rotate(&mut admin, &[(JOIN, 101), (JOIN, 102), (LEAVE, 100)], 250).await;
        for gid in [100, 101, 102] {
            cast.shut(gid);
            sleep(millis(100)).await;
        }
        admin.leave(&[102]).await;
        for gid in [100, 101, 102] {
            cast.restart(gid);
        }
        rotate(&mut admin, &[(JOIN, 100), (LEAVE, 101), (JOIN, 101)], 250).await;
    })
    .await;
}

async fn concurrent_2(stage: Stage) {
    let cast = cast(&stage, None, Profile::LabReliable);
    appenders(&cast, 6, 20, millis(120));
    script(cast.clone(), move |mut admin| async move {
        rotate(&mut admin, &[(JOIN, 101), (JOIN, 100), (JOIN, 102), (LEAVE, 100), (LEAVE, 102)], 0).await;
        sleep(millis(600)).await;
        rotate(&mut admin, &[(JOIN, 100), (JOIN, 102), (LEAVE, 101)], 0).await;
        sleep(millis(600)).await;
        rotate(&mut admin, &[(JOIN, 101), (LEAVE, 100), (LEAVE, 102)], 0).await;
        sleep(millis(600)).await;
        cast.shut(101);
        cast.shut(102);
        sleep(millis(500)).await;
        cast.restart(101);
        cast.restart(102);
    })
    .await;
}

async fn concurrent_3(stage: Stage) {
    let cast = cast(&stage, Some(10), Profile::LabReliable);
    appenders(&cast, 6, 25, millis(60));
    let draw: Stream = stage.world().stream("pauses");
    script(cast.clone(), move |mut admin| async move {
        admin.join(&[100]).await;
        for _ in admin.hand.each(0..3) {
            admin.join(&[102, 101]).await;
            sleep(millis(draw.below(400))).await;
            for gid in [100, 101, 102] {
                cast.shut(gid);
            }
            for gid in [100, 101, 102] {
                cast.restart(gid);
            }
            sleep(millis(draw.below(400))).await;
            admin.leave(&[101, 102]).await;
            sleep(millis(draw.below(400))).await;
        }
    })
    .await;
}

async fn unreliable_1(stage: Stage) {
    script(cast(&stage, Some(10), Profile::LabUnreliable), |mut admin| async move {
        let keys = admin.hand.keys();
        admin.join(&[100]).await;
        admin.hand.set_all(&keys).await;
        rotate(&mut admin, &[(JOIN, 101), (JOIN, 102), (LEAVE, 100)], 0).await;
        admin.hand.check_and_append(&keys).await;
        rotate(&mut admin, &[(JOIN, 100), (LEAVE, 101)], 0).await;
        admin.hand.read_all(&keys).await;
    })
    .await;
}

/// What the second and the third test do meanwhile.
const ROUND: [(bool, u64); 6] =
    [(JOIN, 101), (JOIN, 102), (LEAVE, 100), (LEAVE, 101), (JOIN, 101), (JOIN, 100)];

async fn unreliable_2(stage: Stage) {
    let cast = cast(&stage, Some(10), Profile::LabUnreliable);
    appenders(&cast, 6, 15, millis(20));
    script(cast, |mut admin| async move {
        admin.join(&[100]).await;
        rotate(&mut admin, &ROUND, 300).await;
    })
    .await;
}

async fn unreliable_3(stage: Stage) {
    let cast = cast(&stage, Some(10), Profile::LabUnreliable);
    for _ in 0..6 {
        cast.client(|hand| async move {
            let keys = hand.keys();
            hand.mix(keys, 15, millis(20)).await;
        });
    }
    script(cast, |mut admin| async move {
        admin.join(&[100]).await;
        rotate(&mut admin, &ROUND, 300).await;
    })
    .await;
}
