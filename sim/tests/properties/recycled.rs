//! A world takes over the memory of the one before it on its thread, and nothing else.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Fate, LinkConfig, Rule, UdpSocket, rpc};
use stormglass_sim::task::{JoinSet, spawn, yield_now};
use stormglass_sim::time::{ClockFault, interval, sleep, timeout};
use stormglass_sim::{
    Config, Overrides, Ratio, Schedule, Seed, Sim, World, always, buggify, fs, guard, rand, sometimes,
};

const MS: Duration = Duration::from_millis(1);

#[derive(serde::Serialize, serde::Deserialize)]
struct Add(u64);

impl rpc::Request for Add {
    type Reply = u64;
    const NAME: &'static str = "Add";
}

/// A server that keeps its sum in a file, and gossips about it.
async fn summing(name: String) -> std::io::Result<()> {
    let before = fs::read_to_string("sum").await.ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let sum = Rc::new(RefCell::new(before));
    let shared = sum.clone();
    let mut server = rpc::Server::bind("0.0.0.0:7").await?;
    server.on(move |_, Add(n)| {
        let sum = shared.clone();
        async move {
            let now = *sum.borrow() + n;
            *sum.borrow_mut() = now;
            if !buggify!() {
                let _ = fs::write("sum", now.to_string()).await;
            }
            now
        }
    });
    drop(spawn(async move {
        let socket = UdpSocket::bind("0.0.0.0:8").await?;
        let mut beat = interval(MS * 7);
        loop {
            beat.tick().await;
            let peer = format!("s{}:8", rand::below(3));
            socket.send_to(&rand::random_u64().to_le_bytes(), peer).await?;
            sometimes!(rand::chance(Ratio::percent(10)), "a tenth");
            tracing::debug!("{name} gossiped");
        }
        #[expect(unreachable_code, reason = "names the type of error")]
        Ok::<(), std::io::Error>(())
    }));
    server.serve().await
}

/// Everything that leaves something behind: files, timers, sockets, rules, held messages, streams, watchers.
async fn busy(world: World) -> Vec<u64> {
    let servers = [0, 1, 2].map(|n| {
        let name = format!("s{n}");
        world.node(&name.clone(), move || summing(name.clone()))
    });
    world.watch("always well", || Ok(()));
    world.rule(Rule::new(Fate::Delay(MS * 3)).kind("Add").nth(5));
    let (weather, answers) = (world.stream("weather"), Rc::new(RefCell::new(Vec::new())));
    let mut clients = JoinSet::new();
    for n in 0..3_u64 {
        let answers = answers.clone();
        clients.spawn(async move {
            for round in 0..10 {
                let to = format!("s{}:7", (n + round) % 3);
                let answer = rpc::call(to.as_str(), &Add(n + 1), MS * 30).await;
                answers.borrow_mut().push(answer.unwrap_or(u64::MAX));
                yield_now().await;
            }
        });
    }
    for _ in 0..12 {
        sleep(MS * weather.range(1..15) as u32).await;
        let victim = *weather.pick(&servers).expect("three");
        match weather.below(7) {
            0 => world.crash(victim),
            1 => world.power_off(victim),
            2 => world.partition(&[victim], &servers),
            3 => world.skew(victim, ClockFault::Drift(weather.below(100_000) as i64)),
            4 => world.hold(victim, servers[0]),
            5 => world.pause(victim),
            _ => {
                world.heal();
                servers.iter().for_each(|server| world.resume(*server));
                servers.iter().for_each(|server| world.restart(*server));
            }
        }
    }
    let _ = timeout(MS * 5, clients.join_next()).await;
    answers.take()
}

fn rough(trace: bool) -> Config {
    let some = Ratio::percent(3);
    let link =
        LinkConfig { corrupt: some, reorder: some, ..LinkConfig::default().loss(some).duplicate(some) };
    Config { link, trace, buggify: true, record_decisions: true, ..Config::default() }
}

/// Everything that can be compared of a run.
type Left = (Option<Vec<u64>>, u64, u64, Duration, Vec<stormglass_sim::Decision>, Vec<u8>, String);

fn run(seed: u64) -> Left {
    let outcome = Sim::with(Seed(seed), rough(seed.is_multiple_of(2))).run(busy);
    let told = format!("{:?} {:?}", outcome.findings, outcome.properties);
    let decisions = outcome.decisions.expect("recorded");
    let trace = outcome.trace.unwrap_or_default();
    (outcome.value, outcome.digest, outcome.events, outcome.now, decisions, trace, told)
}

/// Says which part differs, and not the whole of both.
fn assert_same(one: &Left, other: &Left, seed: u64) {
    assert_eq!((one.1, one.2, one.3), (other.1, other.2, other.3), "digest, events and time of seed {seed}");
    assert_eq!((&one.0, &one.6), (&other.0, &other.6), "value, findings and properties of seed {seed}");
    assert!(one.4 == other.4, "decisions of seed {seed}");
    let lines = |left: &Left| String::from_utf8(left.5.clone()).expect("text");
    let (one, other) = (lines(one), lines(other));
    let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert_eq!((differs, one.len()), (None, other.len()), "the first line of the trace of seed {seed}");
}

/// Worlds that end in the middle of things, each in another way.
fn litter(n: u64) {
    let mut overrides = Overrides::default();
    overrides.calm("world/schedule");
    overrides.set("s0/rand", 2, 5);
    let config = match n % 4 {
        0 => Config { overrides, ..rough(true) },
        1 => Config { schedule: Schedule::Fifo, epoch: MS, ..Config::default() },
        2 => Config { max_events: Some(200 + n), ..rough(false) },
        _ => Config { max_time: Some(MS * 20), ..rough(false) },
    };
    let mut sim = Sim::with(Seed(1000 + n), config);
    let outcome = sim.run(|world| async move {
        let left = world.stream("litter").below(80);
        let limit = sleep(MS * left as u32);
        for other in 0..n % 5 {
            world.node(&format!("other{other}"), std::future::pending::<()>);
        }
        let everything = timeout(MS * 1000, busy(world));
        stormglass_sim::select! {
            _ = everything => {}
            () = limit => match n % 3 {
                0 => panic!("litter"),
                1 => always!(left > 80, "much"),
                _ => {}
            },
        }
    });
    if n.is_multiple_of(7) {
        std::mem::forget(outcome);
    }
    let _ = sim.run(|_| sleep(MS));
}

#[test]
fn a_world_in_recycled_memory_is_the_same_world() {
    const STACK: usize = 4 << 20;
    let seeds = 0..30;
    let fresh: Vec<Left> =
        seeds.clone().map(|seed| guard::on_fresh_thread(seed, STACK, || run(seed))).collect();
    assert!(fresh.iter().filter(|left| left.2 > 300).count() > 20, "something happens");
    assert!(fresh.iter().any(|left| left.1 != fresh[0].1), "and not always the same");
    for (n, (seed, first)) in seeds.zip(&fresh).enumerate() {
        litter(n as u64);
        let again = run(seed);
        assert_same(first, &again, seed);
        assert_same(first, &run(seed), seed);
    }
}
