//! How a worker is run, and why one ends before its time.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::super::app;
use super::super::bugs::Bugs;
use super::super::message::{Brief, Task};
use super::super::spec::Probe;

/// Waited for before a task is begun: how a story makes tasks slow or deadly.
pub type Toil = Rc<dyn Fn(Task) -> LocalBoxFuture<'static, ()>>;

/// Who is told of what a worker joins.
pub type Joining = Rc<dyn Fn(&Brief)>;

/// How a worker is run.
#[derive(Clone)]
pub struct Config {
    /// Where the coordinator is, "coordinator:7000".
    pub coordinator: String,
    /// Where the store is, "store:7001".
    pub store: String,
    /// Where it listens for other workers, "0.0.0.0:7100".
    pub listen: String,
    /// Under which address they find it; `None`: the one it listens at.
    pub announce: Option<String>,
    /// Its directory, which is wiped.
    pub directory: PathBuf,
    /// Whether the store's input files are there under the same paths on this machine.
    pub near_store: bool,
    /// About how many bytes of pairs it holds in memory.
    pub memory: usize,
    /// How many bytes it reads or sends at a time.
    pub chunk: usize,
    /// So many runs on disk are merged into one before there are more; at least 2.
    pub fan_in: usize,
    /// How long it waits for the reply to one message.
    pub reply: Duration,
    /// How long it waits before it asks again for work, or for what was not there.
    pub poll: Duration,
    /// How long it goes on without a word from the coordinator.
    pub patience: Duration,
    /// Where applications are found.
    pub find: app::Find,
    /// Is told of every job that it joins.
    pub joined: Option<Joining>,
    /// What a task costs besides.
    pub toil: Option<Toil>,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Config {
    /// A worker of this coordinator, which also is the store.
    pub fn of(coordinator: impl Into<String>) -> Config {
        let coordinator = coordinator.into();
        Config {
            store: coordinator.clone(),
            coordinator,
            listen: "0.0.0.0:7100".into(),
            announce: None,
            directory: "worker".into(),
            near_store: false,
            memory: 64 << 20,
            chunk: 1 << 20,
            fan_in: 64,
            reply: Duration::from_secs(2),
            poll: Duration::from_millis(100),
            patience: Duration::from_secs(60),
            find: app::built_in,
            joined: None,
            toil: None,
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        }
    }
}

/// Why a worker ended although the job was not over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its port failed.
    #[error("the worker cannot listen at {address}: {source}")]
    Port {
        /// The address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
    /// Its directory failed.
    #[error("the worker cannot use its directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The coordinator was silent for too long.
    #[error("no word from the coordinator at {0} for too long")]
    Alone(String),
    /// There is no thread for what must go on while it computes.
    #[error("the worker cannot have a thread: {0}")]
    Thread(io::Error),
    /// It does not have the job's application.
    #[error("{0}")]
    Application(String),
}
