//! What is weaker than linearizability: [`sequential`] consistency, [`sessions`],
//! [`fork_linearizable`] and [`convergence`].
//!
//! Sequential consistency (Lamport 1979): one order explains all, in which each client's operations stand as it called
//! them. Time does not count: a client may see what is long past, as long as it never looks back. A client whose operations overlap did not call them in any order, and is not judged.
//!
//! ```
//! use stormglass_checker::models::register::{Input, Output, Register};
//! use stormglass_checker::{Budget, Operation, check, consistency};
//!
//! let stale = [
//!     Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 10),
//!     Operation::completed(1, Input::read("x"), 20, Output::Value(None), 30),
//! ];
//! assert!(check(&Register, &stale, Budget::default()).is_violation());
//! assert!(consistency::sequential(&Register, &stale, Budget::default()).holds());
//! ```
//!
//! The problem is NP-complete even for registers (Gibbons & Korach 1997), and keys cannot be judged one by one: two
//! histories may each have an order that no order of both respects. The search here goes depth first over how far
//! each client came and the state of each key, and enters no configuration twice. It is exact within its budget, which
//! a history of a few clients needs little of, and one of many clients soon exhausts.

/// The bytes that an allocation, or an entry of a table, takes besides what is in it, about.
const ALLOCATION: usize = 16;

mod convergence;
mod fork;
mod programs;
mod sequential;
mod session;
mod states;

pub use convergence::{Bound, Convergence, converged, convergence};
#[doc(hidden)]
pub use fork::{ForkFault, fork_linearizable_with};
pub use fork::{Forks, fork_linearizable};
#[doc(hidden)]
pub use sequential::sequential_with;
pub use sequential::{Fault, Verdict, sequential};
pub use session::{Guarantee, MOST_WRITES, SessionStep, SessionViolation, Sessions, SessionsOpen, sessions};
#[doc(hidden)]
pub use session::{SessionFault, sessions_with};
