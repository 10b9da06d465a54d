//! A lock made of nothing but Get and Put: what to do next, given what was just learned.
//!
//! The key named like the lock holds the id of its holder, or "" while it is free. An id is drawn for every Acquire:
//! finding one's own id then has one meaning, that a Put of *this* Acquire went through. There is no lease: a holder
//! that dies holds for ever.

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Version, Versioned};
use super::PutError;

/// What a free lock holds.
pub const FREE: &str = "";

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Get the key.
    Look,
    /// Somebody else holds it: wait a while, then look.
    Wait,
    /// Put `value` at `version`.
    Put {
        /// The value.
        value: String,
        /// The version that was read.
        version: Version,
    },
    /// It is done.
    Done,
}

/// One Acquire in progress.
#[derive(Debug)]
pub struct Acquire {
    id: String,
    bugs: Bugs,
}

impl Acquire {
    /// Begins with a Get. `id` is used for no other Acquire.
    pub fn new(id: String, bugs: Bugs) -> Self {
        Acquire { id, bugs }
    }

    /// The Get found this.
    pub fn saw(&self, found: Option<&Versioned>) -> Next {
        let (value, version) = found.map_or((FREE, 0), |found| (found.value.as_str(), found.version));
        if value == self.id {
            Next::Done
        } else if value == FREE {
            Next::Put { value: self.id.clone(), version }
        } else {
            Next::Wait
        }
    }

    /// The Put ended like this. `fresh` draws an id (only a bug wants one).
    pub fn tried(&mut self, outcome: Result<(), PutError>, fresh: impl FnOnce() -> String) -> Next {
        match outcome {
            Ok(()) => Next::Done,
            Err(PutError::Version | PutError::NoKey) => Next::Look,
            Err(PutError::Maybe | PutError::Unknown) => {
                if self.bugs.has(Bug::MaybeTakesLock) {
                    return Next::Done;
                }
                if self.bugs.has(Bug::MaybeForgetsLock) {
                    self.id = fresh();
                }
                Next::Look
            }
        }
    }

    /// The id under which the lock is held, once it is.
    pub fn into_id(self) -> String {
        self.id
    }
}

/// One Release in progress, by the holder of `id`.
#[derive(Debug)]
pub struct Release {
    id: String,
    bugs: Bugs,
}

impl Release {
    /// Begins with a Get.
    pub fn new(id: String, bugs: Bugs) -> Self {
        Release { id, bugs }
    }

    /// The Get found this.
    pub fn saw(&self, found: Option<&Versioned>) -> Next {
        match found {
            Some(found) if found.value == self.id || self.bugs.has(Bug::ReleaseWithoutLooking) => {
                Next::Put { value: FREE.to_owned(), version: found.version }
            }
            // An earlier Put of this Release freed it.
            _ => Next::Done,
        }
    }

    /// The Put ended like this. Whatever it was, the next Get tells.
    pub fn tried(&self, outcome: Result<(), PutError>) -> Next {
        if outcome.is_ok() { Next::Done } else { Next::Look }
    }
}
