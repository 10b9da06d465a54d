//! How a shard leaves a group and comes to another.
//!
//! Freeze at the source, install at the destination, delete at the source: each step is an entry of a group's log and
//! bears the number of the configuration for which the shard moves. A step of an older number than the shard's changes
//! nothing; one of the same number is answered as it was the first time. So a step may come twice, late, or from
//! somebody who has been replaced, and whoever finds a move half done can do all of it again.
//!
//! Between freeze and delete the content does not change, and the destination has it durably before it is deleted at the
//! source. So no write is lost, and no two groups serve a shard: the one froze it before the other could install it.

use serde::{Deserialize, Serialize};

use super::super::bugs::Bug;
use super::super::message::{Config, Content, Delete, Freeze, Gid, Install, Moved, Num, Shard};
use super::group::{Answer, Effects, Group, Phase, Seen, Slot};

/// A frozen shard for which another group waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The shard.
    pub shard: Shard,
    /// The configuration it moves for.
    pub num: Num,
    /// The servers of the group that is to serve it, as the configuration that this group follows has them: a later one
    /// may know better, and is taken up only when nothing is left to hand over.
    pub to: Vec<String>,
}

/// How far a group is that follows a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The configuration it has taken up.
    pub num: Num,
    /// Whether all that this one asks of it is done.
    pub settled: bool,
    /// What it still has to hand over.
    pub outgoing: Vec<Outgoing>,
}

impl Group {
    /// How far it is.
    pub fn shape(&self) -> Shape {
        let outgoing = |(shard, slot): (Shard, &Slot)| {
            let to = self.config.shards[shard];
            let goes = matches!(slot.phase, Phase::Frozen(_)) && to != self.gid;
            let to = self.config.groups.get(&to).filter(|_| goes)?;
            Some(Outgoing { shard, num: slot.num, to: to.clone() })
        };
        let outgoing = self.slots.iter().enumerate().filter_map(outgoing).collect();
        Shape { num: self.config.num, settled: self.is_settled(), outgoing }
    }

    /// The content of a shard that is frozen for `num`.
    pub fn frozen(&self, shard: Shard, num: Num) -> Option<Content> {
        match self.slots.get(shard) {
            Some(Slot { num: at, phase: Phase::Frozen(content) }) if *at == num => {
                Some(self.to_send(content))
            }
            _ => None,
        }
    }

    /// Whether the shards have come and gone as the configuration wants it. Only then the next one is taken up, because
    /// a shard that has yet to come may have to go on.
    pub(super) fn is_settled(&self) -> bool {
        self.slots.iter().zip(&self.config.shards).all(|(slot, owner)| {
            // It came for a later configuration already.
            let ahead = slot.num > self.config.num;
            ahead
                || match slot.phase {
                    Phase::Serving(_) => *owner == self.gid,
                    Phase::Frozen(_) => *owner == 0 || self.bugs.has(Bug::NeverDeletes),
                    Phase::Absent => *owner != self.gid,
                }
        })
    }

    /// Whether a shard has yet to come.
    pub(super) fn awaits_any(&self) -> bool {
        let mine = self.slots.iter().zip(&self.config.shards).filter(|(_, owner)| **owner == self.gid);
        mine.into_iter().any(|(slot, _)| slot.phase == Phase::Absent)
    }

    fn to_send(&self, content: &Content) -> Content {
        if self.bugs.has(Bug::RequestsStayBehind) { content.without_requests() } else { content.clone() }
    }

    pub(super) fn freeze(&mut self, freeze: &Freeze) -> Effects {
        let &Freeze { shard, num } = freeze;
        let unfenced = self.bugs.has(Bug::FreezesForOldNumbers);
        let (mut seen, moved) = match self.slots.get_mut(shard) {
            None => (vec![], Moved::Never),
            Some(slot) if num < slot.num && !unfenced => (vec![], Moved::Stale),
            Some(slot) => match std::mem::replace(&mut slot.phase, Phase::Absent) {
                Phase::Serving(content) if num > slot.num || unfenced => {
                    (*slot, _) = (Slot { num, phase: Phase::Frozen(content.clone()) }, ());
                    (vec![Seen::Froze { shard, num, digest: content.digest() }], Moved::Done(content))
                }
                Phase::Frozen(content) => {
                    let again = num == slot.num;
                    *slot = Slot { num, phase: Phase::Frozen(content.clone()) };
                    let froze = Seen::Froze { shard, num, digest: content.digest() };
                    (if again { vec![] } else { vec![froze] }, Moved::Done(content))
                }
                Phase::Absent
                    if num == slot.num
                        && (self.bugs.has(Bug::FreezesNothing)
                            || self.bugs.has(Bug::AnswersAgainWithNothing)) =>
                {
                    (vec![], Moved::Done(Content::default()))
                }
                Phase::Absent => (vec![], if num == slot.num { Moved::Gone } else { Moved::Never }),
                serving @ Phase::Serving(_) => {
                    slot.phase = serving;
                    (vec![], Moved::Stale)
                }
            },
        };
        if seen.is_empty() {
            seen.push(Seen::Nothing);
        }
        let moved =
            if let Moved::Done(content) = moved { Moved::Done(self.to_send(&content)) } else { moved };
        Effects { seen, answer: Answer::Freeze(moved) }
    }

    pub(super) fn install(&mut self, install: Install) -> Effects {
        let Install { shard, num, content } = install;
        let bugs = self.bugs;
        let Some(slot) = self.slots.get_mut(shard) else { return nothing(Moved::Never) };
        let again = num == slot.num && matches!(slot.phase, Phase::Serving(_));
        let fresh = num > slot.num && !matches!(slot.phase, Phase::Serving(_));
        let twice = bugs.has(Bug::InstallsTwice) || bugs.has(Bug::AnswersAgainWithNothing);
        if !(fresh || again && twice || bugs.has(Bug::InstallsForOldNumbers)) {
            return nothing(if again { Moved::Done(()) } else { Moved::Stale });
        }
        let digest = content.digest();
        *slot = Slot { num, phase: Phase::Serving(content) };
        Effects { seen: vec![Seen::Installed { shard, num, digest }], answer: Answer::Moved(Moved::Done(())) }
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Effects {
        let &Delete { shard, num } = delete;
        let bugs = self.bugs;
        let Some(slot) = self.slots.get_mut(shard) else { return nothing(Moved::Never) };
        let older = bugs.has(Bug::DeletesForOldNumbers) && num < slot.num;
        match slot.phase {
            Phase::Frozen(_) | Phase::Serving(_) if older => slot.phase = Phase::Absent,
            _ if num < slot.num => return nothing(Moved::Stale),
            Phase::Frozen(_) if num == slot.num && bugs.has(Bug::NeverDeletes) => {
                return nothing(Moved::Done(()));
            }
            Phase::Frozen(_) if num == slot.num => slot.phase = Phase::Absent,
            Phase::Absent if num == slot.num => return nothing(Moved::Done(())),
            Phase::Absent | Phase::Frozen(_) | Phase::Serving(_) => return nothing(Moved::Never),
        }
        Effects { seen: vec![Seen::Deleted { shard, num }], answer: Answer::Moved(Moved::Done(())) }
    }

    /// Takes up the next configuration, if this one is done with: what the group serves no more is frozen, what nobody
    /// had is born. The rest comes by [`Install`], and may have come already.
    pub(super) fn adopt(&mut self, config: Config) -> Effects {
        let next = config.num == self.config.num + 1
            && (self.is_settled() || self.bugs.has(Bug::AdoptsBeforeSettled));
        if !next || config.shards.len() != self.slots.len() {
            return Effects { seen: vec![Seen::Nothing], answer: Answer::Adopt(false) };
        }
        let mut seen = vec![Seen::Adopted { num: config.num }];
        for (shard, slot) in self.slots.iter_mut().enumerate() {
            let (owner, origin) = (config.shards[shard], config.origins[shard]);
            let origin = if self.bugs.has(Bug::BeginsAnew) { self.config.shards[shard] } else { origin };
            seen.extend(slot.adopt(shard, config.num, self.gid, owner, origin));
        }
        self.config = config;
        Effects { seen, answer: Answer::Adopt(true) }
    }
}

impl Slot {
    fn adopt(&mut self, shard: Shard, num: Num, gid: Gid, owner: Gid, origin: Gid) -> Option<Seen> {
        if self.num >= num {
            return None;
        }
        let (phase, seen) = match std::mem::replace(&mut self.phase, Phase::Absent) {
            Phase::Absent if owner == gid && origin == 0 => {
                (Phase::Serving(Content::default()), Some(Seen::Born { shard, num }))
            }
            Phase::Frozen(content) if owner == gid => {
                let digest = content.digest();
                (Phase::Serving(content), Some(Seen::Installed { shard, num, digest }))
            }
            // Kept while nobody served it: it goes now, for this configuration.
            Phase::Frozen(content) => {
                let digest = content.digest();
                (Phase::Frozen(content), Some(Seen::Froze { shard, num, digest }))
            }
            Phase::Serving(content) if owner != gid => {
                let digest = content.digest();
                (Phase::Frozen(content), Some(Seen::Froze { shard, num, digest }))
            }
            same => (same, None),
        };
        self.phase = phase;
        if seen.is_some() {
            self.num = num;
        }
        seen
    }
}

fn nothing(moved: Moved<()>) -> Effects {
    Effects { seen: vec![Seen::Nothing], answer: Answer::Moved(moved) }
}
