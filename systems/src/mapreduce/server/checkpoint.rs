//! The coordinator's checkpoint: a file of [`Log`] records, each durable before anybody acts on it.
//!
//! What an opening reads may come from a page cache that a crashed process left behind, so it is written anew, synced and
//! renamed before any of it counts. An fsync that fails is the end: only a new process can know what is on the disk.

use std::io;
use std::path::{Path, PathBuf};

use stormglass_sim::fs::{self, File};

use super::super::protocol::Log;
use crate::frames::{self, Damaged};

/// Why a checkpoint cannot be used, or can be no longer.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The disk answered with an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{}: {source}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: Damaged,
    },
    /// It is no checkpoint, or one of another version.
    #[error("{}: record {index} is none of a checkpoint's", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Which record, from 0.
        index: usize,
    },
    /// It is another job's.
    #[error("{} is of another job: with other input, another application or another number of outputs", path.display())]
    OtherJob {
        /// Which file.
        path: PathBuf,
    },
}

/// For which job a checkpoint was made, by [`Job::fingerprint`](super::super::protocol::Job::fingerprint).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeFor(pub u64);

impl MadeFor {
    /// Reads it off the bytes of a checkpoint; `None` when nothing in them says.
    pub fn read(bytes: &[u8]) -> Option<MadeFor> {
        let first = *frames::decode(bytes).ok()?.payloads.first()?;
        match postcard::from_bytes(first).ok()? {
            Log::Started { job, .. } => Some(MadeFor(job)),
            _ => None,
        }
    }
}

/// An open checkpoint.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    file: File,
    length: u64,
    synced: u64,
}

impl Checkpoint {
    /// Opens the checkpoint in this directory, or begins one, and returns what it holds.
    pub(super) async fn open(
        directory: PathBuf,
        job: u64,
    ) -> Result<(Checkpoint, Vec<Log>), CheckpointError> {
        fs::create_dir_all(&directory).await.map_err(error("make the directory", &directory))?;
        let path = directory.join("checkpoint");
        let mut records = Vec::new();
        if fs::try_exists(&path).await.map_err(error("look for", &path))? {
            let bytes = fs::read(&path).await.map_err(error("read", &path))?;
            records = decode(&bytes, &path)?;
        }
        if records
            .iter()
            .any(|record| matches!(record, Log::Started { job: made_for, .. } if *made_for != job))
        {
            return Err(CheckpointError::OtherJob { path });
        }
        let fresh = directory.join("checkpoint.new");
        let file = File::create(&fresh).await.map_err(error("create", &fresh))?;
        let bytes = encode(&records.iter().collect::<Vec<_>>(), 0, 0);
        file.write_all_at(&bytes, 0).await.map_err(error("write", &fresh))?;
        file.sync_all().await.map_err(error("sync", &fresh))?;
        fs::rename(&fresh, &path).await.map_err(error("rename to the checkpoint", &fresh))?;
        let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
        for named in [&directory, above.unwrap_or(Path::new("."))] {
            fs::sync_dir(named).await.map_err(error("sync the directory", named))?;
        }
        let length = bytes.len() as u64;
        Ok((Checkpoint { path, file, length, synced: length }, records))
    }

    /// Appends records and makes them durable. After an error the checkpoint is not to be used.
    pub(super) async fn persist(&mut self, records: &[&Log]) -> Result<(), CheckpointError> {
        let bytes = encode(records, self.length, self.synced);
        self.file.write_all_at(&bytes, self.length).await.map_err(error("append to", &self.path))?;
        self.length += bytes.len() as u64;
        self.file.sync_data().await.map_err(error("sync", &self.path))?;
        self.synced = self.length;
        Ok(())
    }
}

fn encode(records: &[&Log], at: u64, synced: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let payload = postcard::to_stdvec(record).expect("a record is plain data and memory has no end");
        let at = at + bytes.len() as u64;
        frames::encode(&mut bytes, at, synced, &payload)
            .expect("a record is far shorter than a frame may be");
    }
    bytes
}

fn decode(bytes: &[u8], path: &Path) -> Result<Vec<Log>, CheckpointError> {
    let path = path.to_path_buf();
    let decoded =
        frames::decode(bytes).map_err(|source| CheckpointError::Damaged { path: path.clone(), source })?;
    let record = |(index, payload)| {
        postcard::from_bytes(payload).map_err(|_| CheckpointError::Foreign { path: path.clone(), index })
    };
    decoded.payloads.into_iter().enumerate().map(record).collect()
}

fn error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
    let path = path.to_owned();
    move |source| CheckpointError::Io { action, path, source }
}
