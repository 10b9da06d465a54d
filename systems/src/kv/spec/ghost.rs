//! What an observer sees of servers, clerks and locks, and what it remembers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::message::{GetReply, Version, Versioned};
use super::super::protocol::PutError;
use crate::probe::{self, Broken};

/// What a client asks of a clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Read a key.
    Get {
        /// The key.
        key: String,
    },
    /// Install a value at a version.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The version the key must have.
        version: Version,
    },
}

/// What the clerk returns to its client. A clerk that gave up without knowing returns nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a Get.
    Get(GetReply),
    /// Of a Put.
    Put(Result<(), PutError>),
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A server is about to answer its first request, with these contents.
    Started {
        /// Every key.
        contents: BTreeMap<String, Versioned>,
    },
    /// A server will not start, because its log is not what was written.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// A server is about to tell of a value it installed (a durable one: after it was synced).
    Installed {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The version it got.
        version: Version,
    },
    /// A clerk returned to its client.
    Returned {
        /// What was asked.
        op: Op,
        /// What was told.
        outcome: Outcome,
    },
    /// An Acquire returned.
    Acquired {
        /// The lock.
        lock: String,
        /// The id drawn for this Acquire.
        holder: String,
    },
    /// A Release was called.
    Releasing {
        /// The lock.
        lock: String,
        /// The id under which it is held.
        holder: String,
    },
    /// A Release is about to put the free value at `version`.
    Freeing {
        /// The lock.
        lock: String,
        /// The caller's id.
        holder: String,
        /// The version it read.
        version: Version,
    },
}

/// How often things happened, so that a story can tell whether it has seen anything at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Starts of a server.
    pub started: u64,
    /// Values installed.
    pub installed: u64,
    /// Puts that returned Ok.
    pub ok: u64,
    /// Puts that were refused for certain.
    pub refused: u64,
    /// Puts that returned `ErrMaybe`.
    pub maybe: u64,
    /// Gets that returned.
    pub gets: u64,
    /// Acquires that returned.
    pub acquired: u64,
}

/// All that was seen, in the shape in which the properties ask for it.
#[derive(Debug, Default)]
pub struct Ghost {
    chains: BTreeMap<String, BTreeMap<Version, String>>,
    places: BTreeMap<(String, String), Version>,
    refused: BTreeSet<(String, String, Version)>,
    told: BTreeMap<String, Versioned>,
    holders: BTreeMap<String, Option<String>>,
    freeing: BTreeSet<(String, Version, String)>,
    counts: Counts,
}

impl Ghost {
    /// The highest version of a key that was seen; 0 for none.
    pub fn latest(&self, key: &str) -> Version {
        self.chains.get(key).and_then(|chain| chain.last_key_value()).map_or(0, |(version, _)| *version)
    }

    /// The value installed as this version of the key.
    pub fn value_at(&self, key: &str, version: Version) -> Option<&String> {
        self.chains.get(key)?.get(&version)
    }

    /// The version as which this value of the key was first installed.
    pub fn place_of(&self, key: &str, value: &str) -> Option<Version> {
        self.places.get(&(key.to_owned(), value.to_owned())).copied()
    }

    /// Was this Put refused for certain?
    pub fn was_refused(&self, key: &str, value: &str, version: Version) -> bool {
        self.refused.contains(&(key.to_owned(), value.to_owned(), version))
    }

    /// The latest version of each key of which a client was told.
    pub fn told(&self) -> impl Iterator<Item = (&String, &Versioned)> {
        self.told.iter()
    }

    /// Who holds the lock: its Acquire returned and its Release was not called.
    pub fn holder(&self, lock: &str) -> Option<&str> {
        self.holders.get(lock)?.as_deref()
    }

    /// Was this key used as a lock?
    pub fn is_lock(&self, key: &str) -> bool {
        self.holders.contains_key(key)
    }

    /// Did a Release of this holder try to free the lock at this version?
    pub fn is_freeing(&self, lock: &str, version: Version, holder: &str) -> bool {
        self.freeing.contains(&(lock.to_owned(), version, holder.to_owned()))
    }

    /// How often things happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn remember(&mut self, seen: Observation) {
        match seen {
            Observation::Started { contents } => {
                self.counts.started += 1;
                for (key, found) in contents {
                    self.install(key, found.value, found.version);
                }
            }
            Observation::Installed { key, value, version } => {
                self.counts.installed += 1;
                self.install(key, value, version);
            }
            Observation::Unreadable { .. } => {}
            Observation::Returned { op, outcome } => self.remember_return(op, outcome),
            Observation::Acquired { lock, holder } => {
                self.counts.acquired += 1;
                self.holders.insert(lock, Some(holder));
            }
            Observation::Releasing { lock, holder } => {
                if self.holder(&lock) == Some(&holder) {
                    self.holders.insert(lock, None);
                }
            }
            Observation::Freeing { lock, holder, version } => {
                self.freeing.insert((lock, version, holder));
            }
        }
    }

    fn install(&mut self, key: String, value: String, version: Version) {
        self.places.entry((key.clone(), value.clone())).or_insert(version);
        self.chains.entry(key).or_default().entry(version).or_insert(value);
    }

    fn remember_return(&mut self, op: Op, outcome: Outcome) {
        match (op, outcome) {
            (Op::Put { key, value, version }, Outcome::Put(Ok(()))) => {
                self.counts.ok += 1;
                self.tell(key, Versioned { value, version: version + 1 });
            }
            (Op::Put { key, value, version }, Outcome::Put(Err(error))) if error.is_definite() => {
                self.counts.refused += 1;
                self.refused.insert((key, value, version));
            }
            (Op::Put { .. }, Outcome::Put(Err(_))) => self.counts.maybe += 1,
            (Op::Get { key }, Outcome::Get(found)) => {
                self.counts.gets += 1;
                if let Some(found) = found {
                    self.tell(key, found);
                }
            }
            (op, outcome) => unreachable!("a clerk returned {outcome:?} to {op:?}"),
        }
    }

    fn tell(&mut self, key: String, told: Versioned) {
        let known = self.told.entry(key).or_insert_with(|| told.clone());
        if known.version < told.version {
            *known = told;
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
        self.remember(seen);
        judged.map_or(Ok(()), Err)
    }

    fn returned(op: &Op, outcome: &Outcome) -> Observation {
        Observation::Returned { op: op.clone(), outcome: outcome.clone() }
    }
}
