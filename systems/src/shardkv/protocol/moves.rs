//! How a shard leaves a group and comes to another.
//!
//! Freeze at the source, install at the destination, delete at the source: each step is an entry of a group's log and
//! bears the number of the configuration for which the shard moves. A step of an older number than the shard's changes
//! nothing; one of the same number is answered as it was the first time. So a step may come twice, late, or from
//! somebody who has been replaced, and whoever finds a move half done can do all of it again.
//!
//! An install comes in parts, each an entry of its own: whatever is as large as a shard would hold up the heartbeats behind
//! it, and take longer than an election. The destination takes a part that follows what it has, and says what it wants
//! next; so a part may come twice, too, and who begins again goes on where another has stopped.
//!
//! Between freeze and delete the content does not change, and the destination has it durably before it is deleted at the
//! source. So no write is lost, and no two groups serve a shard: the one froze it before the other could install it.

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use super::super::bugs::Bug;
use super::super::message::{Config, Content, Delete, Freeze, Gid, Install, Moved, Num, Part, Shard, Taken};
use super::group::{Answer, Arriving, Effects, Group, Phase, Seen, Slot};
use crate::rsm::decode;

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

    /// A part of a shard that is frozen for `num`.
    pub fn frozen(&self, shard: Shard, num: Num, from: u64) -> Option<Part> {
        match self.slots.get(shard) {
            Some(Slot { num: at, phase: Phase::Frozen(content), .. }) if *at == num => {
                Some(self.part(content, from))
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

    /// What is sent of a shard's content.
    pub fn part(&self, content: &Content, from: u64) -> Part {
        let most = if self.bugs.has(Bug::MovesInOnePiece) { usize::MAX } else { self.limits.part };
        if self.bugs.has(Bug::RequestsStayBehind) {
            return content.without_requests().part(from, most);
        }
        content.part(from, most)
    }

    pub(super) fn freeze(&mut self, freeze: &Freeze) -> Effects {
        let &Freeze { shard, num, from } = freeze;
        let seen = self.freezes(shard, num);
        let (empty, bugs) = (Content::default(), self.bugs);
        let moved = match self.slots.get(shard) {
            None => Moved::Never,
            Some(slot) if num < slot.num && !bugs.has(Bug::FreezesForOldNumbers) => Moved::Stale,
            Some(slot) => match &slot.phase {
                Phase::Frozen(content) => Moved::Done(self.part(content, from)),
                Phase::Absent
                    if num == slot.num
                        && (bugs.has(Bug::FreezesNothing) || bugs.has(Bug::AnswersAgainWithNothing)) =>
                {
                    Moved::Done(self.part(&empty, from))
                }
                Phase::Absent => {
                    if num == slot.num {
                        Moved::Gone
                    } else {
                        Moved::Never
                    }
                }
                Phase::Serving(_) => Moved::Stale,
            },
        };
        Effects { seen: vec![seen], answer: Answer::Freeze(moved) }
    }

    /// Freezes a shard, unless it is or may not be.
    fn freezes(&mut self, shard: Shard, num: Num) -> Seen {
        let unfenced = self.bugs.has(Bug::FreezesForOldNumbers);
        let Some(slot) = self.slots.get_mut(shard) else { return Seen::Nothing };
        let again = num == slot.num && matches!(slot.phase, Phase::Frozen(_));
        if again || num <= slot.num && !unfenced {
            return Seen::Nothing;
        }
        match std::mem::replace(&mut slot.phase, Phase::Absent) {
            Phase::Serving(content) | Phase::Frozen(content) => {
                let digest = content.digest();
                *slot = Slot::new(num, Phase::Frozen(content));
                Seen::Froze { shard, num, digest }
            }
            Phase::Absent => Seen::Nothing,
        }
    }

    /// Takes a part, if it is the one that is wanted next. With the last one the shard is served.
    pub(super) fn install(&mut self, install: &Install) -> Effects {
        let &Install { shard, num, ref part } = install;
        let bugs = self.bugs;
        let nothing = |moved| Effects { seen: vec![Seen::Nothing], answer: Answer::Install(moved) };
        let Some(slot) = self.slots.get_mut(shard) else { return nothing(Moved::Never) };
        let again = num == slot.num && matches!(slot.phase, Phase::Serving(_));
        let late = slot.arriving.as_ref().is_some_and(|arriving| num < arriving.num);
        let fresh = num > slot.num && !late && !matches!(slot.phase, Phase::Serving(_));
        let twice = bugs.has(Bug::InstallsTwice) || bugs.has(Bug::AnswersAgainWithNothing);
        if !(fresh || again && twice || bugs.has(Bug::InstallsForOldNumbers)) {
            return nothing(if again { Moved::Done(Taken::Whole) } else { Moved::Stale });
        }
        let mut held = match slot.arriving.take() {
            Some(arriving) if arriving.num == num => arriving.bytes,
            _ => BytesMut::new(),
        };
        let has = held.len() as u64;
        let wanted = part.from == has || bugs.has(Bug::TakesPartsAsTheyCome);
        if wanted {
            held.extend_from_slice(&part.bytes);
        }
        let until = held.len() as u64;
        if until < part.total {
            slot.arriving = Some(Arriving { num, bytes: held });
            let took = Seen::Took { shard, num, from: part.from, until };
            let seen = if until > has { took } else { Seen::Nothing };
            return Effects { seen: vec![seen], answer: Answer::Install(Moved::Done(Taken::Until(until))) };
        }
        // Nobody sends anything else; all servers skip it alike.
        let Ok(content) = decode::<Content>(&held) else { return nothing(Moved::Never) };
        let took = (has > 0).then_some(Seen::Took { shard, num, from: part.from, until });
        let digest = content.digest();
        *slot = Slot::new(num, Phase::Serving(content));
        let seen = took.into_iter().chain([Seen::Installed { shard, num, digest }]).collect();
        Effects { seen, answer: Answer::Install(Moved::Done(Taken::Whole)) }
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
        Effects { seen: vec![Seen::Deleted { shard, num }], answer: Answer::Delete(Moved::Done(())) }
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
            self.arriving = self.arriving.take().filter(|arriving| arriving.num > num);
        }
        seen
    }
}

fn nothing(moved: Moved<()>) -> Effects {
    Effects { seen: vec![Seen::Nothing], answer: Answer::Delete(moved) }
}

#[cfg(test)]
mod tests {
    use super::super::super::bugs::Bugs;
    use super::super::super::message::{Change, Stamp, Write};
    use super::super::{Command, Limits};
    use super::*;

    const LIMITS: Limits = Limits { clerks: 8, bytes: 1000, part: 10 };

    fn install(group: &mut Group, num: Num, part: &Part) -> Moved<Taken> {
        match group.install(&Install { shard: 0, num, part: part.clone() }).answer {
            Answer::Install(moved) => moved,
            other => panic!("{other:?}"),
        }
    }

    /// A group with a shard that is frozen for configuration 2, one with nothing, and all parts of the shard.
    fn before(bugs: Bugs) -> (Group, Group, Vec<Part>) {
        let mut one = Group::founder(1, 1, LIMITS, bugs);
        let change = Change::Set("what takes several parts".into());
        let by = Stamp { clerk: 1, number: 1 };
        _ = one.apply(Command::Write(Write { key: "k".into(), change, by, after: Some(0) }));
        _ = one.freeze(&Freeze { shard: 0, num: 2, from: 0 });
        let mut parts = vec![one.frozen(0, 2, 0).unwrap()];
        while let Some(last) = parts.last()
            && last.from + (last.bytes.len() as u64) < last.total
        {
            parts.push(one.frozen(0, 2, last.from + last.bytes.len() as u64).unwrap());
        }
        assert!(parts.len() > 3, "{parts:?}");
        (one, Group::new(2, 1, LIMITS, bugs), parts)
    }

    #[test]
    fn parts_come_twice_and_late_and_make_the_whole() {
        let (one, mut two, parts) = before(Bugs::NONE);
        let until = |parts: usize| Moved::Done(Taken::Until(10 * parts as u64));
        assert_eq!(install(&mut two, 2, &parts[1]), until(0), "it wants the first");
        assert_eq!(install(&mut two, 2, &parts[0]), until(1));
        assert_eq!(install(&mut two, 2, &parts[0]), until(1), "a copy");
        // A server that is restored from a snapshot goes on where the group is.
        let (slots, config) = two.save();
        let saved = (slots.into_owned(), config.clone());
        let mut restored = Group::new(2, 1, LIMITS, Bugs::NONE);
        restored.load(saved);
        assert_eq!(restored.digest(), two.digest());
        assert!(!restored.serves(0));
        for (part, count) in parts[1..].iter().zip(2..) {
            let whole = count == parts.len();
            let taken = if whole { Moved::Done(Taken::Whole) } else { until(count) };
            assert_eq!(install(&mut restored, 2, part), taken);
            assert_eq!(restored.serves(0), whole);
        }
        let Phase::Frozen(content) = &one.slot(0).unwrap().phase else { panic!() };
        assert_eq!(restored.serving(0), Some(content));
        assert_eq!(restored.slot(0).unwrap().arriving, None);
        assert_eq!(install(&mut restored, 2, &parts[0]), Moved::Done(Taken::Whole), "a late copy");
    }

    #[test]
    fn parts_of_an_older_configuration_change_nothing() {
        let (_, mut two, parts) = before(Bugs::NONE);
        _ = install(&mut two, 2, &parts[0]);
        assert_eq!(install(&mut two, 4, &parts[0]), Moved::Done(Taken::Until(10)), "it begins anew");
        assert_eq!(install(&mut two, 2, &parts[1]), Moved::Stale);
        assert_eq!(install(&mut two, 4, &parts[1]), Moved::Done(Taken::Until(20)));
    }

    #[test]
    fn the_bugs_of_parts() {
        let (_, mut two, parts) = before(Bugs::only(Bug::TakesPartsAsTheyCome));
        _ = install(&mut two, 2, &parts[0]);
        assert_eq!(install(&mut two, 2, &parts[0]), Moved::Done(Taken::Until(20)));
        let (_, mut two, parts) = before(Bugs::only(Bug::SnapshotForgetsParts));
        _ = install(&mut two, 2, &parts[0]);
        assert!(two.save().0.iter().all(|slot| slot.arriving.is_none()));
        let (one, ..) = before(Bugs::NONE);
        let one = Group { bugs: Bugs::only(Bug::MovesInOnePiece), ..one };
        let part = one.frozen(0, 2, 0).unwrap();
        assert_eq!(part.bytes.len() as u64, part.total);
    }
}
