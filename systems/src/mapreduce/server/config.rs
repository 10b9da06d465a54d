//! How a coordinator is run, what its job comes to, and why one ends before that.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::super::bugs::Bugs;
use super::super::protocol::{Job, Policy, Progress};
use super::super::spec::Probe;
use super::{CheckpointError, store};

/// Who is told how far the job is.
pub type Report = Rc<dyn Fn(&Progress)>;

/// How a coordinator is run.
#[derive(Clone)]
pub struct Config {
    /// Where it listens, "0.0.0.0:7000".
    pub address: String,
    /// What is to be done.
    pub job: Job,
    /// When it loses patience.
    pub policy: Policy,
    /// The directory of its checkpoint; `None`: a crash is the end of the job, as in the paper.
    pub checkpoint: Option<PathBuf>,
    /// A store to serve at the same address.
    pub store: Option<store::Config>,
    /// How often it looks for workers that have fallen silent; more often if [`Policy::look_every`] says so.
    pub tick: Duration,
    /// How long it waits at the end for workers that have not heard of it.
    pub linger: Duration,
    /// Is told how far the job is, whenever that has changed and at every tick.
    pub report: Option<Report>,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Config {
    /// A coordinator of this job at "0.0.0.0:7000", without a checkpoint or a store.
    pub fn new(job: Job) -> Config {
        Config {
            address: "0.0.0.0:7000".into(),
            job,
            policy: Policy::default(),
            checkpoint: None,
            store: None,
            tick: Duration::from_millis(250),
            linger: Duration::from_secs(3),
            report: None,
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        }
    }
}

/// What a job that is done came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What was counted (§4.9).
    pub counters: BTreeMap<String, u64>,
    /// Tasks, retries, backups.
    pub progress: Progress,
}

/// Why a coordinator ended before its job was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its checkpoint failed. What it had answered is on disk; start it again.
    #[error("the coordinator stops, because its checkpoint failed: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Its port failed.
    #[error("the coordinator cannot serve at {address}: {source}")]
    Port {
        /// The address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
    /// The store's directory failed.
    #[error("cannot use {} for output: {source}", path.display())]
    Store {
        /// The directory.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The job cannot be done: its code fails.
    #[error("the job has failed: {0}")]
    Job(String),
    /// The job cannot be done as things are: a disk, an input, the store or the workers are to blame. A coordinator that is
    /// started with its checkpoint when that is mended goes on.
    #[error("the job has stopped: {0}")]
    Stopped(String),
}
