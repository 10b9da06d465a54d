//! Who plays in a kv story: one server, its clerks on nodes of their own, and the observer that judges them all.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Budget;
use stormglass_sim::NodeId;
use stormglass_sim::chance::Ratio;
use stormglass_sim::rand::{below, chance};
use stormglass_sim::time::sleep;
use stormglass_systems::kv::bugs::{Bug, Bugs};
use stormglass_systems::kv::client::{self, Clerk, VersionedKv};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::message::{Version, Versioned};
use stormglass_systems::kv::protocol::{PutError, Unanswered};
use stormglass_systems::kv::server::{self, Storage};
use stormglass_systems::kv::spec::{self, Probe};

use super::super::{fell, planted};
use crate::report::span;
use crate::weather::{Profile, Weather};
use crate::{Fall, Stage};

/// Where the server is.
const SERVER: &str = "server:7000";

/// The cast of one run.
pub(super) struct Cast {
    pub(super) stage: Stage,
    pub(super) probe: Probe,
    pub(super) bugs: Bugs,
    pub(super) server: NodeId,
    clients: Vec<NodeId>,
    announced: usize,
    doing: Doing,
}

/// What each client is doing, since when.
type Doing = Rc<RefCell<Vec<(String, Duration, String)>>>;

impl Cast {
    /// The lab's server, which keeps nothing in a crash, or one with a log. Every promise of `spec` is watched after
    /// every step, and the history of all clerks is judged at the end.
    pub(super) fn new(stage: &Stage, storage: Storage) -> Cast {
        Cast::serving(stage, server::Config { storage, ..server::Config::default() })
    }

    /// The same with a server that is run otherwise.
    pub(super) fn serving(stage: &Stage, config: server::Config) -> Cast {
        let world = stage.world();
        let (probe, bugs) = (Probe::new(move || world.now()), planted::<Bug>(stage));
        let config = server::Config { bugs, probe: probe.clone(), ..config };
        let server = world.node("server", move || keep_running(config.clone()));

        let watched = probe.clone();
        stage.watch(move || match watched.broken() {
            None => Ok(()),
            Some((_, broken)) => Err(Fall::new("invariant", broken.clause, broken.detail)),
        });
        let judged = probe.clone();
        stage.judge(move || fell(spec::linearizable(&judged, Budget::default())));
        let doing = Doing::default();
        let asked = doing.clone();
        stage.waits(move |client| {
            let (_, since, what) = asked.borrow().iter().find(|(name, ..)| name == client)?.clone();
            Some(format!("{client} has been at {what} for {}", span(world.now().saturating_sub(since))))
        });
        Cast { stage: stage.clone(), probe, bugs, server, clients: Vec::new(), announced: 0, doing }
    }

    /// A client with a clerk of its own does `work`, once.
    pub(super) fn client<T>(&mut self, work: impl FnOnce(Hand) -> T + 'static)
    where
        T: Future<Output = ()> + 'static,
    {
        let name = format!("c{}", self.announced);
        self.announced += 1;
        if !self.stage.happens("clients") {
            return;
        }
        let stage = self.stage.clone();
        let (bugs, probe, doing, world) =
            (self.bugs, self.probe.clone(), self.doing.clone(), self.stage.world());
        let who = name.clone();
        let node = self.stage.client(&name.clone(), async move {
            let clerk = Clerk::new(
                SERVER,
                client::Config { bugs, probe: probe.clone(), ..client::Config::default() },
            );
            let note = Box::new(move |what: Option<String>| {
                let mut doing = doing.borrow_mut();
                doing.retain(|(name, ..)| *name != who);
                doing.extend(what.map(|what| (who.clone(), world.now(), what)));
            });
            let written = Cell::new(0);
            work(Hand(Rc::new(Held { name, stage, clerk, bugs, probe, note, written }))).await;
        });
        self.clients.push(node);
    }

    /// One of the labs' networks between clients and server.
    pub(super) fn network(&self, profile: Profile) {
        profile.set(self.stage.world(), &self.clients, &[self.server]);
    }

    /// The storm, then the calm in which every client must finish.
    pub(super) async fn storm(&self, weather: Weather, within: Duration) {
        self.stage.storm(weather, &[self.server], &self.clients).await;
        self.finish(within).await;
    }

    /// Every client must finish; then the run says what it has seen.
    pub(super) async fn finish(&self, within: Duration) {
        self.stage.clients_finish(within).await;
        let counts = self.probe.ghost(spec::Ghost::counts).unwrap_or_default();
        for (times, event) in [
            (counts.maybe, "a put ended as maybe"),
            (counts.refused, "a put was refused for certain"),
            (counts.started.saturating_sub(1), "the server restarted"),
        ] {
            if times > 0 {
                self.stage.sometimes(event);
            }
        }
    }
}

/// A supervisor: a server whose log failed is started again, as a new process that reads what is on the disk.
async fn keep_running(config: server::Config) {
    loop {
        match server::run(config.clone()).await {
            Ok(()) => return,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A client's clerk; says what it is waiting for. Clones are the same clerk.
#[derive(Clone)]
pub(super) struct Hand(Rc<Held>);

struct Held {
    name: String,
    stage: Stage,
    clerk: Clerk,
    bugs: Bugs,
    probe: Probe,
    note: Box<dyn Fn(Option<String>)>,
    written: Cell<u64>,
}

impl Hand {
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Those of the steps of this client that take place.
    pub(super) fn each<I: IntoIterator>(&self, steps: I) -> impl Iterator<Item = I::Item> + use<I> {
        self.0.stage.each(self.name(), steps)
    }

    /// A value that nobody writes but here and now: the observer knows a put by what it puts.
    pub(super) fn fresh_value(&self) -> String {
        self.0.written.set(self.0.written.get() + 1);
        format!("{}.{}", self.0.name, self.0.written.get())
    }

    pub(super) async fn get(&self, key: &str) -> Option<Versioned> {
        (self.0.note)(Some(format!("get {key}")));
        let found = self.0.clerk.get(key).await;
        (self.0.note)(None);
        // A clerk without a limit to its patience is answered, or is still waiting.
        found.unwrap_or_default()
    }

    pub(super) async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        (self.0.note)(Some(format!("put {key} = {value:?} over version {version}")));
        let outcome = self.0.clerk.put(key, value, version).await;
        (self.0.note)(None);
        outcome
    }

    /// A lock kept by this clerk's server.
    pub(super) fn lock(&self, name: &str) -> Lock<Hand> {
        let config =
            lock::Config { bugs: self.0.bugs, probe: self.0.probe.clone(), ..lock::Config::default() };
        Lock::new(self.clone(), name, config)
    }

    /// `count` operations on the keys: reads, and puts at the version last seen, so that rivals collide.
    pub(super) async fn compete(self, keys: &[&str], count: usize) {
        let mut known = vec![0; keys.len()];
        for _ in self.each(0..count) {
            let at = below(keys.len() as u64) as usize;
            if chance(Ratio::percent(30)) {
                known[at] = self.get(keys[at]).await.map_or(0, |found| found.version);
                continue;
            }
            known[at] = match self.put(keys[at], &self.fresh_value(), known[at]).await {
                Ok(()) => known[at] + 1,
                Err(_) => self.get(keys[at]).await.map_or(0, |found| found.version),
            };
        }
    }
}

impl VersionedKv for Hand {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        Ok(Hand::get(self, key).await)
    }

    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        Hand::put(self, key, value, version).await
    }
}
