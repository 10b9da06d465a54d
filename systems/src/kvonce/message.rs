//! What travels between clerk and server. Every reply is a string; a missing key reads as "".

use serde::{Deserialize, Serialize};

/// Which operation of which clerk a request is for. All resends of an operation bear the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId {
    /// The clerk, by an id it drew at random when it was made.
    pub clerk: u64,
    /// The clerk's operations numbered from 1. A clerk has one at a time, so a request numbered `n` also says that
    /// the replies to all before `n` were heard.
    pub sequence: u64,
    /// Whether an earlier message asked for the same operation. The server has no use for it (a bug has).
    pub resend: bool,
}

/// Reads a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The key.
    pub key: String,
    /// Which operation this is.
    pub by: RequestId,
}

/// Sets a key. The reply is "".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The key.
    pub key: String,
    /// Its new value.
    pub value: String,
    /// Which operation this is.
    pub by: RequestId,
}

/// Appends to the value of a key. The reply is the value before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// The key.
    pub key: String,
    /// What to append.
    pub value: String,
    /// Which operation this is.
    pub by: RequestId,
}

/// Any request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// See [`Get`].
    Get(Get),
    /// See [`Put`].
    Put(Put),
    /// See [`Append`].
    Append(Append),
}

impl Command {
    /// Which operation it is for.
    pub fn by(&self) -> RequestId {
        match self {
            Command::Get(get) => get.by,
            Command::Put(put) => put.by,
            Command::Append(append) => append.by,
        }
    }

    /// The key it is about.
    pub fn key(&self) -> &str {
        match self {
            Command::Get(get) => &get.key,
            Command::Put(put) => &put.key,
            Command::Append(append) => &append.key,
        }
    }
}
