//! What an observer sees of the servers.

use std::hash::Hasher;
use std::rc::Rc;

use rustc_hash::FxHasher;

use super::super::message::{Configuration, Entry, Index, Payload, ServerId, Term};
use super::{Op, Outcome};

/// An entry as the observer knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its place.
    pub index: Index,
    /// Its term.
    pub term: Term,
    /// A hash of its payload: [`digest`].
    pub digest: u64,
    /// The configuration, where the entry is one.
    pub config: Option<Rc<Configuration>>,
}

impl Mark {
    /// The mark of an entry.
    pub fn of(entry: &Entry) -> Mark {
        let config = match &entry.payload {
            Payload::Config(config) => Some(Rc::new(config.clone())),
            Payload::Noop | Payload::Command(_) => None,
        };
        Mark { index: entry.index, term: entry.term, digest: digest(&entry.payload), config }
    }
}

/// A hash of what an entry says. Cheap, and the same in every run.
pub fn digest(payload: &Payload) -> u64 {
    let mut hasher = FxHasher::default();
    match payload {
        Payload::Noop => hasher.write_u8(0),
        Payload::Command(command) => {
            hasher.write_u8(1);
            hasher.write(command);
        }
        Payload::Config(config) => {
            hasher.write_u8(2);
            for set in [&config.voters, &config.outgoing, &config.learners] {
                hasher.write_usize(set.len());
                set.iter().for_each(|&id| hasher.write_u64(id));
            }
        }
    }
    hasher.finish()
}

/// A hash of a snapshot's bytes.
pub fn digest_bytes(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// One thing seen. All but [`Booted`](Observation::Booted) concern the memory of a running server, unless they say disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A server started with what was on its disk.
    Booted {
        /// Which.
        server: ServerId,
        /// Term and vote, from disk.
        term: Term,
        /// For whom it had voted in that term.
        voted_for: Option<ServerId>,
        /// Index and term that its snapshot ends with; zeros without one.
        snapshot: (Index, Term),
        /// Hash of the snapshot's bytes.
        snapshot_digest: u64,
        /// The entries after it.
        log: Vec<Mark>,
        /// The configuration in force.
        config: Configuration,
    },
    /// A server's disk cannot be read: it will not start.
    Unreadable {
        /// Which.
        server: ServerId,
        /// What it said.
        reason: String,
    },
    /// A vote leaves: a granted RequestVote, or one's own when one campaigns.
    Voted {
        /// The voter.
        server: ServerId,
        /// In which term.
        term: Term,
        /// For whom.
        candidate: ServerId,
    },
    /// The term of a server rose.
    TermRose {
        /// Which.
        server: ServerId,
        /// To what.
        term: Term,
    },
    /// A server takes itself for the leader.
    Leads {
        /// Which.
        server: ServerId,
        /// In which term.
        term: Term,
        /// Whose votes it counted.
        votes: Vec<ServerId>,
    },
    /// It no longer does.
    SteppedDown {
        /// Which.
        server: ServerId,
        /// The term in which it led.
        term: Term,
    },
    /// The log in memory was cut at `from` (that entry and all after it are gone, if there were any), then grew by `marks`.
    Log {
        /// Whose.
        server: ServerId,
        /// Where the change begins: the first new entry has this index.
        from: Index,
        /// The new entries.
        marks: Vec<Mark>,
    },
    /// Everything up to here of the log as it is in memory is on disk.
    Synced {
        /// Whose.
        server: ServerId,
        /// The last durable entry.
        index: Index,
    },
    /// The configuration in force at a server changed.
    Configured {
        /// Which.
        server: ServerId,
        /// The index of its entry (or the snapshot's).
        index: Index,
        /// The configuration.
        config: Configuration,
    },
    /// A server's commit index moved, in whatever direction.
    Committed {
        /// Which.
        server: ServerId,
        /// Its term then.
        term: Term,
        /// Whether it led: it decided; otherwise it was told.
        leads: bool,
        /// The new commit index.
        index: Index,
    },
    /// The state machine applied an entry.
    Applied {
        /// Where.
        server: ServerId,
        /// Which.
        mark: Mark,
    },
    /// A server made a snapshot of its state machine.
    Snapshot {
        /// Which.
        server: ServerId,
        /// Of everything applied up to here.
        index: Index,
        /// The term of that entry.
        term: Term,
        /// Hash of its bytes.
        digest: u64,
    },
    /// The log up to here was discarded, because a snapshot stands for it.
    Compacted {
        /// Whose.
        server: ServerId,
        /// The last discarded entry.
        index: Index,
    },
    /// A leader's snapshot was installed: on disk, the log before it gone.
    Installed {
        /// Where.
        server: ServerId,
        /// What it stands for.
        index: Index,
        /// The term of that entry.
        term: Term,
        /// The entries after it were kept.
        keep_suffix: bool,
    },
    /// The state machine was replaced by a snapshot (installed, or its own at the start).
    Restored {
        /// Where.
        server: ServerId,
        /// What it stands for.
        index: Index,
        /// Hash of its bytes.
        digest: u64,
    },
    /// A client's read arrived at a server.
    ReadBegins {
        /// Where.
        server: ServerId,
        /// The read's name at that server's incarnation.
        ticket: u64,
    },
    /// It was answered from the state as of `index`.
    ReadServed {
        /// Where.
        server: ServerId,
        /// Its name.
        ticket: u64,
        /// The last applied entry that the answer shows.
        index: Index,
    },
    /// A client was told that its command at `index` was executed.
    Acknowledged {
        /// By whom.
        server: ServerId,
        /// Where it was executed.
        index: Index,
        /// The term of the command's entry, as the client's call knows it.
        term: Term,
    },
    /// A client of the log service was told the outcome of its operation.
    Returned {
        /// What it asked for.
        op: Op,
        /// What it was told.
        outcome: Outcome,
    },
    /// A server crashed, or lost power, or ended: its memory is gone.
    Gone {
        /// Which.
        server: ServerId,
    },
}
