//! What travels between clerk and server, and what the log holds.

use serde::{Deserialize, Serialize};

pub use crate::kv::message::{Rejection, Version, Versioned};
pub use crate::rsm::message::{By, Once, Open, Reply};

/// Reads a key. The answer is `None` for a key that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The key.
    pub key: String,
    /// How the leader makes sure that nothing newer has been committed elsewhere.
    pub path: ReadPath,
}

/// Reads a range of keys. The answer is a [`Page`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Which keys.
    pub range: Range,
    /// How the leader makes sure that nothing newer has been committed elsewhere.
    pub path: ReadPath,
}

/// Keys one after the other, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first, if it exists.
    pub from: String,
    /// All are less than this one; `None`: to the last key.
    pub to: Option<String>,
    /// How many at most; at least one is shown.
    pub limit: usize,
}

/// The beginning of a range, as it was at one moment. All of it, unless it is longer than was asked for, or than an answer
/// may be ([`PAGE_KEYS`], [`PAGE_BYTES`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its keys, each with its value and version.
    pub entries: Vec<(String, Versioned)>,
    /// The first key of the rest, if there is a rest. Who scans on from there sees the rest as it is then, at a later moment.
    pub next: Option<String>,
}

/// A page has no more keys than this.
pub const PAGE_KEYS: usize = 1000;

/// A page has no more bytes of keys and values than this, unless its first entry alone has: as much as a slow line brings
/// before a client asks again.
pub const PAGE_BYTES: usize = 128 << 10;

/// The way of a read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadPath {
    /// Through the log, as a write goes: the labs' way.
    Log,
    /// Past the log, after a round of heartbeats: ReadIndex (Raft, §8).
    #[default]
    Quorum,
    /// Past the log, trusting the leader's lease.
    Lease,
}

/// Changes a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Write {
    /// Which write of which session this is.
    pub by: By,
    /// The key.
    pub key: String,
    /// What to do with it.
    pub action: Action,
}

/// What a write does. Each that has an effect raises the key's version by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Sets the value.
    Put(String),
    /// Sets the value if the key has this version; 0: if it does not exist.
    PutAt(String, Version),
    /// Adds to the end of the value; a missing key's is empty.
    Append(String),
    /// Sets the value to the second if it is the first; `None`: if the key does not exist.
    Cas(Option<String>, String),
}

/// The result of a write that was executed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// It had its effect.
    #[default]
    Done,
    /// A `Cas` found another value, and had none.
    Differs,
    /// A `PutAt` was refused.
    Refused(Rejection),
}

/// What the log holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// See [`Open`].
    Open {
        /// For how many sessions there is room from now on, as the leader has it: all servers execute the same.
        room: usize,
    },
    /// See [`Write`].
    Write(Write),
    /// Reads a key, see [`ReadPath::Log`].
    Get(String),
    /// Reads a range of keys, likewise.
    Scan(Range),
}
