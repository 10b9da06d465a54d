//! The judge of Stormglass: is a recorded history linearizable, and if not, why not?
//!
//! Clients of a shared object call and wait; the history says who called what, when, and what came back.
//!
//! ```text
//! c0 |- write x = 1 -|
//! c1        |- write x = 2 -|
//! c2                          |- read x = 1 -|      fine: 2, then 1, then the read
//! c2                                            |- read x = 2 -|      now no order fits
//! ```
//!
//! It is *linearizable* (Herlihy & Wing 1990) if all operations can be put into one sequence that the sequential
//! object allows, in which no operation stands before one that returned before it was called.
//!
//! One function, three answers: [`check`] takes a [`Model`], a history and a [`Budget`], and returns a
//! [`Verdict`]: linearizable with an order that shows it, not linearizable with the smallest part that is still
//! wrong, or undecided because the budget ran out. Undecided is not a pass. And a pass says that this history
//! can be explained, not that the system is correct.
//!
//! Where to read on: [`Operation`] for time and unknown outcomes, [`Model`] for writing one, [`models`] for
//! those that exist, [`mod@format`] for files, [`mod@page`] for a verdict in a browser, the source of `wing_gong` for
//! the search, [`online`] for a history that still grows, [`transactions`] for isolation levels.

mod bars;
pub mod consistency;
mod direct;
mod explain;
pub mod format;
mod history;
mod judge;
mod model;
pub mod models;
mod numbers;
pub mod online;
pub mod page;
mod parts;
mod refine;
mod schedule;
mod settle;
mod shrink;
pub mod transactions;
mod verdict;
mod wing_gong;

#[doc(hidden)]
pub use direct::Paths;
pub use direct::{Answer, Path, Role};
pub use explain::{Clock, draw, tell};
pub use history::{Called, History, Operation, Returned};
pub use judge::{Judge, check, holds, judge, judge_on};
#[doc(hidden)]
pub use judge::{decide, decide_directly, holds_by, judge_by};
pub use model::{Model, Next, Phrase, Seen};
pub use refine::{Refined, refine};
pub use verdict::{Budget, Counterexample, Judgement, Verdict, Why};
#[doc(hidden)]
pub use wing_gong::Fault;
