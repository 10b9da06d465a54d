//! What goes into the protocol and what comes out.

use std::time::Duration;

use bytes::Bytes;

use super::super::message::{Entry, Index, Reply, Request, ServerId, SnapshotMeta, Term};
use super::super::spec::Observation;

/// One thing that happens to a server. Time is its own monotonic clock's, since it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// [`Raft::deadline`](super::Raft::deadline) has come.
    Tick,
    /// A request arrived; its answer is [`Effects::reply`].
    Request(ServerId, Request),
    /// The answer to an earlier [`Effects::send`] arrived.
    Reply(ServerId, Reply),
    /// The peer did not answer in time, or refused the connection: what was sent may or may not have arrived.
    Silence(ServerId),
    /// A client's command. Answered by [`Answer::Proposed`].
    Propose {
        /// The caller's name for it.
        ticket: u64,
        /// For the state machine.
        command: Bytes,
    },
    /// A client's read, to be linearizable. Answered by [`Answer::ReadAt`] once it may be executed.
    Read {
        /// The caller's name for it.
        ticket: u64,
        /// Ask a quorum each time, or trust the lease.
        proof: ReadProof,
    },
    /// A change of membership. Answered by [`Answer::Proposed`] with the index of its last configuration entry.
    Change {
        /// The caller's name for it.
        ticket: u64,
        /// What to change.
        change: Change,
    },
    /// Hand leadership over (thesis §3.10). Answered by [`Answer::Transferred`].
    Transfer {
        /// The caller's name for it.
        ticket: u64,
        /// To whom; `None`: to the voter that is most up to date.
        to: Option<ServerId>,
    },
    /// All of [`Effects::persist`] up to here is on disk: the last index that is, in the log of this term.
    Persisted {
        /// The server's term when it was handed out.
        term: Term,
        /// The last durable index.
        index: Index,
    },
    /// The state machine's snapshot is on disk with its meta, as [`Raft::snapshot_meta`](super::Raft::snapshot_meta) told
    /// it: the log up to there may go.
    Snapshotted {
        /// What it stands for.
        meta: SnapshotMeta,
        /// Its length in bytes.
        length: u64,
    },
    /// The state machine has applied everything up to here.
    Applied(Index),
}

/// How a read proves that no newer leader has committed (thesis §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadProof {
    /// A round of heartbeats that a quorum answers, begun after the read arrived: ReadIndex.
    Quorum,
    /// The lease that earlier rounds gave, under the declared bound on clock drift; a quorum when there is none.
    Lease,
}

/// A change of membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a learner.
    AddLearner(ServerId),
    /// Makes a voter of a learner that has caught up: a change of a single server (thesis §4.1, with the correction of
    /// 2015: not before an entry of the leader's own term has committed).
    Promote(ServerId),
    /// Removes a voter or learner: a change of a single server.
    Remove(ServerId),
    /// Any new set of voters, by joint consensus (§6).
    Replace(std::collections::BTreeSet<ServerId>),
}

/// What the shell must do, in the order of the fields: that order is the obligation.
///
/// `send_early` may leave before `persist` is on disk (a leader may count on its followers while it writes, thesis
/// §10.2.1). `send`, `reply`, `apply` and `answers` must not. After `persist` is durable, the shell feeds
/// [`Input::Persisted`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// For the observer. To be shown before anything below is done.
    pub seen: Vec<Observation>,
    /// A promise was broken that no server of this cluster breaks, and how: nothing more is to be done than to end.
    pub broken: Option<String>,
    /// Messages that promise nothing that is not yet on disk.
    pub send_early: Vec<(ServerId, Request)>,
    /// What must be on disk, in this order.
    pub persist: Vec<Persist>,
    /// Messages that rest on what was persisted.
    pub send: Vec<(ServerId, Request)>,
    /// The answer to the request of this step. `None` for other inputs, and for a request that is not to be answered.
    pub reply: Option<Reply>,
    /// Snapshot to replace the state machine by, before anything is applied.
    pub restore: Option<Restore>,
    /// Committed entries, to be applied in this order, each once.
    pub apply: Vec<Entry>,
    /// For the local callers.
    pub answers: Vec<Answer>,
    /// A chunk of the latest snapshot to be read from disk and sent: the log no longer has what the follower needs.
    pub send_chunk: Vec<SendChunk>,
}

/// A change of durable state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Persist {
    /// currentTerm and votedFor (Figure 2).
    HardState(HardState),
    /// Entries from this index on are void.
    Truncate(Index),
    /// Entries after the last one.
    Append(Vec<Entry>),
    /// A chunk of a leader's snapshot, at its offset. Offset 0 begins anew: what was there of any snapshot is void.
    Chunk {
        /// Which snapshot.
        meta: SnapshotMeta,
        /// Length of the whole.
        total: u64,
        /// Where the chunk begins.
        offset: u64,
        /// The chunk.
        bytes: Bytes,
    },
    /// The snapshot is whole: it becomes the server's own, durably, and then the log up to it goes; with `keep_suffix`
    /// the entries after it stay (they are known to follow it), without, all go (Figure 13, 6 and 7).
    Install {
        /// Which snapshot.
        meta: SnapshotMeta,
        /// The entries after it stay.
        keep_suffix: bool,
    },
    /// The server's own snapshot up to here is durable: segments that lie before it may be deleted.
    Compact(Index),
    /// Its own snapshot up to here is on disk and was overtaken by a leader's: it may go with the next that goes.
    Overtaken(Index),
}

/// currentTerm and votedFor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HardState {
    /// The latest term the server has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub voted_for: Option<ServerId>,
}

/// Replace the state machine by the snapshot that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore(pub SnapshotMeta);

/// Read at most [`Config::chunk`] bytes of the snapshot `meta` from `offset` and send them as
/// [`InstallSnapshot`](super::super::message::InstallSnapshot). A snapshot that is no longer there: [`Input::Silence`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendChunk {
    /// To whom.
    pub to: ServerId,
    /// The sender's term.
    pub term: Term,
    /// Which snapshot.
    pub meta: SnapshotMeta,
    /// Where the chunk begins.
    pub offset: u64,
    /// The round it belongs to.
    pub round: u64,
}

/// An answer to a local caller, by its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The command or change is in this server's log there. Whether it commits is seen when it is applied: at `index`
    /// with this very `term`, or never.
    Proposed {
        /// Of the caller.
        ticket: u64,
        /// Where.
        index: Index,
        /// In which term.
        term: Term,
    },
    /// Certainly not taken: nothing will come of it.
    Refused {
        /// Of the caller.
        ticket: u64,
        /// Why.
        why: Refusal,
    },
    /// The read may be executed as soon as everything up to `index` is applied.
    ReadAt {
        /// Of the caller.
        ticket: u64,
        /// The read index.
        index: Index,
    },
    /// Leadership has left this server, to whomever.
    Transferred {
        /// Of the caller.
        ticket: u64,
    },
    /// The target did not take over within an election timeout: this server leads on. The target may campaign yet.
    NotTransferred {
        /// Of the caller.
        ticket: u64,
    },
}

/// Why a call was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This server does not lead; perhaps that one does.
    NotLeader(Option<ServerId>),
    /// Too much is waiting to be committed already: back-pressure.
    Busy,
    /// Leadership is being handed over.
    Transferring,
    /// A change of membership is under way, or no entry of this term has committed yet (Ongaro, raft-dev, 2015).
    ChangeInProgress,
    /// The change makes no sense for this configuration.
    Pointless(String),
}

/// What a server is told at its start: what is on its disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Term and vote.
    pub hard: HardState,
    /// The snapshot's meta; last_index 0 and the initial configuration when there is none.
    pub snapshot: SnapshotMeta,
    /// Length of the snapshot in bytes.
    pub snapshot_length: u64,
    /// The entries after it, without gaps.
    pub entries: Vec<Entry>,
}

/// How a server behaves. Every server of a cluster has the same but for `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its name.
    pub id: ServerId,
    /// An election timeout is drawn from here, uniformly (§5.2).
    pub election: std::ops::RangeInclusive<Duration>,
    /// Between two rounds of heartbeats.
    pub heartbeat: Duration,
    /// Ask before campaigning (thesis §9.6).
    pub pre_vote: bool,
    /// A leader that hears no quorum for an election timeout steps down (thesis §6.2).
    pub check_quorum: bool,
    /// Append a no-op at the start of a term (§8). The labs' servers do not, so that their first command has index 1. What
    /// rests on an entry of the own term (commitment of what was inherited, reads, changes of membership, the second half
    /// of a joint one) then waits for the first command.
    pub noop: bool,
    /// Between any two clocks at most this many parts per million: what a lease rests on.
    pub drift_ppm: u32,
    /// At most this many entries an AppendEntries.
    pub batch_entries: usize,
    /// At most this many bytes of commands an AppendEntries, but at least one entry.
    pub batch_bytes: usize,
    /// At most this many AppendEntries with entries in flight to a follower.
    pub pipeline: usize,
    /// At most this many entries of this leader's own term uncommitted; more are refused as busy.
    pub uncommitted: usize,
    /// Bytes of a snapshot an InstallSnapshot. A follower must be able to fetch a snapshot before the leader makes its next:
    /// only the latest is sent, from its beginning.
    pub chunk: usize,
    /// Planted bugs.
    pub bugs: super::super::bugs::Bugs,
    /// Whether [`Effects::seen`] is wanted.
    pub observed: bool,
}

impl Config {
    /// Server `id` as it should be on a network whose messages take milliseconds.
    pub fn new(id: ServerId) -> Config {
        Config {
            id,
            election: Duration::from_millis(300)..=Duration::from_millis(600),
            heartbeat: Duration::from_millis(60),
            pre_vote: true,
            check_quorum: true,
            noop: true,
            drift_ppm: 1000,
            batch_entries: 256,
            batch_bytes: 256 << 10,
            pipeline: 8,
            uncommitted: 4096,
            chunk: 256 << 10,
            bugs: super::super::bugs::Bugs::NONE,
            observed: false,
        }
    }
}
