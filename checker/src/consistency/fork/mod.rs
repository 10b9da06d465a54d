//! Fork consistency: what clients can still be sure of when the server may lie.
//!
//! A server that shows some clients one world and others another cannot be caught by the clients alone. But once it has
//! kept an operation from one of them, it must keep the two worlds apart for ever (Mazières & Shasha, PODC 2002). By Cachin,
//! Shelat & Shraer (PODC 2007) a history is *fork-linearizable* if each client has a *view*, a sequence of operations,
//! such that
//!
//! 1. it holds all completed operations of its client, and is legal from the initial state;
//! 2. of any two operations in it that one returned before the other was called, they stand in that order;
//! 3. an operation that is in two views has the same operations before it in both (*no join*).
//!
//! An operation of unknown outcome is in no view, or in that of its client and perhaps in others.
//!
//! By the third, views are the ways through a tree: a common beginning, then branches, and no operation in two of them.
//! So after a fork each branch consists of the operations of its own clients alone. With one branch it is
//! linearizability, and so it cannot be easier: the search here goes depth first over what is placed, the states, and the
//! clients that are still together, enters no such configuration twice, forks where nothing more fits, and tries every way
//! to part the clients in two. It is exact within its budget. Few clients need little of it; each one more may double
//! it where a fork is looked for in vain.

mod search;

use crate::history::Operation;
use crate::model::Model;
use crate::verdict::{Budget, Why};
use search::Hunt;
use std::collections::BTreeMap;

/// Is the history fork-linearizable? Operations are named by their index in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forks {
    /// Yes, and these views show it.
    Hold {
        /// By client.
        views: BTreeMap<u64, Vec<usize>>,
    },
    /// No.
    Violated {
        /// These replies contradict each other, whatever all other operations did, in the order of the history.
        operations: Vec<usize>,
        /// Whether with any one of them forgotten there are views. `false` if the budget ran out first.
        minimal: bool,
    },
    /// The budget ran out first. This is not a pass.
    Undecided {
        /// Configurations entered.
        explored: u64,
        /// What ran out.
        why: Why,
    },
    /// There are more than 64 clients, which is more than is tried. This is not a pass.
    TooManyClients {
        /// How many.
        clients: usize,
    },
}

impl Forks {
    /// Whether the answer is yes.
    pub fn hold(&self) -> bool {
        matches!(self, Forks::Hold { .. })
    }
}

/// Known wrong turns, chosen at run time, for the checker's own tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForkFault {
    /// The search as it should be.
    #[default]
    None,
    /// Believes that views never part.
    NeverForks,
    /// Lets views join again.
    ViewsJoin,
    /// Believes that an operation without a reply had no effect.
    UnknownTakenAsFailed,
    /// Forgets the states in the memo's key.
    MemoWithoutState,
    /// Lets operations of a view stand in any order.
    TimeForgotten,
}

/// Judges whether a history is fork-linearizable.
///
/// ```
/// use stormglass_checker::consistency::fork_linearizable;
/// use stormglass_checker::models::register::{Input, Output, Register};
/// use stormglass_checker::{Budget, Operation};
///
/// let read = |value: Option<&str>, at| {
///     Operation::completed(1, Input::read("x"), at, Output::Value(value.map(Into::into)), at + 1)
/// };
/// let write = Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 1);
/// // The server hides the write from c1, as in a world where c0 never came.
/// let mut history = vec![write, read(None, 10)];
/// assert!(fork_linearizable(&Register, &history, Budget::default()).hold());
/// // Now it shows it after all.
/// history.push(read(Some("1"), 20));
/// assert!(!fork_linearizable(&Register, &history, Budget::default()).hold());
/// ```
pub fn fork_linearizable<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
) -> Forks {
    fork_linearizable_with(model, history, budget, ForkFault::None)
}

/// The judgement with a planted fault.
#[doc(hidden)]
pub fn fork_linearizable_with<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    fault: ForkFault,
) -> Forks {
    let early = |operation: &Operation<_, _>| operation.returned_at().is_some_and(|at| at < operation.call);
    if let Some(operation) = history.iter().position(early) {
        return Forks::Undecided { explored: 0, why: Why::Malformed { operation } };
    }
    let completed = |at: &usize| history[*at].returned.is_some();
    let mut kept: Vec<usize> = (0..history.len()).filter(completed).collect();
    let mut hunt = match Hunt::new(model, history, &kept, fault) {
        Ok(hunt) => hunt,
        Err(clients) => return Forks::TooManyClients { clients },
    };
    match hunt.run(budget) {
        Ok(Some(views)) => return Forks::Hold { views },
        Ok(None) => {}
        Err(why) => return Forks::Undecided { explored: hunt.explored, why },
    }
    // What is explained costs no more than a small multiple of finding it out.
    let each = Budget { states: 4 * hunt.explored + 1000, ..budget };
    let mut minimal = true;
    kept.sort_by_key(|at| (history[*at].returned_at(), *at));
    // Last replies first: what was forgotten then is forgotten for the rest.
    for at in kept.clone().into_iter().rev() {
        let less: Vec<usize> = kept.iter().copied().filter(|other| *other != at).collect();
        let again = Hunt::new(model, history, &less, fault).map(|mut hunt| hunt.run(each));
        match again {
            Ok(Ok(None)) => kept = less,
            Ok(Ok(Some(_))) => {}
            _ => minimal = false,
        }
    }
    kept.sort_unstable();
    Forks::Violated { operations: kept, minimal }
}
