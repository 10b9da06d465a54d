//! The tests of labs 5B and 5C of 2025: controllers that are cut off or die half-way, and controllers that compete.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::NodeId;
use stormglass_sim::task::spawn;
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::shardkv::client::Ended;

use super::admin::{Boss, millis};
use super::cast::Cast;
use super::lab::LAB;
use super::lab_clerks::competitors;
use super::lab_controllers::cast;
use super::story;
use crate::stories::about;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story(
            "shardkv/lab_join_leave_down",
            "A join or a leave waits for a group that is down, and no longer",
            join_leave_down,
        ),
        story(
            "shardkv/lab_recover_controller",
            "Another controller finishes what one that died left half done",
            |stage| interrupted(stage, Profile::LabReliable, 0, End::Dies),
        )
        .sometimes(HALF_DONE),
        story(
            "shardkv/lab_concurrent_reliable",
            "Controllers compete; who loses has changed nothing",
            |stage| concurrent(stage, Profile::LabReliable),
        ),
        story("shardkv/lab_concurrent_unreliable", "The same on a network that loses messages", |stage| {
            concurrent(stage, Profile::LabUnreliable)
        }),
        story(
            "shardkv/lab_partition_controller_join",
            "A controller that is cut off comes back too late to do harm",
            interrupted_join,
        ),
        story(
            "shardkv/lab_partition_recovery_reliable",
            "A controller that was replaced comes back, again and again",
            |stage| interrupted(stage, Profile::LabReliable, 0, End::Returns),
        )
        .sometimes(HALF_DONE),
        story(
            "shardkv/lab_partition_recovery_unreliable",
            "The same on a network that loses messages",
            |stage| interrupted(stage, Profile::LabUnreliable, 0, End::Returns),
        )
        .sometimes(HALF_DONE),
        story("shardkv/lab_partition_recovery_clerks_reliable", "The same while clerks put", |stage| {
            interrupted(stage, Profile::LabReliable, 5, End::Returns)
        })
        .sometimes(HALF_DONE),
        story(
            "shardkv/lab_partition_recovery_clerks_unreliable",
            "The same on a network that loses messages",
            |stage| interrupted(stage, Profile::LabUnreliable, 5, End::Returns),
        )
        .sometimes(HALF_DONE),
    ]
}

/// What must happen now and then where a controller is interrupted.
const HALF_DONE: &str = "a change was left half done";

/// What a change may take when nothing is in its way any more.
const PROMPT: Duration = Duration::from_secs(2);

async fn join_leave_down(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    cast.script("boss", |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        let keys = boss.put_all().await;
        let cast = boss.hand.cast.clone();
        cast.start(2);
        for (joins, down) in [(true, 1), (false, 2)] {
            let before = boss.query().await.num;
            cast.shut(down);
            let other = Boss::new(super::hand::Hand::beside(&boss.hand));
            let change =
                spawn(async move { if joins { other.join(&[2]).await } else { other.leave(&[1]).await } });
            sleep(Duration::from_secs(1)).await;
            let early = boss.query().await.num;
            cast.stage.claim(early == before, "a change waits for the group that has the shards", || {
                format!("configuration {early}")
            });
            cast.restart(down);
            let ended = timeout(PROMPT, change).await;
            cast.stage.claim(
                matches!(ended, Ok(Ok(Ended::Changed))),
                "a change ends soon after the group is back",
                || format!("group {down} was down; {ended:?}"),
            );
            boss.member(&boss.query().await, if joins { 2 } else { 1 }, joins);
        }
        boss.hand.read_all(&keys).await;
    });
    cast.finish(LAB).await;
}

async fn concurrent(stage: Stage, profile: Profile) {
    let cast = cast(&stage, profile);
    let ready = Rc::new(Cell::new(0));
    for number in 0..4u64 {
        let ready = ready.clone();
        cast.script(&format!("boss{number}"), move |hand| async move {
            let mut boss = Boss::new(hand);
            boss.init().await;
            if number == 0 {
                boss.put_all().await;
            }
            for round in boss.hand.each(0..2u64) {
                boss.recover().await;
                let gid = 2 + number * 10 + round;
                boss.hand.cast.start(gid);
                if boss.join(&[gid]).await == Ended::Changed {
                    while matches!(boss.leave(&[gid]).await, Ended::Lost | Ended::Unknown)
                        && boss.query().await.groups.contains_key(&gid)
                    {
                        boss.recover().await;
                    }
                }
                if !boss.query().await.groups.contains_key(&gid) {
                    boss.hand.cast.shut(gid);
                }
            }
            ready.set(ready.get() + 1);
            if number == 0 {
                while ready.get() < 4 {
                    sleep(millis(50)).await;
                }
                let keys = boss.hand.keys();
                boss.hand.read_all(&keys).await;
            }
        });
    }
    cast.finish(LAB).await;
}

/// What becomes of the controller that was interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its process dies.
    Dies,
    /// It is cut off, and heard again when another has taken over.
    Returns,
}

async fn interrupted_join(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    let started = Rc::new(Cell::new(false));
    let go = started.clone();
    let first = cast.script("first", move |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        boss.put_all().await;
        let cast = boss.hand.cast.clone();
        cast.start(2);
        cast.shut(2);
        go.set(true);
        _ = boss.join(&[2]).await;
    });
    cast.script("second", move |hand| async move {
        let mut boss = Boss::new(hand);
        let (cast, keys) = (boss.hand.cast.clone(), boss.hand.keys());
        while !started.get() {
            sleep(millis(10)).await;
        }
        sleep(millis(800)).await;
        // No group hears it. What it sends, the same install again and again, comes when all is over.
        let groups = cast.servers();
        groups.iter().for_each(|node| cast.world.hold(first, *node));
        sleep(millis(500)).await;
        cast.restart(2);
        boss.recover().await;
        boss.member(&boss.query().await, 2, true);
        // The shards are written to, and in half of the runs they have moved on.
        let stays = cast.world.stream("plan").below(2) == 0;
        for key in &keys {
            let value = boss.hand.fresh();
            _ = boss.hand.put(key, &value, 1).await;
        }
        if !stays {
            _ = boss.leave(&[2]).await;
        }
        groups.iter().for_each(|node| cast.world.release(first, *node));
        sleep(millis(1000)).await;
        boss.member(&boss.query().await, 2, stays);
        boss.hand.read_all(&keys).await;
    });
    cast.finish(LAB).await;
}

/// A node hears nobody but itself.
fn cut(cast: &Cast, node: NodeId) {
    let mut others = cast.servers();
    others.extend(cast.store);
    cast.world.partition(&[node], &others);
}

/// A controller lets groups join and leave; group 1 goes down, the controller is interrupted, and another takes over.
async fn interrupted(stage: Stage, profile: Profile, clerks: u64, end: End) {
    let cast = cast(&stage, profile);
    let draw = stage.world().stream("interruptions");
    let done = competitors(&cast, clerks, millis(40));
    cast.script("heir", move |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        let keys = boss.put_all().await;
        let cast = boss.hand.cast.clone();
        for round in boss.hand.each(0..3u64) {
            let step: Rc<Cell<(u64, bool)>> = Rc::default();
            let (told, over) = (step.clone(), Rc::new(Cell::new(false)));
            let stop = over.clone();
            let first = cast.script(&format!("first{round}"), move |hand| async move {
                let boss = Boss::new(hand);
                boss.recover().await;
                for gid in (2 + 10 * round).. {
                    if stop.get() {
                        break;
                    }
                    boss.hand.cast.start(gid);
                    told.set((gid, true));
                    _ = boss.join(&[gid]).await;
                    if stop.get() {
                        break;
                    }
                    told.set((gid, false));
                    if boss.leave(&[gid]).await == Ended::Changed {
                        boss.hand.cast.shut(gid);
                    }
                    sleep(millis(20)).await;
                }
            });
            sleep(about(draw, millis(150)) + millis(100)).await;
            cast.shut(1);
            sleep(millis(300)).await;
            over.set(true);
            match end {
                End::Dies => cast.world.crash(first),
                End::Returns => cut(&cast, first),
            }
            let (before, posted) = (boss.query().await, boss.controller.posted().await.unwrap_or_default());
            let (gid, joins) = step.get();
            cast.restart(1);
            boss.recover().await;
            let after = boss.query().await;
            cast.stage.claim(after.num >= posted.num, "what was posted is carried out", || {
                format!("configuration {} is current, {} was posted", after.num, posted.num)
            });
            if posted.num > before.num && posted.groups.contains_key(&gid) == joins {
                cast.stage.sometimes(HALF_DONE);
                boss.member(&after, gid, joins);
            }
            boss.hand.read_all(&keys).await;
            cast.world.heal();
            sleep(millis(100)).await;
        }
        boss.recover().await;
        done.set(true);
        boss.hand.read_all(&keys).await;
    });
    cast.finish(LAB).await;
}
