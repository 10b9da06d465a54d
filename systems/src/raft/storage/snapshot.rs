//! Snapshots as files.
//!
//! A snapshot is written under another name, synced, renamed, and its directory synced: under its own name it is whole,
//! or it is damage. Its bytes lie in frames as they came; the last frame says what the snapshot stands for.

use std::path::{Path, PathBuf};

use stormglass_sim::fs::{self, File};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Index, SnapshotMeta};
use super::{Config, StorageError, damaged, io_error};
use crate::frames::{self, HEADER};

/// How much of a snapshot of one's own goes into a frame.
const PIECE: usize = 1 << 20;

/// A snapshot in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Snapshot {
    pub(in super::super) meta: SnapshotMeta,
    pub(in super::super) bytes: Vec<u8>,
}

/// The file of the snapshot that ends with `index`.
pub(super) fn path(directory: &Path, index: Index) -> PathBuf {
    directory.join(format!("{PREFIX}{index:020}"))
}

const PREFIX: &str = "snapshot-";

/// The index in a snapshot's name.
pub(super) fn index_of(name: &str) -> Option<Index> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Writing {
    /// Begins a file under a name of its own, in place of one that was never finished.
    pub(super) async fn begin(directory: &Path, name: &str) -> Result<Self, StorageError> {
        let path = directory.join(name);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        let file = options.open(&path).await.map_err(io_error("create", &path))?;
        Ok(Writing { file, path, length: 0 })
    }

    /// Appends some of its bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let mut framed = Vec::with_capacity(bytes.len() + HEADER);
        for piece in bytes.chunks(PIECE) {
            let at = self.length + framed.len() as u64;
            frames::encode(&mut framed, at, 0, piece).map_err(|error| damaged(&self.path, error))?;
        }
        self.file.write_all_at(&framed, self.length).await.map_err(io_error("write", &self.path))?;
        self.length += framed.len() as u64;
        Ok(())
    }

    /// Ends it: it is the snapshot of `meta` from here on, durably.
    pub(super) async fn finish(
        mut self,
        config: &Config,
        meta: &SnapshotMeta,
        bugs: Bugs,
    ) -> Result<(), StorageError> {
        let last = postcard::to_stdvec(meta).expect("plain data, and memory has no end");
        self.write(&last).await?;
        if !bugs.has(Bug::CompactsBeforeDurable) {
            self.file.sync_all().await.map_err(io_error("sync", &self.path))?;
        }
        let path = path(&config.directory, meta.last_index);
        fs::rename(&self.path, &path).await.map_err(io_error("rename to a snapshot", &self.path))?;
        if !bugs.has(Bug::CompactsBeforeDurable) {
            config.sync_names(bugs).await?;
        }
        Ok(())
    }
}

/// Writes a snapshot of one's own.
pub(in super::super) async fn write(
    config: &Config,
    snapshot: &Snapshot,
    bugs: Bugs,
) -> Result<(), StorageError> {
    let mut writing = Writing::begin(&config.directory, "snapshot.new").await?;
    writing.write(&snapshot.bytes).await?;
    writing.finish(config, &snapshot.meta, bugs).await
}

/// Reads the snapshot that ends with `index`.
pub(in super::super) async fn read(config: &Config, index: Index) -> Result<Snapshot, StorageError> {
    let path = path(&config.directory, index);
    let bytes = fs::read(&path).await.map_err(io_error("read", &path))?;
    decode(&bytes, index).map_err(|reason| damaged(&path, reason))
}

fn decode(file: &[u8], index: Index) -> Result<Snapshot, String> {
    let decoded = frames::decode(file).map_err(|damaged| damaged.to_string())?;
    if decoded.length != file.len() {
        return Err(format!(
            "the snapshot was whole and synced when it got its name, and is damaged at byte {}: this disk lost \
             acknowledged data, restore the directory from a copy, or remove the server from the cluster",
            decoded.length
        ));
    }
    let (last, pieces) = decoded.payloads.split_last().ok_or("the snapshot is empty")?;
    let meta: SnapshotMeta =
        postcard::from_bytes(last).map_err(|error| format!("its last frame is none of ours: {error}"))?;
    if meta.last_index != index {
        return Err(format!("its name says entry {index}, its last frame entry {}", meta.last_index));
    }
    Ok(Snapshot { meta, bytes: pieces.concat() })
}

/// Deletes the snapshots that a later one has made superfluous.
pub(super) async fn remove(
    directory: &Path,
    indexes: impl IntoIterator<Item = Index>,
) -> Result<(), StorageError> {
    for index in indexes {
        let path = path(directory, index);
        fs::remove_file(&path).await.map_err(io_error("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot file is whole or refused: every truncation and every flipped bit.
    #[test]
    fn a_damaged_snapshot_is_never_taken_for_whole() {
        let meta = SnapshotMeta { last_index: 7, last_term: 2, ..SnapshotMeta::default() };
        let mut file = Vec::new();
        for piece in [b"some".as_slice(), b"bytes", &postcard::to_stdvec(&meta).unwrap()] {
            let at = file.len() as u64;
            frames::encode(&mut file, at, 0, piece).unwrap();
        }
        assert_eq!(decode(&file, 7), Ok(Snapshot { meta, bytes: b"somebytes".to_vec() }));
        assert!(decode(&file, 8).is_err());
        for cut in 0..file.len() {
            assert!(decode(&file[..cut], 7).is_err(), "cut at {cut}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped, 7).is_err(), "bit {bit}");
        }
    }
}
