//! What the system promises: one function per property, over what an observer sees.

mod ghost;
mod history;
mod observation;

pub use ghost::Ghost;
pub use history::{Budget, Checkable, Op, Outcome, Verdict, checkable, linearizable};
pub use observation::{Mark, Observation, digest, digest_bytes};

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;
