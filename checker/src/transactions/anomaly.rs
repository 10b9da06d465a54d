//! What can be wrong, and the three answers.

use super::history::Scalar;
use std::fmt::{Display, Formatter};

/// What is wrong, by the names of Adya 1999, Berenson et al. 1995 and Elle (Kingsbury & Alvaro 2020). Gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phenomenon {
    /// A read saw a value that nobody wrote.
    GarbageRead,
    /// A read saw an element of a list twice, though it was appended once.
    DuplicateElements,
    /// Two reads of one list, neither of which is a prefix of the other.
    IncompatibleOrder,
    /// A read contradicts what its own transaction wrote.
    Internal,
    /// A committed append stands behind one that was aborted: it was made on a state that never was.
    DirtyUpdate,
    /// Aborted read: a read saw a value of an aborted transaction.
    G1a,
    /// Intermediate read: a read saw a value that its own writer overwrote in the same transaction.
    G1b,
    /// Dirty write: a cycle of writes overwriting writes.
    G0,
    /// Circular information flow: a cycle of writes overwriting writes and reads seeing writes.
    G1c,
    /// Two reads of one transaction differ, though it wrote nothing in between.
    NonRepeatableRead,
    /// A [`GSingle`](Phenomenon::GSingle) on one key: a transaction read it, others overwrote what it read, and
    /// it then overwrote them unseen.
    LostUpdate,
    /// A cycle with exactly one anti-dependency: read skew.
    GSingle,
    /// Two readers see two independent writes in opposite orders.
    LongFork,
    /// A cycle with several anti-dependencies, no two of which follow each other.
    GNonadjacent,
    /// Two transactions, each of which read what the other then overwrote.
    WriteSkew,
    /// A cycle in which two anti-dependencies follow each other.
    G2Item,
}

/// Which order beyond that of the data a cycle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beyond {
    /// None.
    Nothing,
    /// The order in which one client ran its transactions.
    Process,
    /// That one transaction had returned before another was called.
    RealTime,
}

/// Why one transaction stands before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// ww: it wrote a version that the other overwrote.
    WriteWrite,
    /// wr: it wrote what the other read.
    WriteRead,
    /// rw, an anti-dependency: it read a version that the other overwrote.
    ReadWrite,
    /// Its client ran the other one later.
    Process,
    /// It returned before the other one was called.
    RealTime,
}

/// One edge of a cycle. Transactions are named by their index in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Stands before `to`.
    pub from: usize,
    /// Stands after `from`.
    pub to: usize,
    /// Why.
    pub dependency: Dependency,
    /// The key, if it is a dependency of data.
    pub key: Option<Scalar>,
    /// In words: "T3 read x = [1 2] before T5 appended 3 to x".
    pub sentence: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What.
    pub phenomenon: Phenomenon,
    /// The variant of a cycle.
    pub beyond: Beyond,
    /// Who took part, each once.
    pub transactions: Vec<usize>,
    /// The cycle, if it is one: each step begins where the one before ended, and the last ends where the first
    /// began.
    pub cycle: Vec<Step>,
    /// What is wrong, in words.
    pub sentence: String,
}

impl Anomaly {
    /// The usual name: `G-single-realtime`.
    pub fn name(&self) -> String {
        let name = match self.phenomenon {
            Phenomenon::GarbageRead => "garbage-read",
            Phenomenon::DuplicateElements => "duplicate-elements",
            Phenomenon::IncompatibleOrder => "incompatible-order",
            Phenomenon::Internal => "internal",
            Phenomenon::DirtyUpdate => "dirty-update",
            Phenomenon::G1a => "G1a",
            Phenomenon::G1b => "G1b",
            Phenomenon::G0 => "G0",
            Phenomenon::G1c => "G1c",
            Phenomenon::NonRepeatableRead => "non-repeatable-read",
            Phenomenon::LostUpdate => "lost-update",
            Phenomenon::GSingle => "G-single",
            Phenomenon::LongFork => "long-fork",
            Phenomenon::GNonadjacent => "G-nonadjacent",
            Phenomenon::WriteSkew => "write-skew",
            Phenomenon::G2Item => "G2-item",
        };
        let suffix = match self.beyond {
            Beyond::Nothing => "",
            Beyond::Process => "-process",
            Beyond::RealTime => "-realtime",
        };
        format!("{name}{suffix}")
    }
}

/// The name, and then the sentence.
impl Display for Anomaly {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name(), self.sentence)
    }
}

/// Does the history keep the level?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and this order shows it.
    Holds {
        /// Every committed transaction, and those of unknown outcome that somebody saw: the order of a serial
        /// execution, or for the weaker levels the order of the commits.
        order: Vec<usize>,
    },
    /// No. What was found is real under every explanation of the history.
    Violated {
        /// One example of each kind that was found, gravest first; there is at least one.
        anomalies: Vec<Anomaly>,
    },
    /// Neither was shown. This is not a pass.
    Undecided {
        /// Transactions placed while trying orders.
        explored: u64,
        /// What kept the check from an answer.
        why: Why,
    },
}

impl Verdict {
    /// Whether the answer is yes.
    pub fn holds(&self) -> bool {
        matches!(self, Verdict::Holds { .. })
    }

    /// What is wrong; empty if the answer is not no.
    pub fn anomalies(&self) -> &[Anomaly] {
        match self {
            Verdict::Violated { anomalies } => anomalies,
            _ => &[],
        }
    }
}

/// What kept a check from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// [`Budget::states`](crate::Budget::states) ran out.
    States,
    /// A value was written to one key twice, so that a read of it says little.
    RepeatedWrite {
        /// The key.
        key: Scalar,
        /// The value.
        value: Scalar,
        /// The two transactions, which may be one.
        transactions: [usize; 2],
    },
    /// A key is used as a list and as a register.
    MixedKey {
        /// The key.
        key: Scalar,
        /// The first transaction that uses it otherwise.
        transaction: usize,
    },
    /// A transaction returned before it was called.
    ReturnsBeforeCall {
        /// Which.
        transaction: usize,
    },
    /// One client had two transactions open at once.
    Overlapping {
        /// The client.
        client: u64,
        /// The two transactions.
        transactions: [usize; 2],
    },
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::States => write!(f, "the budget of states ran out; allow more states"),
            Why::RepeatedWrite { key, value, transactions: [one, other] } => write!(
                f,
                "T{one} and T{other} both wrote {value} to {key}; every value must be written to a key once"
            ),
            Why::MixedKey { key, transaction } => write!(
                f,
                "T{transaction} uses {key} otherwise than the transactions before; a key is a list or a register"
            ),
            Why::ReturnsBeforeCall { transaction } => {
                write!(f, "T{transaction} returned before it was called; all times must come from one clock")
            }
            Why::Overlapping { client, transactions: [one, other] } => write!(
                f,
                "T{one} and T{other} of client {client} overlap; a client runs one transaction at a time"
            ),
        }
    }
}
