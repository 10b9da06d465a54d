//! The workloads on which the simulator's speed is measured, one RESULT line each: `workloads <workload> [n…]`.
//!
//! w1 typed calls one after another, w1d datagrams to and fro, w2 heartbeats of n nodes for so many seconds, w3
//! sleeping tasks, w4y yields, w4r the same with a random pick, w4s spawn and join, w4b spawn all and then join, w5 as
//! w2 under loss, partitions and crashes, w6 whole worlds, w6t each on a thread of its own.
//! A workload that is not here exits with 3.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use stormglass_sim::net::{Latency, LinkConfig, UdpSocket, rpc};
use stormglass_sim::task::{spawn, yield_now};
use stormglass_sim::time::{Instant, sleep, sleep_until};
use stormglass_sim::{Config, NodeId, Ratio, Schedule, Seed, Sim, World, guard};

const MS: u64 = 1_000_000;
const PERIOD: u64 = 10 * MS;
const SEED: u64 = 42;

thread_local! {
    static OPERATIONS: Cell<u64> = const { Cell::new(0) };
    static CHECK: Cell<u64> = const { Cell::new(0) };
}

/// Counts one operation and folds `value` into the check that must be equal on every run.
fn count(value: u64) {
    OPERATIONS.set(OPERATIONS.get() + 1);
    CHECK.set(CHECK.get().rotate_left(5) ^ value);
}

const fn nanos(n: u64) -> Duration {
    Duration::from_nanos(n)
}

fn config(loss: Ratio) -> Config {
    let latency = Latency::Uniform(nanos(MS), nanos(10 * MS));
    let link = LinkConfig::with_latency(latency).loss(loss);
    Config { link, max_steps_at_once: u64::MAX, ..Config::default() }
}

/// The address of the node that was made as the `index`th, counted from 0.
fn address(index: usize) -> SocketAddr {
    // The test itself is the first node of the world.
    let [_, x, y, z] = (index as u32 + 2).to_be_bytes();
    (Ipv4Addr::new(10, x, y, z), 1000).into()
}

/// Runs a world and returns its virtual time in nanoseconds; its digest goes into the check.
fn run<F: Future<Output: 'static>>(seed: u64, config: Config, main: impl FnOnce(World) -> F) -> u64 {
    let outcome = Sim::with(Seed(seed), config).run(main);
    let (now, digest) = (outcome.now.as_nanos() as u64, outcome.digest);
    outcome.unwrap();
    CHECK.set(CHECK.get().rotate_left(5) ^ digest);
    now
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Ping {
    number: u64,
    data: Bytes,
}

impl rpc::Request for Ping {
    type Reply = Ping;
    const NAME: &'static str = "Ping";
}

fn calls(n: u64) -> u64 {
    run(SEED, config(Ratio::ZERO), |world| async move {
        world.node("server", || async {
            let mut calls = rpc::listen::<Ping>("0.0.0.0:1000").await?;
            loop {
                let call = calls.next().await?;
                let reply = Ping { number: call.request().number, data: call.request().data.clone() };
                call.reply(&reply);
            }
            #[expect(unreachable_code, reason = "names the type of error")]
            Ok::<(), std::io::Error>(())
        });
        let client = world.node("client", std::future::pending::<()>);
        let calling = async move {
            sleep(nanos(5 * MS)).await;
            for number in 0..n {
                let ping = Ping { number, data: Bytes::from_static(&[7; 64]) };
                let reply = rpc::call(address(0), &ping, Duration::from_secs(1)).await.expect("answered");
                assert!(reply.number == number && reply.data.len() == 64);
                count(0);
            }
        };
        world.spawn_on(client, calling).await.expect("runs");
    })
}

fn datagrams(n: u64) -> u64 {
    run(SEED, config(Ratio::ZERO), |world| async move {
        world.node("server", || async {
            let socket = UdpSocket::bind("0.0.0.0:1000").await.expect("free");
            let mut buffer = [0; 64];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.expect("open");
                socket.send_to(&buffer[..length], from).await.expect("small");
            }
        });
        let client = world.node("client", std::future::pending::<()>);
        let pinging = async move {
            let socket = UdpSocket::bind("0.0.0.0:1000").await.expect("free");
            sleep(nanos(5 * MS)).await;
            let mut buffer = [7; 64];
            for _ in 0..n {
                socket.send_to(&buffer, address(0)).await.expect("small");
                let (length, _) = socket.recv_from(&mut buffer).await.expect("open");
                assert_eq!(length, 64);
                count(0);
            }
        };
        world.spawn_on(client, pinging).await.expect("runs");
    })
}

async fn heartbeats(me: usize, nodes: usize) {
    let socket = Rc::new(UdpSocket::bind("0.0.0.0:1000").await.expect("free"));
    let receiver = socket.clone();
    drop(spawn(async move {
        let mut buffer = [0; 128];
        loop {
            let (length, _) = receiver.recv_from(&mut buffer).await.expect("open");
            count(length as u64 + u64::from(buffer[0]));
        }
    }));
    sleep(nanos(Numbers(me as u64).below(PERIOD))).await;
    let mut next = Instant::now();
    let beat = [me as u8; 100];
    loop {
        for peer in (0..nodes).filter(|&peer| peer != me) {
            socket.send_to(&beat, address(peer)).await.expect("small");
        }
        next += nanos(PERIOD);
        sleep_until(next).await;
    }
}

fn cluster(nodes: usize, seconds: u64, faults: bool) -> u64 {
    let loss = if faults { Ratio::percent(1) } else { Ratio::ZERO };
    run(SEED, config(loss), |world| async move {
        let ids: Vec<NodeId> =
            (0..nodes).map(|me| world.node(&format!("n{me}"), move || heartbeats(me, nodes))).collect();
        if faults {
            drop(spawn(partitions(world, ids.clone())));
            drop(spawn(crashes(world, ids)));
        }
        sleep(Duration::from_secs(seconds)).await;
    })
}

/// Every half second a partition into two random halves, or its end.
async fn partitions(world: World, ids: Vec<NodeId>) {
    let mut numbers = Numbers(777);
    let mut parted = false;
    loop {
        sleep(nanos(500 * MS)).await;
        if parted {
            world.heal();
        } else {
            let sides = 1 + numbers.below((1 << ids.len()) - 2);
            let (one, other): (Vec<_>, Vec<_>) =
                ids.iter().partition(|id| sides >> (id.index() - 1) & 1 == 1);
            world.partition(&one, &other);
        }
        parted = !parted;
    }
}

/// Every two seconds a crash, for 200 ms.
async fn crashes(world: World, ids: Vec<NodeId>) {
    let mut numbers = Numbers(778);
    loop {
        sleep(nanos(1800 * MS)).await;
        let victim = ids[numbers.below(ids.len() as u64) as usize];
        world.crash(victim);
        sleep(nanos(200 * MS)).await;
        world.restart(victim);
    }
}

fn sleepers(tasks: u64, seconds: u64) -> u64 {
    run(SEED, config(Ratio::ZERO), |world| async move {
        let node = world.node("node", std::future::pending::<()>);
        for task in 0..tasks {
            drop(world.spawn_on(node, async move {
                let mut numbers = Numbers(task);
                loop {
                    sleep(nanos(MS + numbers.below(999 * MS))).await;
                    count(task);
                }
            }));
        }
        sleep(Duration::from_secs(seconds)).await;
    })
}

fn yields(tasks: u64, times: u64, schedule: Schedule) -> u64 {
    run(SEED, Config { schedule, ..config(Ratio::ZERO) }, |_| async move {
        let yielding = |task| async move {
            for _ in 0..times {
                yield_now().await;
                count(0);
            }
            CHECK.set(CHECK.get().rotate_left(5) ^ task);
        };
        let handles: Vec<_> = (0..tasks).map(|task| spawn(yielding(task))).collect();
        for handle in handles {
            handle.await.expect("runs");
        }
    })
}

fn spawns(n: u64, all_first: bool) -> u64 {
    run(SEED, config(Ratio::ZERO), |_| async move {
        if all_first {
            let handles: Vec<_> = (0..n).map(|task| spawn(async move { task })).collect();
            for handle in handles {
                count(handle.await.expect("runs"));
            }
        } else {
            for task in 0..n {
                count(spawn(async move { task }).await.expect("runs"));
            }
        }
    })
}

fn whole_world(seed: u64) -> u64 {
    const NAMES: [&str; 5] = ["n0", "n1", "n2", "n3", "n4"];
    run(seed, config(Ratio::ZERO), |world| async move {
        let handles = RefCell::new(Vec::new());
        for (me, name) in NAMES.into_iter().enumerate() {
            let node = world.node(name, std::future::pending::<()>);
            handles.borrow_mut().push(world.spawn_on(node, async move {
                let socket = UdpSocket::bind("0.0.0.0:1000").await.expect("free");
                sleep(nanos(2 * MS)).await;
                for number in 0..10 {
                    socket.send_to(&[number; 64], address((me + 1) % 5)).await.expect("small");
                }
                let mut buffer = [0; 64];
                for _ in 0..10 {
                    socket.recv_from(&mut buffer).await.expect("open");
                    CHECK.set(CHECK.get().rotate_left(5) ^ u64::from(buffer[0]));
                }
            }));
        }
        for handle in handles.into_inner() {
            handle.await.expect("runs");
        }
    })
}

fn whole_worlds(n: u64, own_thread: bool) -> u64 {
    let one = |seed| {
        if !own_thread {
            return whole_world(seed);
        }
        let (now, check) = guard::on_fresh_thread(seed, 256 << 10, || (whole_world(seed), CHECK.get()));
        CHECK.set(CHECK.get().rotate_left(5) ^ check);
        now
    };
    let mut now = 0;
    for seed in 0..n {
        now += one(seed);
        OPERATIONS.set(OPERATIONS.get() + 1);
    }
    now
}

/// The workload's own numbers: SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(n)) >> 64) as u64
    }
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(workload) = arguments.first() else {
        eprintln!("usage: workloads <w1|w1d|w2|w3|w4y|w4r|w4s|w4b|w5|w6|w6t> [n…]");
        return ExitCode::from(64);
    };
    let number = |place: usize, default: u64| match arguments.get(place) {
        None => default,
        Some(text) => text.replace('_', "").parse().unwrap_or_else(|_| {
            eprintln!("'{text}' is no number");
            std::process::exit(64);
        }),
    };
    let start = std::time::Instant::now();
    let (unit, now) = match workload.as_str() {
        "w1" => ("rpc", calls(number(1, 200_000))),
        "w1d" => ("rpc", datagrams(number(1, 200_000))),
        "w2" => ("msg", cluster(number(1, 5) as usize, number(2, 600), false)),
        "w5" => ("msg", cluster(number(1, 5) as usize, number(2, 600), true)),
        "w3" => ("fire", sleepers(number(1, 10_000), number(2, 60))),
        "w4y" => ("yield", yields(number(1, 1000), number(2, 1000), Schedule::Fifo)),
        "w4r" => ("yield", yields(number(1, 1000), number(2, 1000), Schedule::Random)),
        "w4s" => ("spawn", spawns(number(1, 1_000_000), false)),
        "w4b" => ("spawn", spawns(number(1, 1_000_000), true)),
        "w6" => ("sim", whole_worlds(number(1, 5000), false)),
        "w6t" => ("sim", whole_worlds(number(1, 5000), true)),
        _ => return ExitCode::from(3),
    };
    let wall = start.elapsed().as_secs_f64();
    let operations = OPERATIONS.get();
    println!(
        "RESULT peer=stormglass wl={workload} ops={operations} unit={unit} wall_s={wall:.6} rate={:.0} ns_op={:.1} \
         sim_s={:.3} check={:016x}",
        operations as f64 / wall,
        wall * 1e9 / operations as f64,
        now as f64 / 1e9,
        CHECK.get(),
    );
    ExitCode::SUCCESS
}
