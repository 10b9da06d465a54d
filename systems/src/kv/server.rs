//! The shell around [`Store`]: a queue, a log, and replies in the order that [`Effects`](super::protocol::Effects)
//! demand.
//!
//! Requests wait in one bounded queue. One task takes all that wait (up to `group`), steps the store through them,
//! makes their records durable with a single sync, and only then answers any of them. What arrives meanwhile waits and
//! forms the next group, so that the slower the disk, the more share a sync. A request that finds the queue full is
//! dropped before it had any effect: its clerk hears nothing, backs off, and sends again.

use std::convert::Infallible;
use std::io;

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::sync::{mpsc, oneshot};
use stormglass_sim::{reachable, sometimes};

use super::bugs::{Bug, Bugs};
use super::log::{self, Log, LogError};
use super::message::{Command, Get, GetReply, Put, PutReply, Rejection, Reply};
use super::protocol::{Record, Store};
use super::spec::{Observation, Probe};

impl Request for Get {
    type Reply = GetReply;
    const NAME: &'static str = "Get";
}

impl Request for Put {
    type Reply = PutReply;
    const NAME: &'static str = "Put";
}

/// How a server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens, "0.0.0.0:7000".
    pub address: String,
    /// What becomes of its data in a crash.
    pub storage: Storage,
    /// How many requests may wait, at least 1; more are dropped.
    pub queue: usize,
    /// How many requests may share a sync, at least 1.
    pub group: usize,
    /// Of how many clerks it remembers the last message, see [`Store::new`].
    pub clerks: usize,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            address: "0.0.0.0:7000".into(),
            storage: Storage::Volatile,
            queue: 1024,
            group: 128,
            clerks: 4096,
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        }
    }
}

/// What becomes of the data in a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// It is gone. The lab's server, which never crashes.
    Volatile,
    /// What was answered is in a log.
    Durable(log::Config),
}

/// Why a server ended. It never ends otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its log failed. It answered nothing that is not on disk; start it again and it reads what is there.
    #[error("the server stops, because its log failed: {0}")]
    Log(#[from] LogError),
    /// Its port failed.
    #[error("the server stops, because it cannot serve at {address}: {source}")]
    Port {
        /// The address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
}

/// Runs a server until it fails: it never returns Ok.
///
/// # Errors
/// See [`Error`]. Whoever runs it should start it again: a process that ends is how a failed sync is survived.
pub async fn run(config: Config) -> Result<(), Error> {
    // The port first: opening the log writes it anew, which a second server by mistake must not do to the first's.
    let port = |source| Error::Port { address: config.address.clone(), source };
    let mut server = rpc::Server::bind(&config.address).await.map_err(port)?;
    let mut store = Store::new(config.clerks, config.bugs);
    let log = match &config.storage {
        Storage::Volatile => None,
        Storage::Durable(log) => {
            let opened = Log::open(log.clone(), config.bugs, &mut store).await;
            if let Err(error @ LogError::Content { .. }) = &opened {
                config.probe.observe(|| Observation::Unreadable { reason: error.to_string() });
            }
            Some(opened?)
        }
    };
    config.probe.observe(|| started(&store));

    let (queue, waiting) = mpsc::channel(config.queue.max(1));
    enqueue::<Get>(&mut server, queue.clone(), config.bugs);
    enqueue::<Put>(&mut server, queue, config.bugs);

    let (group, bugs, probe) = (config.group.max(1), config.bugs, config.probe.clone());
    let committer = Committer { store, log, waiting, group, bugs, probe };
    stormglass_sim::select! {
        failed = committer.run() => Err(failed.map_or_else(Error::Log, |never| match never {})),
        closed = server.serve() => {
            Err(port(closed.err().unwrap_or_else(|| io::Error::other("the port was closed"))))
        }
    }
}

/// A request in the queue and the way back.
struct Waiting {
    command: Command,
    reply: oneshot::Sender<Reply>,
}

/// A reply and its way back.
type Answer = (oneshot::Sender<Reply>, Reply);

/// A request type of this server.
trait Queued: Request {
    fn wrap(self) -> Command;
    fn unwrap(reply: Reply) -> Option<Self::Reply>;
    /// What a clerk that is turned away is told.
    fn turned_away(_bugs: Bugs) -> Option<Self::Reply> {
        None
    }
}

impl Queued for Get {
    fn wrap(self) -> Command {
        Command::Get(self)
    }

    fn unwrap(reply: Reply) -> Option<Self::Reply> {
        if let Reply::Get(reply) = reply { Some(reply) } else { None }
    }
}

impl Queued for Put {
    fn wrap(self) -> Command {
        Command::Put(self)
    }

    fn unwrap(reply: Reply) -> Option<Self::Reply> {
        if let Reply::Put(reply) = reply { Some(reply) } else { None }
    }

    fn turned_away(bugs: Bugs) -> Option<PutReply> {
        bugs.has(Bug::RefusesWhenFull).then_some(Err(Rejection::Version))
    }
}

fn enqueue<R: Queued>(server: &mut rpc::Server, queue: mpsc::Sender<Waiting>, bugs: Bugs) {
    server.on_maybe(move |_, request: R| {
        let (reply, answer) = oneshot::channel();
        let room = queue.try_send(Waiting { command: request.wrap(), reply }).is_ok();
        async move {
            if !room {
                reachable!("kv: a request found the queue full");
                return R::turned_away(bugs);
            }
            // Without a word from the committer there is no answer: a copy, or a log that failed.
            R::unwrap(answer.await.ok()?)
        }
    });
}

/// The one task that changes the store.
struct Committer {
    store: Store,
    log: Option<Log>,
    waiting: mpsc::Receiver<Waiting>,
    group: usize,
    bugs: Bugs,
    probe: Probe,
}

impl Committer {
    async fn run(mut self) -> Result<Infallible, LogError> {
        let mut group = Vec::new();
        loop {
            if self.waiting.recv_many(&mut group, self.group).await == 0 {
                // The server, which holds the other end, is gone; so will this be.
                std::future::pending().await
            }
            sometimes!(group.len() > 1, "kv: several requests share one sync");
            self.commit(&mut group).await?;
        }
    }

    async fn commit(&mut self, group: &mut Vec<Waiting>) -> Result<(), LogError> {
        let mut records = Vec::new();
        let mut answers = Vec::new();
        for Waiting { command, reply: to } in group.drain(..) {
            let effects = self.store.step(&command);
            records.extend(effects.persist);
            let Some(reply) = effects.reply else { continue };
            if matches!(reply, Reply::Get(_)) && self.bugs.has(Bug::ReadsBeforeFsync) {
                _ = to.send(reply);
            } else {
                answers.push((to, reply));
            }
        }
        let mut news = Some((records.clone(), answers));
        if self.bugs.has(Bug::AckBeforeFsync) {
            self.announce(news.take());
        }
        if let Some(log) = &mut self.log {
            log.persist(records).await?;
        }
        self.announce(news);
        if let Some(log) = self.log.as_mut().filter(|log| log.is_long()) {
            log.compact(&self.store).await?;
            reachable!("kv: the log was compacted");
        }
        Ok(())
    }

    /// Tells the observer what was installed, then the clerks. One that no longer waits does not mind.
    fn announce(&self, news: Option<(Vec<Record>, Vec<Answer>)>) {
        let (records, answers) = news.unwrap_or_default();
        for record in records {
            if let Record::Installed { key, value, version, .. } = record {
                self.probe.observe(|| Observation::Installed { key, value, version });
            }
        }
        for (to, reply) in answers {
            _ = to.send(reply);
        }
    }
}

fn started(store: &Store) -> Observation {
    let contents = store.contents().map(|(key, entry)| (key.to_owned(), entry.clone()));
    Observation::Started { contents: contents.collect() }
}
