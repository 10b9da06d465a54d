//! Raft: a replicated log under a strong leader.
//!
//! After the extended version of "In Search of an Understandable Consensus Algorithm" (Ongaro & Ousterhout, 2014; § means
//! a section of it) and Ongaro's thesis (2014).
//!
//! Servers elect a leader, which orders all commands; a command that a majority has on disk is committed and survives
//! whatever happens to the rest. Every server applies the committed commands in their order to a state machine of the
//! user's ([`server::StateMachine`]); here that is [`service`], a list to which clients append, each append once.
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | at most one leader a term | [`protocol`], elections | I1, I7 |
//! | a leader never overwrites its log; equal entries have equal pasts | [`protocol`], leader and follower | I2, I3 |
//! | what is committed is in the log of every later leader, on a majority's disks | [`protocol`], commitment; [`storage`] | I4, I6, I8, D |
//! | no two servers apply different commands at one index | | I5 |
//! | a snapshot is the log that it stands for | [`protocol`], snapshots; [`storage`] | I9 |
//! | configurations that follow one another share a deciding server | [`protocol`], membership | I10 |
//! | a read shows all that was committed when it began | [`protocol`], reads | I11 |
//! | what a client was told is committed; appends look like one list, one at a time | [`server`], [`service`], [`client`] | I12, linearizable |
//!
//! # Beyond the paper
//!
//! Pre-vote, check-quorum, refusal of votes while a leader lives, learners, single-server changes with the correction of
//! 2015 beside joint consensus, pipelining with back-pressure, snapshots in chunks that resume, leadership transfer, reads
//! by a round of heartbeats or by lease under a stated drift of clocks ([`protocol::Config::drift_ppm`]).
//!
//! # What is left out
//!
//! * A server that loses its disk and comes back under its old name may vote twice. It must come back as a new server.
//! * Servers that lie, and messages that are damaged on the way.

pub mod admin;
pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod service;
pub mod spec;
pub mod storage;
