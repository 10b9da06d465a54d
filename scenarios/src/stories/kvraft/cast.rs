//! Who plays in a kvraft story: raft's cast with the store as its machine, clerks on nodes of their own, and the observer.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Budget;
use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::bugs::{Bug, Bugs};
use stormglass_systems::kvraft::client::{self, Clerk, WriteError};
use stormglass_systems::kvraft::message::{ReadPath, Version, Versioned};
use stormglass_systems::kvraft::protocol::PutError;
use stormglass_systems::kvraft::server;
use stormglass_systems::kvraft::spec::{self, Probe};
use stormglass_systems::raft::message::ServerId;
use stormglass_systems::retry::Retry;

use super::super::raft::cast::{Cast as Raft, Plan};
use super::super::{fell, planted};
use crate::report::span;
use crate::weather::Profile;
use crate::{Fall, Stage};

/// The cast of one run; clones are the same cast.
#[derive(Clone)]
pub(super) struct Cast {
    raft: Raft,
    pub(super) probe: Probe,
    bugs: Bugs,
    announced: Rc<Cell<usize>>,
    doing: Doing,
}

/// What each client is doing, since when.
type Doing = Rc<RefCell<Vec<(String, Duration, String)>>>;

impl Deref for Cast {
    type Target = Raft;

    fn deref(&self) -> &Raft {
        &self.raft
    }
}

impl Cast {
    /// Servers with room for this many sessions.
    pub(super) fn new(stage: &Stage, plan: Plan, sessions: usize) -> Cast {
        Cast::with_rooms(stage, plan, move |_| sessions)
    }

    /// Servers, each of which thinks of another room for sessions when it leads. Every promise of raft's and of the store's `spec` is watched after every
    /// step, and the history of all clerks is judged at the end.
    pub(super) fn with_rooms(stage: &Stage, plan: Plan, room: impl Fn(ServerId) -> usize + 'static) -> Cast {
        let world = stage.world();
        let (probe, bugs) = (Probe::new(move || world.now()), planted::<Bug>(stage));
        let config = server::Config { snapshots: plan.snapshots, sessions: 1, bugs, probe: probe.clone() };
        let raft = Raft::of(stage, plan, move |protocol, peers| {
            let config = server::Config { sessions: room(protocol.id), ..config.clone() };
            server::config(config, protocol, peers)
        });
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
        Cast { raft, probe, bugs, announced: Rc::default(), doing }
    }

    /// A way of reading, from the seed: with the clocks as they are here, a leader may trust its lease.
    pub(super) fn any_path(&self) -> ReadPath {
        let paths = [ReadPath::Log, ReadPath::Quorum, ReadPath::Lease];
        paths[self.world.stream("reads").below(3) as usize]
    }

    /// A client with a clerk of its own does `work`, once.
    pub(super) fn client<T>(&self, reads: ReadPath, work: impl FnOnce(Hand) -> T + 'static)
    where
        T: Future<Output = ()> + 'static,
    {
        self.client_who(reads, Retry::default(), work);
    }

    /// The same, of a client that waits as it is told to.
    pub(super) fn client_who<T>(&self, reads: ReadPath, retry: Retry, work: impl FnOnce(Hand) -> T + 'static)
    where
        T: Future<Output = ()> + 'static,
    {
        let name = format!("c{}", self.announced.replace(self.announced.get() + 1));
        if !self.stage.happens("clients") {
            return;
        }
        let servers: Vec<String> = self.servers.iter().map(|server| format!("s{}:7000", server.id)).collect();
        let config = client::Config { retry, reads, bugs: self.bugs, probe: self.probe.clone() };
        let (stage, doing, who) = (self.stage.clone(), self.doing.clone(), name.clone());
        let node = self.stage.client(&name, async move {
            let clerk = Clerk::new(servers, config);
            work(Hand { name: who, stage, clerk, doing, written: 0 }).await;
        });
        self.clients.borrow_mut().push(node);
    }

    /// One of the labs' networks, between clients and servers and among servers.
    pub(super) fn network(&self, profile: Profile) {
        profile.among(self.world, &self.nodes());
        self.lines(profile);
    }

    /// One of the labs' networks between clients and servers alone.
    pub(super) fn lines(&self, profile: Profile) {
        profile.set(self.world, &self.clients.borrow(), &self.nodes());
    }

    /// Every client must finish, and all servers agree; then the run says what it has seen.
    pub(super) async fn finish(&self, within: Duration) {
        self.stage.clients_finish(within).await;
        self.agree(&self.all(), within).await;
        self.raft.tell();
        let counts = self.probe.ghost(spec::Ghost::counts).unwrap_or_default();
        for (times, event) in [
            (counts.repeated, "a copy was not executed again"),
            (counts.ended, "a session ended"),
            (counts.maybe, "a put ended as maybe"),
            (counts.refused, "a put was refused for certain"),
            (counts.not_done, "a client gave up for certain"),
            (counts.restored, "a snapshot was restored"),
            (counts.cut, "a scan was cut off"),
            (counts.raced, "two keys of a scan's range changed meanwhile"),
        ] {
            if times > 0 {
                self.stage.sometimes(event);
            }
        }
    }
}

/// A client's clerk; says what it is waiting for.
pub(super) struct Hand {
    pub(super) name: String,
    stage: Stage,
    clerk: Clerk,
    doing: Doing,
    written: u64,
}

impl Hand {
    /// Those of the steps of this client that take place.
    pub(super) fn each<I: IntoIterator>(&self, steps: I) -> impl Iterator<Item = I::Item> + use<I> {
        self.stage.each(&self.name, steps)
    }

    /// Whether the next step of this client takes place.
    pub(super) fn happens(&self) -> bool {
        self.stage.happens(&self.name)
    }

    /// A value that nobody writes but here and now.
    pub(super) fn fresh(&mut self) -> String {
        self.written += 1;
        format!("{}.{},", self.name, self.written)
    }

    pub(super) async fn get(&mut self, key: &str) -> Option<Versioned> {
        self.note(Some(format!("get {key}")));
        let found = self.clerk.get(key).await;
        self.note(None);
        // A clerk that gave up has read nothing; its operation stays open.
        found.unwrap_or_default()
    }

    /// The first key of the rest, if the scan was cut off; what it showed is the observer's to judge.
    pub(super) async fn scan(&mut self, from: &str, to: Option<&str>, limit: usize) -> Option<String> {
        let end = to.map_or_else(String::new, |to| format!(" to {to}"));
        self.note(Some(format!("scan {limit} keys from {from}{end}")));
        let page = self.clerk.scan(from, to, limit).await;
        self.note(None);
        page.ok()?.next
    }

    pub(super) async fn put(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.note(Some(format!("put {key} = {value:?}")));
        let result = self.clerk.put(key, value).await;
        self.note(None);
        result
    }

    pub(super) async fn append(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.note(Some(format!("append {value:?} to {key}")));
        let result = self.clerk.append(key, value).await;
        self.note(None);
        result
    }

    pub(super) async fn cas(&mut self, key: &str, from: Option<&str>, to: &str) -> Result<bool, WriteError> {
        self.note(Some(format!("cas {key} from {from:?} to {to:?}")));
        let result = self.clerk.cas(key, from, to).await;
        self.note(None);
        result
    }

    pub(super) async fn put_at(&mut self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        self.note(Some(format!("put {key} = {value:?} over version {version}")));
        let result = self.clerk.put_at(key, value, version).await;
        self.note(None);
        match result {
            Err(PutError::NotDone) => self.stage.sometimes("a put was given up for certain"),
            Err(PutError::Unknown) => self.stage.sometimes("a put was given up in doubt"),
            _ => {}
        }
        result
    }

    fn note(&self, what: Option<String>) {
        let mut doing = self.doing.borrow_mut();
        doing.retain(|(name, ..)| *name != self.name);
        doing.extend(what.map(|what| (self.name.clone(), self.stage.world().now(), what)));
    }

    /// `count` operations that are executed once, appends above all: they show what was done twice.
    pub(super) async fn mix(&mut self, keys: &[&str], count: usize, pause: u64) {
        for _ in self.each(0..count) {
            let key = keys[below(keys.len() as u64) as usize];
            let value = self.fresh();
            // What they cannot know stays open in the history.
            match below(10) {
                0..3 => drop(self.get(key).await),
                3 => drop(self.put(key, &value).await),
                4 => {
                    let found = self.get(key).await.map(|found| found.value);
                    _ = self.cas(key, found.as_deref(), &value).await;
                }
                _ => drop(self.append(key, &value).await),
            }
            sleep(Duration::from_millis(below(pause + 1))).await;
        }
    }

    /// `count` versioned puts and gets, at the version last seen, so that rivals collide.
    pub(super) async fn compete(&mut self, keys: &[&str], count: usize, pause: u64) {
        let mut known = vec![0; keys.len()];
        for _ in self.each(0..count) {
            let at = below(keys.len() as u64) as usize;
            let value = self.fresh();
            known[at] = match self.put_at(keys[at], &value, known[at]).await {
                Ok(()) if below(3) > 0 => known[at] + 1,
                _ => self.get(keys[at]).await.map_or(0, |found| found.version),
            };
            sleep(Duration::from_millis(below(pause + 1))).await;
        }
    }
}
