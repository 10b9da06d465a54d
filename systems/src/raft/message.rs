//! What servers say to each other. Each is an RPC of the paper, with what production systems have added.
//!
//! Indexes start at 1; 0 is before the first entry. Terms start at 1; 0 is before the first election.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Names a server, for its whole life. Never reused for another one.
pub type ServerId = u64;

/// Logical time: in each term at most one leader (§5.1).
pub type Term = u64;

/// A place in the log, from 1.
pub type Index = u64;

/// One entry of the log (Figure 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub index: Index,
    /// When its leader received it.
    pub term: Term,
    /// What it says.
    pub payload: Payload,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: what a leader appends first, so that what it inherited can commit (§8).
    Noop,
    /// A command for the state machine. Cheap to clone: the log, the messages and the disk's writer share the bytes.
    Command(Bytes),
    /// The configuration in force from here on (§6).
    Config(Configuration),
}

/// Who votes, who only listens (§6; thesis §4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Those whose majority decides: C_new while joint.
    pub voters: BTreeSet<ServerId>,
    /// C_old, whose majority must agree too. Not empty: the configuration is joint.
    pub outgoing: BTreeSet<ServerId>,
    /// Receive the log and count for nothing (thesis §4.2.1).
    pub learners: BTreeSet<ServerId>,
}

/// PreVote: would you vote for me, if I asked? (thesis §9.6)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreVote {
    /// The term that the sender would campaign in: its own plus 1.
    pub term: Term,
    /// Index of its last entry.
    pub last_index: Index,
    /// Term of its last entry.
    pub last_term: Term,
}

/// RequestVote (Figure 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's term.
    pub term: Term,
    /// Index of its last entry.
    pub last_index: Index,
    /// Term of its last entry.
    pub last_term: Term,
    /// The leader asked it to campaign: who believes in a living leader answers all the same (thesis §4.2.3).
    pub transfer: bool,
}

/// The answer to [`PreVote`] and [`RequestVote`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The voter's term, for the candidate to update itself. For a granted pre-vote: the term that was asked for.
    pub term: Term,
    /// Yes.
    pub granted: bool,
}

/// AppendEntries (Figure 2); a heartbeat has no entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntries {
    /// The leader's term.
    pub term: Term,
    /// Index of the entry before the new ones.
    pub prev_index: Index,
    /// Its term.
    pub prev_term: Term,
    /// The new ones, at `prev_index + 1` and on.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub commit: Index,
    /// Which round of heartbeats: what a reply proves it proves for the time at which this round began (thesis §6.4).
    /// The leader's own business: rounds grow, and are named by its clock when they begin.
    pub round: u64,
}

impl AppendEntries {
    /// How much longer than for a small message its answer may take: it crosses the network and goes to the disk, a second
    /// for each MiB of commands. Nothing below 64 KiB.
    pub fn transfer(&self) -> Duration {
        let length =
            |entry: &Entry| if let Payload::Command(bytes) = &entry.payload { bytes.len() } else { 0 };
        let bytes: usize = self.entries.iter().map(length).sum();
        Duration::from_millis(1000 * (bytes as u64 >> 16) / 16)
    }
}

/// The answer to [`AppendEntries`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// The follower's term.
    pub term: Term,
    /// What became of it.
    pub outcome: Outcome,
    /// The request's round, returned.
    pub round: u64,
}

/// What a follower did with entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Its log equals the leader's up to here, on disk.
    Matched(Index),
    /// It has no entry at `prev_index` of term `prev_term`. Where to go on (§5.3, last paragraphs).
    Conflict {
        /// The term of its entry at `prev_index`; `None`: its log is shorter.
        term: Option<Term>,
        /// Its first entry of that term; or the index after its last entry.
        first: Index,
        /// The `prev_index` that was refused: a late answer is told from a new one by it.
        refused: Index,
    },
    /// The term of the request was old: nothing was looked at.
    Stale,
}

/// InstallSnapshot (Figure 13), one chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: Term,
    /// What the snapshot replaces.
    pub meta: SnapshotMeta,
    /// Length of the whole in bytes.
    pub total: u64,
    /// Where this chunk begins, in bytes.
    pub offset: u64,
    /// The chunk.
    pub chunk: Bytes,
    /// As in [`AppendEntries`].
    pub round: u64,
}

/// What a snapshot stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// It replaces all entries up to this one.
    pub last_index: Index,
    /// The term of that one.
    pub last_term: Term,
    /// The latest configuration as of that one (§7).
    pub config: Configuration,
}

/// The answer to [`InstallSnapshot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The follower's term.
    pub term: Term,
    /// Of which snapshot, by its last index.
    pub last_index: Index,
    /// How many bytes of it the follower holds: where the next chunk shall begin. `total`: installed, and on disk.
    /// `None`: the sender does not lead in the follower's term.
    pub next: Option<u64>,
    /// The request's round, returned.
    pub round: u64,
}

/// TimeoutNow: campaign at once (thesis §3.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutNow {
    /// The leader's term.
    pub term: Term,
}

/// Any request between servers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the type of its name")]
pub enum Request {
    PreVote(PreVote),
    RequestVote(RequestVote),
    AppendEntries(AppendEntries),
    InstallSnapshot(InstallSnapshot),
    TimeoutNow(TimeoutNow),
}

/// Any reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`PreVote`].
    PreVote(Vote),
    /// To [`RequestVote`].
    Vote(Vote),
    /// To [`AppendEntries`].
    Appended(Appended),
    /// To [`InstallSnapshot`].
    Installed(Installed),
}
