//! The tests of lab 5A of 2025: a controller that moves shards itself, groups that come and go.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::client::Ended;
use stormglass_systems::shardkv::message::{Config, Gid};

use super::admin::{Boss, millis};
use super::cast::{Cast, Member};
use super::lab::{LAB, check_shut};
use super::plan::Plan;
use super::story;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story("shardkv/lab_init_query", "The first configuration is what was stored", init_query),
        story(
            "shardkv/lab_configurations",
            "shardcfg's TestBasic: groups join and leave, one or three at once, and the fewest shards move",
            configurations,
        ),
        story(
            "shardkv/lab_static_one_group",
            "One group serves all, also under its next leader",
            static_one_group,
        ),
        story("shardkv/lab_join_basic", "A group that joins takes over its share", join_basic),
        story("shardkv/lab_delete_basic", "What has moved is not kept", delete_basic),
        story("shardkv/lab_join_leave_basic", "A group leaves, goes away, and comes back", join_leave_basic),
        story("shardkv/lab_many_join_leave_reliable", "Many groups join and leave", |stage| {
            many_join_leave(stage, Profile::LabReliable)
        }),
        story(
            "shardkv/lab_many_join_leave_unreliable",
            "The same on a network that loses messages",
            |stage| many_join_leave(stage, Profile::LabUnreliable),
        ),
        story("shardkv/lab_shutdown", "Who serves what survives that everybody restarts", shutdown),
        story(
            "shardkv/lab_progress_shutdown",
            "Groups that live go on while others are dead",
            progress_shutdown,
        ),
        story(
            "shardkv/lab_progress_join",
            "Shards that do not move are served while others do",
            progress_join,
        ),
    ]
}

pub(super) fn cast(stage: &Stage, profile: Profile) -> Cast {
    let cast = Cast::new(stage, Plan::store());
    stage.world().links(profile.requests());
    cast
}

pub(super) async fn script<T: Future<Output = ()> + 'static>(
    cast: Cast,
    work: impl FnOnce(Boss) -> T + 'static,
) {
    cast.script("boss", move |hand| async move {
        let mut boss = Boss::new(hand);
        boss.init().await;
        work(boss).await;
    });
    cast.finish(LAB).await;
}

impl Boss {
    /// The lab's keys, each put once at version 0.
    pub(super) async fn put_all(&mut self) -> Vec<String> {
        let keys = self.hand.keys();
        for key in self.hand.each(keys.clone()) {
            let value = self.hand.fresh();
            _ = self.hand.put(&key, &value, 0).await;
        }
        keys
    }

    /// Starts groups and lets them join one after the other.
    pub(super) async fn bring(&self, gids: impl IntoIterator<Item = Gid>) {
        for gid in gids {
            let before = self.query().await;
            self.hand.cast.start(gid);
            let ended = self.join(&[gid]).await;
            let after = self.query().await;
            self.hand.cast.stage.claim(
                ended == Ended::Changed && after.num == before.num + 1,
                "a join changes the configuration",
                || format!("group {gid} joined at configuration {}, which became {}", before.num, after.num),
            );
            self.member(&after, gid, true);
        }
    }

    /// Lets groups leave one after the other, and stops them.
    pub(super) async fn dismiss(&self, gids: impl IntoIterator<Item = Gid>) {
        for gid in gids {
            _ = self.leave(&[gid]).await;
            self.member(&self.query().await, gid, false);
            self.hand.cast.shut(gid);
        }
    }

    /// Small entries, which make snapshots: of what is large, nothing is left in the logs. Reads leave no entries.
    async fn fill_logs(&mut self, keys: &[String]) {
        for _ in 0..2 {
            for key in keys {
                _ = self.hand.put(key, "rejected", 9).await;
            }
        }
        sleep(millis(200)).await;
    }

    /// Whether a group has shards.
    pub(super) fn member(&self, config: &Config, gid: Gid, expected: bool) {
        let found = config.shards.contains(&gid);
        self.hand.cast.stage.claim(
            found == expected,
            "groups have shards once they have joined, until they leave",
            || format!("configuration {}: {:?}; group {gid}?", config.num, config.shards),
        );
    }
}

async fn init_query(stage: Stage) {
    script(cast(&stage, Profile::LabReliable), |boss| async move {
        let config = boss.query().await;
        boss.hand.cast.stage.claim(
            config == boss.hand.cast.first(),
            "the first configuration is what was stored",
            || format!("{config:?}"),
        );
    })
    .await;
}

async fn configurations(stage: Stage) {
    let cast = Cast::new(&stage, Plan { groups: (1..=6).collect(), ..Plan::store() }.members(1));
    stage.world().links(Profile::LabReliable.requests());
    script(cast.clone(), move |boss| async move {
        let mut inside: Vec<Gid> = vec![1];
        let (join, leave) = (true, false);
        let steps: [(bool, &[Gid]); 7] = [
            (join, &[2]),
            (join, &[3, 4, 5]),
            (leave, &[1]),
            (join, &[6]),
            (leave, &[2, 3, 4]),
            (join, &[1, 2]),
            (leave, &[5, 6]),
        ];
        for (joins, gids) in steps {
            _ = if joins { boss.join(gids).await } else { boss.leave(gids).await };
            inside.retain(|gid| !gids.contains(gid));
            inside.extend(gids.iter().filter(|_| joins));
            cast.check(&boss.query().await, &inside);
        }
    })
    .await;
}

fn leads(member: &Member) -> bool {
    member.door.status().is_some_and(|status| status.leads)
}

async fn static_one_group(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.hand.read_all(&keys).await;
        if let Some(leader) = cast.group(1).iter().find(|member| leads(member)) {
            cast.world.crash(leader.node);
        }
        boss.hand.read_all(&keys).await;
    })
    .await;
}

async fn join_basic(stage: Stage) {
    script(cast(&stage, Profile::LabReliable), |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring([2]).await;
        let config = boss.query().await;
        for gid in [1, 2] {
            check_shut(&boss.hand, &config, gid, Profile::LabReliable).await;
            boss.hand.read_all(&keys).await;
        }
    })
    .await;
}

/// Bytes of a value. Six of them move; three servers that kept them would keep nine times what is allowed on top.
const VALUE: usize = 5000;

async fn delete_basic(stage: Stage) {
    let cast = Cast::new(&stage, Plan { snapshots: Some(4), groups: vec![1, 2], ..Plan::store() });
    stage.world().links(Profile::LabReliable.requests());
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.hand.keys();
        for key in &keys {
            let value = boss.hand.fresh().repeat(VALUE / 7);
            _ = boss.hand.put(key, &value, 0).await;
        }
        boss.fill_logs(&keys).await;
        let before = cast.stored();
        _ = boss.join(&[2]).await;
        boss.hand.read_all(&keys).await;
        boss.fill_logs(&keys).await;
        cast.check_garbage(&boss.query().await);
        let after = cast.stored();
        cast.stage.claim(after <= before + 10_000, "garbage", || {
            format!("{before} bytes on the disks became {after}")
        });
    })
    .await;
}

async fn join_leave_basic(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring([2]).await;
        check_shut(&boss.hand, &boss.query().await, 1, Profile::LabReliable).await;
        boss.dismiss([1]).await;
        boss.hand.read_all(&keys).await;
        cast.restart(1);
        _ = boss.join(&[1]).await;
        boss.hand.read_all(&keys).await;
        check_shut(&boss.hand, &boss.query().await, 2, Profile::LabReliable).await;
    })
    .await;
}

/// How many groups come and go where the lab has eight.
pub(super) const MANY: u64 = 5;

async fn many_join_leave(stage: Stage, profile: Profile) {
    script(cast(&stage, profile), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring(2..2 + MANY).await;
        check_shut(&boss.hand, &boss.query().await, 3, profile).await;
        boss.hand.read_all(&keys).await;
        boss.dismiss(2..2 + MANY).await;
        boss.hand.read_all(&keys).await;
    })
    .await;
}

async fn shutdown(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring([2, 3]).await;
        check_shut(&boss.hand, &boss.query().await, 2, Profile::LabReliable).await;
        for gid in 1..=3 {
            cast.shut(gid);
        }
        for gid in 1..=3 {
            cast.restart(gid);
        }
        boss.hand.read_all(&keys).await;
    })
    .await;
}

async fn progress_shutdown(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring(2..=5).await;
        for gid in [4, 5] {
            cast.shut(gid);
        }
        let config = boss.query().await;
        let alive = |shard: &usize| ![4, 5].contains(&config.shards[*shard]);
        let alive: Vec<String> = (0..keys.len()).filter(alive).map(|shard| keys[shard].clone()).collect();
        let start = cast.world.now();
        boss.hand.read_all(&alive).await;
        let took = cast.world.now() - start;
        cast.stage
            .claim(took <= Duration::from_secs(2), "what lives is read within 2 s", || format!("{took:?}"));
    })
    .await;
}

async fn progress_join(stage: Stage) {
    let cast = cast(&stage, Profile::LabReliable);
    script(cast.clone(), move |mut boss| async move {
        let keys = boss.put_all().await;
        boss.bring(2..=5).await;
        cast.start(6);
        // A shard that moves to a group without a leader waits for its election, and so does who reads it.
        while !cast.group(6).iter().any(leads) {
            sleep(millis(10)).await;
        }
        let before = boss.query().await;
        let going = Rc::new(Cell::new(true));
        let (stop, other, shards) = (going.clone(), cast.controller(), before.shards.clone());
        let named = cast.named(&[6]);
        let mover = spawn(async move {
            let mut moved = vec![false; shards.len()];
            while stop.get() {
                for joins in [true, false] {
                    let Some(current) = other.query().await else { continue };
                    let rule = if joins {
                        stormglass_systems::shardkv::message::Rule::Join(named.clone())
                    } else {
                        stormglass_systems::shardkv::message::Rule::Leave(vec![6])
                    };
                    let Ok(next) = current.after(&rule, stormglass_systems::shardkv::bugs::Bugs::NONE, 0)
                    else {
                        continue;
                    };
                    for (shard, _, _) in current.moves(&next) {
                        moved[shard] = true;
                    }
                    _ = other.change_to(&next).await;
                    sleep(millis(50)).await;
                }
            }
            moved
        });
        let mut slowest = vec![Duration::ZERO; keys.len()];
        let (mut reads, start) = (0, cast.world.now());
        while cast.world.now() - start < Duration::from_secs(2) {
            let at = below(keys.len() as u64) as usize;
            let begun = cast.world.now();
            boss.hand.get(&keys[at]).await;
            slowest[at] = slowest[at].max(cast.world.now() - begun);
            reads += 1;
            sleep(millis(8)).await;
        }
        going.set(false);
        let moved = mover.await.unwrap_or_default();
        cast.stage.claim(reads >= 100, "reads get on while shards move", || format!("{reads} reads in 2 s"));
        for (shard, slowest) in slowest.iter().enumerate().filter(|(shard, _)| !moved[*shard]) {
            cast.stage.claim(*slowest <= millis(500), "a shard that does not move is read at once", || {
                format!("a read of shard {shard} took {slowest:?}")
            });
        }
    })
    .await;
}
