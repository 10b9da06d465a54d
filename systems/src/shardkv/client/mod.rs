//! Who asks: clerks of the store, whoever gives decrees to a replicated controller, and controllers that move shards
//! themselves and meet in a key/value store.

mod clerk;
mod controller;
mod decrees;
mod directory;
mod lease;
#[cfg(test)]
mod tests;

pub use clerk::{Clerk, Config, Unanswered, WriteError};
pub use controller::{CURRENT, Controller, ControllerConfig, Ended, NEXT, parse};
pub use decrees::{DecreeError, Decrees, who};
pub use directory::Directory;
pub use lease::{LEASE, parse_lease};
