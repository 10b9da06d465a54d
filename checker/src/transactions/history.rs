//! Transactions as their clients saw them.

use crate::models::Text;
use std::fmt::{Display, Formatter};

/// A key, or a value that is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(Text),
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        Scalar::Number(number)
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Scalar::Text(text.into())
    }
}

/// Texts are bare where they can be mistaken for nothing else.
impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Number(number) => write!(f, "{number}"),
            Scalar::Text(text) if is_plain(text) => write!(f, "{text}"),
            Scalar::Text(text) => write!(f, "{:?}", &**text),
        }
    }
}

/// A word, or a keyword with its colon: no number, and not what stands for nothing.
fn is_plain(text: &str) -> bool {
    let word = text.strip_prefix(':').unwrap_or(text);
    let mistaken = text == "null" || text.bytes().all(|byte| byte.is_ascii_digit());
    !word.is_empty() && !mistaken && word.chars().all(char::is_alphanumeric)
}

/// What a read saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saw {
    /// A register that nobody wrote, or an empty list.
    Null,
    /// The value of a register.
    Value(Scalar),
    /// The elements of a list, oldest first.
    List(Vec<Scalar>),
}

impl Saw {
    /// As a list; `Null` is the empty one.
    pub(super) fn elements(&self) -> &[Scalar] {
        match self {
            Saw::Null => &[],
            Saw::Value(value) => std::slice::from_ref(value),
            Saw::List(elements) => elements,
        }
    }
}

/// One micro-operation. A key is a list or a register throughout a history, and no value is written to it twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Puts `value` at the end of a list.
    Append {
        /// Which list.
        key: Scalar,
        /// The new last element.
        value: Scalar,
    },
    /// Makes `value` the value of a register.
    Write {
        /// Which register.
        key: Scalar,
        /// Its new value.
        value: Scalar,
    },
    /// Reads a list or a register.
    Read {
        /// Which one.
        key: Scalar,
        /// `None` if what it saw is not known.
        saw: Option<Saw>,
    },
}

impl Op {
    /// An append.
    pub fn append(key: impl Into<Scalar>, value: impl Into<Scalar>) -> Self {
        Op::Append { key: key.into(), value: value.into() }
    }

    /// A write.
    pub fn write(key: impl Into<Scalar>, value: impl Into<Scalar>) -> Self {
        Op::Write { key: key.into(), value: value.into() }
    }

    /// A read of a register that saw `value`.
    pub fn read(key: impl Into<Scalar>, value: impl Into<Scalar>) -> Self {
        Op::Read { key: key.into(), saw: Some(Saw::Value(value.into())) }
    }

    /// A read of a list that saw `elements`.
    pub fn list<V: Into<Scalar>>(key: impl Into<Scalar>, elements: impl IntoIterator<Item = V>) -> Self {
        let elements = elements.into_iter().map(Into::into).collect();
        Op::Read { key: key.into(), saw: Some(Saw::List(elements)) }
    }

    /// A read that saw nothing: a register never written, or an empty list.
    pub fn null(key: impl Into<Scalar>) -> Self {
        Op::Read { key: key.into(), saw: Some(Saw::Null) }
    }

    /// The key.
    pub fn key(&self) -> &Scalar {
        match self {
            Op::Append { key, .. } | Op::Write { key, .. } | Op::Read { key, .. } => key,
        }
    }

    /// The value that it appends or writes.
    pub fn written(&self) -> Option<&Scalar> {
        match self {
            Op::Append { value, .. } | Op::Write { value, .. } => Some(value),
            Op::Read { .. } => None,
        }
    }
}

/// In words: "appended 3 to x".
impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::words::what(self))
    }
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It committed.
    Ok,
    /// It aborted: it had no effect.
    Fail,
    /// Its client never learned. It may have committed, at any time after its call; its reads are not judged.
    Unknown,
}

/// One transaction of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who ran it. A client runs one transaction at a time.
    pub client: u64,
    /// What it did, in order.
    pub ops: Vec<Op>,
    /// How it ended.
    pub status: Status,
    /// When it began, in nanoseconds.
    pub call: u64,
    /// When its client learned of the end, in nanoseconds. Intervals are closed, as everywhere in this crate.
    pub returned: Option<u64>,
}

impl Transaction {
    /// A committed transaction.
    pub fn ok(client: u64, call: u64, returned: u64, ops: Vec<Op>) -> Self {
        Self { client, ops, status: Status::Ok, call, returned: Some(returned) }
    }

    /// An aborted transaction.
    pub fn failed(client: u64, call: u64, returned: u64, ops: Vec<Op>) -> Self {
        Self { client, ops, status: Status::Fail, call, returned: Some(returned) }
    }

    /// A transaction of unknown outcome.
    pub fn unknown(client: u64, call: u64, ops: Vec<Op>) -> Self {
        Self { client, ops, status: Status::Unknown, call, returned: None }
    }

    /// When everybody could know that it had committed; `None` if nobody ever could.
    pub(super) fn end(&self) -> Option<u64> {
        self.returned.filter(|_| self.status == Status::Ok)
    }
}
