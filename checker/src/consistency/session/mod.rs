//! Session guarantees: what a client may rely on that talks to one replica now and to another then.
//!
//! A *session* is a client, in the order of its calls. Terry et al. (Session guarantees for weakly consistent replicated
//! data, 1994) take all writes to stand in one order, and each read to be answered by a replica that holds some of them,
//! with the last in that order that it holds. Then
//!
//! - **read your writes**: a read's replica holds what its session wrote before;
//! - **monotonic reads**: it holds what its session read before;
//! - **monotonic writes**: a replica that holds a write holds, before it, what its session wrote before;
//! - **writes follow reads**: a replica that holds a write holds, before it, what its session read before.
//!
//! The last two say what replicas hold, and no single read shows it. A client that sees a post without the one it
//! answers has read twice: ask for them together with monotonic reads. All four together are causal consistency
//! with one order of all writes.
//!
//! **How it is decided.** Each value is written once, so it is known which write a read saw. The guarantees
//! asked for say which writes a read's replica holds at least; those to the same register come before the one it saw, and there are
//! none if it saw nothing. The guarantees hold if no circle of writes comes before itself, and any circle shows that
//! they do not. That is exact, and takes time with the square of the number of writes, over the bits of a word.
//!
//! An operation of unknown outcome comes after those that its client called before, at any time or never.

mod graph;
mod holdings;

use crate::history::Operation;
use crate::model::Model;
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};

/// A promise to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarantee {
    /// A read sees what its session wrote, or something later.
    ReadYourWrites,
    /// A read sees what its session read, or something later.
    MonotonicReads,
    /// The writes of a session are everywhere in their order.
    MonotonicWrites,
    /// What a session read is everywhere before what it wrote then.
    WritesFollowReads,
}

impl Guarantee {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::ReadYourWrites, Self::MonotonicReads, Self::MonotonicWrites, Self::WritesFollowReads];
}

impl Display for Guarantee {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ReadYourWrites => "read your writes",
            Self::MonotonicReads => "monotonic reads",
            Self::MonotonicWrites => "monotonic writes",
            Self::WritesFollowReads => "writes follow reads",
        })
    }
}

/// Do the guarantees hold? Operations are named by their index in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// There is an order of all writes with which they do.
    Hold,
    /// There is none.
    Violated(SessionViolation),
    /// It could not be found out. This is not a pass.
    Undecided(SessionsOpen),
}

/// Why no order of the writes will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionViolation {
    /// The guarantees that it takes; empty if a read saw what nobody wrote.
    pub guarantees: BTreeSet<Guarantee>,
    /// What contradicts each other, step by step: each step's later write is the earlier one of the next, and the
    /// last leads back to the first, or to a read of nothing.
    pub steps: Vec<SessionStep>,
    /// All operations of the steps, in the order of the history.
    pub operations: Vec<usize>,
    /// The same in words.
    pub sentence: String,
}

/// One write must come before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStep {
    /// The write that comes first; `None` if a read saw what nobody wrote.
    pub earlier: Option<usize>,
    /// The write that comes after it; `None`: a read, the first of `shown_by`, saw the register without any.
    pub later: Option<usize>,
    /// The operations that show it.
    pub shown_by: Vec<usize>,
}

/// What kept a judgement of sessions from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionsOpen {
    /// An operation returned before it was called.
    Malformed {
        /// Its index.
        operation: usize,
    },
    /// Both are of one client and overlap, or took no time at one instant: a session has an order.
    Overlapping {
        /// Their indices.
        operations: [usize; 2],
    },
    /// It is neither a read of a whole value nor a write of one.
    NotAReadOrWrite {
        /// Its index.
        operation: usize,
    },
    /// Both write the same value to one register.
    Repeated {
        /// Their indices.
        operations: [usize; 2],
    },
    /// More writes than [`MOST_WRITES`].
    TooMany {
        /// How many.
        writes: usize,
    },
}

/// Above this the bits of who holds what no longer fit into half a gigabyte.
pub const MOST_WRITES: usize = 1 << 16;

impl Display for SessionsOpen {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed { operation } => write!(
                f,
                "operation {operation} returned before it was called; all times must come from one clock"
            ),
            Self::Overlapping { operations: [one, other] } => {
                write!(f, "operations {one} and {other} of one client overlap: nobody knows which came first")
            }
            Self::NotAReadOrWrite { operation } => {
                write!(f, "operation {operation} is no read and no write; sessions are judged by these alone")
            }
            Self::Repeated { operations: [one, other] } => {
                write!(f, "operations {one} and {other} write the same value; each must be new")
            }
            Self::TooMany { writes } => write!(f, "{writes} writes; at most {MOST_WRITES} can be judged"),
        }
    }
}

/// Known wrong turns, chosen at run time, for the checker's own tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionFault {
    /// The judgement as it should be.
    #[default]
    None,
    /// Forgets what a replica holds because it holds something else.
    HoldingsNotClosed,
    /// Believes that a write without a reply took effect at once.
    UnknownTakenAsDone,
    /// Accepts whatever a read of nothing saw.
    MissingNeverWrong,
    /// Does not look for circles of more than one step.
    CirclesIgnored,
}

/// Judges the sessions of a history of reads and writes, by the guarantees asked for.
///
/// ```
/// use stormglass_checker::Operation;
/// use stormglass_checker::consistency::{Guarantee, Sessions, sessions};
/// use stormglass_checker::models::register::{Input, Output, Register};
///
/// let history = [
///     Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 10),
///     Operation::completed(0, Input::read("x"), 20, Output::Value(None), 30),
/// ];
/// let Sessions::Violated(found) = sessions(&Register, &history, &Guarantee::ALL) else { panic!() };
/// assert!(found.guarantees.contains(&Guarantee::ReadYourWrites));
/// assert_eq!(found.operations, [0, 1]);
/// assert_eq!(sessions(&Register, &history, &[Guarantee::MonotonicReads]), Sessions::Hold);
/// ```
pub fn sessions<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    guarantees: &[Guarantee],
) -> Sessions {
    sessions_with(model, history, guarantees, SessionFault::None)
}

/// The judgement with a planted fault.
#[doc(hidden)]
pub fn sessions_with<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    guarantees: &[Guarantee],
    fault: SessionFault,
) -> Sessions {
    let program = match graph::Program::of(model, history, fault) {
        Ok(program) => program,
        Err(open) => return Sessions::Undecided(open),
    };
    let asked = guarantees.iter().copied().collect();
    let steps = match program.unwritten {
        Some(read) => Some(vec![(SessionStep { earlier: None, later: None, shown_by: vec![read] }, asked)]),
        None => holdings::contradiction(&program, asked, fault),
    };
    let Some(steps) = steps else { return Sessions::Hold };
    let mut operations: Vec<usize> = steps
        .iter()
        .flat_map(|(step, _)| step.shown_by.iter().copied().chain(step.earlier).chain(step.later))
        .collect();
    operations.sort_unstable();
    operations.dedup();
    let guarantees = match program.unwritten {
        Some(_) => BTreeSet::new(),
        None => steps.iter().flat_map(|(_, guarantees)| guarantees.iter().copied()).collect(),
    };
    let steps: Vec<SessionStep> = steps.into_iter().map(|(step, _)| step).collect();
    let sentence = sentence(model, history, &guarantees, &steps);
    Sessions::Violated(SessionViolation { guarantees, steps, operations, sentence })
}

fn sentence<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    guarantees: &BTreeSet<Guarantee>,
    steps: &[SessionStep],
) -> String {
    let words = |at: usize| {
        let operation = &history[at];
        format!("c{}'s {}", operation.client, model.describe(&operation.input, operation.output()))
    };
    let all = |shown: &[usize]| shown.iter().map(|at| words(*at)).collect::<Vec<_>>().join(", ");
    let step = |step: &SessionStep| match (step.earlier, step.later) {
        (None, _) => format!("nobody wrote what {} saw", all(&step.shown_by)),
        (Some(earlier), None) => {
            let read = step.shown_by.first().map_or_else(String::new, |read| words(*read));
            format!("{read} cannot have missed {}: {}", words(earlier), all(&step.shown_by))
        }
        (Some(earlier), Some(later)) => {
            format!("{} comes before {}: {}", words(earlier), words(later), all(&step.shown_by))
        }
    };
    let steps: Vec<String> = steps.iter().map(step).collect();
    let names: Vec<String> = guarantees.iter().map(Guarantee::to_string).collect();
    match names.is_empty() {
        true => steps.join("; "),
        false => format!("{} cannot hold: {}", names.join(" and "), steps.join("; ")),
    }
}
