//! The three answers.

use crate::direct::Path;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// How much a check may cost. Counted in configurations and not in seconds, so that the same history gets the
/// same verdict on a slow machine, a busy one and a fast one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Configurations that may be entered, over all partitions. Where more than 64 operations are in flight, or of
    /// unknown outcome, one counts as five.
    pub states: u64,
    /// Configurations that may be remembered at once, over all partitions, counted in the same way. One takes about
    /// [`ENTRY`](Budget::ENTRY) bytes, and the [`weight`](crate::Model::weight) of a state counts as so many more.
    pub memo: usize,
}

impl Budget {
    /// The bytes that a remembered configuration takes.
    pub const ENTRY: u64 = 50;

    /// The memory that may be taken.
    pub(crate) fn bytes(&self) -> usize {
        self.memo.saturating_mul(Self::ENTRY as usize)
    }
}

impl Default for Budget {
    /// Some seconds and about 200 MB at the very most; nearly every history needs a thousandth of it.
    fn default() -> Self {
        Self { states: 20_000_000, memo: 4_000_000 }
    }
}

/// Is the history linearizable? Operations are named by their index in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and this order shows it.
    Linearizable {
        /// Every completed operation, and those of unknown outcome that took effect, in an order that respects
        /// real time and is legal for each key.
        witness: Vec<usize>,
    },
    /// No.
    NotLinearizable(Box<Counterexample>),
    /// The budget ran out first. This is not a pass.
    Undecided {
        /// Configurations entered.
        explored: u64,
        /// What ran out.
        why: Why,
    },
}

impl Verdict {
    /// Whether the answer is yes.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable { .. })
    }

    /// Whether the answer is no.
    pub fn is_violation(&self) -> bool {
        matches!(self, Verdict::NotLinearizable(_))
    }

    /// The counterexample, if the answer is no.
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match self {
            Verdict::NotLinearizable(counterexample) => Some(counterexample),
            _ => None,
        }
    }
}

/// A verdict, and how it was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// How many partitions each way decided. A violation was found by the first of them, which may leave others
    /// undecided: see [`refuted_by`](Judgement::refuted_by).
    pub decided_by: BTreeMap<Path, usize>,
    /// What found the violation, if there is one.
    pub refuted_by: Option<Path>,
}

impl Judgement {
    /// Before anything was judged.
    pub(crate) fn nothing() -> Self {
        let verdict = Verdict::Linearizable { witness: Vec::new() };
        Self { verdict, decided_by: BTreeMap::new(), refuted_by: None }
    }
}

/// How it was reached, in words: "decided by zones (12 keys) and search (1 key)".
impl Display for Judgement {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = self.refuted_by {
            return write!(f, "refuted by {path}");
        }
        let ways: Vec<String> = self
            .decided_by
            .iter()
            .map(|(path, count)| format!("{path} ({count} {})", if *count == 1 { "key" } else { "keys" }))
            .collect();
        match ways.is_empty() {
            true => write!(f, "nothing was decided"),
            false => write!(f, "decided by {}", ways.join(" and ")),
        }
    }
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The partition that is wrong, if the model splits by key.
    pub key: Option<String>,
    /// The smallest sub-history still wrong, in the order of calls: these replies contradict each other,
    /// whatever all other operations did. See [`minimal`](Counterexample::minimal).
    pub operations: Vec<usize>,
    /// Whether every one of `operations` is known to be needed: with its reply forgotten, as if it had never
    /// been seen, the partition becomes linearizable. (To drop an operation altogether is a weaker test: a read
    /// of 1 without the write of 1 is wrong for a reason that the history does not have.) `false` if the
    /// allowance for making it small ran out first.
    pub minimal: bool,
    /// The one of `operations` whose return cannot be explained.
    pub culprit: usize,
    /// The longest prefix of the partition that can be explained, in an order that does.
    pub explained: Vec<usize>,
    /// The state after `explained`.
    pub state: String,
    /// The completed operations of which one had to come next after `explained`; none is legal in that state.
    pub candidates: Vec<usize>,
    /// What is wrong, in a sentence, and why nothing fits, in another.
    pub sentence: String,
}

/// What kept a check from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// [`Budget::states`] ran out.
    States,
    /// [`Budget::memo`] ran out.
    Memo,
    /// More operations of one partition were in flight, or of unknown outcome, than the search can hold.
    TooWide {
        /// How many there were.
        operations: usize,
    },
    /// An operation returned before it was called: the history was not recorded on one clock.
    Malformed {
        /// Its index in the history.
        operation: usize,
    },
    /// Two operations of one client overlap, or both took no time at one instant, and the order in which a client called
    /// was asked for.
    Overlapping {
        /// Their indices in the history.
        operations: [usize; 2],
    },
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::States => write!(f, "the budget of states ran out; allow more states"),
            Why::Memo => write!(f, "the budget of memory ran out; allow more memory"),
            Why::TooWide { operations } => {
                write!(
                    f,
                    "{operations} operations of one key in flight or of unknown outcome at once; at most 1024 can be judged"
                )
            }
            Why::Malformed { operation } => write!(
                f,
                "operation {operation} returned before it was called; all times must come from one clock"
            ),
            Why::Overlapping { operations: [one, other] } => {
                write!(f, "operations {one} and {other} of one client overlap: nobody knows which came first")
            }
        }
    }
}
