//! Who plays in a kvonce story: one server that must not crash, clerks on nodes of their own, and the observer.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Budget;
use stormglass_sim::NodeId;
use stormglass_sim::rand::below;
use stormglass_systems::kvonce::bugs::Bug;
use stormglass_systems::kvonce::client::{self, Clerk};
use stormglass_systems::kvonce::server;
use stormglass_systems::kvonce::spec::{self, Probe};

use super::super::{fell, planted};
use crate::report::span;
use crate::weather::{Profile, Weather};
use crate::{Fall, Stage};

/// The cast of one run.
pub(super) struct Cast {
    pub(super) stage: Stage,
    probe: Probe,
    server: NodeId,
    clients: Vec<NodeId>,
    announced: usize,
    doing: Doing,
}

/// What each client is doing, since when.
type Doing = Rc<RefCell<Vec<(String, Duration, String)>>>;

impl Cast {
    /// A server; every promise of `spec` is watched after every step, and the history is judged at the end.
    pub(super) fn new(stage: &Stage) -> Cast {
        let world = stage.world();
        let probe = Probe::new(move || world.now());
        let config =
            server::Config { bugs: planted::<Bug>(stage), probe: probe.clone(), ..server::Config::default() };
        let server = world.node("server", move || server::run(config.clone()));
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
        Cast { stage: stage.clone(), probe, server, clients: Vec::new(), announced: 0, doing }
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
        let (probe, doing, world) = (self.probe.clone(), self.doing.clone(), self.stage.world());
        let who = name.clone();
        let node = self.stage.client(&name.clone(), async move {
            let clerk = Clerk::new("server:7000", client::Config { probe, ..client::Config::default() });
            let note = Box::new(move |what: Option<String>| {
                let mut doing = doing.borrow_mut();
                doing.retain(|(name, ..)| *name != who);
                doing.extend(what.map(|what| (who.clone(), world.now(), what)));
            });
            work(Hand { name, stage, clerk, note }).await;
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
        self.stage.clients_finish(within).await;
    }

    /// Every client must finish.
    pub(super) async fn finish(&self, within: Duration) {
        self.stage.clients_finish(within).await;
    }
}

/// A client's clerk; says what it is waiting for.
pub(super) struct Hand {
    pub(super) name: String,
    stage: Stage,
    clerk: Clerk,
    note: Box<dyn Fn(Option<String>)>,
}

impl Hand {
    pub(super) async fn get(&mut self, key: &str) -> String {
        (self.note)(Some(format!("get {key}")));
        let value = self.clerk.get(key).await;
        (self.note)(None);
        value
    }

    pub(super) async fn put(&mut self, key: &str, value: &str) {
        (self.note)(Some(format!("put {key} ({} bytes)", value.len())));
        self.clerk.put(key, value).await;
        (self.note)(None);
    }

    pub(super) async fn append(&mut self, key: &str, value: &str) -> String {
        (self.note)(Some(format!("append to {key} ({} bytes)", value.len())));
        let before = self.clerk.append(key, value).await;
        (self.note)(None);
        before
    }

    /// `count` operations on the keys, appends above all: they show what was done twice.
    pub(super) async fn mix(&mut self, keys: &[&str], count: usize) {
        for n in self.stage.each(&self.name, 0..count) {
            let key = keys[below(keys.len() as u64) as usize];
            let value = format!("{}.{n},", self.name);
            match below(10) {
                0..2 => drop(self.get(key).await),
                2..4 => self.put(key, &value).await,
                _ => drop(self.append(key, &value).await),
            }
        }
    }
}
