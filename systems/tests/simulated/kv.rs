//! The server as it should be, in every weather.

use std::time::Duration;

use stormglass_sim::net::LinkConfig;
use stormglass_sim::task::spawn;
use stormglass_sim::{NodeId, Ratio, Seed, Sim, World};
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::log;
use stormglass_systems::kv::protocol::{PutError, Unanswered};
use stormglass_systems::kv::server::{self, Storage};
use stormglass_systems::kv::spec::{self, Budget, Counts, Probe};
use stormglass_systems::retry::Retry;

use crate::kv_storm::{Storm, Workload};

/// Runs some seeds of a storm, expects every promise kept, and adds up what happened.
fn holds(storm: &Storm, seeds: std::ops::Range<u64>) -> Counts {
    let mut sum = Counts::default();
    for seed in seeds {
        let seen = storm.run(seed);
        assert_eq!(seen.broken, None, "seed {seed}");
        assert!(seen.is_linearizable(), "seed {seed}: {:?}", seen.verdict);
        assert!(seen.live, "seed {seed}: a client is stuck");
        sum.started += seen.counts.started;
        sum.installed += seen.counts.installed;
        sum.ok += seen.counts.ok;
        sum.refused += seen.counts.refused;
        sum.maybe += seen.counts.maybe;
        sum.gets += seen.counts.gets;
        sum.acquired += seen.counts.acquired;
    }
    sum
}

/// A log that is compacted every few records.
pub(crate) fn durable() -> Storage {
    Storage::Durable(log::Config { compact_after: 400, ..log::Config::default() })
}

#[test]
fn a_calm_network_leaves_no_doubt() {
    let counts = holds(&Storm::default(), 0..4);
    assert_eq!(counts.maybe, 0);
    assert_eq!(counts.installed, counts.ok, "without doubt every installed Put returned Ok");
    assert!(counts.refused > 0, "nobody contended");
}

#[test]
fn puts_on_a_rough_network() {
    let counts = holds(&Storm::rough(), 0..20);
    assert!(counts.ok > 0 && counts.refused > 0 && counts.maybe > 0, "{counts:?}");
}

#[test]
fn even_versions_from_the_future_where_no_server_crashes() {
    holds(&Storm { workload: Workload::Invent, ..Storm::rough() }, 0..20);
}

#[test]
fn a_lock_on_a_rough_network() {
    let counts = holds(&Storm { workload: Workload::Lock, ..Storm::rough() }, 0..10);
    assert_eq!(counts.acquired, 10 * 4 * 12);
}

#[test]
fn a_durable_server_whose_process_crashes() {
    let nemesis = |world: World, server| world.crash(server);
    let storm = Storm { storage: durable(), nemesis, blows: 8, ..Storm::rough() };
    let counts = holds(&storm, 0..10);
    assert!(counts.started > 80 && counts.ok > 0, "{counts:?}");
}

#[test]
fn a_durable_server_whose_power_fails() {
    let nemesis = |world: World, server| world.power_off(server);
    let storm = Storm { storage: durable(), nemesis, blows: 8, ..Storm::rough() };
    let counts = holds(&storm, 0..10);
    assert!(counts.started > 80 && counts.ok > 0, "{counts:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let digests = [1, 1, 2].map(|seed| Storm::rough().run(seed).digest);
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[1], digests[2]);
}

#[test]
fn a_clerk_gives_up_honestly() {
    let outcome = Sim::new(Seed(3)).run(|world| async move {
        let probe = Probe::new(move || world.now());
        let server = world.node("server", || server::run(server::Config::default()));
        let retry = Retry { patience: Some(Duration::from_secs(2)), ..Retry::default() };
        let clerk =
            Clerk::new("server:7000", client::Config { retry, probe: probe.clone(), ..Default::default() });
        assert_eq!(clerk.put("k", "a", 0).await, Ok(()));

        // Requests arrive and replies do not: the Put is done, and the clerk cannot know.
        world.partition_one_way(&[server], &[NodeId::WORLD]);
        let before = world.now();
        assert_eq!(clerk.put("k", "b", 1).await, Err(PutError::Unknown));
        assert_eq!(clerk.get("k").await, Err(Unanswered));
        let waited = world.now() - before;
        assert!(waited <= 2 * Duration::from_secs(2), "{waited:?}");
        world.heal();
        assert_eq!(clerk.get("k").await.unwrap().unwrap().value, "b");

        let history = probe.history();
        let open: Vec<bool> = history.iter().map(|operation| operation.ret.is_none()).collect();
        assert_eq!(open, [false, true, true, false]);
        assert!(spec::linearizable(&probe, Budget::default()).is_linearizable());
    });
    outcome.unwrap();
}

#[test]
fn a_full_queue_drops_requests_and_a_slow_disk_makes_groups() {
    let tally = |queue| {
        let outcome = Sim::new(Seed(5)).run(|world| async move {
            let probe = Probe::new(move || world.now());
            let config =
                server::Config { queue, storage: durable(), probe: probe.clone(), ..Default::default() };
            world.node("server", move || server::run(config.clone()));
            let clerks = (0..10).map(|number| {
                let config = client::Config { probe: probe.clone(), ..Default::default() };
                spawn(async move {
                    let clerk = Clerk::new("server:7000", config);
                    for version in 0..20 {
                        clerk.put(&format!("k{number}"), &format!("v{version}"), version).await.ok();
                    }
                })
            });
            for clerk in clerks.collect::<Vec<_>>() {
                clerk.await.unwrap();
            }
            probe.verdict().unwrap();
            assert!(probe.ghost(|ghost| ghost.latest("k7")).is_some_and(|latest| latest == 20));
        });
        let held = |name: &str| outcome.properties.get(name).map_or(0, |tally| tally.held);
        let held = (held("kv: a request found the queue full"), held("kv: several requests share one sync"));
        outcome.unwrap();
        held
    };
    let (dropped, shared) = tally(1);
    assert!(dropped > 0 && shared == 0, "{dropped} {shared}");
    let (dropped, shared) = tally(100);
    assert!(dropped == 0 && shared > 0, "{dropped} {shared}");
}

/// A Put without rivals is doubtful exactly when the reply to the message that installed it is lost, whatever becomes
/// of the requests: P(ErrMaybe) = p_r, and 1/((1 - p_q)(1 - p_r)) messages are sent on average.
#[test]
fn doubt_is_as_frequent_as_lost_replies() {
    const PUTS: u64 = 3000;
    let outcome = Sim::new(Seed(11)).run(|world| async move {
        let probe = Probe::new(move || world.now());
        let server = world.node("server", || server::run(server::Config::default()));
        let link = |loss| LinkConfig::default().loss(Ratio::percent(loss));
        world.link(NodeId::WORLD, server, link(30));
        world.link(server, NodeId::WORLD, link(20));
        let config = client::Config { probe: probe.clone(), ..Default::default() };
        let clerk = Clerk::new("server:7000", config);
        for version in 0..PUTS {
            clerk.put("k", &version.to_string(), version).await.ok();
        }
        let sent = world.counters().kinds["Put"].messages;
        (probe.ghost(|ghost| ghost.counts()).unwrap(), sent)
    });
    let (counts, sent) = outcome.unwrap();
    assert_eq!(counts.ok + counts.maybe, PUTS);
    let doubtful = counts.maybe as f64 / PUTS as f64;
    assert!((doubtful - 0.2).abs() < 0.03, "four standard deviations off: {doubtful}");
    let messages = sent as f64 / PUTS as f64;
    assert!((messages - 1.0 / (0.7 * 0.8)).abs() < 0.1, "{messages} messages a Put");
}
