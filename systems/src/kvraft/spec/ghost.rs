//! What an observer sees of servers and clerks, and what it remembers.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::message::{Action, Answer, By, Page, Range, Version, Versioned};
use super::super::protocol::PutError;
use super::Fingerprint;
use super::moments::Moments;
use crate::probe::{self, Broken};
use crate::raft::message::{Index, ServerId};

/// What a client asks of a clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the clerk's methods")]
pub enum Op {
    /// Reads a key.
    Get { key: String },
    /// Sets a key.
    Put { key: String, value: String },
    /// Adds to the end of a key.
    Append { key: String, value: String },
    /// Sets a key that has the value `from`.
    Cas { key: String, from: Option<String>, value: String },
    /// Sets a key that has this version.
    PutAt { key: String, value: String, version: Version },
}

impl Op {
    /// The operation that this write is for.
    pub fn write(key: &str, action: &Action) -> Op {
        let key = key.to_owned();
        match action.clone() {
            Action::Put(value) => Op::Put { key, value },
            Action::PutAt(value, version) => Op::PutAt { key, value, version },
            Action::Append(value) => Op::Append { key, value },
            Action::Cas(from, value) => Op::Cas { key, from, value },
        }
    }

    /// The key it is about.
    pub fn key(&self) -> &str {
        match self {
            Op::Get { key }
            | Op::Put { key, .. }
            | Op::Append { key, .. }
            | Op::Cas { key, .. }
            | Op::PutAt { key, .. } => key,
        }
    }
}

/// What the clerk returns to its client. A clerk that does not know returns nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a Get.
    Found(Option<Versioned>),
    /// Of a write that is executed once.
    Written(Answer),
    /// Of a versioned put.
    PutAt(Result<(), PutError>),
    /// Of a write that no server took.
    NotDone,
}

/// A write that was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// What it wanted: [`digest`](super::digest).
    pub what: u64,
    /// Its result.
    pub answer: Answer,
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A server started with an empty store.
    Started {
        /// Which.
        server: ServerId,
    },
    /// A server applied an entry.
    Applied {
        /// Which.
        server: ServerId,
        /// The entry.
        index: Index,
        /// A hash of its result, of the key that it wrote and of the number of sessions.
        digest: u64,
        /// The key that it wrote, and the [`fingerprint`](super::fingerprint) of what that has then, if it exists.
        changed: Option<(String, Fingerprint)>,
        /// The session that it opened.
        opened: Option<u64>,
        /// The sessions that ended to make room.
        ended: Vec<u64>,
        /// The write that it asked for.
        used: Option<By>,
        /// That write was executed, by this entry.
        executed: Option<Executed>,
        /// How many sessions are open then, and for how many there is room.
        sessions: (usize, usize),
    },
    /// A server took a snapshot.
    Snapshot {
        /// Which.
        server: ServerId,
        /// The last entry that it had applied.
        index: Index,
        /// A hash of the state itself, whatever the snapshot has of it.
        digest: u64,
        /// The length of the snapshot.
        bytes: usize,
    },
    /// A server's state was replaced by a snapshot.
    Restored {
        /// Which.
        server: ServerId,
        /// The last entry that it stands for.
        index: Index,
        /// A hash of the state that came of it.
        digest: u64,
    },
    /// A clerk was told the result of its write.
    Told {
        /// Which write.
        by: By,
        /// What it had wanted, and the result.
        told: Executed,
    },
    /// A clerk returned to its client that its write is certainly not done.
    Refused {
        /// Which write.
        by: By,
    },
    /// A clerk returned to its client.
    Returned {
        /// What it was told.
        outcome: Outcome,
    },
    /// A clerk was asked for a scan.
    ScanBegins {
        /// Which clerk; it does one thing at a time.
        clerk: u64,
    },
    /// It returned to its client.
    Scanned {
        /// Which clerk.
        clerk: u64,
        /// What was asked for.
        range: Range,
        /// The answer.
        page: Page,
    },
}

/// How often things happened, so that a story can tell whether it has seen anything at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Starts of a server.
    pub started: u64,
    /// Writes executed.
    pub executed: u64,
    /// Those of them that changed a key.
    pub effective: u64,
    /// Copies of writes that were not executed again.
    pub repeated: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// Bytes of the largest snapshot; 0 without one.
    pub largest_snapshot: usize,
    /// Snapshots restored.
    pub restored: u64,
    /// Versioned puts that returned Ok.
    pub ok: u64,
    /// Versioned puts that returned `ErrMaybe`.
    pub maybe: u64,
    /// Versioned puts that were refused for certain.
    pub refused: u64,
    /// Writes that no server took.
    pub not_done: u64,
    /// Scans that ended before their range did.
    pub cut: u64,
    /// Scans during which at least two keys of their range changed.
    pub raced: u64,
}

/// All that was seen so far.
#[derive(Debug, Default)]
pub struct Ghost {
    applied: BTreeMap<ServerId, Index>,
    effects: FxHashMap<Index, u64>,
    last: Index,
    executed: FxHashMap<By, (Index, Executed)>,
    /// The latest write of each session.
    latest: FxHashMap<u64, u64>,
    /// The open sessions, and the entry that used each last.
    used: BTreeMap<u64, Index>,
    snapshots: FxHashMap<Index, u64>,
    refused: FxHashSet<By>,
    moments: Moments,
    /// The last entry that was applied anywhere when the clerk was asked for its scan.
    scans: FxHashMap<u64, Index>,
    counts: Counts,
}

impl Ghost {
    /// The last entry that the server has applied, itself or by a snapshot.
    pub fn applied(&self, server: ServerId) -> Index {
        self.applied.get(&server).copied().unwrap_or(0)
    }

    /// What the entry did where it was applied first.
    pub fn effect(&self, index: Index) -> Option<u64> {
        self.effects.get(&index).copied()
    }

    /// By which entry the write was executed.
    pub fn executed(&self, by: By) -> Option<(Index, Executed)> {
        self.executed.get(&by).copied()
    }

    /// The latest write of the session that was executed.
    pub fn latest(&self, session: u64) -> u64 {
        self.latest.get(&session).copied().unwrap_or(0)
    }

    /// The open sessions, and the entry that used each; the one used least recently first.
    pub fn by_use(&self) -> Vec<(u64, Index)> {
        let mut sessions: Vec<_> = self.used.iter().map(|(&session, &used)| (session, used)).collect();
        sessions.sort_unstable_by_key(|&(_, used)| used);
        sessions
    }

    /// The state after this entry, if a snapshot was taken there.
    pub fn snapshot(&self, index: Index) -> Option<u64> {
        self.snapshots.get(&index).copied()
    }

    /// Whether a client was told that this write is certainly not done.
    pub fn was_refused(&self, by: By) -> bool {
        self.refused.contains(&by)
    }

    /// The keys after every entry.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The last entry that had been applied anywhere when the clerk was asked for its scan.
    pub fn scans_since(&self, clerk: u64) -> Index {
        self.scans.get(&clerk).copied().unwrap_or(0)
    }

    /// How often things happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn remember(&mut self, seen: &Observation) {
        match *seen {
            Observation::Started { server } => {
                self.counts.started += 1;
                self.applied.insert(server, 0);
            }
            Observation::Applied { server, index, .. } => {
                self.applied.insert(server, index);
                if index > self.last {
                    self.last = index;
                    self.apply(seen);
                }
            }
            Observation::Snapshot { index, digest, bytes, .. } => {
                self.counts.largest_snapshot = self.counts.largest_snapshot.max(bytes);
                self.snapshots.entry(index).or_insert(digest);
            }
            Observation::Restored { server, index, .. } => {
                self.counts.restored += 1;
                self.applied.insert(server, index);
            }
            Observation::Refused { by } => _ = self.refused.insert(by),
            Observation::Returned { ref outcome } => match outcome {
                Outcome::PutAt(Ok(())) => self.counts.ok += 1,
                Outcome::PutAt(Err(PutError::Maybe)) => self.counts.maybe += 1,
                Outcome::PutAt(Err(PutError::Version | PutError::NoKey)) => self.counts.refused += 1,
                Outcome::NotDone | Outcome::PutAt(Err(PutError::NotDone)) => self.counts.not_done += 1,
                _ => {}
            },
            Observation::Told { .. } => {}
            Observation::ScanBegins { clerk } => _ = self.scans.insert(clerk, self.last),
            Observation::Scanned { clerk, ref range, ref page } => {
                let changed = self.moments.changed(range, self.scans_since(clerk));
                self.counts.cut += u64::from(page.next.is_some());
                self.counts.raced += u64::from(changed > 1);
            }
        }
    }

    /// An entry that is applied for the first time.
    fn apply(&mut self, seen: &Observation) {
        let Observation::Applied { index, digest, ref changed, opened, ref ended, used, executed, .. } =
            *seen
        else {
            return;
        };
        self.effects.insert(index, digest);
        if let Some((key, fingerprint)) = changed {
            self.moments.note(index, key, *fingerprint);
        }
        for ended in ended {
            self.counts.ended += 1;
            self.used.remove(ended);
        }
        if let Some(opened) = opened {
            self.used.insert(opened, index);
        }
        let Some(by) = used else { return };
        if let Some(last) = self.used.get_mut(&by.session) {
            *last = index;
        }
        match executed {
            None => self.counts.repeated += 1,
            Some(executed) => {
                self.counts.executed += 1;
                self.counts.effective += u64::from(executed.answer == Answer::Done);
                self.executed.insert(by, (index, executed));
                self.latest.insert(by.session, by.number);
            }
        }
    }
}

impl probe::Ghost for Ghost {
    type Observation = Observation;
    type Op = Op;
    type Outcome = Outcome;

    fn observe(&mut self, seen: Observation) -> Result<(), Broken> {
        let judged = super::ALL.iter().find_map(|(clause, property)| {
            property(self, &seen).err().map(|detail| Broken { clause, detail })
        });
        self.remember(&seen);
        judged.map_or(Ok(()), Err)
    }

    fn returned(_: &Op, outcome: &Outcome) -> Observation {
        Observation::Returned { outcome: outcome.clone() }
    }
}
