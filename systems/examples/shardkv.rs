//! Three groups of the sharded store in a world, measured while shards move: `shardkv moves TRIALS`. Run by
//! `cargo xtask shardkv-moves`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::task::JoinHandle;
use stormglass_sim::time::sleep;
use stormglass_sim::{Seed, Sim, World};
use stormglass_systems::kv;
use stormglass_systems::raft::{self, protocol};
use stormglass_systems::retry::Retry;
use stormglass_systems::shardkv::bugs::{Bug, Bugs};
use stormglass_systems::shardkv::client::{
    Clerk, Config, Controller, ControllerConfig as Manner, Decrees, Directory,
};
use stormglass_systems::shardkv::message::{self, Gid, Rule};
use stormglass_systems::shardkv::protocol::shard_of;
use stormglass_systems::shardkv::server::{ControllerConfig, GroupConfig, run};

const SHARDS: usize = 12;

/// From one node to another.
const ONE_WAY: Duration = Duration::from_millis(5);

/// What an operation on a shard that does not move may take: to the leader, to a follower, and back, and as much again.
const THREE_ROUND_TRIPS: Duration = Duration::from_millis(30);

/// Names, and who moves the shards how.
const DESIGNS: [(&str, bool, Option<Bug>); 4] = [
    ("followers", false, None),
    ("followers-stop", false, Some(Bug::StopsDuringMoves)),
    ("followers-wait", false, Some(Bug::WaitsForAllShards)),
    ("controller", true, None),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match (arguments.first().map(String::as_str), arguments.get(1).and_then(|number| number.parse().ok())) {
        (Some("moves"), Some(trials)) => DESIGNS.iter().for_each(|design| moves(design, trials)),
        _ => {
            eprintln!("usage: shardkv moves TRIALS");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

/// What became of one trial.
#[derive(Default)]
struct Trial {
    /// Operations on shards that did not move, while others did.
    unaffected: u64,
    /// Those of them that took three round trips at most.
    prompt: u64,
    /// For how long nothing was done on each shard that moved, in milliseconds.
    away: Vec<f64>,
}

/// One line a design: its name, the operations on shards that did not move, how many of them were prompt, and for how long
/// each moving shard was away, the shortest first.
fn moves(design: &(&str, bool, Option<Bug>), trials: u64) {
    let mut all = Trial::default();
    for trial in 0..trials {
        let one = measure(design, trial);
        all.unaffected += one.unaffected;
        all.prompt += one.prompt;
        all.away.extend(one.away);
    }
    all.away.sort_by(f64::total_cmp);
    let away: Vec<String> = all.away.iter().map(|time| format!("{time:.1}")).collect();
    println!("MOVES {} {} {} {}", design.0, all.unaffected, all.prompt, away.join(" "));
}

fn peers(name: &str) -> BTreeMap<u64, String> {
    (1..=3).map(|id| (id, format!("{name}{id}:7000"))).collect()
}

fn raft_config(id: u64) -> protocol::Config {
    protocol::Config {
        election: Duration::from_millis(300)..=Duration::from_millis(600),
        heartbeat: Duration::from_millis(60),
        ..protocol::Config::new(id)
    }
}

/// The servers of the cast.
struct Cast {
    world: World,
    by_store: bool,
    bugs: Bugs,
}

impl Cast {
    fn start(world: World, by_store: bool, bugs: Bugs) -> Cast {
        let controllers: Vec<String> = peers("m").into_values().collect();
        if by_store {
            let config = kv::server::Config::default();
            world.node("store", move || {
                let config = config.clone();
                async move { kv::server::run(config).await.map_err(|error| error.to_string()) }
            });
        } else {
            for id in 1..=3 {
                let config = ControllerConfig::new(SHARDS).server(raft_config(id), peers("m"));
                world.node(&format!("m{id}"), move || {
                    let config = config.clone();
                    async move { raft::server::run(config).await.map_err(|error| error.to_string()) }
                });
            }
        }
        for gid in 1..=3 {
            let group = GroupConfig {
                founder: by_store && gid == 1,
                controller: if by_store { Vec::new() } else { controllers.clone() },
                bugs,
                ..GroupConfig::new(gid, SHARDS)
            };
            for id in 1..=3 {
                let name = format!("g{gid}s");
                let (group, server) = (group.clone(), group.server(raft_config(id), peers(&name)));
                world.node(&format!("{name}{id}"), move || {
                    let (group, server) = (group.clone(), server.clone());
                    async move { run(group, server).await.map_err(|error| error.to_string()) }
                });
            }
        }
        Cast { world, by_store, bugs }
    }

    /// A client of one shard, which goes on until `over`: when each of its operations began and ended.
    fn client(&self, shard: usize, over: &Rc<Cell<bool>>) -> JoinHandle<Vec<(Duration, Duration)>> {
        let (world, by_store, bugs, over) = (self.world, self.by_store, self.bugs, over.clone());
        let node = world.node(&format!("c{shard}"), pending::<()>);
        world.spawn_on(node, async move {
            let directory = if !by_store {
                Directory::controller(peers("m").into_values().collect())
            } else {
                Directory::Store(kv::client::Clerk::new("store:7000", kv::client::Config::default()))
            };
            let mut clerk = Clerk::new(directory, Config { bugs, ..Config::default() });
            let keys = (0..).map(|number| format!("k{number}"));
            let key = keys.into_iter().find(|key| shard_of(key, SHARDS) == shard).unwrap_or_default();
            let mut done = Vec::new();
            while !over.get() {
                let begun = world.now();
                // A clerk without a limit to its patience is answered.
                _ = clerk.append(&key, "x").await;
                done.push((begun, world.now()));
                sleep(Duration::from_millis(1)).await;
            }
            done
        })
    }

    /// Groups 1 and 2 share the shards; then, after a while, group 3 joins. When that began, and what moved.
    async fn run_store(&self, started: Rc<RefCell<(Duration, Vec<bool>)>>) {
        let world = self.world;
        let named = |gid: Gid| -> BTreeMap<Gid, Vec<String>> {
            [(gid, peers(&format!("g{gid}s")).into_values().collect())].into()
        };
        let pause = || sleep(Duration::from_millis(1500 + world.stream("start").below(200)));
        let moved = |before: &message::Config, after: &message::Config| {
            before.shards.iter().zip(&after.shards).map(|(old, new)| old != new).collect::<Vec<bool>>()
        };
        if self.by_store {
            let store = kv::client::Clerk::new("store:7000", kv::client::Config::default());
            let controller = Controller::new(store, Manner::default());
            let first = message::Config {
                num: 1,
                shards: vec![1; SHARDS],
                origins: vec![0; SHARDS],
                groups: named(1),
            };
            controller.init(&first).await;
            let second = first.after(&Rule::Join(named(2)), Bugs::NONE, 0).unwrap_or_default();
            _ = controller.change_to(&second).await;
            pause().await;
            let third = second.after(&Rule::Join(named(3)), Bugs::NONE, 0).unwrap_or_default();
            *started.borrow_mut() = (world.now(), moved(&second, &third));
            _ = controller.change_to(&third).await;
        } else {
            let mut decrees = Decrees::new(peers("m").into_values().collect(), Retry::default());
            _ = decrees.join(named(1)).await;
            _ = decrees.join(named(2)).await;
            let second = decrees.query(None).await.unwrap_or_default();
            pause().await;
            let begun = world.now();
            _ = decrees.join(named(3)).await;
            let third = decrees.query(None).await.unwrap_or_default();
            *started.borrow_mut() = (begun, moved(&second, &third));
        }
    }
}

fn measure(&(_, by_store, bug): &(&str, bool, Option<Bug>), trial: u64) -> Trial {
    let mut sim = Sim::new(Seed(trial));
    let ran = sim.run(move |world: World| async move {
        world.links(LinkConfig::with_latency(Latency::Constant(ONE_WAY)));
        let cast = Cast::start(world, by_store, bug.into_iter().collect());
        let over = Rc::new(Cell::new(false));
        let clients: Vec<_> = (0..SHARDS).map(|shard| cast.client(shard, &over)).collect();
        let started = Rc::new(RefCell::new((Duration::ZERO, Vec::new())));
        let (told, admin) = (started.clone(), world.node("admin", pending::<()>));
        let running = world.spawn_on(admin, async move { cast.run_store(told).await });
        _ = running.await;
        sleep(Duration::from_secs(1)).await;
        over.set(true);
        let mut done = Vec::new();
        for client in clients {
            done.push(client.await.unwrap_or_default());
        }
        let (begun, moved) = started.take();
        judge(begun, &moved, &done)
    });
    ran.value.unwrap_or_default()
}

/// The move lasts from its begin until the last shard that moved is served again.
fn judge(begun: Duration, moved: &[bool], done: &[Vec<(Duration, Duration)>]) -> Trial {
    let mut trial = Trial::default();
    let mut ended = begun;
    for (_, done) in moved.iter().zip(done).filter(|(moved, _)| **moved) {
        let gap = done.windows(2).filter(|pair| pair[1].1 > begun).max_by_key(|pair| pair[1].1 - pair[0].1);
        let Some(gap) = gap else { continue };
        ended = ended.max(gap[1].1);
        trial.away.push((gap[1].1 - gap[0].1).as_secs_f64() * 1e3);
    }
    for (_, done) in moved.iter().zip(done).filter(|(moved, _)| !**moved) {
        for (call, ret) in done.iter().filter(|(call, ret)| *ret > begun && *call < ended) {
            trial.unaffected += 1;
            trial.prompt += u64::from(*ret - *call <= THREE_ROUND_TRIPS);
        }
    }
    trial
}
