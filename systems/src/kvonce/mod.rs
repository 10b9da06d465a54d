//! A key/value server whose operations are executed exactly once.
//!
//! After lab 2 of MIT 6.5840 in 2024. Put and Append are not idempotent together, and the clerk resends until it hears
//! an answer. So the server must know a resend when it sees one: each clerk numbers its operations, has one at a time,
//! and the server remembers for each clerk the number and the reply of the last write. (Birrell and Nelson,
//! "Implementing remote procedure calls", 1984, §3.)
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | a write happens once, however often its request arrives | [`protocol::Store::step`] | O1, O2 |
//! | Append returns the value before it | [`protocol::Store::step`] | O3 |
//! | the server keeps one reply a clerk, and only until the next request shows it was heard | [`protocol::Store::step`] | O4 |
//! | a Get leaves no trace | [`protocol::Store::step`] | O5 |
//! | all of it looks like one copy, one operation at a time | | linearizable ([`spec`]) |
//!
//! # What is left out
//!
//! * Crashes: the server keeps its state in memory, as in the lab. [`kv`](crate::kv) has the durable one.
//! * Forgetting clerks: the number of a clerk's last write stays for ever (some tens of bytes), because a copy of it may
//!   arrive as late as that. Sessions that expire are in Ongaro's thesis on Raft, §6.3.

pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod spec;
