//! Raft: a replicated log under a strong leader.
//!
//! After the extended version of "In Search of an Understandable Consensus Algorithm" (Ongaro & Ousterhout, 2014; § means
//! a section of it) and Ongaro's thesis (2014).

pub mod admin;
pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod service;
pub mod spec;
pub mod storage;
