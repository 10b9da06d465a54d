//! A key/value server with versioned conditional puts, and a lock made of nothing else.
//!
//! After lab 2 of MIT 6.5840 in 2025. One server keeps a value and a version for every key. A Put names the version
//! it believes the key has and is installed only if that is so; the version then grows by one. That makes a resend
//! harmless: the second copy of an installed Put finds another version. What it cannot do is tell the clerk whether
//! it was its own first copy that went through, and so the clerk has three answers: `Ok`, certainly not, and *maybe*.
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | install iff the version matches, 0 creates | [`protocol::Store::step`] | I1, I2 |
//! | Ok means installed; a first refusal is definite; after silence it is `Maybe` | [`protocol::PutCall`] | I3, I4 |
//! | nobody holds the lock twice; only the holder frees it | [`protocol::Acquire`], [`protocol::Release`] | I5, I6 |
//! | what was answered survives a crash | [`server`], [`log`] | I7 |
//! | all of it looks like one copy, one operation at a time | | linearizable ([`spec`]) |
//!
//! # Beyond the lab
//!
//! The lab's server loses everything in a crash, and the lab's network never delivers a request twice. Here a server
//! may be durable: a log is synced before a reply leaves, several requests sharing one sync. And it remembers the last
//! message of each clerk, because without that the lab's contract does not hold where requests are duplicated (see
//! [`message::Transmission`]).
//!
//! # What is left out
//!
//! * Another copy of the data: a disk that dies takes all with it. Replication is `kvraft`.
//! * Leases: a holder that dies holds the lock for ever. The lab says so too.
//! * Fairness among those who wait for a lock: whoever looks first after a release takes it.

pub mod bugs;
pub mod client;
pub mod lock;
pub mod log;
pub mod message;
pub mod protocol;
pub mod server;
pub mod spec;
