//! The way into a server for code of the same process: a service's handlers, or a story.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stormglass_sim::sync::{mpsc, oneshot};

use super::super::message::{Configuration, Index, ServerId, Term};
use super::super::protocol::{Change, ReadProof, Refusal};
use super::event::{Call, Event};

/// Why a call failed, and what that says about its effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Certainly no effect: the server did not take it.
    #[error("not taken: {0:?}")]
    Refused(Refusal),
    /// Certainly no effect: the server does not run.
    #[error("the server does not run")]
    Down,
    /// Certainly no effect: another leader's entry has been committed in its place.
    #[error("another entry has been committed in its place")]
    Replaced,
    /// It may have had its effect, or may have it yet: the server ended, lost its leadership, or got past it by a
    /// snapshot before it could tell.
    #[error("outcome unknown")]
    Unknown,
}

impl From<Refusal> for SubmitError {
    fn from(why: Refusal) -> Self {
        SubmitError::Refused(why)
    }
}

impl SubmitError {
    /// Whether the call certainly had no effect and never will.
    pub fn is_certain(&self) -> bool {
        *self != SubmitError::Unknown
    }

    /// Who leads, as far as the server knew.
    pub fn leader(&self) -> Option<ServerId> {
        if let SubmitError::Refused(Refusal::NotLeader(leader)) = self { *leader } else { None }
    }
}

/// How a server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Which server.
    pub id: ServerId,
    /// Its term.
    pub term: Term,
    /// Whether it takes itself for the leader of that term.
    pub leads: bool,
    /// Who leads, as far as it knows.
    pub leader: Option<ServerId>,
    /// Its commit index.
    pub commit: Index,
    /// The last entry that its state machine has applied.
    pub applied: Index,
    /// The first entry that its log still has, or would have.
    pub first_index: Index,
    /// Its last entry.
    pub last_index: Index,
    /// The last entry that its latest durable snapshot stands for; 0 without one.
    pub snapshot: Index,
    /// Bytes of its log on disk, without snapshots.
    pub log_bytes: u64,
    /// The configuration in force.
    pub configuration: Configuration,
}

/// What a door leads to.
pub(super) trait Inside {
    fn status(&self) -> Status;
}

struct Incarnation {
    events: mpsc::Sender<Event>,
    inside: Rc<dyn Inside>,
}

/// A server's door. Each incarnation of the server opens it at its start; when it ends or crashes, the door is shut.
/// Clones are the same door.
#[derive(Clone, Default)]
pub struct Door(Rc<RefCell<Option<Incarnation>>>);

impl Door {
    /// A door that nobody has opened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the server stands; `None` while it does not run.
    pub fn status(&self) -> Option<Status> {
        self.0.borrow().as_ref().map(|incarnation| incarnation.inside.status())
    }

    /// Puts a command into the log, if this server leads: the labs' Start. Returns once it is in the leader's log on
    /// disk; whether it commits is seen when it is applied, at this index and with this term.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn propose(&self, command: impl Into<Bytes>) -> Result<(Index, Term), SubmitError> {
        let command = command.into();
        self.call(|reply| Call::Propose { command, reply }).await
    }

    /// Has a command executed, if this server leads: its result.
    ///
    /// # Errors
    /// See [`SubmitError`]: it tells what certainly did not happen from what may have.
    pub async fn submit(&self, command: impl Into<Bytes>) -> Result<Vec<u8>, SubmitError> {
        let command = command.into();
        self.call(|reply| Call::Submit { command, reply }).await
    }

    /// Asks the state machine, linearizably, if this server leads.
    ///
    /// # Errors
    /// See [`SubmitError`]; a read has no effect, so that any of them allows another try.
    pub async fn read(&self, query: Vec<u8>, proof: ReadProof) -> Result<Vec<u8>, SubmitError> {
        self.call(|reply| Call::Read { query, proof, reply }).await
    }

    /// Changes the membership, if this server leads. Returns once the change is complete and committed: the index of
    /// its last configuration.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn change(&self, change: Change) -> Result<Index, SubmitError> {
        self.call(|reply| Call::Change { change, reply }).await
    }

    /// Hands leadership over, to this server or to the one that is most up to date.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn transfer(&self, to: Option<ServerId>) -> Result<(), SubmitError> {
        self.call(|reply| Call::Transfer { to, reply }).await
    }

    /// Makes a snapshot of what is applied, now. Returns once it is on disk: the last index that it stands for.
    ///
    /// # Errors
    /// [`SubmitError::Down`], or `Unknown` when the server ended meanwhile.
    pub async fn snapshot_now(&self) -> Result<Index, SubmitError> {
        self.call(|reply| Call::Snapshot { reply }).await
    }

    async fn call<T>(&self, make: impl FnOnce(Answer<T>) -> Call) -> Result<T, SubmitError> {
        let (reply, answer) = oneshot::channel();
        {
            let incarnation = self.0.borrow();
            let events = &incarnation.as_ref().ok_or(SubmitError::Down)?.events;
            // The other half of the queue is for what other servers say.
            if events.capacity() * 2 < events.max_capacity() {
                return Err(Refusal::Busy.into());
            }
            match events.try_send(Event::Call(make(reply))) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Refusal::Busy.into()),
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(SubmitError::Down),
            }
        }
        answer.await.unwrap_or(Err(SubmitError::Unknown))
    }

    /// Opens it, until the key is dropped.
    pub(super) fn open(&self, events: mpsc::Sender<Event>, inside: Rc<dyn Inside>) -> Key {
        *self.0.borrow_mut() = Some(Incarnation { events, inside });
        Key(self.clone())
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.borrow().is_some() { "Door(open)" } else { "Door(shut)" })
    }
}

/// The way back to a caller.
pub(super) type Answer<T> = oneshot::Sender<Result<T, SubmitError>>;

/// Shuts its door when dropped.
pub(super) struct Key(Door);

impl Drop for Key {
    fn drop(&mut self) {
        // What is dropped with it may hold callers, who look at the door again: not while it is borrowed.
        let incarnation = self.0.0.borrow_mut().take();
        drop(incarnation);
    }
}
