//! What can be asked of a server, and of a message.

use std::fmt;

use super::super::message::{Index, Reply, Request, ServerId, Term};
use super::raft::{Raft, Role};

/// How a server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub id: ServerId,
    /// Its term.
    pub term: Term,
    /// Its role in that term.
    pub role: Role,
    /// Who leads, as far as it knows.
    pub leader: Option<ServerId>,
    /// Its commit index.
    pub commit: Index,
    /// The last entry that its state machine has, or is being given with a snapshot.
    pub applied: Index,
    /// The first entry that its log still has, or would have.
    pub first_index: Index,
    /// Its last entry.
    pub last_index: Index,
    /// The last entry that its snapshot stands for; 0 without one.
    pub snapshot: Index,
}

impl Raft {
    /// Its name.
    pub fn id(&self) -> ServerId {
        self.config.id
    }

    /// currentTerm (Figure 2).
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// votedFor (Figure 2).
    pub fn voted_for(&self) -> Option<ServerId> {
        self.hard.voted_for
    }

    /// What it takes itself for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Who leads its term, as far as it knows.
    pub fn leader(&self) -> Option<ServerId> {
        self.leader
    }

    /// commitIndex (Figure 2).
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// The last entry that was handed out in [`Effects::apply`](super::Effects::apply), or that a snapshot stood for.
    pub fn applied_handed(&self) -> Index {
        self.handed
    }

    /// Its last entry; the snapshot's when there is none after it.
    pub fn last_index(&self) -> Index {
        self.log.last_index()
    }

    /// All of that at once.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            term: self.hard.term,
            role: self.role,
            leader: self.leader,
            commit: self.commit,
            applied: self.applied,
            first_index: self.log.base_index().saturating_add(1),
            last_index: self.log.last_index(),
            snapshot: self.snapshot.last_index,
        }
    }
}

impl fmt::Debug for Raft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}

impl Request {
    /// The sender's term; for a PreVote the one it would campaign in.
    pub fn term(&self) -> Term {
        match self {
            Request::PreVote(request) => request.term,
            Request::RequestVote(request) => request.term,
            Request::AppendEntries(request) => request.term,
            Request::InstallSnapshot(request) => request.term,
            Request::TimeoutNow(request) => request.term,
        }
    }
}

impl Reply {
    /// The sender's term; for a granted PreVote the one that was asked for.
    pub fn term(&self) -> Term {
        match self {
            Reply::PreVote(vote) | Reply::Vote(vote) => vote.term,
            Reply::Appended(appended) => appended.term,
            Reply::Installed(installed) => installed.term,
        }
    }
}
