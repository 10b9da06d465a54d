//! Distributed systems that run simulated and for real: the same code in both worlds.
//!
//! Every system is a folder with the same six names, read in this order:
//!
//! | name | what it holds |
//! | --- | --- |
//! | `message` | what travels, every field explained |
//! | `protocol` | the algorithm: values in, effects out; no I/O, no clock, no `async` |
//! | `server` | the thin shell that does what the effects oblige it to do, in their order |
//! | `client` | the clerk: finds the server, retries, and gives up honestly |
//! | `spec` | what the system promises, one function per property |
//! | `bugs` | known wrong turns, each one `if` away, chosen at run time |
//!
//! | system | after |
//! | --- | --- |
//! | [`kv`] | versioned conditional puts on one server, and a lock made of nothing else (6.5840, 2025, lab 2) |
//! | [`kvonce`] | put, append and get on one server, executed exactly once (6.5840, 2024, lab 2) |
//! | [`raft`] | a replicated log, and a list service on it (Ongaro & Ousterhout, 2014; Ongaro, 2014) |
//! | [`kvraft`] | a replicated key/value store: versioned puts, or writes executed once (6.5840, 2024 and 2025, lab 4) |
//! | [`mapreduce`] | map and reduce over files, with workers that die and stragglers (Dean and Ghemawat, OSDI 2004; 6.5840, lab 1) |
//! | [`shardkv`] | shards of keys that move between groups of servers, under one controller or several (6.5840, 2024 lab 5, 2025 lab 5) |
//!
//! Beside the systems stand the few things they share: [`bugs`] (sets of planted bugs), [`probe`] (what an
//! observer outside the nodes sees), [`frames`] (how a log looks on disk), [`retry`] (how long a clerk waits), [`rsm`] (a
//! service replicated over [`raft`]: its server's half, its sessions, its client's half).

pub mod bugs;
pub mod frames;
pub mod kv;
pub mod kvonce;
pub mod kvraft;
pub mod mapreduce;
pub mod probe;
pub mod raft;
pub mod retry;
pub mod rsm;
pub mod shardkv;
