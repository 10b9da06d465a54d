//! The shells around [`Coordinator`]: a queue, a checkpoint, and replies in the order that
//! [`Effects`] demand. Beside it the [`store`], where input is and output goes.
//!
//! Requests wait in one queue. One task takes all that wait, steps the coordinator through them, makes their records
//! durable with a single sync, and only then answers any of them.

mod checkpoint;
mod config;
pub mod store;

use std::io;
use std::time::Duration;

use stormglass_sim::net::rpc::{self, Request};
use stormglass_sim::sometimes;
use stormglass_sim::sync::{mpsc, oneshot};
use stormglass_sim::time::{Instant, sleep, system_now, timeout};

use super::bugs::Bug;
use super::message::{
    Ask, Assignment, Command, Done, Failed, Fetch, Fetched, Gone, Join, Joined, Kept, Locate, Located, Noted,
    Ping, Pong, Reply,
};
use super::protocol::{Coordinator, Effects, Log, Now};
use super::spec::{Observation, Probe};
use checkpoint::Checkpoint;
pub use checkpoint::{CheckpointError, MadeFor};
pub use config::{Config, Error, Report, Summary};

/// Declares a request, its reply, and (for what a coordinator queues) how it becomes a command.
macro_rules! requests {
    ($($request:ident -> $reply:ty $(, as $variant:ident)?;)+) => { $(
        impl Request for $request {
            type Reply = $reply;
            const NAME: &'static str = stringify!($request);
        }
        $(impl Queued for $request {
            fn wrap(self) -> Command { Command::$request(self) }
            fn unwrap(reply: Reply) -> Option<Self::Reply> {
                if let Reply::$variant(reply) = reply { Some(reply) } else { None }
            }
        })?
    )+ };
}

/// A request to the coordinator.
trait Queued: Request {
    fn wrap(self) -> Command;
    fn unwrap(reply: Reply) -> Option<Self::Reply>;
}

requests! {
    Join -> Joined, as Joined;
    Ask -> Box<Assignment>, as Assignment;
    Ping -> Pong, as Pong;
    Done -> Kept, as Kept;
    Gone -> Noted, as Noted;
    Failed -> Noted, as Noted;
    Locate -> Located, as Located;
    Fetch -> Fetched;
}

/// Runs a coordinator until its job is done and its workers know.
///
/// # Errors
/// See [`Error`]. After a [`CheckpointError::Io`] it can be started again and resumes.
pub async fn run(config: Config) -> Result<Summary, Error> {
    let port = |source| Error::Port { address: config.address.clone(), source };
    let mut server = rpc::Server::bind(&config.address).await.map_err(port)?;
    let start = Instant::now();
    let (checkpoint, records) = match &config.checkpoint {
        None => (None, Vec::new()),
        Some(directory) => {
            let (opened, records) = Checkpoint::open(directory.clone(), config.job.fingerprint()).await?;
            (Some(opened), records)
        }
    };
    let (policy, probe) = (config.policy.clone(), config.probe.clone());
    let coordinator = Coordinator::new(config.job.clone(), policy, config.bugs, &records, now(start));
    sometimes!(records.len() > 1, "mapreduce: a coordinator resumed from its checkpoint");

    let (queue, waiting) = mpsc::channel(4096);
    enqueue::<Join>(&mut server, &queue);
    enqueue::<Ask>(&mut server, &queue);
    enqueue::<Ping>(&mut server, &queue);
    enqueue::<Done>(&mut server, &queue);
    enqueue::<Failed>(&mut server, &queue);
    enqueue::<Locate>(&mut server, &queue);
    enqueue::<Gone>(&mut server, &queue);
    if let Some(store) = config.store.clone() {
        let output = store.output.clone();
        let failed = |source| Error::Store { path: output, source };
        store::serve(&mut server, coordinator.id(), store).await.map_err(failed)?;
    }
    let mut committer =
        Committer { config: &config, coordinator, checkpoint, waiting, start, probe, over: None };
    committer.begin().await?;
    let ended = async {
        let ended = committer.run().await;
        // What was answered last is still on its way to the socket.
        sleep(FAREWELL).await;
        ended
    };
    stormglass_sim::select! {
        ended = ended => ended,
        closed = server.serve() => {
            Err(port(closed.err().unwrap_or_else(|| io::Error::other("the port was closed"))))
        }
    }
}

/// How long the last answers have to leave.
const FAREWELL: Duration = Duration::from_millis(50);

fn now(start: Instant) -> Now {
    let wall = system_now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    Now { monotonic: start.elapsed(), wall }
}

struct Waiting {
    command: Command,
    reply: oneshot::Sender<Reply>,
}

fn enqueue<R: Queued>(server: &mut rpc::Server, queue: &mpsc::Sender<Waiting>) {
    let queue = queue.clone();
    server.on_maybe(move |_, request: R| {
        let (reply, answer) = oneshot::channel();
        let room = queue.try_send(Waiting { command: request.wrap(), reply }).is_ok();
        // One that finds no room counts as lost; it is sent again.
        async move { if room { R::unwrap(answer.await.ok()?) } else { None } }
    });
}

/// The one task that changes the coordinator.
struct Committer<'a> {
    config: &'a Config,
    coordinator: Coordinator,
    checkpoint: Option<Checkpoint>,
    waiting: mpsc::Receiver<Waiting>,
    start: Instant,
    probe: Probe,
    /// Since when the job is over.
    over: Option<Duration>,
}

impl Committer<'_> {
    async fn begin(&mut self) -> Result<(), Error> {
        let started = self.coordinator.started();
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.persist(&[&started]).await?;
        }
        let (job, policy) = (&self.config.job, &self.config.policy);
        self.probe.observe(|| Observation::Started {
            job: self.coordinator.id(),
            maps: job.splits.len() as u32,
            reduces: job.reduces,
            backups: policy.backups.is_some(),
            dead_after: policy.dead_after,
            memory: self.coordinator.memory(),
        });
        Ok(())
    }

    async fn run(&mut self) -> Result<Summary, Error> {
        let mut group = Vec::new();
        let mut ticked = Duration::ZERO;
        let often = if self.config.bugs.has(Bug::EveryGapIsOwnSleep) {
            Duration::MAX
        } else {
            self.config.policy.look_every()
        };
        let tick = self.config.tick.min(often).max(Duration::from_millis(1));
        loop {
            // Without requests this is the clock.
            let arrived = timeout(tick, self.waiting.recv_many(&mut group, 256)).await;
            if arrived == Ok(0) {
                std::future::pending::<()>().await;
            }
            self.commit(&mut group).await?;
            let time = now(self.start);
            if time.monotonic.saturating_sub(ticked) >= tick || arrived.is_err() {
                ticked = time.monotonic;
                self.tick(time).await?;
            }
            if let Some(ended) = self.end(time) {
                return ended;
            }
        }
    }

    async fn commit(&mut self, group: &mut Vec<Waiting>) -> Result<(), Error> {
        let mut steps = Vec::new();
        for Waiting { command, reply: to } in group.drain(..) {
            let time = now(self.start);
            let effects = self.coordinator.step(time, &command);
            if let Some(worker) = command.worker() {
                self.probe.observe(|| Observation::Heard { worker, at: time.monotonic });
            }
            steps.push((effects, to));
        }
        self.persist(steps.iter().flat_map(|(effects, _)| &effects.persist)).await?;
        // In the order of the steps: what a reply says may be undone by a later step of the group.
        for (Effects { persist, reply }, to) in steps {
            self.announce(persist);
            if let Some(reply) = reply {
                self.observe_places(&reply);
                // A worker that no longer waits does not mind.
                _ = to.send(reply);
            }
        }
        Ok(())
    }

    async fn tick(&mut self, time: Now) -> Result<(), Error> {
        let Effects { persist, .. } = self.coordinator.tick(time);
        for record in &persist {
            if let Log::Buried { worker, .. } = record {
                self.probe.observe(|| Observation::GivenUp { worker: *worker, at: time.monotonic });
            }
        }
        self.persist(&persist).await?;
        self.announce(persist);
        if let Some(report) = &self.config.report {
            report(&self.coordinator.progress(time));
        }
        Ok(())
    }

    /// Makes records durable, before anybody acts on them.
    async fn persist<'r>(&mut self, records: impl IntoIterator<Item = &'r Log>) -> Result<(), Error> {
        let records: Vec<&Log> = records.into_iter().collect();
        match &mut self.checkpoint {
            Some(checkpoint) if !records.is_empty() => Ok(checkpoint.persist(&records).await?),
            _ => Ok(()),
        }
    }

    /// Tells the observer, and whoever looks at the progress, what has changed.
    fn announce(&self, records: Vec<Log>) {
        let changed = !records.is_empty();
        for record in records {
            self.probe.observe(|| Observation::Recorded(record));
        }
        if let Some(report) = self.config.report.as_ref().filter(|_| changed) {
            report(&self.coordinator.progress(now(self.start)));
        }
    }

    fn observe_places(&self, reply: &Reply) {
        let Reply::Located(Located::Here { places, .. }) = reply else { return };
        for (map, attempt) in places.iter().flat_map(|place| &place.maps) {
            self.probe.observe(|| Observation::Located { map: *map, attempt: *attempt });
        }
    }

    /// When the job is over, and everybody knows or has had time to.
    fn end(&mut self, time: Now) -> Option<Result<Summary, Error>> {
        let failure = self.coordinator.failure();
        if failure.is_none() && !self.coordinator.is_done() {
            return None;
        }
        if self.over.is_none() {
            self.over = Some(time.monotonic);
            if failure.is_none() {
                self.probe.observe(|| Observation::JobDone { counters: self.coordinator.counters() });
            }
        }
        let waited = time.monotonic.saturating_sub(self.over.unwrap_or_default());
        if !self.coordinator.all_left() && waited < self.config.linger {
            return None;
        }
        Some(match failure {
            Some(why) if self.coordinator.would_fail_again() => Err(Error::Job(why.to_owned())),
            Some(why) => Err(Error::Stopped(why.to_owned())),
            None => {
                let (counters, progress) = (self.coordinator.counters(), self.coordinator.progress(time));
                Ok(Summary { counters, progress })
            }
        })
    }
}
