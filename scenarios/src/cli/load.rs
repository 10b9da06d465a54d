//! What the loads of all `stormglass client`s share: many clients at once, whose history can be judged.

use std::cell::Cell;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::jsonl::{self, OperationOf};
use stormglass_sim::rand::{below, random_u64};
use stormglass_sim::signal::ctrl_c;
use stormglass_sim::task::JoinSet;
use stormglass_sim::time::sleep;

use super::output::say;
use super::{Complaint, args};
use crate::campaign::write_whole;
use crate::report::{command, span};
use crate::wall::Stopwatch;

/// How a load goes.
#[derive(Args)]
#[group(skip)]
pub(super) struct Load {
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1000))]
    clients: u64,
    /// How long they go on; Ctrl-C ends it at once
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = args::duration)]
    time: Duration,
    /// How long each client pauses before each operation; without it, not at all
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    pause: Option<Duration>,
    /// Write the history to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

/// The keys of a load.
#[derive(Args)]
#[group(skip)]
pub(super) struct Keys {
    /// How many keys, of a name that no other load has had
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    keys: u64,
}

impl Keys {
    /// The keys, and how a person names them.
    pub(super) fn draw(&self) -> (Rc<[String]>, String) {
        let name = name();
        let keys: Rc<[String]> = (0..self.keys).map(|n| format!("{name}-{n}")).collect();
        let range = if let [only] = &*keys { only.clone() } else { format!("{name}-0 to {}", self.keys - 1) };
        (keys, format!("keys {range}"))
    }
}

/// A name that no other load has had.
pub(super) fn name() -> String {
    format!("load-{:08x}", random_u64() as u32)
}

/// One client of a load.
pub(super) trait Worker: 'static {
    /// An operation or two: how many were answered.
    async fn work(&mut self) -> u64;
}

impl Load {
    /// Has the clients that it hires work for its time: how many operations were answered. `what` they work on.
    pub(super) async fn run<W: Worker>(
        &self,
        what: &str,
        mut hire: impl FnMut(u64) -> W,
    ) -> Result<u64, Complaint> {
        if let Some(path) = &self.history {
            writable(path)?;
        }
        let clients = self.clients;
        say(&format!("{clients} clients for {}, {what}", span(self.time)))?;
        let clock = Stopwatch::start();
        let answered = Rc::new(Cell::new(0));
        let mut working = JoinSet::new();
        for client in 0..clients {
            let (mut worker, answered, time, pause) = (hire(client), answered.clone(), self.time, self.pause);
            working.spawn(async move {
                while clock.elapsed() < time {
                    if let Some(pause) = pause {
                        sleep(pause).await;
                    }
                    let done = worker.work().await;
                    answered.set(answered.get() + done);
                }
            });
        }
        finish(working).await?;
        let (count, took) = (answered.get(), clock.elapsed());
        let rate = count as f64 / took.as_secs_f64();
        say(&format!("{count} operations of {clients} clients in {}, {rate:.0} a second", span(took)))?;
        Ok(count)
    }

    /// Writes the history, if it is wanted, and says how it is judged.
    pub(super) fn write<M: Lines>(&self, model: &str, history: &[OperationOf<M>]) -> Result<(), Complaint> {
        let Some(path) = &self.history else { return Ok(()) };
        let mut lines = Vec::new();
        jsonl::write::<M>(&mut lines, history)?;
        write_whole(path, &lines).map_err(|error| unwritable(path, error))?;
        let path = path.display();
        say(&format!("  judge it:  {}", command(&format!("check {path} --model {model}"))))?;
        Ok(())
    }
}

/// Waits for all clients, or for Ctrl-C. What is in flight then stays open in the history.
async fn finish(mut working: JoinSet<()>) -> Result<(), Complaint> {
    stormglass_sim::select! {
        done = all(&mut working) => done?,
        _ = ctrl_c() => {}
    }
    working.shutdown().await;
    Ok(())
}

async fn all(working: &mut JoinSet<()>) -> Result<(), Complaint> {
    while let Some(ended) = working.join_next().await {
        ended.map_err(|error| Complaint::Internal(format!("a client failed: {error}")))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: io::Error) -> Complaint {
    Complaint::usage(format!("--history {}: {error}", path.display()))
}

/// Whether a history can be written there: better asked before the load than after it. What is there stays.
fn writable(path: &Path) -> Result<(), Complaint> {
    let open = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        File::options().create(true).append(true).open(path).map(drop)
    };
    open().map_err(|error| unwritable(path, error))
}

/// A clerk of versioned puts.
pub(super) trait Versioned: 'static {
    /// The version of a key, 0 if it does not exist; `None`: no answer.
    fn version(&mut self, key: &str) -> impl Future<Output = Option<u64>>;

    /// Whether a put was installed; `None`: no answer.
    fn put(&mut self, key: &str, value: &str, version: u64) -> impl Future<Output = Option<bool>>;
}

/// A client that reads, and puts at the version last seen.
pub(super) struct Racer<C> {
    clerk: C,
    client: u64,
    keys: Rc<[String]>,
    known: Vec<u64>,
    written: u64,
}

impl<C> Racer<C> {
    pub(super) fn new(clerk: C, client: u64, keys: &Rc<[String]>) -> Racer<C> {
        Racer { clerk, client, keys: keys.clone(), known: vec![0; keys.len()], written: 0 }
    }
}

impl<C: Versioned> Worker for Racer<C> {
    async fn work(&mut self) -> u64 {
        let at = below(self.keys.len() as u64) as usize;
        let (key, mut answered) = (&self.keys[at], 0);
        if below(2) == 0 {
            self.written += 1;
            let value = format!("{}.{}", self.client, self.written);
            let installed = self.clerk.put(key, &value, self.known[at]).await;
            answered += u64::from(installed.is_some());
            if installed == Some(true) {
                self.known[at] += 1;
                return answered;
            }
        }
        if let Some(version) = self.clerk.version(key).await {
            self.known[at] = version;
            answered += 1;
        }
        answered
    }
}

/// A clerk of gets, puts, appends and compare-and-sets; of the last three, whether there was an answer.
pub(super) trait Unversioned: 'static {
    /// The value of a key, if it exists; `None`: no answer.
    fn value(&mut self, key: &str) -> impl Future<Output = Option<Option<String>>>;

    fn set(&mut self, key: &str, value: &str) -> impl Future<Output = bool>;

    fn add(&mut self, key: &str, value: &str) -> impl Future<Output = bool>;

    fn swap(&mut self, key: &str, from: Option<&str>, to: &str) -> impl Future<Output = bool>;
}

/// A client that gets, puts, appends, compares and sets. Values stay short: a put comes often enough.
pub(super) struct Mixer<C> {
    clerk: C,
    client: u64,
    keys: Rc<[String]>,
    written: u64,
}

impl<C> Mixer<C> {
    pub(super) fn new(clerk: C, client: u64, keys: &Rc<[String]>) -> Mixer<C> {
        Mixer { clerk, client, keys: keys.clone(), written: 0 }
    }
}

impl<C: Unversioned> Worker for Mixer<C> {
    async fn work(&mut self) -> u64 {
        let key = &self.keys[below(self.keys.len() as u64) as usize];
        self.written += 1;
        let value = format!("{}.{},", self.client, self.written);
        u64::from(match below(10) {
            0..4 => self.clerk.value(key).await.is_some(),
            4 => self.clerk.set(key, &value).await,
            5 => match self.clerk.value(key).await {
                Some(found) => return 1 + u64::from(self.clerk.swap(key, found.as_deref(), &value).await),
                None => false,
            },
            _ => self.clerk.add(key, &value).await,
        })
    }
}
