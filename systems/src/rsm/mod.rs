//! What every service that is replicated over [`raft`](crate::raft) has in common.
//!
//! A service is a [`StateMachine`](crate::raft::server::StateMachine) and a few request types. Its clients must find the
//! leader, and an operation of theirs must happen once, whatever is sent how often to whom.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`front`] | a server's half: a request becomes a command or a query, its result the reply |
//! | [`sessions`] | the replicated table of who did what last, so that a resend is known by whoever executes it |
//! | [`client`] | a client's half: the leader found, a session opened, every write numbered and sent until it is answered |
//! | [`message`] | what travels: the reply that tells *certainly not* from *cannot tell* |
//!
//! # Where a partition sets a trap
//!
//! A command belongs to the caller whose entry has its index *and its term*: after a change of leader another command may
//! lie at that index. A leader that is deposed answers whoever waits [`Reply::Unknown`], because the entry may be
//! committed yet by the next one; the labs' `ErrWrongLeader` stands for that too, and a client that takes it for *not
//! done* is wrong. [`Reply::Elsewhere`] is said only by a server that never took the command. And a leader that is cut
//! off may wait until it is deposed, but not for ever: its callers are answered in the turn in which it steps down.

pub mod client;
pub mod front;
pub mod message;
pub mod sessions;

pub use client::{Client, Heard, Numbering, WriteError, Written};
pub use front::{Front, Way};
pub use message::{By, Once, Open, Reply};
pub use sessions::Sessions;

/// Bytes of a value, as commands, results and snapshots have them.
pub fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data, and memory has no end")
}

/// The value that these bytes are.
///
/// # Errors
/// Says why they are none.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    postcard::from_bytes(bytes).map_err(|error| error.to_string())
}
