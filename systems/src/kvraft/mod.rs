//! A key/value store that is replicated: each operation looks as though one server did it, whatever becomes of some.
//!
//! After labs 3 and 4 of MIT 6.824 and 6.5840. The store is the state machine of [`raft`](crate::raft), and what makes a
//! service of it is in [`rsm`](crate::rsm). It offers both contracts that the labs have had:
//!
//! * until 2024, put and append (and here compare-and-set), each executed exactly once. A client's session and the number
//!   of the write say to every server which write it is; a copy is answered as the first was.
//! * since 2025, the put at a version. A message that nobody answered is followed by a new one, and the second may be
//!   refused because of the first: then the client is told *maybe*. A session's number stands for a message here, and
//!   keeps the network from delivering one twice.
//!
//! A read goes through the log, or past it: after a round of heartbeats (ReadIndex), or by the leader's lease. So does a scan
//! of a range of keys, which shows all of them as they were at one moment. What does not fit into one answer is cut off, and
//! the answer names the first key of the rest; that is another scan, at another moment.
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | servers are in the same state after the same entry | [`protocol::Store`] | R1 |
//! | an answer is the answer to this write | [`raft::server`](crate::raft::server), [`rsm::front`](crate::rsm::front) | R2 |
//! | a write is executed once, however often it arrives | [`rsm::sessions`](crate::rsm::sessions) | R3 |
//! | a snapshot has everything, the sessions too | [`protocol::Store::snapshot`] | R4 |
//! | what is said not to be done is not done | [`rsm::client`](crate::rsm::client), [`client`] | R5 |
//! | sessions are bounded, and end alike everywhere | [`rsm::sessions`](crate::rsm::sessions) | R6 |
//! | a scan shows one moment | [`protocol::Store::scan`], [`server`] | R7 |
//! | all of it looks like one copy, one operation at a time | | linearizable ([`spec`]) |
//!
//! # What is left out
//!
//! * A session that ends is one whose client was silent while many others came. Who returns to it is told so, and must find
//!   out by a read whether the write was executed: it may have been, by a copy of the very message, before the session
//!   ended. A client that was silent for a minute opens a new one instead. More room makes it rarer, nothing makes it
//!   impossible (Raft thesis, §6.3).
//! * *Certainly not done*, where the network makes copies of requests: a copy may yet arrive.
//! * Scans in histories. A history is judged key by key, and a scan judged so could show each key at another moment and
//!   pass. R7 judges scans, while the system runs; what is recorded for `stormglass check` has none.

pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod spec;
