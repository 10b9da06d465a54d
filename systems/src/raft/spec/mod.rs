//! What the system promises: one function per property, over what an observer sees.

mod observation;

pub use observation::{Mark, Observation};
