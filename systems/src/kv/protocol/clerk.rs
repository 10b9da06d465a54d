//! The clerk's half of the contract: what an answer means, given what was sent before it.
//!
//! A clerk repeats a request until it hears an answer. `Rejection::Version` to the only message that can have
//! arrived is definite. After a message that met silence it is not: the earlier one may have been installed and be
//! the very reason of the refusal. The clerk then says [`PutError::Maybe`]. It is a statement about the past alone:
//! the stored version has moved on for good, so no copy still on its way can be installed after the call.

use super::super::bugs::{Bug, Bugs};
use super::super::message::{PutReply, Rejection};

/// What came back for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<Reply> {
    /// An answer.
    Reply(Reply),
    /// The message certainly never had an effect.
    Refused,
    /// Nothing: the message may have had its effect, or have it yet.
    Silence,
}

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
    /// The clerk's patience ended, and no message ever reached a server: not installed, now or ever.
    #[error("not installed: no server could be reached within the clerk's patience")]
    Refused,
}

/// One Put from its first message to its outcome.
#[derive(Debug)]
pub struct PutCall {
    sent: bool,
    unsure: bool,
    bugs: Bugs,
}

impl PutCall {
    /// A call that has sent nothing yet.
    pub fn new(bugs: Bugs) -> Self {
        PutCall { sent: false, unsure: false, bugs }
    }

    /// A message leaves. Whether it is a resend.
    pub fn send(&mut self) -> bool {
        std::mem::replace(&mut self.sent, true)
    }

    /// What the caller is told; `None`: send again.
    pub fn hear(&mut self, heard: Heard<PutReply>) -> Option<Result<(), PutError>> {
        match heard {
            Heard::Refused => None,
            Heard::Silence => {
                self.unsure = true;
                None
            }
            Heard::Reply(Ok(())) => Some(Ok(())),
            // Keys never vanish: one that is missing now was missing when any earlier message arrived.
            Heard::Reply(Err(Rejection::NoKey)) => Some(Err(PutError::NoKey)),
            Heard::Reply(Err(Rejection::Version)) => Some(self.refused_version()),
        }
    }

    /// What the caller is told when the clerk's patience ends.
    pub fn give_up(&self) -> PutError {
        if self.unsure { PutError::Unknown } else { PutError::Refused }
    }

    fn refused_version(&self) -> Result<(), PutError> {
        if !self.unsure || self.bugs.has(Bug::ErrVersionAfterResend) {
            return Err(PutError::Version);
        }
        if self.bugs.has(Bug::OkAfterResend) { Ok(()) } else { Err(PutError::Maybe) }
    }
}

/// Nothing was heard within the clerk's patience. A Get changes nothing, so that this needs no finer words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within the clerk's patience")]
pub struct Unanswered;
