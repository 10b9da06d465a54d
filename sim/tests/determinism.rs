//! The same seed is the same run: digests, traces, overrides; and what would break it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use stormglass_sim::net::{Latency, LinkConfig, UdpSocket};
use stormglass_sim::task::{spawn, yield_now};
use stormglass_sim::time::{ClockFault, sleep, timeout};
use stormglass_sim::{Config, Decision, NodeId, Overrides, Ratio, Seed, Sim, World, rand};

const MS: Duration = Duration::from_millis(1);

/// Three nodes that gossip in bad weather, while the test crashes, parts, pauses and skews them.
async fn storm(world: World) -> Vec<u64> {
    let heard: Rc<RefCell<Vec<u64>>> = Rc::default();
    let nodes = [0, 1, 2].map(|me| {
        let heard = heard.clone();
        world.node(&format!("n{me}"), move || gossip(me, heard.clone()))
    });
    let weather = world.stream("weather");
    for _ in 0..20 {
        sleep(MS * weather.range(1..20) as u32).await;
        let victim = *weather.pick(&nodes).expect("three");
        match weather.below(6) {
            0 => world.crash(victim),
            1 => world.partition(&[victim], &nodes),
            2 => world.pause(victim),
            3 => world.skew(victim, ClockFault::Drift(weather.below(1000) as i64)),
            4 => world.hold(victim, nodes[0]),
            _ => {
                world.heal();
                for node in nodes {
                    world.resume(node);
                    world.restart(node);
                }
            }
        }
    }
    heard.take()
}

async fn gossip(me: u64, heard: Rc<RefCell<Vec<u64>>>) -> std::io::Result<()> {
    let socket = Rc::new(UdpSocket::bind("0.0.0.0:1").await?);
    let receiver = socket.clone();
    drop(spawn(async move {
        let mut buffer = [0; 8];
        while receiver.recv(&mut buffer).await.is_ok() {
            heard.borrow_mut().push(u64::from_le_bytes(buffer));
            yield_now().await;
        }
    }));
    loop {
        let peer = (me + 1 + rand::below(2)) % 3;
        socket.send_to(&rand::random_u64().to_le_bytes(), format!("n{peer}:1")).await?;
        let _ = timeout(MS * (1 + rand::below(5) as u32), sleep(MS * 3)).await;
        tracing::info!(me, "gossiped");
    }
}

fn rough() -> LinkConfig {
    let latency = Latency::Exponential { min: MS, mean: MS * 2 };
    let some = Ratio::percent(5);
    LinkConfig {
        loss: some,
        duplicate: some,
        corrupt: some,
        reorder: some,
        ..LinkConfig::with_latency(latency)
    }
}

/// Everything that can be compared of a run.
#[derive(Debug, PartialEq)]
struct Run {
    heard: Vec<u64>,
    digest: u64,
    events: u64,
    now: Duration,
    decisions: Vec<Decision>,
    trace: Vec<u8>,
}

fn run(seed: u64, overrides: Overrides, trace: bool) -> Run {
    let config = Config { link: rough(), overrides, record_decisions: true, trace, ..Config::default() };
    let mut outcome = Sim::with(Seed(seed), config).run(storm);
    let (digest, events, now) = (outcome.digest, outcome.events, outcome.now);
    let decisions = outcome.decisions.take().expect("recorded");
    let trace = outcome.trace.take().unwrap_or_default();
    Run { heard: outcome.unwrap(), digest, events, now, decisions, trace }
}

#[test]
fn a_seed_is_a_run_and_another_seed_another() {
    let mut digests = BTreeMap::new();
    for seed in 0..20 {
        let first = run(seed, Overrides::default(), false);
        assert!(first.heard.len() > 10, "something happened: {}", first.heard.len());
        assert_eq!(first, run(seed, Overrides::default(), false));
        digests.insert(first.digest, seed);
    }
    assert_eq!(digests.len(), 20);
}

#[test]
fn a_trace_changes_nothing_but_is_there() {
    let (plain, traced) = (run(7, Overrides::default(), false), run(7, Overrides::default(), true));
    assert_eq!((plain.digest, plain.events), (traced.digest, traced.events));
    let trace = String::from_utf8(traced.trace).expect("text");
    let mut events = 0;
    for line in trace.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        if let Some(id) = line.get("id") {
            events += 1;
            assert_eq!(id.as_u64(), Some(events), "events are numbered without a gap");
            assert!(line.get("cause").and_then(serde_json::Value::as_u64).is_none_or(|cause| cause < events));
        }
    }
    assert_eq!(events, traced.events);
    assert!(trace.contains("\"event\":\"log\"") && trace.contains("gossiped me=1"));
}

#[test]
fn a_node_more_and_a_draw_more_change_no_other_link() {
    let latencies = |more: bool| {
        let config = Config { link: rough(), record_decisions: true, ..Config::default() };
        let outcome = Sim::with(Seed(3), config).run(|world| async move {
            if more {
                world.node("other", || async {
                    rand::random_u64();
                });
            }
            let sink = world.node("sink", std::future::pending::<()>);
            let socket = UdpSocket::bind("0.0.0.0:1").await.expect("free");
            for _ in 0..50 {
                socket.send_to(b"x", (world.ip(sink), 9)).await.expect("small");
            }
        });
        let decisions = outcome.decisions.expect("recorded").into_iter();
        decisions.filter(|decision| decision.stream == "world>sink/link").collect::<Vec<_>>()
    };
    assert!(latencies(false).len() > 100);
    assert_eq!(latencies(false), latencies(true));
}

#[test]
fn a_stream_made_calm_is_calm_and_the_run_still_repeats() {
    let mut overrides = Overrides::default();
    overrides.calm("n0>n1/link");
    let calm = run(11, overrides.clone(), false);
    let of_link = calm.decisions.iter().filter(|decision| decision.stream == "n0>n1/link");
    assert!(of_link.clone().count() > 5 && of_link.clone().all(|decision| decision.value == decision.calm));
    assert_ne!(calm.digest, run(11, Overrides::default(), false).digest);
    assert_eq!(calm, run(11, overrides, false));
}

#[test]
fn overriding_every_decision_with_its_own_value_is_the_same_run() {
    let plain = run(5, Overrides::default(), false);
    let mut overrides = Overrides::default();
    for decision in &plain.decisions {
        overrides.set(decision.stream.clone(), decision.index, decision.value);
    }
    assert_eq!(
        run(999, overrides.clone(), false).heard.len(),
        run(999, overrides.clone(), false).heard.len()
    );
    assert_eq!(plain, run(5, overrides, false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any set of overrides, also of decisions that never come and of values out of range, is a run that repeats.
    #[test]
    fn any_overrides_make_a_run_that_repeats(
        seed in 0_u64..1000,
        picks in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0), 0_u64..20, any::<u32>().prop_map(u64::from)]), 0..40),
        calm in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        strangers in prop::collection::vec(("[a-z]{1,3}/link", 0_u64..50, 0_u64..50), 0..5),
    ) {
        let plain = run(seed, Overrides::default(), false);
        let mut overrides = Overrides::default();
        for (pick, value) in picks {
            let decision = pick.get(&plain.decisions);
            overrides.set(decision.stream.clone(), decision.index, value);
        }
        for pick in calm {
            overrides.calm(pick.get(&plain.decisions).stream.clone());
        }
        for (stream, index, value) in strangers {
            overrides.set(stream, index, value);
        }
        let edited = run(seed, overrides.clone(), false);
        prop_assert_eq!(&edited, &run(seed, overrides.clone(), true).without_trace());
        let json = serde_json::to_string(&overrides).expect("serializes");
        let back: Overrides = serde_json::from_str(&json).expect("reads back");
        prop_assert_eq!(overrides, back);
    }
}

impl Run {
    fn without_trace(mut self) -> Run {
        self.trace.clear();
        self
    }
}

/// What node code reads from the machine, on a thread of its own: everything that could leak.
fn leaks(seed: u64) -> (Vec<u64>, u64) {
    stormglass_sim::guard::on_fresh_thread(seed, 1 << 20, || {
        let outcome = Sim::new(Seed(seed)).run(|world| async move {
            let node = world.node("n", std::future::pending::<()>);
            sleep(Duration::from_secs(3)).await;
            world.spawn_on(node, async { what_leaks() }).await.expect("runs")
        });
        let digest = outcome.digest;
        (outcome.unwrap(), digest)
    })
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "plants what a world must tame")]
fn what_leaks() -> Vec<u64> {
    use std::collections::{HashMap, HashSet};
    use std::hash::{BuildHasher, RandomState};
    let map: HashMap<u64, ()> = (0..50).map(|key| (key, ())).collect();
    let set: HashSet<u64> = (0..50).collect();
    let start = std::time::Instant::now();
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let mut all: Vec<u64> = map.into_keys().chain(set).collect();
    all.extend([start.elapsed().as_nanos() as u64, wall.as_nanos() as u64, RandomState::new().hash_one(1)]);
    all.push(rand::random_u64());
    all
}

#[test]
fn what_std_reads_from_the_machine_comes_from_the_seed() {
    assert_eq!(leaks(1), leaks(1));
    let (one, two) = (leaks(1).0, leaks(2).0);
    assert_ne!(one[..50], two[..50], "the order of a HashMap is the seed's");
    assert_eq!(one[100], 0, "no time passes within a step");
    assert_eq!(one[101], 1_577_836_803_000_000_000, "three seconds after the start of 2020");
}

#[test]
fn a_thread_in_a_world_is_refused_and_named() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        world.node("threaded", || async {
            let _ = std::thread::Builder::new().spawn(|| ());
        });
        sleep(MS).await;
    });
    let finding = &outcome.findings[0];
    assert_eq!(finding.kind, stormglass_sim::FindingKind::Refused);
    assert_eq!(finding.node.as_deref(), Some("threaded"));
    assert!(finding.message.contains("task::spawn"), "{finding}");
    assert_eq!(outcome.value, None);
    assert_eq!(Sim::new(Seed(1)).run(|_| async { NodeId::WORLD }).unwrap(), NodeId::WORLD);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the refused call")]
fn what_is_refused_again_and_again_is_one_finding() {
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        world.node("sleeper", || async {
            for _ in 0..100 {
                std::thread::sleep(MS);
            }
            let _ = std::thread::Builder::new().spawn(|| ());
        });
        sleep(MS).await;
    });
    let findings: Vec<&str> = outcome.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(matches!(findings[..], [slept, spawned] if slept.contains("sleep") && spawned.contains("spawn")));
}

/// Run in a process of its own, started by the test below.
#[test]
#[ignore = "ends its process"]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the clock that nobody here waits for"
)]
fn wait_by_the_real_clock() {
    let _ = Sim::new(Seed(1)).run(|world| async move {
        world.node("waiting", || async {
            let start = std::time::Instant::now();
            while start.elapsed() < MS {}
        });
        sleep(MS).await;
    });
}

#[test]
fn who_reads_the_clock_for_ever_ends_the_process_and_is_named() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "wait_by_the_real_clock", "--ignored"];
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("of node 'waiting' (spawned at"), "{told}");
}
