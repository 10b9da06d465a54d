//! What clients ask, and what they are told.

use super::super::message::{Version, Versioned};
use super::super::protocol::PutError;

/// What a client asks of a clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Read a key.
    Get {
        /// The key.
        key: String,
    },
    /// Install a value at a version.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The version the key must have.
        version: Version,
    },
    /// Install a value.
    Set {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Append to a value.
    Append {
        /// The key.
        key: String,
        /// What to append.
        value: String,
    },
    /// Install a value in place of another.
    Cas {
        /// The key.
        key: String,
        /// The value the key must have.
        from: Option<String>,
        /// The value it gets.
        value: String,
    },
}

/// What the clerk returns to its client. A clerk that gave up without knowing returns nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a get.
    Found(Option<Versioned>),
    /// Of a put.
    Put(Result<(), PutError>),
    /// Of a set or an append.
    Done,
    /// Of a compare-and-set: whether it was done.
    Swapped(bool),
    /// Of a write other than a put: nothing was done, because the shard is full or no group took it.
    NotDone,
}
