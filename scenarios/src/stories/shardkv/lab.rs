//! What the labs' tests have in common: checks of configurations, groups that are down, and how many gets get through.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::shardkv::message::{Config, Gid};
use stormglass_systems::shardkv::spec::Phase;

use super::admin::{Admin, millis};
use super::cast::Cast;
use super::hand::Hand;
use crate::weather::Profile;

/// What a lab gives a test that must come to its end.
pub(super) const LAB: Duration = Duration::from_secs(120);

/// How long nobody must have got through before those that have are counted.
const SILENCE: Duration = Duration::from_secs(2);

impl Cast {
    /// The latest configuration has these groups, and every shard is with one of them, evenly.
    pub(super) fn check(&self, config: &Config, gids: &[Gid]) {
        let found: Vec<Gid> = config.groups.keys().copied().collect();
        let mut expected = gids.to_vec();
        expected.sort_unstable();
        self.stage.claim(found == expected, "the configuration has the groups that joined", || {
            format!("configuration {} has groups {found:?}, not {expected:?}", config.num)
        });
        let strangers = config.shards.iter().filter(|gid| !gids.contains(gid)).count();
        self.stage.claim(gids.is_empty() || strangers == 0, "every shard is with a group", || {
            format!("configuration {} has shards {:?}", config.num, config.shards)
        });
        let sizes = gids.iter().map(|gid| config.shards.iter().filter(|owner| *owner == gid).count());
        let spread = sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0);
        self.stage.claim(spread <= 1, "shards are balanced", || {
            format!("configuration {} has shards {:?}", config.num, config.shards)
        });
        for (gid, servers) in &config.groups {
            self.stage.claim(
                *servers == self.addresses(*gid),
                "servers are returned as they were given",
                || format!("group {gid} is at {servers:?}"),
            );
        }
    }

    /// Servers of this number, one in each group.
    pub(super) fn each_group(&self, number: usize, act: impl Fn(&Cast, stormglass_sim::NodeId)) {
        for gid in &self.plan.groups {
            act(self, self.group(*gid)[number].node);
        }
    }

    /// How much the servers of all groups have on their disks.
    pub(super) fn stored(&self) -> u64 {
        self.plan
            .groups
            .iter()
            .flat_map(|gid| self.group(*gid))
            .map(|member| self.world.disk(member.node, |disk| disk.used()))
            .sum()
    }

    /// Whoever does not serve a shard in this configuration keeps nothing of it.
    pub(super) fn check_garbage(&self, config: &Config) {
        for (shard, owner) in config.shards.iter().enumerate() {
            for gid in self.plan.groups.iter().filter(|gid| *gid != owner) {
                let held = self.probe.ghost(|ghost| ghost.held(shard, *gid).phase).unwrap_or(Phase::Absent);
                self.stage.claim(held == Phase::Absent, "garbage", || {
                    format!("group {gid} still has shard {shard}, which is group {owner}'s")
                });
            }
        }
    }

    /// No log is longer than what twice calls for a snapshot, and a few entries that are not executed yet.
    pub(super) fn check_logs(&self) {
        let most = self.plan.snapshots.map_or(u64::MAX, |entries| 2 * entries + 8);
        for member in self.plan.groups.iter().flat_map(|gid| self.group(*gid)) {
            let Some(status) = member.door.status() else { continue };
            let length = status.last_index + 1 - status.first_index;
            self.stage.claim(length <= most, "logs are cut by snapshots", || {
                format!("{} has {length} entries in its log", self.world.name(member.node))
            });
            self.stage.claim(
                self.plan.snapshots.is_some() || status.snapshot == 0,
                "no snapshot is made unasked",
                || format!("{} made a snapshot at {}", self.world.name(member.node), status.snapshot),
            );
        }
    }
}

/// Gets that were begun at once, by a clerk each.
pub(super) struct Gets {
    begun: Vec<usize>,
    done: Rc<Cell<usize>>,
    cast: Cast,
}

impl Gets {
    /// One for each key; `directory` tells whom to ask where that is not what everybody asks.
    pub(super) fn begin(cast: &Cast, keys: &[String], directory: Option<&Config>) -> Gets {
        let (done, mut begun) = (Rc::new(Cell::new(0)), Vec::new());
        for (shard, key) in keys.iter().enumerate() {
            if !cast.stage.happens("gets") {
                continue;
            }
            begun.push(shard);
            let (key, done, fixed) = (key.clone(), done.clone(), directory.cloned());
            cast.client(move |mut hand| async move {
                match fixed {
                    None => drop(hand.get(&key).await),
                    Some(config) => {
                        hand.clerk = hand.cast.believer(config);
                        // Who is refused for ever gives up when all has been counted.
                        if stormglass_sim::time::timeout(SILENCE * 3, hand.get(&key)).await.is_err() {
                            return;
                        }
                    }
                }
                done.set(done.get() + 1);
            });
        }
        Gets { begun, done, cast: cast.clone() }
    }

    /// Waits until no more get through for a while. Those did whose shards are served, and no others; where messages are
    /// lost, perhaps not all of them yet.
    pub(super) async fn count(&self, serve: impl Fn(usize) -> bool, lossy: bool) {
        loop {
            let before = self.done.get();
            sleep(SILENCE).await;
            if self.done.get() == before {
                break;
            }
        }
        let expected = self.begun.iter().filter(|shard| serve(**shard)).count();
        let done = self.done.get();
        self.cast.stage.claim(
            done == expected || lossy && done < expected,
            "those gets get through whose group is there",
            || format!("{done} of {} gets got through, not {expected}", self.begun.len()),
        );
    }
}

/// With this group down, only what the others serve is read; the rest when it is back.
pub(super) async fn check_shut(hand: &Hand, config: &Config, gid: Gid, profile: Profile) {
    let (cast, keys) = (hand.cast.clone(), hand.keys());
    hand.note(Some(format!("gets with group {gid} down")));
    cast.shut(gid);
    let gets = Gets::begin(&cast, &keys, None);
    gets.count(|shard| config.shards[shard] != gid, profile == Profile::LabUnreliable).await;
    cast.restart(gid);
    hand.note(None);
}

/// So many clients append to a key each, until there is nothing left to do.
pub(super) fn appenders(cast: &Cast, clients: usize, appends: usize, pace: Duration) {
    for client in 0..clients {
        cast.client(move |mut hand| async move {
            let key = hand.keys()[client % hand.cast.plan.shards].clone();
            for _ in hand.each(0..appends) {
                hand.append(&key).await;
                sleep(pace).await;
            }
            hand.get(&key).await;
        });
    }
}

/// Joins and leaves, so far apart.
pub(super) async fn rotate(admin: &mut Admin, steps: &[(bool, Gid)], pause: u64) {
    for (joins, gid) in admin.hand.each(steps.to_vec()) {
        if joins {
            admin.join(&[gid]).await;
        } else {
            admin.leave(&[gid]).await;
        }
        sleep(millis(pause)).await;
    }
}
