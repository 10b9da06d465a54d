//! The log on disk: what makes an answer survive.
//!
//! One file, a record for every value installed. Records are appended, and synced before anybody is told. When the
//! file has grown to a multiple of what it must say, a shorter one is written beside it and renamed over it.
//!
//! Three rules, each of which has cost others their data:
//!
//! * **An fsync that fails is the end.** The kernel may have marked the dirty pages clean and dropped them, so that
//!   the next fsync succeeds over lost data (the PostgreSQL project's "fsyncgate" of 2018; Rebello et al., "Can
//!   applications recover from fsync failures?", USENIX ATC 2020). What is on the disk is then unknown, and only a new
//!   process that reads it again can know. So every error here ends the server, unanswered.
//! * **What recovery reads is not yet durable.** It may come from the page cache that a crashed process left behind,
//!   even after an fsync that failed. So recovery writes all that it believes to a new file and syncs that, before
//!   anybody can read any of it.
//! * **A name is not its file.** A new file is synced, then renamed, then its directory is synced. In any other order a
//!   power loss can leave the name without the content, or the content without the name.

use std::io;
use std::path::{Path, PathBuf};

use stormglass_sim::fs::{self, File};

use super::bugs::{Bug, Bugs};
use super::protocol::wal::{self, WalError};
use super::protocol::{Record, Store};

/// Where the log lives and when it is compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its directory; made if need be.
    pub directory: PathBuf,
    /// Compact once this many bytes were appended, or as many as the compacted log had if that is more.
    pub compact_after: u64,
}

impl Default for Config {
    /// `kv`, and 1 MiB.
    fn default() -> Self {
        Config { directory: "kv".into(), compact_after: 1 << 20 }
    }
}

/// Why a log cannot be used, or can be no longer.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
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
    /// The file is not what was written.
    #[error("{}: {source}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: WalError,
    },
}

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    config: Config,
    bugs: Bugs,
    file: File,
    length: u64,
    /// How much of it is certainly on stable storage.
    synced: u64,
    /// How long it was when it was last compacted.
    compacted: u64,
}

impl Log {
    /// Reads what an earlier incarnation left into `store`, and opens a log that certainly holds it.
    pub(super) async fn open(config: Config, bugs: Bugs, store: &mut Store) -> Result<Log, LogError> {
        let directory = &config.directory;
        fs::create_dir_all(directory).await.map_err(io_error("make the directory", directory))?;
        let path = config.path();
        if fs::try_exists(&path).await.map_err(io_error("look for", &path))? {
            let bytes = fs::read(&path).await.map_err(io_error("read", &path))?;
            let content =
                wal::decode(&bytes).map_err(|source| LogError::Content { path: path.clone(), source })?;
            content.records.into_iter().for_each(|record| store.replay(record));
            if bugs.has(Bug::TrustsPageCache) {
                let file = File::options().write(true).open(&path).await.map_err(io_error("open", &path))?;
                let length = content.length;
                file.set_len(length).await.map_err(io_error("cut the torn tail of", &path))?;
                return Ok(Log { config, bugs, file, length, synced: length, compacted: length });
            }
        }
        let (file, length) = write_compacted(&config, bugs, store.snapshot()).await?;
        Ok(Log { config, bugs, file, length, synced: length, compacted: length })
    }

    /// Appends records and makes them durable. After an error the log is not to be used.
    pub(super) async fn persist(&mut self, records: Vec<Record>) -> Result<(), LogError> {
        if self.bugs.has(Bug::ValueBeforeVersion) {
            let values = records.iter().filter_map(Record::under_the_version_before);
            self.append(values.collect()).await?;
        }
        self.append(records).await
    }

    async fn append(&mut self, records: Vec<Record>) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        let path = self.config.path();
        let bytes = wal::encode(records, self.length, self.synced)
            .map_err(|source| LogError::Content { path: path.clone(), source })?;
        self.file.write_all_at(&bytes, self.length).await.map_err(io_error("append to", &path))?;
        self.length += bytes.len() as u64;
        let mut result = self.file.sync_data().await;
        if result.is_err() && self.bugs.has(Bug::RetriesFsync) {
            result = self.file.sync_data().await;
        }
        result.map_err(io_error("sync", &path))?;
        self.synced = self.length;
        Ok(())
    }

    /// Whether it has grown so much that writing it anew pays.
    pub(super) fn is_long(&self) -> bool {
        self.length - self.compacted >= self.config.compact_after.max(self.compacted)
    }

    /// Writes it anew as what leads to `store`, which is what its records lead to.
    pub(super) async fn compact(&mut self, store: &Store) -> Result<(), LogError> {
        let (file, length) = write_compacted(&self.config, self.bugs, store.snapshot()).await?;
        (self.file, self.length, self.synced, self.compacted) = (file, length, length, length);
        Ok(())
    }
}

/// Puts a log of these records in place of whatever is there. The old one stays until the new one is whole, so that a
/// power loss at any point leaves one of the two.
async fn write_compacted(
    config: &Config,
    bugs: Bugs,
    records: impl Iterator<Item = Record>,
) -> Result<(File, u64), LogError> {
    let (path, fresh) = (config.path(), config.directory.join("log.new"));
    let bytes =
        wal::encode(records, 0, 0).map_err(|source| LogError::Content { path: fresh.clone(), source })?;
    let mut create = File::options();
    create.write(true).create(true).truncate(true);
    let file = create.open(&fresh).await.map_err(io_error("create", &fresh))?;
    file.write_all_at(&bytes, 0).await.map_err(io_error("write", &fresh))?;
    if !bugs.has(Bug::RenamesBeforeFsync) {
        file.sync_all().await.map_err(io_error("sync", &fresh))?;
    }
    fs::rename(&fresh, &path).await.map_err(io_error("rename to the log", &fresh))?;
    if !bugs.has(Bug::ForgetsDirectory) {
        config.sync_names().await?;
    }
    Ok((file, bytes.len() as u64))
}

impl Config {
    fn path(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Makes the name of the log durable, and that of its directory.
    async fn sync_names(&self) -> Result<(), LogError> {
        let parent = self.directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        for directory in [&self.directory, parent.unwrap_or(Path::new("."))] {
            fs::sync_dir(directory).await.map_err(io_error("sync the directory", directory))?;
        }
        Ok(())
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::Io { action, path, source }
}
