//! What survives: the log with term and vote, and the snapshots.
//!
//! The log is a row of segments, files of records in frames ([`crate::frames`]). One write and one fsync make a whole
//! group of changes durable, because term, vote, truncations and entries are records of the same file.
//!
//! Rules, each of which has cost others their data:
//!
//! * **An fsync that fails is the end.** The kernel may have dropped the dirty pages and marked them clean. Only a new
//!   process that reads the disk again can know what is there; so every error here ends the server.
//! * **What recovery reads is not yet durable.** It may come from the page cache that a crashed process left behind.
//!   So recovery writes all that it believes to new files, the snapshot and then a segment, and syncs them, before anybody
//!   can count on it.
//! * **A name is not its file.** The directory is synced after the file, and before anybody is told.
//! * **A truncated suffix must not come back.** A truncation is a record like any other: replayed in its place.
//! * **The log goes after the snapshot is durable**, in whole segments, the oldest first.
//! * **A torn tail is dropped, damage is refused.** Frames say what had been synced when they were written, and a
//!   segment says how long the one before it is.

mod record;
mod recovery;
mod segments;
mod snapshot;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use stormglass_sim::fs;

use super::bugs::{Bug, Bugs};
use super::message::{Index, SnapshotMeta};
use super::protocol::{HardState, Persist, Recovered};
use record::Record;
use segments::Segments;
pub(super) use snapshot::{Snapshot, read as read_snapshot, write as write_snapshot};

/// Where a server's files live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its directory, of no other use; made if need be.
    pub directory: PathBuf,
    /// A segment of the log that has grown to this many bytes is followed by a new one. What a snapshot stands for is
    /// discarded in whole segments.
    pub segment: u64,
}

impl Default for Config {
    /// `raft`, and 1 MiB.
    fn default() -> Self {
        Config { directory: "raft".into(), segment: 1 << 20 }
    }
}

impl Config {
    /// Makes the names in the directory durable.
    async fn sync_names(&self, bugs: Bugs) -> Result<(), StorageError> {
        self.sync(&self.directory, bugs).await
    }

    /// Makes the name of the directory durable.
    async fn sync_own_name(&self, bugs: Bugs) -> Result<(), StorageError> {
        let parent = self.directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        self.sync(parent.unwrap_or(Path::new(".")), bugs).await
    }

    async fn sync(&self, directory: &Path, bugs: Bugs) -> Result<(), StorageError> {
        if bugs.has(Bug::ForgetsDirectory) {
            return Ok(());
        }
        fs::sync_dir(directory).await.map_err(io_error("sync the directory", directory))
    }
}

/// Why the disk cannot be used, or can be no longer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It answered with an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// What had been promised is not there, or not as it was written.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// Which file, or the directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError {
    move |source| StorageError::Io { action, path: path.to_owned(), source }
}

fn damaged(path: &Path, reason: impl ToString) -> StorageError {
    StorageError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

/// What a server finds on its disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// For the protocol. Without a snapshot its configuration is empty.
    pub(super) recovered: Recovered,
    /// For the state machine.
    pub(super) snapshot: Option<Snapshot>,
}

/// An open disk. After an error it is not to be used.
#[derive(Debug)]
pub(super) struct Storage {
    config: Config,
    bugs: Bugs,
    segments: Segments,
    hard: HardState,
    /// Ends of the snapshots that are on disk.
    snapshots: BTreeSet<Index>,
    /// A leader's snapshot that is arriving.
    incoming: Option<snapshot::Writing>,
}

impl Storage {
    /// Reads what earlier incarnations left, and opens a log that certainly holds it.
    pub(super) async fn open(config: Config, bugs: Bugs) -> Result<(Storage, Found), StorageError> {
        recovery::open(config, bugs).await
    }

    /// Bytes of the log on disk.
    pub(super) fn log_bytes(&self) -> u64 {
        self.segments.bytes()
    }

    /// Does all of this, and makes it durable.
    pub(super) async fn persist(&mut self, changes: Vec<Persist>) -> Result<(), StorageError> {
        let mut records = Vec::new();
        let mut discard = None;
        let state = |change: &Persist| if let Persist::HardState(hard) = change { Some(*hard) } else { None };
        let hard = changes.iter().rev().find_map(state).unwrap_or(self.hard);
        let forgotten = self.bugs.has(Bug::TermNotPersisted) && hard.voted_for.is_none();
        if hard != self.hard && !forgotten {
            // The latest term first: whatever prefix of this reaches the disk, nothing there has a term above it.
            records.push(Record::Hard(hard));
        }
        self.hard = hard;
        for change in changes {
            match change {
                Persist::HardState(_) => {}
                Persist::Truncate(from) => records.push(Record::Truncate(from)),
                Persist::Append(entries) => records.push(Record::Append(entries.into())),
                Persist::Chunk { offset, bytes, .. } => self.receive(offset, &bytes).await?,
                Persist::Install { meta, keep_suffix } => {
                    self.write(&std::mem::take(&mut records)).await?;
                    self.install(&meta).await?;
                    self.snapshots.insert(meta.last_index);
                    discard = Some(meta.last_index);
                    if !keep_suffix {
                        records.push(Record::Base(meta.last_index));
                    }
                }
                // Of several at once the last decides what goes, the files of the others too.
                Persist::Compact(index) => {
                    self.snapshots.insert(index);
                    discard = Some(index);
                }
                Persist::Overtaken(index) => {
                    self.snapshots.insert(index);
                }
            }
        }
        self.write(&records).await?;
        if let Some(index) = discard {
            self.discard(index).await?;
        }
        Ok(())
    }

    async fn write(&mut self, records: &[Record<'_>]) -> Result<(), StorageError> {
        if records.is_empty() {
            return Ok(());
        }
        let votes = records.iter().all(|record| matches!(record, Record::Hard(_)));
        let synced = !(self.bugs.has(Bug::VoteNotSynced) && votes);
        self.segments.append(&self.config, self.bugs, self.hard, records, synced).await
    }

    /// A chunk of a leader's snapshot; the protocol asks for them in order, and from the beginning again where it must.
    async fn receive(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        if offset == 0 || self.incoming.is_none() {
            let begun = snapshot::Writing::begin(&self.config.directory, "snapshot.incoming").await?;
            self.incoming = Some(begun);
        }
        match &mut self.incoming {
            Some(incoming) => incoming.write(bytes).await,
            None => Ok(()),
        }
    }

    async fn install(&mut self, meta: &SnapshotMeta) -> Result<(), StorageError> {
        let incoming = match self.incoming.take() {
            Some(incoming) => incoming,
            // A snapshot of no bytes at all has no chunks.
            None => snapshot::Writing::begin(&self.config.directory, "snapshot.incoming").await?,
        };
        incoming.finish(&self.config, meta, self.bugs).await
    }

    /// What the durable snapshot at `index` stands for may go: earlier snapshots, and segments that hold nothing else.
    async fn discard(&mut self, index: Index) -> Result<(), StorageError> {
        self.snapshots.insert(index);
        self.segments.discard(&self.config.directory, index).await?;
        let kept = self.snapshots.split_off(&index);
        let old = std::mem::replace(&mut self.snapshots, kept);
        snapshot::remove(&self.config.directory, old).await
    }
}
