//! What travels between clerk and server.
//!
//! A reply says only what the server knows. `ErrMaybe` is not among the replies: that an answer belongs to a
//! resend, and what this makes of it, only the clerk can tell (see [`PutCall`](super::protocol::PutCall)).

use serde::{Deserialize, Serialize};

/// How often a key has been written; 0 for a key that does not exist.
pub type Version = u64;

/// A value and the version at which it was installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// Its version, from 1.
    pub version: Version,
}

/// Which transmission of which clerk this is. Names one message, not one operation: a resend is a new one.
///
/// The lab's server knows nothing of its clients, and on a network that never delivers a request twice that is
/// enough. Where it may, the second copy of a Put that was installed is answered `Rejection::Version`, this
/// reply may overtake the first, and the clerk would report as certainly not done what was done. So the server
/// remembers the last transmission of each clerk and lets no copy through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transmission {
    /// The clerk, by an id it drew at random when it was made.
    pub clerk: u64,
    /// The clerk's messages numbered from 1; grows with every one it sends.
    pub number: u64,
    /// Whether an earlier message asked for the same operation. The server has no use for it (a bug has).
    pub resend: bool,
}

/// Reads a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The key.
    pub key: String,
}

/// What a Get finds; `None` is the lab's `ErrNoKey`.
pub type GetReply = Option<Versioned>;

/// Installs a value if the key still has the version the caller believes it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The key.
    pub key: String,
    /// The value to install.
    pub value: String,
    /// The version the key must have; 0: it must not exist. The new value gets the next one.
    pub version: Version,
    /// Which message this is.
    pub by: Transmission,
}

/// What became of a Put.
pub type PutReply = Result<(), Rejection>;

/// Why this copy of a Put was not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rejection {
    /// The key has another version (the lab's `ErrVersion`).
    Version,
    /// The key does not exist, and the Put gave a version above 0 (the lab's `ErrNoKey`).
    NoKey,
}

/// Any request, as the server queues it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// See [`Get`].
    Get(Get),
    /// See [`Put`].
    Put(Put),
}

/// The reply to a [`Command`] of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// See [`GetReply`].
    Get(GetReply),
    /// See [`PutReply`].
    Put(PutReply),
}
