//! The worker: asks the coordinator for work, does it, serves the output of its maps to other workers.
//!
//! A worker does one task at a time; a machine with several cores runs several. What it keeps on its own disk it keeps
//! for this incarnation alone: a worker that starts wipes its directory and takes a new id, so that nobody can take the
//! absence of a file for an empty one.

mod input;
mod map;
mod merging;
mod output;
mod reduce;
mod serving;
mod shuffle;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use stormglass_sim::fs;
use stormglass_sim::net::rpc::{self, Request, Server};
use stormglass_sim::rand::{below, random_u64};
use stormglass_sim::sync::Notify;
use stormglass_sim::time::{Instant, sleep};

use super::app::{self, Application};
use super::bugs::Bugs;
use super::message::{
    Ask, Assignment, Attempt, Brief, Counters, Culprit, Done, Failed, JobId, Join, Joined, Ping, Pong, Task,
    WorkerId,
};
use super::spec::Probe;
use serving::Outputs;

/// Waited for before a task is begun: how a story makes tasks slow or deadly.
pub type Toil = Rc<dyn Fn(Task) -> LocalBoxFuture<'static, ()>>;

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
    /// About how many bytes of pairs it holds in memory; a task may hold twice as many for a moment.
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
    /// It does not have the job's application.
    #[error("{0}")]
    Application(String),
}

/// Why a task was not done.
#[derive(Debug)]
enum Trouble {
    /// The task has failed, on this record or key if it was the user's code.
    Failed(Option<Culprit>, String),
    /// Nobody wants it any more.
    Dropped,
}

impl Trouble {
    fn disk(error: io::Error) -> Trouble {
        Trouble::Failed(None, format!("the worker's disk: {error}"))
    }
}

/// Runs a worker until the job is over.
///
/// # Errors
/// See [`Error`].
pub async fn run(config: Config) -> Result<(), Error> {
    let port = |source| Error::Port { address: config.listen.clone(), source };
    let mut server = Server::bind(&config.listen).await.map_err(port)?;
    let address = config.announce.clone().unwrap_or_else(|| server.local_addr().to_string());
    let outputs = Outputs::default();
    serving::serve(&mut server, &config, outputs.clone());
    let worker = Worker {
        id: Cell::new(0),
        address,
        outputs,
        app: RefCell::new(None),
        running: Cell::new(None),
        dropped: Notify::new(),
        heard: Cell::new(Instant::now()),
        config: config.clone(),
    };
    stormglass_sim::select! {
        ended = worker.work() => ended,
        closed = server.serve() => {
            Err(port(closed.err().unwrap_or_else(|| io::Error::other("the port was closed"))))
        }
    }
}

/// One process of a worker.
struct Worker {
    config: Config,
    id: Cell<WorkerId>,
    address: String,
    outputs: Outputs,
    app: RefCell<Option<(Brief, Rc<dyn Application>)>>,
    running: Cell<Option<(Task, Attempt)>>,
    /// The running task is not wanted any more.
    dropped: Notify,
    /// When the coordinator last said something.
    heard: Cell<Instant>,
}

/// How an incarnation ended.
enum End {
    Over,
    Stranger,
}

impl Worker {
    async fn work(&self) -> Result<(), Error> {
        self.be_born().await?;
        loop {
            let request = Join { worker: self.id.get(), address: self.address.clone() };
            match self.ask_until_answered(&request).await? {
                Joined::Buried => self.be_born().await?,
                Joined::Welcome(brief) => {
                    let app = (self.config.find)(&brief.app, &brief.args).map_err(Error::Application)?;
                    let every = brief.ping_every;
                    *self.app.borrow_mut() = Some((brief, app));
                    let end = stormglass_sim::select! {
                        end = self.serve_one_join() => end?,
                        end = self.ping(every) => end?,
                    };
                    self.running.set(None);
                    match end {
                        End::Over => return Ok(()),
                        // It was given up, or there is another job now: nobody wants what it has.
                        End::Stranger => self.be_born().await?,
                    }
                }
            }
        }
    }

    /// A new incarnation, with nothing on its disk.
    async fn be_born(&self) -> Result<(), Error> {
        self.id.set(random_u64());
        self.outputs.borrow_mut().clear();
        let path = &self.config.directory;
        let failed = |source| Error::Directory { path: path.clone(), source };
        match fs::remove_dir_all(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => fs::create_dir_all(path).await.map_err(failed),
        }
    }

    async fn serve_one_join(&self) -> Result<End, Error> {
        loop {
            match *self.ask_until_answered(&Ask { worker: self.id.get() }).await? {
                Assignment::Exit => return Ok(End::Over),
                Assignment::Stranger => return Ok(End::Stranger),
                // Not in step with the others.
                Assignment::Wait => {
                    sleep(self.config.poll / 2 + self.config.poll.mul_f64(below(1000) as f64 / 1000.0)).await
                }
                Assignment::Map { map, attempt, split, input, skip } => {
                    let task = map::Map { map, attempt, split, input, skip };
                    self.do_one(Task::Map(map), attempt, task.carry_out(self)).await?;
                }
                Assignment::Reduce { reduce, attempt, skip } => {
                    let task = reduce::Reduce { reduce, attempt, skip };
                    self.do_one(Task::Reduce(reduce), attempt, task.carry_out(self)).await?;
                }
            }
        }
    }

    /// Carries out one attempt and tells the coordinator what became of it, unless it is dropped meanwhile.
    async fn do_one(
        &self,
        task: Task,
        attempt: Attempt,
        work: impl Future<Output = Result<Counters, Trouble>>,
    ) -> Result<(), Error> {
        self.running.set(Some((task, attempt)));
        let told = async {
            if let Some(toil) = &self.config.toil {
                toil(task).await;
            }
            let worker = self.id.get();
            match work.await {
                Ok(counters) => self.ask_until_answered(&Done { worker, task, attempt, counters }).await,
                Err(Trouble::Dropped) => Ok(()),
                Err(Trouble::Failed(culprit, why)) => {
                    let failed = Failed { worker, task, attempt, culprit, why };
                    let told = self.ask_until_answered(&failed).await;
                    // What is wrong with this machine may pass.
                    sleep(self.config.poll).await;
                    told
                }
            }
        };
        let ended = stormglass_sim::select! {
            told = told => told,
            () = self.dropped.notified() => Ok(()),
        };
        self.running.set(None);
        ended
    }

    async fn ping(&self, every: Duration) -> Result<End, Error> {
        loop {
            sleep(every).await;
            let running = self.running.get();
            let ping = Ping { worker: self.id.get(), running };
            match rpc::call(&self.config.coordinator, &ping, self.config.reply).await {
                Ok(Pong::GoOn) => self.heard.set(Instant::now()),
                Ok(Pong::Drop) => {
                    self.heard.set(Instant::now());
                    if running.is_some() && self.running.get() == running {
                        self.dropped.notify_waiters();
                    }
                }
                Ok(Pong::Stranger) => return Ok(End::Stranger),
                Err(_) => self.check_patience()?,
            }
        }
    }

    /// Asks the coordinator until it answers.
    async fn ask_until_answered<R: Request>(&self, request: &R) -> Result<R::Reply, Error> {
        loop {
            if let Ok(reply) = rpc::call(&self.config.coordinator, request, self.config.reply).await {
                self.heard.set(Instant::now());
                return Ok(reply);
            }
            self.check_patience()?;
            sleep(self.config.poll).await;
        }
    }

    fn check_patience(&self) -> Result<(), Error> {
        let silent = self.heard.get().elapsed() > self.config.patience;
        if silent { Err(Error::Alone(self.config.coordinator.clone())) } else { Ok(()) }
    }

    /// The application, and how many parts its keys have.
    fn app(&self) -> (Rc<dyn Application>, u32) {
        let app = self.app.borrow();
        let (brief, app) = app.as_ref().expect("a task comes after the brief");
        (app.clone(), brief.reduces.max(1))
    }

    /// The job that it works for.
    fn job(&self) -> JobId {
        self.app.borrow().as_ref().map_or(0, |(brief, _)| brief.job)
    }

    /// A file of this incarnation.
    fn file(&self, name: &str) -> PathBuf {
        self.config.directory.join(name)
    }
}

/// Runs the user's code; a panic is what it failed on, and why.
fn user_code<T>(at: impl FnOnce() -> Option<Culprit>, code: impl FnOnce() -> T) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Trouble::Failed(at(), format!("the application panicked: {text}"))
    })
}

/// What tasks count besides the application's own counters.
fn counters(named: &[(&str, u64)]) -> Counters {
    let all: BTreeMap<&str, u64> = named.iter().copied().collect();
    all.into_iter().map(|(name, times)| (name.to_owned(), times)).collect()
}
