//! What travels between a client and a server of any replicated service.

use serde::{Deserialize, Serialize};

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply<T> {
    /// It is done.
    Done(T),
    /// Certainly nothing was done, because this server does not lead; perhaps the one at that address does.
    Elsewhere(Option<String>),
    /// Certainly nothing was done, and another try may succeed.
    Refused,
    /// This server cannot tell.
    Unknown,
}

/// Opens a session: its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open;

/// Which write of which session this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct By {
    /// The client's session.
    pub session: u64,
    /// The session's writes numbered from 1, one at a time. A message that is sent again has the same.
    pub number: u64,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Once<T = ()> {
    /// It was executed, because of this copy of the request or of an earlier one, with this result.
    Done(T),
    /// Its session has ended: this copy was not executed; whether an earlier one was, nobody knows any more.
    Expired,
    /// Its session has had a later write since: this copy was not executed, and nobody waits for an answer.
    Past,
}
