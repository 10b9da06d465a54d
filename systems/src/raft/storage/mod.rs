//! What survives: the log with term and vote, and the snapshots.

use std::io;
use std::path::PathBuf;

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
