//! The row of segments that is the log.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use stormglass_sim::fs::{self, File};

use super::super::bugs::{Bug, Bugs};
use super::super::message::Index;
use super::super::protocol::HardState;
use super::record::{self, Record};
use super::{Config, StorageError, damaged, io_error};

const PREFIX: &str = "log-";

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{PREFIX}{number:020}"))
}

/// The number in a segment's name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// A segment to which nothing is added any more.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) number: u64,
    pub(super) length: u64,
    /// No entry in it that was not truncated lies after this one.
    pub(super) last: Index,
}

/// The segments of a log, the last of them open.
#[derive(Debug)]
pub(super) struct Segments {
    pub(super) sealed: VecDeque<Sealed>,
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) length: u64,
    /// How much of the open one is certainly on stable storage.
    pub(super) synced: u64,
    /// The last entry of the log.
    pub(super) last: Index,
}

impl Segments {
    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.sealed.iter().map(|sealed| sealed.length).sum::<u64>() + self.length
    }

    /// Appends records, durably where `synced`; into a new segment, if the open one is long. `hard` is the term and
    /// vote after them.
    pub(super) async fn append(
        &mut self,
        config: &Config,
        bugs: Bugs,
        hard: HardState,
        records: &[Record<'_>],
        synced: bool,
    ) -> Result<(), StorageError> {
        let mut bytes = Vec::new();
        let begun = self.length >= config.segment;
        if begun {
            self.begin(config, hard, &mut bytes).await?;
        }
        let path = &self.path;
        record::encode(&mut bytes, records, self.length, self.synced)
            .map_err(|error| damaged(path, error))?;
        self.file.write_all_at(&bytes, self.length).await.map_err(io_error("append to", path))?;
        self.length += bytes.len() as u64;
        for record in records {
            match record {
                Record::Truncate(from) => self.last = from.saturating_sub(1),
                Record::Append(entries) => self.last = entries.last().map_or(self.last, |entry| entry.index),
                Record::Base(base) => self.last = *base,
                Record::Hard(_) | Record::Opening { .. } => {}
            }
        }
        if synced {
            let result = self.file.sync_data().await;
            if bugs.has(Bug::SyncsTwice) && result.is_ok() {
                self.file.sync_data().await.map_err(io_error("sync", path))?;
            }
            if !bugs.has(Bug::IgnoresFsyncError) {
                result.map_err(io_error("sync", path))?;
            }
            self.synced = self.length;
        }
        if begun {
            config.sync_names(bugs).await?;
        }
        Ok(())
    }

    /// Seals the open segment, and opens the next one with its first record in `bytes`. Until that is synced, nothing
    /// in the new file was promised, and a recovery that cannot read its first record drops it.
    async fn begin(
        &mut self,
        config: &Config,
        hard: HardState,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        let number = self.number + 1;
        let path = path(&config.directory, number);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        let file = options.open(&path).await.map_err(io_error("create", &path))?;
        self.sealed.push_back(Sealed { number: self.number, length: self.length, last: self.last });
        let opening = Record::Opening { fresh: false, previous: self.length, base: self.last, hard };
        record::encode(bytes, [&opening], 0, 0).map_err(|error| damaged(&path, error))?;
        (self.file, self.path, self.number, self.length, self.synced) = (file, path, number, 0, 0);
        Ok(())
    }

    /// Deletes the segments that hold nothing after `index`, the oldest first.
    pub(super) async fn discard(&mut self, directory: &Path, index: Index) -> Result<(), StorageError> {
        while let Some(sealed) = self.sealed.front().filter(|sealed| sealed.last <= index) {
            let path = path(directory, sealed.number);
            fs::remove_file(&path).await.map_err(io_error("remove", &path))?;
            self.sealed.pop_front();
        }
        Ok(())
    }
}
