//! What a group's answer to a versioned put means, given what was sent before it.
//!
//! As in the lab of 2025 a resend is a new request, so that a put which was executed, its answer lost, is refused when
//! it comes again: by the same group, or by the one that has the shard now. Whoever has sent more than once, wherever to,
//! cannot tell that from a put that never was executed, and says *maybe*.

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Gid, Rejection};

/// Why a put did not return `Ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Not installed, now or ever: the key has another version.
    #[error("not installed: the key has another version")]
    Version,
    /// Not installed, now or ever: the key does not exist.
    #[error("not installed: the key does not exist")]
    NoKey,
    /// Not installed, now or ever: the shard of the key is full.
    #[error("not installed: the shard of the key is full")]
    Full,
    /// Installed by an earlier request or not at all, and never later.
    #[error("perhaps installed: a resend was refused, an earlier request may not have been")]
    Maybe,
    /// No group took it in time: not installed.
    #[error("certainly not installed: no group took it in time")]
    NotDone,
    /// The clerk's patience ended. Installed, or not, or yet to be.
    #[error("unknown: no answer within the clerk's patience")]
    Unknown,
}

/// One put from its first request to its outcome.
#[derive(Debug)]
pub struct PutCall {
    /// Whether a request has been sent that may have been executed.
    doubt: bool,
    /// Who was asked last.
    group: Gid,
    bugs: Bugs,
}

impl PutCall {
    /// A call that has sent nothing yet.
    pub fn new(bugs: Bugs) -> Self {
        PutCall { doubt: false, group: 0, bugs }
    }

    /// Nobody knows what became of the last request.
    pub fn silence(&mut self) {
        self.doubt = true;
    }

    /// A request has been sent to this group.
    pub fn sent_to(&mut self, gid: Gid) {
        if gid != self.group && self.bugs.has(Bug::CertainAfterSwitch) {
            self.doubt = false;
        }
        self.group = gid;
    }

    /// The last request was executed: what the caller is told.
    pub fn executed(&self, answer: Result<(), Rejection>) -> Result<(), PutError> {
        match answer {
            Ok(()) => Ok(()),
            // Keys never vanish: one that is missing now was missing when any earlier request arrived.
            Err(Rejection::NoKey) => Err(PutError::NoKey),
            // The version was right: no earlier request has been executed, and none will be after this one.
            Err(Rejection::Full) => Err(PutError::Full),
            Err(Rejection::Version | Rejection::Differs) if self.doubt => Err(PutError::Maybe),
            Err(Rejection::Version | Rejection::Differs) => Err(PutError::Version),
        }
    }

    /// No answer came, and none is waited for any more.
    pub fn given_up(&self) -> PutError {
        let certain = !self.doubt || self.bugs.has(Bug::TimeoutMeansFailed);
        if certain { PutError::NotDone } else { PutError::Unknown }
    }
}
