//! The server's state and its one step.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Command, Get, GetReply, Put, PutReply, Rejection, Reply, Transmission};
use super::super::message::{Version, Versioned};

/// What the server must remember: the content of its log, and of nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A value was installed.
    Installed {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The version it has from now on.
        version: Version,
        /// The message that did it; no copy of it may be answered after a restart either. `None` in a compacted log,
        /// where [`Record::Heard`] says that.
        by: Option<Transmission>,
    },
    /// The last message heard of a clerk, in a compacted log.
    Heard(Transmission),
}

impl Record {
    /// What [`Bug::ValueBeforeVersion`](crate::kv::bugs::Bug::ValueBeforeVersion) writes first: the new value alone.
    pub(crate) fn under_the_version_before(&self) -> Option<Record> {
        match self {
            Record::Installed { key, value, version, .. } if *version > 1 => {
                let (key, value) = (key.clone(), value.clone());
                Some(Record::Installed { key, value, version: version - 1, by: None })
            }
            _ => None,
        }
    }
}

/// What one step obliges the shell to do, in the order of the fields.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the reply promises what `persist` has yet to make true"]
pub struct Effects {
    /// First: make this record durable, and all before it.
    pub persist: Option<Record>,
    /// Then: answer. `None`: the message is a copy of one heard before; never answer it.
    ///
    /// A reply without a record waits all the same for the records of earlier steps: it may show them.
    pub reply: Option<Reply>,
}

/// The key/value map, and the last message heard of each clerk.
#[derive(Debug, Clone)]
pub struct Store {
    entries: BTreeMap<String, Versioned>,
    heard: LastHeard,
    bugs: Bugs,
    replies: BTreeMap<u64, PutReply>,
}

impl Store {
    /// An empty store that remembers the last message of as many as `clerks` clerks.
    ///
    /// Beyond that it forgets the clerk it met first. It must be more than can have a message in flight at a
    /// time, or a copy may be taken for new; 0 is the lab's server, right where no request is duplicated.
    pub fn new(clerks: usize, bugs: Bugs) -> Self {
        Store { entries: BTreeMap::new(), heard: LastHeard::new(clerks), bugs, replies: BTreeMap::new() }
    }

    /// Performs one request.
    pub fn step(&mut self, command: &Command) -> Effects {
        match command {
            Command::Get(get) => Effects { persist: None, reply: Some(Reply::Get(self.get(get))) },
            Command::Put(put) => self.put(put),
        }
    }

    /// Takes in a record that an earlier incarnation left.
    pub fn replay(&mut self, record: Record) {
        match record {
            Record::Heard(by) => _ = self.heard.admit(by),
            Record::Installed { key, value, version, by } => {
                by.map(|by| self.heard.admit(by));
                self.entries.insert(key, Versioned { value, version });
            }
        }
    }

    /// The shortest log that leads to this state.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let heard = self.heard.iter().map(Record::Heard);
        heard.chain(self.entries.iter().map(|(key, entry)| Record::Installed {
            key: key.clone(),
            value: entry.value.clone(),
            version: entry.version,
            by: None,
        }))
    }

    /// Every key with its value, in the order of the keys.
    pub fn contents(&self) -> impl Iterator<Item = (&str, &Versioned)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    fn get(&self, get: &Get) -> GetReply {
        self.entries.get(&get.key).cloned()
    }

    fn put(&mut self, put: &Put) -> Effects {
        let first = self.heard.admit(put.by);
        if !first && !self.bugs.has(Bug::AnswersDuplicates) {
            return Effects { persist: None, reply: None };
        }
        if self.bugs.has(Bug::ReplyCacheWithoutSequence) {
            return self.put_through_cache(put);
        }
        self.put_at_version(put)
    }

    /// The contract: installs if `put.version` is the key's version, with 0 for a key that does not exist.
    fn put_at_version(&mut self, put: &Put) -> Effects {
        let stored = self.entries.get(&put.key).map_or(0, |entry| entry.version);
        let version = if put.version == stored {
            stored + 1
        } else if put.version > stored && self.bugs.has(Bug::AcceptsFutureVersion) {
            put.version + 1
        } else if put.version == 0 && self.bugs.has(Bug::ZeroOverwrites) {
            stored + 1
        } else {
            let rejection = if stored == 0 { Rejection::NoKey } else { Rejection::Version };
            return Effects { persist: None, reply: Some(Reply::Put(Err(rejection))) };
        };
        let (key, value, by) = (put.key.clone(), put.value.clone(), Some(put.by));
        self.entries.insert(key.clone(), Versioned { value: value.clone(), version });
        Effects {
            persist: Some(Record::Installed { key, value, version, by }),
            reply: Some(Reply::Put(Ok(()))),
        }
    }

    fn put_through_cache(&mut self, put: &Put) -> Effects {
        if let Some(reply) = self.replies.get(&put.by.clerk).filter(|_| put.by.resend) {
            return Effects { persist: None, reply: Some(Reply::Put(*reply)) };
        }
        let effects = self.put_at_version(put);
        if let Some(Reply::Put(reply)) = effects.reply {
            self.replies.insert(put.by.clerk, reply);
        }
        effects
    }
}

/// The last message heard of each clerk, for a bounded number of clerks.
#[derive(Debug, Clone)]
struct LastHeard {
    last: BTreeMap<u64, Transmission>,
    /// Clerks in the order in which they were first heard: the order of forgetting.
    order: VecDeque<u64>,
    room: usize,
}

impl LastHeard {
    fn new(room: usize) -> Self {
        LastHeard { last: BTreeMap::new(), order: VecDeque::new(), room }
    }

    /// Whether this message is later than all heard of its clerk, and remembers it.
    ///
    /// An earlier one that arrives later is turned away with the copies: it counts as lost, which is always
    /// allowed, and a Put can no longer take effect after its clerk went on.
    fn admit(&mut self, by: Transmission) -> bool {
        if self.room == 0 {
            return true;
        }
        match self.last.get_mut(&by.clerk) {
            Some(last) if last.number >= by.number => return false,
            Some(last) => *last = by,
            None => {
                if self.order.len() == self.room {
                    self.order.pop_front().map(|clerk| self.last.remove(&clerk));
                }
                self.order.push_back(by.clerk);
                self.last.insert(by.clerk, by);
            }
        }
        true
    }

    fn iter(&self) -> impl Iterator<Item = Transmission> {
        self.order.iter().map(|clerk| self.last[clerk])
    }
}
