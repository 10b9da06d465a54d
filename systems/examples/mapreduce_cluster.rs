//! The paper's cluster, simulated: 15,000 maps and 4,000 reduces on 1,746 workers (§5.3 to §5.5). Coordinator, workers and
//! store are the real ones, with the network and the disks of a world; only what a task costs is a model, stated here.
//!
//! `mapreduce_cluster STRAGGLERS BACKUPS KILLED [DIVISOR]`: how many of ten thousand workers are slow, whether there are
//! backup tasks (0 or 1), how many workers are killed on the way, and by what to divide the cluster's size. Prints a
//! RESULT line, and before it a CURVE line: the second at which each hundredth of the reduces was complete.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::rand::below;
use stormglass_sim::time::{Instant, sleep};
use stormglass_sim::{NodeId, Seed, Sim, World};
use stormglass_systems::mapreduce::client;
use stormglass_systems::mapreduce::message::{Input, JobId, Split, Task};
use stormglass_systems::mapreduce::protocol::{Job, Policy, Progress};
use stormglass_systems::mapreduce::server::{self, store};

/// The sort of §5.3.
const MAPS: u32 = 15_000;
const REDUCES: u32 = 4_000;
const WORKERS: u32 = 1_746;

/// What a task costs on a healthy machine, give or take a fifth: chosen so that maps take about the first 200 of the
/// paper's 891 seconds and reduces the rest.
const MAP: Duration = Duration::from_secs(22);
const REDUCE: Duration = Duration::from_secs(230);

/// How many times longer everything takes on a slow machine: chosen so that, as in the paper, stragglers end about
/// 300 seconds after all others.
const SLOWER: f64 = 4.7;

/// When workers are killed: "several minutes into the computation" (§5.5). Their machines start others at once.
const KILLED_AT: Duration = Duration::from_secs(300);

const SEED: u64 = 2004;

const ID: JobId = 1;

struct Plan {
    stragglers: u64,
    backups: bool,
    killed: usize,
    divisor: u32,
}

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [stragglers, backups, killed, rest @ ..] = numbers.as_slice() else {
        eprintln!("usage: mapreduce_cluster STRAGGLERS BACKUPS KILLED [DIVISOR]");
        std::process::exit(64);
    };
    let divisor = rest.first().copied().unwrap_or(1).clamp(1, 1000);
    let plan = Plan {
        stragglers: u64::from(*stragglers),
        backups: *backups > 0,
        killed: *killed as usize / divisor as usize,
        divisor,
    };
    // Outside of the world: the machine's clock.
    let begun = Instant::now();
    let outcome = Sim::new(Seed(SEED)).run(|world| run(world, plan));
    let (events, wall) = (outcome.events, begun.elapsed());
    let (curve, last, slow) = outcome.unwrap();
    println!("CURVE {}", curve.iter().map(|second| format!("{second:.1}")).collect::<Vec<_>>().join(" "));
    println!(
        "RESULT seconds={:.1} slow={slow} backups={} retries={} buried={} events={events} wall={:.1} peak_mib={}",
        curve.last().copied().unwrap_or_default(),
        last.backups,
        last.retries,
        last.buried,
        wall.as_secs_f64(),
        peak_mebibytes()
    );
}

/// The most memory that this process ever had, where the system tells.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The second at which each hundredth of the reduces was complete, how the job stood at its end, and how many workers
/// were slow.
async fn run(world: World, plan: Plan) -> (Vec<f64>, Progress, usize) {
    world.links(LinkConfig::with_latency(Latency::Constant(Duration::from_micros(100))));
    let (maps, reduces, workers) = (MAPS / plan.divisor, REDUCES / plan.divisor, WORKERS / plan.divisor);
    let output = store::Config {
        inputs: vec![],
        output: "out".into(),
        bugs: Default::default(),
        probe: Default::default(),
    };
    world.node("store", move || store::run("0.0.0.0:7001".to_owned(), ID, output.clone()));
    let completions: Rc<RefCell<(Vec<f64>, Progress)>> = Rc::default();
    let seen = completions.clone();
    let report = move |progress: &Progress| {
        let mut seen = seen.borrow_mut();
        let now = world.now().as_secs_f64();
        while (seen.0.len() as u32) < progress.reduces.0 {
            seen.0.push(now);
        }
        seen.1 = progress.clone();
    };
    let mut policy = Policy {
        dead_after: Duration::from_secs(30),
        ping_every: Duration::from_secs(5),
        ..Policy::default()
    };
    policy.backups = policy.backups.filter(|_| plan.backups);
    let config = server::Config {
        policy,
        report: Some(Rc::new(report)),
        tick: Duration::from_secs(1),
        ..server::Config::new(job(maps, reduces))
    };
    world.node("coordinator", move || {
        let config = config.clone();
        async move { server::run(config).await.map(drop) }
    });
    let stream = world.stream("cluster");
    let slow: Vec<bool> = (0..workers).map(|_| stream.below(10_000) < plan.stragglers).collect();
    let crew: Vec<NodeId> = (0..).zip(&slow).map(|(number, slow)| add_worker(world, number, *slow)).collect();
    let stragglers = slow.into_iter().filter(|slow| *slow).count();
    if plan.killed > 0 {
        sleep(KILLED_AT).await;
        let mut crew = crew;
        stream.shuffle(&mut crew);
        crew[..plan.killed].iter().for_each(|worker| world.crash(*worker));
        sleep(Duration::from_secs(5)).await;
        crew[..plan.killed].iter().for_each(|worker| world.restart(*worker));
    }
    while completions.borrow().0.len() < reduces as usize {
        sleep(Duration::from_secs(1)).await;
    }
    let (times, last) = completions.borrow().clone();
    let hundredths = (1..=100).map(|part| times[(part * times.len()).div_ceil(100).max(1) - 1]);
    (hundredths.collect(), last, stragglers)
}

/// Without data: every split is empty, and so is every part.
fn job(maps: u32, reduces: u32) -> Job {
    Job {
        id: ID,
        app: "sort".into(),
        args: vec![],
        inputs: vec![Input { path: "in".into(), length: 0, version: 0, copies: vec![] }],
        splits: vec![Split { input: 0, offset: 0, length: 0 }; maps as usize],
        reduces,
    }
}

fn add_worker(world: World, number: u32, slow: bool) -> NodeId {
    let name = format!("w{number}");
    let config = client::Config {
        store: "store:7001".into(),
        announce: Some(format!("{name}:7100")),
        poll: Duration::from_secs(1),
        reply: Duration::from_secs(10),
        toil: Some(Rc::new(move |task| {
            Box::pin(async move {
                let usual = if let Task::Map(_) = task { MAP } else { REDUCE };
                let factor = (0.8 + 0.4 * below(1000) as f64 / 1000.0) * if slow { SLOWER } else { 1.0 };
                sleep(usual.mul_f64(factor)).await;
            })
        })),
        ..client::Config::of("coordinator:7000")
    };
    world.node(&name, move || client::run(config.clone()))
}
