//! What the parts of a running server look at together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::message::{Index, ServerId, SnapshotMeta};
use super::super::protocol::{Raft, Role};
use super::super::storage::{self, Snapshot, StorageError};
use super::door::{Inside, Status};

/// The protocol, and what of the disk others want to know. Nobody holds a borrow across an await.
pub(super) struct Shared {
    pub(super) id: ServerId,
    pub(super) raft: RefCell<Raft>,
    pub(super) log_bytes: Cell<u64>,
    pub(super) storage: storage::Config,
    /// The snapshot that was last sent in chunks.
    sending: RefCell<Option<Rc<Snapshot>>>,
}

impl Shared {
    pub(super) fn new(id: ServerId, raft: Raft, storage: storage::Config) -> Self {
        Shared { id, raft: RefCell::new(raft), log_bytes: Cell::new(0), storage, sending: RefCell::default() }
    }

    /// What a snapshot of everything up to `index` stands for; `None` where the log no longer knows.
    pub(super) fn snapshot_meta(&self, index: Index) -> Option<SnapshotMeta> {
        self.raft.borrow().snapshot_meta(index)
    }

    /// The last entry of the latest snapshot: earlier ones may be gone.
    pub(super) fn snapshot_end(&self) -> Index {
        self.raft.borrow().status().snapshot
    }

    /// The snapshot that ends with `index`, whole and verified: from disk, once for all its chunks.
    pub(super) async fn snapshot(&self, index: Index) -> Result<Rc<Snapshot>, StorageError> {
        let known = self.sending.borrow().clone();
        if let Some(known) = known.filter(|known| known.meta.last_index == index) {
            return Ok(known);
        }
        let read = Rc::new(storage::read_snapshot(&self.storage, index).await?);
        *self.sending.borrow_mut() = Some(read.clone());
        Ok(read)
    }
}

impl Inside for Shared {
    fn status(&self) -> Status {
        let raft = self.raft.borrow();
        let status = raft.status();
        Status {
            id: self.id,
            term: status.term,
            leads: status.role == Role::Leader,
            leader: status.leader,
            commit: status.commit,
            applied: status.applied,
            first_index: status.first_index,
            last_index: status.last_index,
            snapshot: status.snapshot,
            log_bytes: self.log_bytes.get(),
            configuration: raft.configuration().clone(),
        }
    }
}
