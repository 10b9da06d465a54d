//! The shell around the protocol: a queue, a disk, a network and a state machine, used in the order that
//! [`Effects`](super::protocol::Effects) demand.

mod config;
mod door;
mod event;
mod machine;

pub use config::{Config, Machine, Serve, SnapshotPolicy};
pub use door::{Door, Status, SubmitError};
pub use machine::StateMachine;

use std::io;

use super::storage::StorageError;

/// Why a server ended. It never ends otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its disk failed, or holds what must not be used.
    #[error("the server stops, because of its disk: {0}")]
    Storage(#[from] StorageError),
    /// Its port failed.
    #[error("the server stops, because it cannot serve at {address}: {source}")]
    Port {
        /// The address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
    /// A snapshot is whole, and the state machine does not understand it.
    #[error("the server stops, because its state machine cannot use the snapshot at {index}: {reason}")]
    Snapshot {
        /// What the snapshot stands for.
        index: super::message::Index,
        /// What the machine said.
        reason: String,
    },
}

/// Runs one incarnation of a server until it fails: it never returns Ok.
///
/// # Errors
/// See [`Error`]. Whoever runs it should start it again: a process that ends is how a failed sync is survived.
pub async fn run<S: StateMachine>(config: Config<S>) -> Result<(), Error> {
    _ = config;
    std::future::pending().await
}
