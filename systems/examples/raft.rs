//! Five raft servers in a world, measured: `raft figure-16 TRIALS` (how long a cluster is without a leader) and
//! `raft load SECONDS` (how fast a cluster under load is simulated). Run by `cargo xtask figure16` and `bench raft`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, Seed, Sim, World};
use stormglass_systems::raft::bugs::{Bug, Bugs};
use stormglass_systems::raft::message::{Index, Term};
use stormglass_systems::raft::protocol;
use stormglass_systems::raft::server::{self, Door, StateMachine};

/// Election timeouts of each curve, in milliseconds.
const CURVES: [(u64, u64); 11] = [
    (150, 150),
    (150, 155),
    (150, 160),
    (150, 175),
    (150, 200),
    (150, 300),
    (12, 24),
    (25, 50),
    (50, 100),
    (100, 200),
    (150, 300),
];

/// How long a message is on its way, in milliseconds: so that a broadcast takes about 15 ms, and so that the servers' disks
/// have most of these.
const MESSAGES: [(u64, u64); 2] = [(5, 10), (1, 2)];

/// A run without a leader is given up after this long.
const GIVEN_UP: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match (arguments.first().map(String::as_str), arguments.get(1).and_then(|number| number.parse().ok())) {
        (Some("figure-16"), Some(trials)) => figure_16(trials),
        (Some("load"), Some(seconds)) => load(Duration::from_secs(seconds)),
        _ => {
            eprintln!("usage: raft figure-16 TRIALS | raft load SECONDS");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

/// A state machine that only counts.
#[derive(Default)]
struct Counter(u64);

impl StateMachine for Counter {
    fn apply(&mut self, _: Index, _: Term, _: &[u8]) -> Vec<u8> {
        self.0 += 1;
        Vec::new()
    }

    fn read(&self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let bytes = snapshot.try_into().map_err(|_| "a snapshot has 8 bytes".to_owned())?;
        self.0 = u64::from_le_bytes(bytes);
        Ok(())
    }
}

/// Five servers on links like this one.
fn cluster(world: World, protocol: &protocol::Config, link: LinkConfig) -> Vec<(NodeId, Door)> {
    let peers: BTreeMap<u64, String> = (1..=5).map(|id| (id, format!("s{id}:7000"))).collect();
    world.links(link);
    let start = |id: u64| {
        let protocol = protocol::Config { id, ..protocol.clone() };
        let door = Door::new();
        let config = server::Config {
            door: door.clone(),
            patience: Duration::from_secs(1),
            ..server::Config::new(protocol, peers.clone(), Counter::default)
        };
        let node = world.node(&format!("s{id}"), move || {
            let config = config.clone();
            async move { server::run(config).await.map_err(|error| error.to_string()) }
        });
        (node, door)
    };
    (1..=5).map(start).collect()
}

fn protocol(election: RangeInclusive<Duration>, heartbeat: Duration) -> protocol::Config {
    protocol::Config {
        id: 0,
        election,
        heartbeat,
        pre_vote: true,
        check_quorum: true,
        noop: true,
        drift_ppm: 1000,
        batch_entries: 64,
        batch_bytes: 64 << 10,
        pipeline: 8,
        uncommitted: 4096,
        chunk: 64 << 10,
        bugs: Bugs::NONE,
        observed: false,
    }
}

/// Who leads in a term above this one, and the term.
fn leader(servers: &[(NodeId, Door)], above: Term) -> Option<(usize, Term)> {
    let stands = |(at, (_, door)): (usize, &(NodeId, Door))| {
        let status = door.status().filter(|status| status.leads && status.term > above)?;
        Some((at, status.term))
    };
    servers.iter().enumerate().find_map(stands)
}

async fn elected(servers: &[(NodeId, Door)], above: Term, look: Duration) -> (usize, Term) {
    loop {
        match leader(servers, above) {
            Some(found) => return found,
            None => sleep(look).await,
        }
    }
}

/// One line a curve: how long a message takes, its timeouts, and the downtime of every trial in milliseconds, the shortest
/// first.
fn figure_16(trials: u64) {
    for (fast, slow) in MESSAGES {
        let way = Duration::from_millis(fast)..=Duration::from_millis(slow);
        for (low, high) in CURVES {
            let mut downtimes: Vec<f64> =
                (0..trials).map(|trial| downtime(way.clone(), low, high, trial)).collect();
            downtimes.sort_by(f64::total_cmp);
            let downtimes: Vec<String> = downtimes.iter().map(|time| format!("{time:.1}")).collect();
            println!("CURVE {fast} {slow} {low} {high} {}", downtimes.join(" "));
        }
    }
}

/// How long five servers are without a leader that crashed at any time within its heartbeat interval (§9.3). As in the
/// paper, that interval is half of the least timeout, and there is nothing that came later: no pre-vote, and voters listen
/// to every candidate.
fn downtime(way: RangeInclusive<Duration>, low: u64, high: u64, trial: u64) -> f64 {
    let (low, high) = (Duration::from_millis(low), Duration::from_millis(high));
    let plan = protocol::Config {
        pre_vote: false,
        check_quorum: false,
        bugs: Bugs::only(Bug::NoLeaderStickiness),
        ..protocol(low..=high, low / 2)
    };
    // The first leader is found under timeouts that find one; then the servers start again with their own.
    let mut sim = Sim::new(Seed(trial));
    let ran = sim.run(move |world: World| async move {
        let link = LinkConfig::with_latency(Latency::Uniform(*way.start(), *way.end()));
        let servers = cluster(world, &plan, link);
        // Where all time out at once nobody wins: one is given a head start.
        servers[1..].iter().for_each(|(node, _)| world.pause(*node));
        sleep(plan.election.start().mul_f64(0.8)).await;
        servers[1..].iter().for_each(|(node, _)| world.resume(*node));
        let (mut at, mut term) = elected(&servers, 0, Duration::from_millis(1)).await;
        sleep(Duration::from_millis(500)).await;
        sleep(Duration::from_nanos(world.stream("crash").below(plan.heartbeat.as_nanos() as u64))).await;
        if let Some(later) = leader(&servers, term) {
            (at, term) = later;
        }
        world.crash(servers[at].0);
        let crashed = world.now();
        while leader(&servers, term).is_none() && world.now() - crashed < GIVEN_UP {
            sleep(Duration::from_micros(500)).await;
        }
        world.now() - crashed
    });
    ran.value.unwrap_or(GIVEN_UP).as_secs_f64() * 1e3
}

/// Sixteen clients that each wait for their answer before they ask again.
fn load(lasts: Duration) {
    let plan = protocol(Duration::from_millis(150)..=Duration::from_millis(300), Duration::from_millis(50));
    let started = wall();
    let mut sim = Sim::new(Seed(16));
    let ran = sim.run(move |world: World| async move {
        let quick = Latency::Uniform(Duration::from_micros(200), Duration::from_micros(500));
        let servers = cluster(world, &plan, LinkConfig::with_latency(quick));
        let (at, _) = elected(&servers, 0, Duration::from_millis(1)).await;
        for _ in 0..16 {
            let door = servers[at].1.clone();
            drop(spawn(async move {
                loop {
                    if door.submit(vec![7; 100]).await.is_err() {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
            }));
        }
        sleep(lasts).await;
        servers[at].1.status().map_or(0, |status| status.commit)
    });
    let (wall, committed) = (wall().saturating_sub(started).as_secs_f64(), ran.value.unwrap_or(0));
    let digest = ran.digest;
    println!(
        "RESULT virtual={} wall={wall:.3} committed={committed} check={digest:#018x}",
        ran.now.as_secs_f64()
    );
}

/// Time of the machine, outside of any world.
fn wall() -> Duration {
    let now = stormglass_sim::time::system_now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default()
}
