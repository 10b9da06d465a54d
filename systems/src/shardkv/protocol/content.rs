//! What is in a shard, and how a write is executed on it.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    Change, Content, Heard, NotServed, Rejection, Version, Versioned, Write, Written,
};

/// What became of a write that reached the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The key has this value and version now.
    Installed(Version),
    /// It was executed, and changed nothing.
    Rejected(Rejection),
    /// It had been executed before, and is answered as it was then.
    Repeated(Option<Rejection>),
    /// Nobody waits for its answer.
    Old,
    /// It may have been executed by a clerk that was forgotten, see [`NotServed::Forgotten`].
    Forgotten(u64),
}

impl Outcome {
    /// What the clerk is told.
    pub fn answer(&self) -> Written {
        match self {
            Outcome::Installed(_) | Outcome::Repeated(None) => Ok(Ok(())),
            Outcome::Rejected(why) | Outcome::Repeated(Some(why)) => Ok(Err(*why)),
            Outcome::Old => Err(NotServed::Old),
            Outcome::Forgotten(writes) => Err(NotServed::Forgotten { writes: *writes }),
        }
    }
}

impl Content {
    /// Executes a write, once. Remembers the last request of this many clerks.
    ///
    /// A write that was executed as the `n`th was sent after fewer than `n`, and so were its copies. Once its clerk has been
    /// forgotten, `forgotten` is `n` or more.
    pub fn write(&mut self, write: &Write, clerks: usize, bugs: Bugs) -> Outcome {
        let by = write.by;
        match self.heard.get(&by.clerk) {
            Some(heard) if heard.number == by.number => return Outcome::Repeated(heard.refused),
            Some(heard) if heard.number > by.number => return Outcome::Old,
            None if write.after < self.forgotten && !bugs.has(Bug::ForgottenIsNew) => {
                return Outcome::Forgotten(self.writes);
            }
            _ => {}
        }
        let outcome = self.change(&write.key, &write.change, bugs);
        let refused = if let Outcome::Rejected(why) = outcome { Some(why) } else { None };
        self.writes += 1;
        self.heard.insert(by.clerk, Heard { number: by.number, refused, at: self.writes });
        if self.heard.len() > clerks.max(1) {
            let idle = self.heard.iter().min_by_key(|(_, heard)| heard.at).map(|(clerk, _)| *clerk);
            let gone = idle.and_then(|clerk| self.heard.remove(&clerk));
            self.forgotten = gone.map_or(self.forgotten, |gone| gone.at.max(self.forgotten));
        }
        outcome
    }

    fn change(&mut self, key: &str, change: &Change, bugs: Bugs) -> Outcome {
        let version = self.data.get(key).map_or(0, |found| found.version);
        if let Change::Put { version: expected, .. } = change
            && *expected != version
        {
            return Outcome::Rejected(if version == 0 { Rejection::NoKey } else { Rejection::Version });
        }
        let found =
            self.data.entry(key.to_owned()).or_insert_with(|| Versioned { value: String::new(), version });
        match change {
            Change::Put { value, .. } | Change::Set(value) => found.value.clone_from(value),
            Change::Append(more) => found.value.push_str(more),
        }
        let counts =
            found.version == 0 || !(bugs.has(Bug::SetsKeepTheVersion) && matches!(change, Change::Set(_)));
        found.version += Version::from(counts);
        Outcome::Installed(found.version)
    }

    /// One number that stands for all its keys.
    pub fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.data.hash(&mut hasher);
        hasher.finish()
    }

    /// The content without the memory of requests: a bug moves this.
    pub(super) fn without_requests(&self) -> Content {
        Content { heard: BTreeMap::new(), ..self.clone() }
    }
}
