//! Who plays in a story of the sharded store: groups of servers, a controller or the store where controllers meet, clients,
//! and the observer that judges them all after every step.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Budget;
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};
use stormglass_systems::kv;
use stormglass_systems::raft;
use stormglass_systems::raft::server::Door;
use stormglass_systems::retry::{Backoff, Retry};
use stormglass_systems::shardkv::bugs::{Bug, Bugs};
use stormglass_systems::shardkv::client::{
    CURRENT, Clerk, Config as ClerkConfig, Controller, ControllerConfig as Manner, Decrees, Directory, LEASE,
    NEXT, parse, parse_lease,
};
use stormglass_systems::shardkv::message::{Config, Gid};
use stormglass_systems::shardkv::server::{ControllerConfig, GroupConfig, run};
use stormglass_systems::shardkv::spec::{self, Observation, Probe};

use super::super::{fell, planted};
use super::hand::Hand;
use super::plan::{Design, Plan, again, members};
use crate::report::span;
use crate::stories::about;
use crate::{Fall, Stage};

/// One server, whatever its incarnation.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) node: NodeId,
    pub(super) door: Door,
}

/// The cast of one run; clones are the same cast.
#[derive(Clone)]
pub(super) struct Cast {
    pub(super) stage: Stage,
    pub(super) world: World,
    pub(super) probe: Probe,
    pub(super) bugs: Bugs,
    pub(super) plan: Rc<Plan>,
    groups: Rc<RefCell<BTreeMap<Gid, Vec<Member>>>>,
    pub(super) controllers: Rc<[Member]>,
    /// Where the configurations of [`Design::Store`] are.
    pub(super) store: Option<NodeId>,
    pub(super) clients: Rc<RefCell<Vec<NodeId>>>,
    announced: Rc<Cell<usize>>,
    doing: Doing,
}

/// What each client is doing, since when.
pub(super) type Doing = Rc<RefCell<Vec<(String, Duration, String)>>>;

impl Cast {
    pub(super) fn new(stage: &Stage, plan: Plan) -> Cast {
        let (world, bugs) = (stage.world(), planted::<Bug>(stage));
        let probe = Probe::new(move || world.now());
        let configs = kv::spec::Probe::new(move || world.now());
        let mut store = None;
        let mut controllers: Vec<Member> = Vec::new();
        match plan.design {
            Design::Followers(servers) => {
                let made =
                    ControllerConfig { bugs, probe: probe.clone(), ..ControllerConfig::new(plan.shards) };
                controllers = members("m", servers, |id, peers| {
                    let server = plan.dress(made.server(plan.protocol(id), peers));
                    (
                        server.door.clone(),
                        world.node(&format!("m{id}"), move || again(server.clone(), raft::server::run)),
                    )
                });
            }
            Design::Store => {
                let config = kv::server::Config { probe: configs.clone(), ..kv::server::Config::default() };
                store = Some(world.node("store", move || again(config.clone(), kv::server::run)));
            }
        }
        watch(stage, &probe, configs);
        let judged = probe.clone();
        stage.judge(move || fell(spec::linearizable(&judged, Budget::default())));
        let doing = Doing::default();
        let asked = doing.clone();
        stage.waits(move |client| {
            let (_, since, what) = asked.borrow().iter().find(|(name, ..)| name == client)?.clone();
            Some(format!("{client} has been at {what} for {}", span(world.now().saturating_sub(since))))
        });
        let gids = plan.groups.clone();
        let cast = Cast {
            stage: stage.clone(),
            world,
            probe,
            bugs,
            plan: Rc::new(plan),
            groups: Rc::default(),
            controllers: controllers.into(),
            store,
            clients: Rc::default(),
            announced: Rc::default(),
            doing,
        };
        for gid in gids {
            cast.start(gid);
        }
        cast
    }

    /// Starts the servers of a group.
    pub(super) fn start(&self, gid: Gid) {
        let group = GroupConfig {
            founder: self.store.is_some() && gid == 1,
            controller: self.controller_addresses(),
            patience: REPLY,
            reads: self.plan.reads,
            limits: self.plan.limits,
            bugs: self.bugs,
            probe: self.probe.clone(),
            ..GroupConfig::new(gid, self.plan.shards)
        };
        if group.founder {
            self.probe.observe(|| Observation::Founded { gid, shards: self.plan.shards });
        }
        let started = members(&format!("g{gid}s"), self.plan.members, |id, peers| {
            let server = self.plan.dress(group.server(self.plan.protocol(id), peers));
            let (door, group) = (server.door.clone(), group.clone());
            let runs = move || again((group.clone(), server.clone()), |(group, server)| run(group, server));
            (door, self.world.node(&format!("g{gid}s{id}"), runs))
        });
        self.groups.borrow_mut().insert(gid, started);
    }

    pub(super) fn controller_addresses(&self) -> Vec<String> {
        (1..=self.controllers.len()).map(|id| format!("m{id}:7000")).collect()
    }

    /// The addresses of a group's servers.
    pub(super) fn addresses(&self, gid: Gid) -> Vec<String> {
        (1..=self.plan.members).map(|id| format!("g{gid}s{id}:7000")).collect()
    }

    /// Groups with the addresses of their servers, as a join names them.
    pub(super) fn named(&self, gids: &[Gid]) -> BTreeMap<Gid, Vec<String>> {
        gids.iter().map(|gid| (*gid, self.addresses(*gid))).collect()
    }

    /// The servers of a group.
    pub(super) fn group(&self, gid: Gid) -> Vec<Member> {
        self.groups.borrow().get(&gid).cloned().unwrap_or_default()
    }

    /// Every server of every group, and of the controller.
    pub(super) fn servers(&self) -> Vec<NodeId> {
        let groups = self.groups.borrow();
        groups.values().flatten().chain(self.controllers.iter()).map(|member| member.node).collect()
    }

    /// The processes of a whole group die.
    pub(super) fn shut(&self, gid: Gid) {
        for member in self.group(gid) {
            self.world.crash(member.node);
        }
    }

    pub(super) fn restart(&self, gid: Gid) {
        for member in self.group(gid).iter().filter(|member| !self.world.is_up(member.node)) {
            self.world.restart(member.node);
        }
    }

    /// So many times, one of `these` crashes after about `pause`, and starts again after about `down`.
    pub(super) async fn crashes(
        &self,
        these: impl Fn(&Cast) -> Vec<NodeId>,
        times: usize,
        pause: Duration,
        down: Duration,
    ) {
        let draw = self.world.stream("crashes");
        for _ in self.stage.each("crashes", 0..times) {
            sleep(about(draw, pause)).await;
            let these = these(self);
            let node = these[draw.below(these.len() as u64) as usize];
            self.world.crash(node);
            sleep(about(draw, down)).await;
            self.world.restart(node);
        }
    }

    /// A client with a clerk of its own does `work`, once.
    pub(super) fn client<T>(&self, work: impl FnOnce(Hand) -> T + 'static)
    where
        T: Future<Output = ()> + 'static,
    {
        let name = format!("c{}", self.announced.get());
        self.announced.set(self.announced.get() + 1);
        if self.stage.happens("clients") {
            self.perform(name, work);
        }
    }

    /// Whoever runs the store: the same, and never left out when the run is made small.
    pub(super) fn script<T>(&self, name: &str, work: impl FnOnce(Hand) -> T + 'static) -> NodeId
    where
        T: Future<Output = ()> + 'static,
    {
        self.perform(name.to_owned(), work)
    }

    fn perform<T>(&self, name: String, work: impl FnOnce(Hand) -> T + 'static) -> NodeId
    where
        T: Future<Output = ()> + 'static,
    {
        let (cast, doing, who) = (self.clone(), self.doing.clone(), name.clone());
        let node = self.stage.client(&name, async move {
            let clerk = cast.clerk();
            work(Hand::new(who, clerk, cast, doing)).await;
        });
        self.clients.borrow_mut().push(node);
        node
    }

    /// A clerk; to be made by the node that it belongs to.
    pub(super) fn clerk(&self) -> Clerk {
        self.clerk_of(self.directory(), prompt())
    }

    /// A clerk that gives up; to be made by the node that it belongs to.
    pub(super) fn impatient(&self, reply: Duration, patience: Duration) -> Clerk {
        self.clerk_of(self.directory(), Retry { reply, patience: Some(patience), ..prompt() })
    }

    fn directory(&self) -> Directory {
        if self.store.is_some() {
            Directory::Store(self.store_clerk())
        } else {
            Directory::controller(self.controller_addresses())
        }
    }

    /// A clerk that looks there for who serves what.
    fn clerk_of(&self, directory: Directory, retry: Retry) -> Clerk {
        let config = ClerkConfig { retry, bugs: self.bugs, probe: self.probe.clone() };
        Clerk::new(directory, config)
    }

    /// A clerk that always believes the same of who serves what.
    pub(super) fn believer(&self, config: Config) -> Clerk {
        self.clerk_of(Directory::Fixed(config), prompt())
    }

    fn store_clerk(&self) -> kv::client::Clerk {
        kv::client::Clerk::new(
            "store:7000",
            kv::client::Config { retry: prompt(), ..kv::client::Config::default() },
        )
    }

    /// A client of the replicated controller; to be made by the node that it belongs to.
    pub(super) fn decrees(&self) -> Decrees {
        Decrees::new(self.controller_addresses(), prompt())
    }

    /// A controller of its own; to be made by the node that it belongs to.
    pub(super) fn controller(&self) -> Controller<kv::client::Clerk> {
        let (lease, probe) = (self.plan.lease, self.probe.clone());
        Controller::new(self.store_clerk(), Manner { retry: prompt(), lease, bugs: self.bugs, probe })
    }

    /// The first configuration of [`Design::Store`].
    pub(super) fn first(&self) -> Config {
        let shards = self.plan.shards;
        Config { num: 1, shards: vec![1; shards], origins: vec![0; shards], groups: self.named(&[1]) }
    }

    /// Every client must finish; then the run says what it has seen.
    pub(super) async fn finish(&self, within: Duration) {
        self.stage.clients_finish(within).await;
        let counts = self.probe.ghost(spec::Ghost::counts).unwrap_or_default();
        for (times, event) in [
            (counts.installed, "a shard moved"),
            (counts.deleted, "a shard was deleted"),
            (counts.refused, "a group refused what is not its"),
            (counts.maybe, "a put ended as maybe"),
            (counts.configs, "the configuration changed"),
            (counts.objections, "a decree was refused"),
            (counts.successions, "a lease ran out and another took it"),
        ] {
            if times > 0 {
                self.stage.sometimes(event);
            }
        }
    }
}

/// What was lost on these networks is sent again soon.
const REPLY: Duration = Duration::from_millis(200);

/// Who waits for a server that leads hears of it soon.
fn prompt() -> Retry {
    let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(200) };
    Retry { reply: REPLY, backoff, patience: None }
}

/// Every promise of `spec`, after every step. Configurations and the lease of controllers are seen in the store.
fn watch(stage: &Stage, probe: &Probe, store: kv::spec::Probe) {
    let (watched, looked) = (probe.clone(), Cell::new([0; 3]));
    stage.watch(move || {
        let keys = [NEXT, CURRENT, LEASE];
        let latest = store.ghost(|ghost| keys.map(|key| ghost.latest(key))).unwrap_or_default();
        let known = looked.replace(latest);
        if latest != known {
            for (at, key) in keys.into_iter().enumerate() {
                for version in known[at] + 1..=latest[at] {
                    let value = store.ghost(|ghost| ghost.value_at(key, version).cloned()).flatten();
                    if let Some(seen) = value.and_then(|value| stored(key, &value)) {
                        watched.observe(|| seen);
                    }
                }
            }
        }
        match watched.broken() {
            None => Ok(()),
            Some((_, broken)) => Err(Fall::new("invariant", broken.clause, broken.detail)),
        }
    });
}

/// What the observer sees when this value is stored where controllers meet.
fn stored(key: &str, value: &str) -> Option<Observation> {
    if key == LEASE {
        return parse_lease(value).map(|grant| Observation::Leased { holder: grant.holder });
    }
    parse(value).map(|config| Observation::Stored { current: key == CURRENT, config })
}
