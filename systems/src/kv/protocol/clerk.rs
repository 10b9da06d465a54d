//! The clerk's half of the contract: what an answer means, given what was sent before it.
//!
//! A clerk repeats a request until it hears an answer. `Rejection::Version` to the first message is definite. To a
//! resend it is not: an earlier message may have been installed and be the very reason of the refusal. The clerk then
//! says [`PutError::Maybe`]. It is a statement about the past alone: the stored version has moved on for good, so no
//! copy still on its way can be installed after the call.
//!
//! That a message was refused on the way does not make it unsent: a copy of it may have fared otherwise.

use super::super::bugs::{Bug, Bugs};
use super::super::message::{PutReply, Rejection};

/// Why a Put did not return `Ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Not installed, now or ever: the key has another version (`ErrVersion`).
    #[error("not installed: the key has another version")]
    Version,
    /// Not installed, now or ever: the key does not exist (`ErrNoKey`).
    #[error("not installed: the key does not exist")]
    NoKey,
    /// Installed by an earlier message or not at all, and never later (`ErrMaybe`).
    #[error("perhaps installed: a resend was refused, an earlier message may not have been")]
    Maybe,
    /// The clerk's patience ended. Installed, or not, or yet to be.
    #[error("unknown: no answer within the clerk's patience")]
    Unknown,
}

impl PutError {
    /// Does it promise that the Put was not and will not be installed?
    pub fn is_definite(self) -> bool {
        matches!(self, PutError::Version | PutError::NoKey)
    }
}

/// One Put from its first message to its outcome.
#[derive(Debug)]
pub struct PutCall {
    messages: u64,
    bugs: Bugs,
}

impl PutCall {
    /// A call that has sent nothing yet.
    pub fn new(bugs: Bugs) -> Self {
        PutCall { messages: 0, bugs }
    }

    /// A message leaves. Whether it is a resend.
    pub fn send(&mut self) -> bool {
        self.messages += 1;
        self.messages > 1
    }

    /// The last message was answered: what the caller is told.
    pub fn answered(&self, reply: PutReply) -> Result<(), PutError> {
        match reply {
            Ok(()) => Ok(()),
            // Keys never vanish: one that is missing now was missing when any earlier message arrived.
            Err(Rejection::NoKey) => Err(PutError::NoKey),
            Err(Rejection::Version) => {
                if self.messages == 1 || self.bugs.has(Bug::ErrVersionAfterResend) {
                    return Err(PutError::Version);
                }
                if self.bugs.has(Bug::OkAfterResend) { Ok(()) } else { Err(PutError::Maybe) }
            }
        }
    }
}

/// Nothing was heard within the clerk's patience. A Get changes nothing, so that this needs no finer words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within the clerk's patience")]
pub struct Unanswered;
