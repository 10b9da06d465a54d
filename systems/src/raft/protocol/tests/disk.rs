//! What a server's disk holds: the durable part of [`Effects::persist`](super::super::Effects), in its order.

use super::super::super::message::{Entry, Index, Payload, SnapshotMeta, Term};
use super::super::{HardState, Persist, Recovered};

#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) hard: HardState,
    pub(super) meta: SnapshotMeta,
    pub(super) snapshot: Vec<u8>,
    pub(super) log: Vec<Entry>,
    pub(super) incoming: Vec<u8>,
}

impl Disk {
    pub(super) fn write(&mut self, what: Persist) {
        match what {
            Persist::HardState(hard) => self.hard = hard,
            Persist::Truncate(from) => self.log.retain(|entry| entry.index < from),
            Persist::Append(entries) => self.log.extend(entries),
            Persist::Chunk { offset, bytes, .. } => {
                self.incoming.truncate(usize::try_from(offset).unwrap());
                assert_eq!(self.incoming.len() as u64, offset, "a chunk leaves a gap");
                self.incoming.extend(&bytes);
            }
            Persist::Install { meta, keep_suffix } => {
                self.log.retain(|entry| keep_suffix && entry.index > meta.last_index);
                self.snapshot = std::mem::take(&mut self.incoming);
                self.meta = meta;
            }
            Persist::Overtaken(_) => {}
            Persist::Compact(index) => self.log.retain(|entry| entry.index > index),
        }
    }

    pub(super) fn recover(&self) -> Recovered {
        Recovered {
            hard: self.hard,
            snapshot: self.meta.clone(),
            snapshot_length: self.snapshot.len() as u64,
            entries: self.log.clone(),
        }
    }

    /// Whether it holds this entry, or a snapshot that stands for it.
    pub(super) fn holds(&self, index: Index, term: Term) -> bool {
        index <= self.meta.last_index
            || self.log.iter().any(|entry| (entry.index, entry.term) == (index, term))
    }
}

/// The state machine: a list of the commands, and how far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Machine {
    pub(super) applied: Index,
    pub(super) commands: Vec<(Index, Vec<u8>)>,
}

impl Machine {
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.index != self.applied + 1 {
            return Err(format!("applied {} after {}", entry.index, self.applied));
        }
        self.applied = entry.index;
        if let Payload::Command(command) = &entry.payload {
            self.commands.push((entry.index, command.to_vec()));
        }
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap()
    }

    pub(super) fn restore(bytes: &[u8]) -> Result<Machine, String> {
        if bytes.is_empty() {
            return Ok(Machine::default());
        }
        postcard::from_bytes(bytes).map_err(|error| format!("an unreadable snapshot: {error}"))
    }
}
