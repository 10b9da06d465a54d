//! What the servers of a group replicate: the shards, and which of them the group serves.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use bytes::BytesMut;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    Config, Content, Delete, Freeze, Get, Gid, Install, Moved, NotServed, Num, Part, Read, Shard, Stamp,
    Taken, Version, Write, Written,
};
use super::balance::shard_of;
use super::content::{Limits, Outcome};

/// What a group's log holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// See [`Write`].
    Write(Write),
    /// See [`Get`]; for reads that go through the log.
    Get(Get),
    /// See [`Freeze`].
    Freeze(Freeze),
    /// See [`Install`].
    Install(Install),
    /// See [`Delete`].
    Delete(Delete),
    /// The group takes up the next configuration (groups that follow a controller).
    Adopt(Config),
}

/// How a group stands to a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It has nothing.
    Absent,
    /// It serves it.
    Serving(Content),
    /// It keeps it for the group that is to serve it, and serves it no more.
    Frozen(Content),
}

/// A shard, as a group has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The latest configuration for which it moved, here.
    pub num: Num,
    /// How it stands.
    pub phase: Phase,
    /// What has come of it for a later configuration, from the beginning on. Who gets a shard back may have it frozen yet.
    pub arriving: Option<Arriving>,
}

/// The beginning of a shard's content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Arriving {
    /// The configuration it moves for.
    pub num: Num,
    /// What is there.
    pub bytes: BytesMut,
}

impl Slot {
    /// A shard as it stands since configuration `num`.
    pub(super) fn new(num: Num, phase: Phase) -> Slot {
        Slot { num, phase, arriving: None }
    }
}

/// What the group answers to the command of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a [`Write`].
    Write(Written),
    /// To a [`Get`].
    Get(Read),
    /// To a [`Freeze`].
    Freeze(Moved<Part>),
    /// To an [`Install`].
    Install(Moved<Taken>),
    /// To a [`Delete`].
    Delete(Moved<()>),
    /// To [`Command::Adopt`]: whether it did.
    Adopt(bool),
}

/// One thing that a command did, for the observer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Seen {
    /// It changed a key of a shard that the group serves since `num`.
    Wrote {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
        /// The key.
        key: String,
        /// Its version since.
        version: Version,
        /// Which request did it.
        by: Stamp,
    },
    /// It was served without changing anything.
    Looked {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
    },
    /// It was not served, or was a step that had been taken before.
    Nothing,
    /// A shard that nobody had is served, empty.
    Born {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
    },
    /// A shard is frozen for `num`.
    Froze {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
        /// Its content as one number, see [`Content::digest`].
        digest: u64,
    },
    /// A part of a shard has come, of several.
    Took {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moves.
        num: Num,
        /// Where the part begins.
        from: u64,
        /// Where the next one is to begin.
        until: u64,
    },
    /// A shard is served since now.
    Installed {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
        /// Its content as one number, see [`Content::digest`].
        digest: u64,
    },
    /// A frozen shard is gone.
    Deleted {
        /// The shard.
        shard: Shard,
        /// The configuration for which it moved last.
        num: Num,
    },
    /// The configuration with this number was taken up.
    Adopted {
        /// The configuration for which it moved last.
        num: Num,
    },
}

/// What executing one command obliges the shell to do, in the order of the fields.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "somebody waits for the answer"]
pub struct Effects {
    /// First: show this to the observer.
    pub seen: Vec<Seen>,
    /// Then: answer.
    pub answer: Answer,
}

/// The replicated state of a group.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) gid: Gid,
    pub(super) slots: Vec<Slot>,
    /// The configuration it follows; number 0 where it follows none and a controller moves its shards.
    pub(super) config: Config,
    pub(super) limits: Limits,
    pub(super) bugs: Bugs,
}

impl Group {
    /// A group that has none of the shards.
    pub fn new(gid: Gid, shards: usize, limits: Limits, bugs: Bugs) -> Self {
        let slots = vec![Slot::new(0, Phase::Absent); shards];
        Group { gid, slots, config: Config::empty(shards), limits, bugs }
    }

    /// The first group, which serves all shards since configuration 1.
    pub fn founder(gid: Gid, shards: usize, limits: Limits, bugs: Bugs) -> Self {
        let mut group = Self::new(gid, shards, limits, bugs);
        group.slots.fill(Slot::new(1, Phase::Serving(Content::default())));
        group
    }

    /// How it stands to a shard.
    pub fn slot(&self, shard: Shard) -> Option<&Slot> {
        self.slots.get(shard)
    }

    /// The content of a shard that it serves.
    pub fn serving(&self, shard: Shard) -> Option<&Content> {
        match self.slot(shard) {
            Some(Slot { phase: Phase::Serving(content), .. }) => Some(content),
            _ => None,
        }
    }

    /// Executes a command.
    pub fn apply(&mut self, command: Command) -> Effects {
        match command {
            Command::Write(write) => self.write(&write),
            Command::Get(get) => {
                let shard = shard_of(&get.key, self.slots.len());
                let answer = self.get(&get);
                let seen = if answer.is_ok() {
                    Seen::Looked { shard, num: self.slots[shard].num }
                } else {
                    Seen::Nothing
                };
                Effects { seen: vec![seen], answer: Answer::Get(answer) }
            }
            Command::Freeze(freeze) => self.freeze(&freeze),
            Command::Install(install) => self.install(&install),
            Command::Delete(delete) => self.delete(&delete),
            Command::Adopt(config) => self.adopt(config),
        }
    }

    /// Reads a key, if the group serves it.
    ///
    /// # Errors
    /// When it does not.
    pub fn get(&self, get: &Get) -> Read {
        let shard = shard_of(&get.key, self.slots.len());
        match &self.slots[shard].phase {
            Phase::Serving(content) if self.serves(shard) => Ok(content.data.get(&get.key).cloned()),
            Phase::Frozen(content) if self.bugs.has(Bug::FrozenAnswersGets) => {
                Ok(content.data.get(&get.key).cloned())
            }
            _ => Err(NotServed::WrongGroup),
        }
    }

    /// Whether the group serves a shard.
    pub fn serves(&self, shard: Shard) -> bool {
        let Some(slot) = self.slots.get(shard) else { return false };
        if self.bugs.has(Bug::StopsDuringMoves) && !self.is_settled() {
            return false;
        }
        let arrived =
            slot.num == self.config.num && self.config.origins.get(shard).is_some_and(|origin| *origin != 0);
        if self.bugs.has(Bug::WaitsForAllShards) && arrived && self.awaits_any() {
            return false;
        }
        matches!(slot.phase, Phase::Serving(_))
    }

    fn write(&mut self, write: &Write) -> Effects {
        let shard = shard_of(&write.key, self.slots.len());
        let serves = self.serves(shard);
        let slot = &mut self.slots[shard];
        let content = match &mut slot.phase {
            Phase::Serving(content) if serves => content,
            Phase::Frozen(content)
                if self.bugs.has(Bug::FrozenTakesWrites) || self.bugs.has(Bug::ChecksBeforeTheLog) =>
            {
                content
            }
            _ => {
                let answer = Answer::Write(Err(NotServed::WrongGroup));
                return Effects { seen: vec![Seen::Nothing], answer };
            }
        };
        let outcome = content.write(write, self.limits, self.bugs);
        let num = slot.num;
        let seen = match outcome {
            Outcome::Installed(version) => {
                Seen::Wrote { shard, num, key: write.key.clone(), version, by: write.by }
            }
            Outcome::Rejected(_) | Outcome::Repeated(_) => Seen::Looked { shard, num },
            Outcome::Old | Outcome::Forgotten(_) => Seen::Nothing,
        };
        Effects { seen: vec![seen], answer: Answer::Write(outcome.answer()) }
    }
}

impl Group {
    /// What a snapshot holds.
    pub fn save(&self) -> (Cow<'_, [Slot]>, &Config) {
        let (phase, parts) =
            (self.bugs.has(Bug::SnapshotForgetsPhase), self.bugs.has(Bug::SnapshotForgetsParts));
        if !phase && !parts {
            return (Cow::Borrowed(&self.slots), &self.config);
        }
        let mut slots = self.slots.clone();
        for slot in &mut slots {
            if let (Phase::Frozen(content), true) = (&slot.phase, phase) {
                slot.phase = Phase::Serving(content.clone());
            }
            slot.arriving = slot.arriving.take().filter(|_| !parts);
        }
        (Cow::Owned(slots), &self.config)
    }

    /// All of it as one number, whatever a snapshot has of it.
    pub fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        (&self.slots, &self.config).hash(&mut hasher);
        hasher.finish()
    }

    /// Puts what [`save`](Group::save) gave in place of the state.
    pub fn load(&mut self, (slots, config): (Vec<Slot>, Config)) {
        (self.slots, self.config) = (slots, config);
    }
}
