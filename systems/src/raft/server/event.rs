//! What waits in a server's queue.

use std::collections::BTreeMap;

use stormglass_sim::sync::oneshot;

use super::super::message::{Index, Reply, Request, ServerId, Term};
use super::super::protocol::{Change, Input, ReadProof};
use super::door::Answer;

/// One thing that waits for its turn.
pub(super) enum Event {
    /// Another server asks.
    Request { from: ServerId, request: Request, reply: oneshot::Sender<Reply> },
    /// Something for the protocol alone.
    Input(Input),
    /// Somebody of this process asks.
    Call(Call),
}

/// A call through the [`Door`](super::Door).
pub(super) enum Call {
    Propose { command: Vec<u8>, reply: Answer<(Index, Term)> },
    Submit { command: Vec<u8>, reply: Answer<Vec<u8>> },
    Read { query: Vec<u8>, proof: ReadProof, reply: Answer<Vec<u8>> },
    Change { change: Change, reply: Answer<Index> },
    Transfer { to: Option<ServerId>, reply: Answer<()> },
    Snapshot { reply: Answer<Index> },
}

/// A caller who waits for the protocol's word on its ticket.
pub(super) enum Caller {
    Propose(Answer<(Index, Term)>),
    Submit(Answer<Vec<u8>>),
    Read(Vec<u8>, Answer<Vec<u8>>),
    Change(Answer<Index>),
    Transfer(Answer<()>),
}

/// Callers by ticket.
pub(super) type Callers = BTreeMap<u64, Caller>;
