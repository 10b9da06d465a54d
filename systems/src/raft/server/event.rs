//! What waits in a server's queue.

use std::collections::BTreeMap;

use bytes::Bytes;
use stormglass_sim::sync::oneshot;

use super::super::message::{Index, Reply, Request, ServerId, Term};
use super::super::protocol::{Change, Input, ReadProof};
use super::door::Answer;
use super::{Error, SubmitError};

/// One thing that waits for its turn.
pub(super) enum Event {
    /// Another server asks.
    Request { from: ServerId, request: Request, reply: oneshot::Sender<Reply> },
    /// Something for the protocol alone.
    Input(Input),
    /// Somebody of this process asks.
    Call(Call),
    /// A part of the server failed.
    Failed(Error),
}

/// A call through the [`Door`](super::Door).
pub(super) enum Call {
    Propose { command: Bytes, reply: Answer<(Index, Term)> },
    Submit { command: Bytes, reply: Answer<Vec<u8>> },
    Read { query: Vec<u8>, proof: ReadProof, reply: Answer<Vec<u8>> },
    Change { change: Change, reply: Answer<Index> },
    Transfer { to: Option<ServerId>, reply: Answer<()> },
    Snapshot { reply: Answer<Index> },
}

/// A caller who waits for the protocol's word on its ticket.
pub(super) enum Caller {
    Propose(Answer<(Index, Term)>),
    /// With the command, where it is needed again.
    Submit(Answer<Vec<u8>>, Option<Bytes>),
    Read(Vec<u8>, Answer<Vec<u8>>),
    Change(Answer<Index>),
    Transfer(Answer<()>),
}

impl Caller {
    pub(super) fn fail(self, error: SubmitError) {
        // Whoever waited may have given up.
        match self {
            Caller::Propose(to) => _ = to.send(Err(error)),
            Caller::Submit(to, _) | Caller::Read(_, to) => _ = to.send(Err(error)),
            Caller::Change(to) => _ = to.send(Err(error)),
            Caller::Transfer(to) => _ = to.send(Err(error)),
        }
    }
}

/// Callers by ticket.
pub(super) type Callers = BTreeMap<u64, Caller>;
