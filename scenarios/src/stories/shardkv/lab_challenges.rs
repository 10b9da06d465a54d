//! The challenges of shardkv of 2024: what has moved is deleted, and what does not move is served.

use stormglass_sim::time::sleep;

use super::admin::{Admin, millis};
use super::cast::Cast;
use super::hand::key_of;
use super::lab::{LAB, rotate};
use super::plan::Plan;
use super::story;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story("shardkv/lab_challenge1_delete", "What a group has given away it does not keep", delete),
        story(
            "shardkv/lab_challenge2_unaffected",
            "Shards that do not move are served, though others cannot arrive",
            unaffected,
        ),
        story(
            "shardkv/lab_challenge2_partial",
            "A shard that has arrived is served, though others cannot",
            partial,
        ),
    ]
}

fn cast(stage: &Stage, snapshots: u64, profile: Profile) -> Cast {
    let cast = Cast::new(stage, Plan::followers().snapshots(snapshots));
    stage.world().links(profile.requests());
    cast
}

/// Bytes of a value, and how many keys: together the lab's 30 keys of 1000 bytes.
const VALUE: usize = 3000;
const KEYS: usize = 10;

async fn delete(stage: Stage) {
    let cast = cast(&stage, 1, Profile::LabReliable);
    let checked = cast.clone();
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let keys: Vec<String> = (0..KEYS).map(|n| key_of(n % 10, 10, n / 10)).collect();
        admin.join(&[100]).await;
        for key in admin.hand.each(keys.clone()) {
            let value = admin.hand.fresh().repeat(VALUE / 9);
            admin.hand.note(Some(format!("set {key}")));
            _ = admin.hand.clerk.set(&key, &value).await;
        }
        admin.hand.read_all(&keys).await;
        for _ in 0..2 {
            rotate(
                &mut admin,
                &[(true, 101), (false, 100), (true, 102), (false, 101), (true, 100), (false, 102)],
                200,
            )
            .await;
        }
        admin.join(&[101, 102]).await;
        admin.settles().await;
        sleep(millis(1000)).await;
        // Of what is large, nothing is left in the logs.
        for shard in (0..10).chain(0..10) {
            let value = admin.hand.fresh().repeat(25);
            _ = admin.hand.clerk.set(&key_of(shard, 10, 1), &value).await;
        }
        sleep(millis(200)).await;
        checked.check_garbage(&admin.query().await);
        // Three copies of all, and logs: half of what nine copies are, which there were if nothing were deleted.
        let (bytes, most) = (checked.stored(), (9 * KEYS * VALUE / 2) as u64);
        checked
            .stage
            .claim(bytes <= most, "garbage", || format!("{bytes} bytes are on the disks, not {most}"));
        admin.hand.read_all(&keys).await;
    });
    cast.finish(LAB).await;
}

async fn unaffected(stage: Stage) {
    let cast = cast(&stage, 10, Profile::LabUnreliable);
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let keys = admin.hand.keys();
        admin.join(&[100]).await;
        admin.hand.set_all(&keys).await;
        admin.join(&[101]).await;
        let owned = theirs(&mut admin, 101).await;
        admin.settles().await;
        sleep(millis(500)).await;
        admin.hand.set_all(&owned).await;
        admin.hand.cast.shut(100);
        admin.leave(&[100]).await;
        sleep(millis(1000)).await;
        use_all(&mut admin, &owned).await;
    });
    cast.finish(LAB).await;
}

async fn partial(stage: Stage) {
    let cast = cast(&stage, 10, Profile::LabUnreliable);
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        let keys = admin.hand.keys();
        admin.join(&[100, 101, 102]).await;
        admin.settles().await;
        sleep(millis(500)).await;
        admin.hand.set_all(&keys).await;
        let moved = theirs(&mut admin, 102).await;
        admin.hand.cast.shut(100);
        admin.leave(&[100, 102]).await;
        sleep(millis(1000)).await;
        use_all(&mut admin, &moved).await;
    });
    cast.finish(LAB).await;
}

/// Keys of the shards that a group serves.
async fn theirs(admin: &mut Admin, gid: u64) -> Vec<String> {
    let config = admin.query().await;
    let keys = admin.hand.keys();
    keys.into_iter()
        .enumerate()
        .filter(|(shard, _)| config.shards[*shard] == gid)
        .map(|(_, key)| key)
        .collect()
}

async fn use_all(admin: &mut Admin, keys: &[String]) {
    for key in admin.hand.each(keys.to_vec()) {
        admin.hand.get(&key).await;
        admin.hand.set(&key).await;
        admin.hand.get(&key).await;
    }
}
