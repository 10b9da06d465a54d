//! What is in a shard, and how a write is executed on it.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use postcard::ser_flavors::Flavor;
use rustc_hash::FxHasher;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    Change, Content, Heard, NotServed, Part, Rejection, Version, Versioned, Write, Written,
};

/// How much one shard may hold: the same on all servers of a group, or they execute differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of how many clerks it remembers the last request (at least 1).
    pub clerks: usize,
    /// What its keys and values may take when it moves.
    pub bytes: u64,
    /// How many bytes of it go in one message and one command when it moves (at least 1). While they cross a line they
    /// hold up the leader's heartbeats: it should take less than an election timeout.
    pub part: usize,
}

impl Default for Limits {
    /// 4096 clerks, each 32 bytes at most; 12 MiB of keys and values; 128 KiB in a message, an eighth of a second where a
    /// line carries a MiB in one.
    fn default() -> Self {
        Limits { clerks: 4096, bytes: 12 << 20, part: 128 << 10 }
    }
}

/// What a key and its value take in a message, at most: themselves, their lengths, and the version.
fn weight(key: &str, value: usize) -> u64 {
    (key.len() + value + 20) as u64
}

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
    /// Executes a write, once.
    ///
    /// A write that was executed as the `n`th was sent after fewer than `n`, and so were its copies. Once its clerk has been
    /// forgotten, `forgotten` is `n` or more. One that only asks is never executed, though its clerk is known: else nobody
    /// could tell whether a copy was, before the clerk was forgotten.
    pub fn write(&mut self, write: &Write, limits: Limits, bugs: Bugs) -> Outcome {
        let by = write.by;
        match self.heard.get(&by.clerk) {
            Some(heard) if heard.number == by.number => return Outcome::Repeated(heard.refused),
            Some(heard) if heard.number > by.number => return Outcome::Old,
            known => match write.after {
                None => return Outcome::Forgotten(self.writes),
                Some(after)
                    if known.is_none() && after < self.forgotten && !bugs.has(Bug::ForgottenIsNew) =>
                {
                    return Outcome::Forgotten(self.writes);
                }
                Some(_) => {}
            },
        }
        let outcome = self.change(&write.key, &write.change, limits.bytes, bugs);
        let refused = if let Outcome::Rejected(why) = outcome { Some(why) } else { None };
        self.writes += 1;
        self.heard.insert(by.clerk, Heard { number: by.number, refused, at: self.writes });
        if self.heard.len() > limits.clerks.max(1) {
            let idle = self.heard.iter().min_by_key(|(_, heard)| heard.at).map(|(clerk, _)| *clerk);
            let gone = idle.and_then(|clerk| self.heard.remove(&clerk));
            self.forgotten = gone.map_or(self.forgotten, |gone| gone.at.max(self.forgotten));
        }
        outcome
    }

    fn change(&mut self, key: &str, change: &Change, most: u64, bugs: Bugs) -> Outcome {
        let found = self.data.get(key);
        let (version, had) = found.map_or((0, 0), |found| (found.version, weight(key, found.value.len())));
        let length = match change {
            Change::Put { version: expected, .. } if *expected != version => {
                return Outcome::Rejected(if version == 0 { Rejection::NoKey } else { Rejection::Version });
            }
            Change::Cas { from, .. } if from.as_ref() != found.map(|found| &found.value) => {
                return Outcome::Rejected(Rejection::Differs);
            }
            Change::Put { value, .. } | Change::Set(value) | Change::Cas { to: value, .. } => value.len(),
            Change::Append(more) => found.map_or(0, |found| found.value.len()) + more.len(),
        };
        let has = weight(key, length);
        let bytes = self.bytes - had + has;
        // What makes it smaller is always done.
        if bytes > most && has > had && !bugs.has(Bug::GrowsWithoutBounds) {
            return Outcome::Rejected(Rejection::Full);
        }
        self.bytes = bytes;
        let found =
            self.data.entry(key.to_owned()).or_insert_with(|| Versioned { value: String::new(), version });
        match change {
            Change::Put { value, .. } | Change::Set(value) | Change::Cas { to: value, .. } => {
                found.value.clone_from(value);
            }
            Change::Append(more) => found.value.push_str(more),
        }
        let counts =
            found.version == 0 || !(bugs.has(Bug::SetsKeepTheVersion) && matches!(change, Change::Set(_)));
        found.version += Version::from(counts);
        Outcome::Installed(found.version)
    }

    /// One number that stands for all of it.
    pub fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// At most so many bytes of it, beginning at `from`. The same content is the same bytes, whoever sends it.
    pub fn part(&self, from: u64, most: usize) -> Part {
        let begin = usize::try_from(from).unwrap_or(usize::MAX);
        let window = Window { begin, end: begin.saturating_add(most.max(1)), passed: 0, bytes: Vec::new() };
        let window =
            postcard::serialize_with_flavor(self, window).expect("plain data, and memory has no end");
        Part { from, total: window.passed as u64, bytes: window.bytes.into() }
    }

    /// The content without the memory of requests: a bug moves this.
    pub(super) fn without_requests(&self) -> Content {
        Content { heard: BTreeMap::new(), ..self.clone() }
    }
}

/// Keeps a part of what is encoded, and counts all of it.
struct Window {
    begin: usize,
    end: usize,
    passed: usize,
    bytes: Vec<u8>,
}

impl Flavor for Window {
    type Output = Window;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        let inside = |place: usize| place.saturating_sub(self.passed).min(data.len());
        self.bytes.extend_from_slice(&data[inside(self.begin)..inside(self.end)]);
        self.passed += data.len();
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> postcard::Result<Window> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message::Stamp;
    use super::*;
    use crate::rsm::{decode, encode};

    #[test]
    fn a_compare_and_set_compares() {
        let mut content = Content::default();
        let mut cas = |number, from: Option<&str>, to: &str| {
            let change = Change::Cas { from: from.map(str::to_owned), to: to.into() };
            let write = Write { key: "k".into(), change, by: Stamp { clerk: 1, number }, after: Some(0) };
            content.write(&write, Limits::default(), Bugs::NONE)
        };
        let differs = Outcome::Rejected(Rejection::Differs);
        assert_eq!(cas(1, Some("a"), "b"), differs);
        assert_eq!(cas(2, None, "a"), Outcome::Installed(1));
        assert_eq!(cas(3, None, "b"), differs);
        assert_eq!(cas(4, Some("a"), "b"), Outcome::Installed(2));
        assert_eq!(cas(4, Some("a"), "b"), Outcome::Repeated(None));
        assert_eq!(content.data["k"].value, "b");
    }

    #[test]
    fn the_fullest_shard_is_the_sum_of_its_parts() {
        let limits = Limits { clerks: 300, bytes: 40_000, part: 997 };
        let mut content = Content::default();
        for clerk in 0..900 {
            let by = Stamp { clerk: u64::MAX - clerk, number: u64::MAX };
            let change = Change::Append("v".repeat(1 + clerk as usize % 200));
            let write = Write { key: format!("key {}", clerk % 250), change, by, after: Some(u64::MAX) };
            _ = content.write(&write, limits, Bugs::NONE);
        }
        assert!(content.bytes > limits.bytes * 9 / 10, "{} bytes", content.bytes);
        assert_eq!(content.heard.len(), limits.clerks);
        let whole = encode(&content);
        assert!(whole.len() as u64 <= limits.bytes + 32 * limits.clerks as u64 + 64, "{} bytes", whole.len());
        let mut sum = Vec::new();
        while sum.len() < whole.len() {
            let Part { from, total, bytes } = content.part(sum.len() as u64, limits.part);
            assert_eq!((from, total), (sum.len() as u64, whole.len() as u64));
            assert!((1..=limits.part).contains(&bytes.len()), "{} bytes", bytes.len());
            sum.extend_from_slice(&bytes);
        }
        assert_eq!(sum, whole);
        assert_eq!(decode(&sum), Ok(content.clone()));
        assert!(content.part(whole.len() as u64 + 5, limits.part).bytes.is_empty(), "there is nothing");
    }
}
