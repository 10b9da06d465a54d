//! The algorithm, pure: values in, effects out. No I/O, no clock, no `async`.
//!
//! `balance` makes one configuration of another. [`Group`] is what the servers of a group replicate: shards that are
//! served, frozen or absent, each fenced by the number of the configuration for which it moved last. [`Controller`] is
//! what the servers of the controller replicate: all configurations. [`PutCall`] is the clerk's half of a versioned put. [`Lease`] is a
//! controller's half of the lease that those of 2025 may share.

mod balance;
mod call;
mod content;
mod controller;
mod group;
mod lease;
mod moves;
#[cfg(test)]
mod tests;

pub use balance::shard_of;
pub use call::{PutCall, PutError};
pub use content::{Limits, Outcome};
pub use controller::Controller;
pub use group::{Answer, Arriving, Command, Effects, Group, Phase, Seen, Slot};
pub use lease::{Grant, Lease, LeaseConfig, LeaseStep};
pub use moves::{Outgoing, Shape};
