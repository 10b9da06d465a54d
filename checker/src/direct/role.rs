//! What an operation does, in the few words that the polynomial decisions understand.

use crate::models::Text;
use std::collections::BTreeSet;

/// The part an operation plays in its partition. A value is a text, or `None`: missing, never written.
///
/// Of an operation of unknown outcome it says what it does if it takes effect. It says all of it: operations of one
/// role lead from the same state to the same states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role<'a> {
    /// Changes nothing and says nothing: a read whose reply was never seen.
    Look,
    /// Saw that this is the value, and changes nothing.
    Read(Option<&'a str>),
    /// Makes this the value, whatever it was.
    Write(Option<&'a str>),
    /// Found the value `from` and made it `to`.
    Swap {
        /// The value before.
        from: Option<&'a str>,
        /// The value after.
        to: Option<&'a str>,
    },
    /// Saw that the value is not `from`, and changes nothing.
    NotSwapped {
        /// What the value was not.
        from: Option<&'a str>,
    },
    /// Adds `token` to the end of the value; a missing one counts as empty.
    Append {
        /// What is added.
        token: &'a str,
        /// The value before, if it was answered.
        old: Option<Option<&'a str>>,
    },
    /// Adds this element to the end of a list, which begins empty.
    AppendElement(&'a str),
    /// Saw all elements of a list, and changes nothing.
    Elements(&'a [Text]),
    /// Replaces version `version` of the value, 0 if it must be missing, and makes the next version.
    VersionedPut {
        /// The version that it must find.
        version: u64,
        /// The value after.
        value: &'a str,
        /// What was answered.
        answer: Answer,
    },
    /// Saw this value at this version; `None`: missing, at version 0. Changes nothing.
    VersionedRead(Option<(&'a str, u64)>),
    /// Puts this value at the end of a queue.
    Enqueue(&'a str),
    /// Took this from the front of a queue; inner `None`: it was empty, and nothing changed; outer `None`: the
    /// reply was never seen.
    Dequeue(Option<Option<&'a str>>),
    /// Puts this value on top of a stack.
    Push(&'a str),
    /// Took this from the top of a stack; `None`s as for [`Role::Dequeue`].
    Pop(Option<Option<&'a str>>),
    /// Makes this owner the holder of a lock that is free.
    Acquire(u64),
    /// Frees the lock that this owner holds.
    Release(u64),
    /// Saw that somebody holds the lock, and changes nothing.
    NotAcquired,
    /// Saw that this owner does not hold the lock, and changes nothing.
    NotReleased(u64),
    /// Adds this much to a counter, which begins at 0.
    Increment(i64),
    /// Saw that the counter is this, and changes nothing.
    Count(i64),
    /// Puts this element into a set, if it is not in.
    Add(&'a str),
    /// Takes this element out of a set, if it is in.
    Remove(&'a str),
    /// Saw whether this element is in a set, and changes nothing.
    Contains(&'a str, bool),
    /// Saw all elements of a set, and changes nothing.
    Members(&'a BTreeSet<Text>),
    /// Puts this value into a priority queue.
    Insert {
        /// The element.
        value: &'a str,
        /// The least is taken first; of equal ones, any.
        priority: i64,
    },
    /// Took this from a priority queue; `None`s as for [`Role::Dequeue`].
    TakeLeast(Option<Option<&'a str>>),
    /// None of these, or this reply is impossible: the search must judge the partition.
    Other,
}

/// What a versioned put was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It took effect.
    Ok,
    /// It took effect at some time in its interval, or had none.
    Maybe,
    /// It found another version, at least 1.
    Version,
    /// It found nothing though its version is not 0.
    Missing,
    /// Nothing.
    Unknown,
}
