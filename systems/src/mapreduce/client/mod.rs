//! The worker: asks the coordinator for work, does it, serves the output of its maps to other workers.
//!
//! A worker does one task at a time; a machine with several cores runs several. What it keeps on its own disk it keeps
//! for this incarnation alone: a worker that starts wipes its directory and takes a new id, so that nobody can take the
//! absence of a file for an empty one.

mod beside;
mod config;
mod input;
mod map;
mod merging;
mod output;
mod reduce;
mod serving;
mod shuffle;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stormglass_sim::net::rpc::{self, Request, Server};
use stormglass_sim::rand::{below, random_u64};
use stormglass_sim::sync::oneshot;
use stormglass_sim::time::sleep;
use stormglass_sim::{fs, reachable};

use super::app::Application;
use super::bugs::Bug;
use super::message::{
    Ask, Assignment, Attempt, Brief, Counters, Culprit, Done, Failed, JobId, Join, Joined, Kept, Task,
    WorkerId,
};
use beside::{Standing, beside};
pub use config::{Config, Error, Joining, Toil};
use serving::Outputs;

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
    let outputs = Outputs::default();
    let (bound, address) = oneshot::channel();
    let (listen, room, shared) = (config.listen.clone(), config.chunk, outputs.clone());
    let served = beside(move || async move {
        let mut server = Server::bind(&listen).await?;
        serving::serve(&mut server, room, shared);
        // It is awaited for as long as this is.
        _ = bound.send(server.local_addr());
        server.serve().await
    });
    let worked = async {
        // Without a port there is no address, and the other branch ends.
        let Ok(bound) = address.await else { return std::future::pending().await };
        let worker = Worker {
            address: config.announce.clone().unwrap_or_else(|| bound.to_string()),
            outputs,
            app: RefCell::new(None),
            standing: Standing::new(&config),
            config: config.clone(),
        };
        worker.work().await
    };
    stormglass_sim::select! {
        ended = worked => ended,
        closed = served => {
            let closed = closed.and_then(|served: io::Result<()>| served).err();
            Err(port(closed.unwrap_or_else(|| io::Error::other("the port was closed"))))
        }
    }
}

/// One process of a worker.
struct Worker {
    config: Config,
    address: String,
    outputs: Outputs,
    app: RefCell<Option<(Brief, Rc<dyn Application>)>>,
    standing: Arc<Standing>,
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
            let request = Join { worker: self.id(), address: self.address.clone() };
            match self.ask_until_answered(&request).await? {
                Joined::Buried => self.be_born().await?,
                Joined::Welcome(brief) => {
                    let app = (self.config.find)(&brief.app, &brief.args).map_err(Error::Application)?;
                    let every = brief.ping_every;
                    if let Some(joined) = &self.config.joined {
                        joined(&brief);
                    }
                    *self.app.borrow_mut() = Some((brief, app));
                    let end = stormglass_sim::select! {
                        end = self.serve_one_join() => end?,
                        end = self.ping(every) => end?,
                    };
                    self.standing.runs(None);
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
        self.standing.is_born(random_u64());
        self.outputs.send_modify(BTreeMap::clear);
        let path = &self.config.directory;
        let failed = |source| Error::Directory { path: path.clone(), source };
        match fs::remove_dir_all(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => fs::create_dir_all(path).await.map_err(failed),
        }
    }

    async fn serve_one_join(&self) -> Result<End, Error> {
        loop {
            match *self.ask_until_answered(&Ask { worker: self.id() }).await? {
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

    /// Carries out one attempt, unless it is dropped meanwhile, and tells the coordinator what became of it.
    async fn do_one(
        &self,
        task: Task,
        attempt: Attempt,
        work: impl Future<Output = Result<Counters, Trouble>>,
    ) -> Result<(), Error> {
        self.standing.runs(Some((task, attempt)));
        let worked = async {
            if let Some(toil) = &self.config.toil {
                toil(task).await;
            }
            work.await
        };
        let worked = stormglass_sim::select! {
            worked = worked => worked,
            () = self.standing.dropped.notified() => Err(Trouble::Dropped),
        };
        let worker = self.id();
        match worked {
            // Dropped or not: it may have won already, and the reply be lost.
            Ok(counters) => {
                let done = Done { worker, task, attempt, counters };
                let Kept(kept) = self.ask_until_answered(&done).await?;
                self.standing.runs(None);
                if let (Task::Map(map), false) = (task, kept || self.config.bugs.has(Bug::LosersOutputStays))
                {
                    let key = (self.job(), map, attempt);
                    self.outputs.send_modify(|outputs| _ = outputs.remove(&key));
                    self.sweep().await;
                }
            }
            Err(Trouble::Dropped) => {
                self.standing.runs(None);
                self.sweep().await;
            }
            Err(Trouble::Failed(culprit, why)) => {
                self.sweep().await;
                self.ask_until_answered(&Failed { worker, task, attempt, culprit, why }).await?;
                // What is wrong with this machine may pass.
                sleep(self.config.poll).await;
                self.standing.runs(None);
            }
        }
        Ok(())
    }

    /// Between two attempts: removes all that is nobody's output. What the disk does not let go now goes the next time, or
    /// with this incarnation.
    async fn sweep(&self) {
        if self.config.bugs.has(Bug::LosersOutputStays) {
            return;
        }
        let Ok(entries) = fs::read_dir(&self.config.directory).await else { return };
        let kept: BTreeSet<PathBuf> =
            self.outputs.borrow().values().map(|output| output.path.clone()).collect();
        for entry in entries {
            let path = self.file(&entry.name);
            if !kept.contains(&path) && fs::remove_file(&path).await.is_ok() {
                reachable!("mapreduce: a worker removed what an attempt had left");
            }
        }
    }

    async fn ping(&self, every: Duration) -> Result<End, Error> {
        let standing = self.standing.clone();
        beside(move || standing.ping(every)).await.map_err(Error::Thread)?
    }

    /// Asks the coordinator until it answers.
    async fn ask_until_answered<R: Request>(&self, request: &R) -> Result<R::Reply, Error> {
        loop {
            if let Ok(reply) = rpc::call(&self.config.coordinator, request, self.config.reply).await {
                self.standing.hears();
                return Ok(reply);
            }
            self.standing.check_patience()?;
            sleep(self.config.poll).await;
        }
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

    fn id(&self) -> WorkerId {
        self.standing.id()
    }

    /// A file of this incarnation.
    fn file(&self, name: &str) -> PathBuf {
        self.config.directory.join(name)
    }
}

/// Runs the user's code; a panic is what it failed on, and why.
fn user_code<T>(at: impl FnOnce() -> Culprit, code: impl FnOnce() -> T) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let culprit = at();
        let why = format!("the application panicked on {culprit}: {text}");
        Trouble::Failed(Some(culprit), why)
    })
}

/// What tasks count besides the application's own counters.
fn counters(named: &[(&str, u64)]) -> Counters {
    let all: BTreeMap<&str, u64> = named.iter().copied().collect();
    all.into_iter().map(|(name, times)| (name.to_owned(), times)).collect()
}
