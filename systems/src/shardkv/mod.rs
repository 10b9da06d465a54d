//! A sharded key/value store.
pub mod bugs;
pub mod message;
pub mod protocol;
