//! What an observer remembers of groups, controllers and clerks.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

use rustc_hash::FxHasher;

use super::super::message::{Config, Gid, Num, Shard, Stamp, Version};
use super::super::protocol::{PutError, Seen};
use super::observation::Observation;
use super::operations::{Op, Outcome};
use crate::probe::{self, Broken};

/// How often things happened, so that a story can tell whether it has seen anything at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes executed.
    pub wrote: u64,
    /// Shards installed.
    pub installed: u64,
    /// Parts taken of shards that came in several.
    pub parts: u64,
    /// Shards deleted.
    pub deleted: u64,
    /// Configurations that took effect.
    pub configs: u64,
    /// Requests or steps that changed nothing.
    pub refused: u64,
    /// Puts that returned [`PutError::Maybe`].
    pub maybe: u64,
    /// Decrees that were refused.
    pub objections: u64,
    /// Leases taken from a controller that had not given them back.
    pub successions: u64,
}

/// How a group stands to a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has nothing, or deleted it.
    Absent,
    /// It serves it.
    Serving,
    /// It keeps it for another.
    Frozen,
}

/// A shard as a group has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The configuration for which it moved last, here.
    pub num: Num,
    /// How the group stands to it.
    pub phase: Phase,
}

/// What was frozen last of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// Where.
    pub gid: Gid,
    /// For which configuration.
    pub num: Num,
    /// Its content as one number.
    pub digest: u64,
}

/// All that was seen, in the shape in which the properties ask for it.
#[derive(Debug, Default)]
pub struct Ghost {
    applied: BTreeMap<(Gid, u64), u64>,
    snapshots: BTreeMap<(Gid, u64), u64>,
    held: BTreeMap<(Shard, Gid), Held>,
    arrived: BTreeMap<(Shard, Gid), (Num, u64)>,
    frozen: BTreeMap<Shard, Frozen>,
    installed: BTreeSet<(Shard, Num)>,
    born: BTreeSet<Shard>,
    versions: BTreeMap<String, Version>,
    executed: BTreeSet<Stamp>,
    refused: BTreeSet<Stamp>,
    decreed: BTreeMap<Stamp, Num>,
    objected: BTreeSet<Stamp>,
    configs: BTreeMap<Num, Config>,
    current: Num,
    lease: Option<u64>,
    adopted: BTreeMap<Gid, Num>,
    counts: Counts,
}

impl Ghost {
    /// What a command at this place did when it was executed first, as one number.
    pub fn executed_as(&self, gid: Gid, index: u64) -> Option<u64> {
        self.applied.get(&(gid, index)).copied()
    }

    /// The state of the first server of a group that took a snapshot after this entry, or was restored from one.
    pub fn snapshot(&self, gid: Gid, index: u64) -> Option<u64> {
        self.snapshots.get(&(gid, index)).copied()
    }

    /// A shard as a group has it.
    pub fn held(&self, shard: Shard, gid: Gid) -> Held {
        self.held.get(&(shard, gid)).copied().unwrap_or(Held { num: 0, phase: Phase::Absent })
    }

    /// How much of a shard a group has taken for a configuration; `None`: it has begun with a later one.
    pub fn arrived(&self, shard: Shard, gid: Gid, num: Num) -> Option<u64> {
        match self.arrived.get(&(shard, gid)) {
            Some((later, _)) if *later > num => None,
            Some((same, until)) if *same == num => Some(*until),
            _ => Some(0),
        }
    }

    /// The group that serves a shard.
    pub fn serving(&self, shard: Shard) -> Option<Gid> {
        let mut groups = self.held.range((shard, 0)..=(shard, Gid::MAX));
        groups.find(|(_, held)| held.phase == Phase::Serving).map(|((_, gid), _)| *gid)
    }

    /// What was frozen last of a shard.
    pub fn frozen(&self, shard: Shard) -> Option<Frozen> {
        self.frozen.get(&shard).copied()
    }

    /// Whether a shard was installed for this configuration.
    pub fn was_installed(&self, shard: Shard, num: Num) -> bool {
        self.installed.contains(&(shard, num))
    }

    /// Whether somebody began with this shard.
    pub fn was_born(&self, shard: Shard) -> bool {
        self.born.contains(&shard)
    }

    /// The latest version of a key.
    pub fn version(&self, key: &str) -> Version {
        self.versions.get(key).copied().unwrap_or(0)
    }

    /// Whether this write was executed.
    pub fn was_executed(&self, by: Stamp) -> bool {
        self.executed.contains(&by)
    }

    /// The first of these requests of a clerk that was executed.
    pub fn executed_of(&self, clerk: u64, numbers: &RangeInclusive<u64>) -> Option<Stamp> {
        let stamp = |number: &u64| Stamp { clerk, number: *number };
        self.executed.range(stamp(numbers.start())..=stamp(numbers.end())).next().copied()
    }

    /// Whether a client was told that this write is certainly not done.
    pub fn was_refused(&self, by: Stamp) -> bool {
        self.refused.contains(&by)
    }

    /// The configuration that this decree has made.
    pub fn decreed(&self, by: Stamp) -> Option<Num> {
        self.decreed.get(&by).copied()
    }

    /// Whether somebody was told that this decree changes nothing.
    pub fn was_objected_to(&self, by: Stamp) -> bool {
        self.objected.contains(&by)
    }

    /// The configuration of this number.
    pub fn config(&self, num: Num) -> Option<&Config> {
        self.configs.get(&num)
    }

    /// The number of the configuration that is in force: stored as current, or made last by the controller.
    pub fn current(&self) -> Num {
        self.current
    }

    /// Under which name the lease of controllers is stored.
    pub fn lease(&self) -> Option<u64> {
        self.lease
    }

    /// The configuration that a group took up last.
    pub fn adopted(&self, gid: Gid) -> Num {
        self.adopted.get(&gid).copied().unwrap_or(0)
    }

    /// How often things happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn judge(&mut self, seen: Observation) -> Result<(), Broken> {
        let judged = super::ALL.iter().find_map(|(clause, property)| {
            property(self, &seen).err().map(|detail| Broken { clause, detail })
        });
        self.remember(seen);
        judged.map_or(Ok(()), Err)
    }

    fn remember(&mut self, seen: Observation) {
        match seen {
            Observation::Founded { gid, shards } => {
                for shard in 0..shards {
                    if self.born.insert(shard) {
                        self.hold(shard, gid, 1, Phase::Serving);
                    }
                }
            }
            Observation::Applied { gid, index, seen } => {
                self.applied.insert((gid, index), digest(&seen));
            }
            Observation::Snapshot { gid, index, digest } => {
                self.snapshots.entry((gid, index)).or_insert(digest);
            }
            Observation::Step { gid, seen } => self.remember_step(gid, seen),
            Observation::Configured { by, config, .. } => {
                self.decreed.insert(by, config.num);
                self.current = self.current.max(config.num);
                self.counts.configs = self.current;
                self.configs.insert(config.num, config);
            }
            Observation::Stored { current, config } => {
                if current {
                    self.current = config.num;
                    self.counts.configs += 1;
                }
                self.configs.insert(config.num, config);
            }
            Observation::Refused { clerk, numbers } => {
                self.refused.extend(numbers.map(|number| Stamp { clerk, number }));
            }
            Observation::Decreed { by, told: Err(_), .. } => {
                self.counts.objections += 1;
                self.objected.insert(by);
            }
            Observation::Decreed { .. } | Observation::Queried { .. } | Observation::Works { .. } => {}
            Observation::Leased { holder } => {
                let before = std::mem::replace(&mut self.lease, holder);
                self.counts.successions +=
                    u64::from(holder.is_some() && before.is_some() && before != holder);
            }
            Observation::Returned { outcome, .. } => {
                self.counts.maybe += u64::from(outcome == Outcome::Put(Err(PutError::Maybe)));
            }
        }
    }

    fn remember_step(&mut self, gid: Gid, seen: Seen) {
        match seen {
            Seen::Wrote { key, version, by, .. } => {
                self.counts.wrote += 1;
                self.versions.insert(key, version);
                self.executed.insert(by);
            }
            Seen::Looked { .. } => {}
            Seen::Nothing => self.counts.refused += 1,
            Seen::Born { shard, num } => {
                self.born.insert(shard);
                self.hold(shard, gid, num, Phase::Serving);
            }
            Seen::Froze { shard, num, digest } => {
                self.frozen.insert(shard, Frozen { gid, num, digest });
                self.hold(shard, gid, num, Phase::Frozen);
            }
            Seen::Took { shard, num, until, .. } => {
                self.counts.parts += 1;
                self.arrived.insert((shard, gid), (num, until));
            }
            Seen::Installed { shard, num, .. } => {
                self.counts.installed += 1;
                self.installed.insert((shard, num));
                self.hold(shard, gid, num, Phase::Serving);
            }
            Seen::Deleted { shard, num } => {
                self.counts.deleted += 1;
                self.hold(shard, gid, num, Phase::Absent);
            }
            Seen::Adopted { num } => _ = self.adopted.insert(gid, num),
        }
    }

    fn hold(&mut self, shard: Shard, gid: Gid, num: Num, phase: Phase) {
        self.held.insert((shard, gid), Held { num, phase });
    }
}

/// What a command did, as one number.
pub(super) fn digest(seen: &[Seen]) -> u64 {
    let mut hasher = FxHasher::default();
    seen.hash(&mut hasher);
    hasher.finish()
}

impl probe::Ghost for Ghost {
    type Observation = Observation;
    type Op = Op;
    type Outcome = Outcome;

    fn observe(&mut self, seen: Observation) -> Result<(), Broken> {
        let (gid, steps) = match &seen {
            Observation::Applied { gid, index, seen } if self.executed_as(*gid, *index).is_none() => {
                (*gid, seen.clone())
            }
            _ => (0, Vec::new()),
        };
        let mut judged = self.judge(seen);
        for seen in steps {
            judged = judged.and(self.judge(Observation::Step { gid, seen }));
        }
        judged
    }

    fn returned(op: &Op, outcome: &Outcome) -> Observation {
        Observation::Returned { op: op.clone(), outcome: outcome.clone() }
    }
}
