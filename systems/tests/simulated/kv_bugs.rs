//! Every planted bug is caught by the property it breaks, within a few seeds of the weather it needs.

use stormglass_systems::kv::bugs::{Bug, Bugs};

use std::time::Duration;

use stormglass_sim::fs::{Disk, Fault, FaultRule};
use stormglass_sim::net::Latency;
use stormglass_sim::{NodeId, Ratio, World};

use crate::kv::durable;
use crate::kv_storm::{Storm, Workload};

/// Runs seeds until the bug is seen by the property it is said to break. Another may see it first in some.
fn caught(bug: Bug, storm: Storm) {
    const BUDGET: u64 = 60;
    let storm = Storm { bugs: Bugs::only(bug), ..storm };
    let mut others = Vec::new();
    for seed in 0..BUDGET {
        let seen = storm.run(seed);
        match seen.broken.or((!seen.live).then_some("live")) {
            Some(clause) if clause == bug.clause() => return println!("{bug}: {clause}, seed {seed}"),
            Some(other) => others.push((seed, other)),
            None => assert!(seen.is_linearizable(), "{bug}, seed {seed}: only the checker saw it"),
        }
    }
    panic!("{} did not see {bug} within {BUDGET} seeds; others: {others:?}", bug.clause());
}

fn lossy(requests: u64, replies: u64) -> Storm {
    Storm { loss: (requests, replies), ..Storm::default() }
}

#[test]
fn bugs_of_the_clerk() {
    caught(Bug::ErrVersionAfterResend, lossy(0, 10));
    caught(Bug::OkAfterResend, lossy(20, 0));
}

#[test]
fn bugs_of_the_server() {
    caught(Bug::AcceptsFutureVersion, Storm { workload: Workload::Invent, ..Storm::default() });
    caught(Bug::ZeroOverwrites, Storm::default());
    caught(Bug::ReplyCacheWithoutSequence, lossy(20, 0));
    caught(Bug::AnswersDuplicates, Storm { duplicate: 20, ..lossy(0, 10) });
}

#[test]
fn bugs_of_the_lock() {
    let storm = |requests, replies| Storm { workload: Workload::Lock, ..lossy(requests, replies) };
    caught(Bug::MaybeTakesLock, storm(20, 0));
    caught(Bug::MaybeForgetsLock, storm(0, 10));
    caught(Bug::ReleaseWithoutLooking, storm(0, 10));
}

/// A disk so slow that much happens during a sync.
fn slow(disk: &mut Disk) {
    let sync = Latency::Uniform(Duration::from_millis(2), Duration::from_millis(30));
    disk.configure(|config| config.sync = sync);
}

fn slower(disk: &mut Disk) {
    let sync = Latency::Uniform(Duration::from_millis(50), Duration::from_millis(200));
    disk.configure(|config| config.sync = sync);
}

fn failing_syncs(disk: &mut Disk) {
    disk.fault(FaultRule::new(Fault::SyncError).rate(Ratio::percent(20)));
}

fn power(world: World, server: NodeId) {
    world.power_off(server);
}

fn crash_or_power(world: World, server: NodeId) {
    if world.stream("test").below(2) == 0 { world.crash(server) } else { world.power_off(server) }
}

fn disk_storm(disk: fn(&mut Disk), nemesis: fn(World, NodeId)) -> Storm {
    Storm { storage: durable(), disk, nemesis, blows: 12, rounds: 40, ..Storm::default() }
}

#[test]
fn bugs_of_the_disk() {
    caught(Bug::AckBeforeFsync, disk_storm(slow, power));
    caught(Bug::ReadsBeforeFsync, Storm { clients: 10, ..disk_storm(slow, power) });
    caught(Bug::RetriesFsync, disk_storm(failing_syncs, power));
    // A crash during a sync, then a power loss before the next one ends: so syncs take long.
    caught(Bug::TrustsPageCache, Storm { blows: 30, ..disk_storm(slower, crash_or_power) });
    caught(Bug::RenamesBeforeFsync, disk_storm(slow, power));
    caught(Bug::ForgetsDirectory, disk_storm(slow, power));
}

#[test]
fn no_bug_no_catch_in_the_same_storms() {
    let rough =
        |disk| Storm { storage: durable(), disk, nemesis: crash_or_power, blows: 12, ..Storm::rough() };
    for storm in [rough(slow), rough(failing_syncs)] {
        for seed in 0..10 {
            let seen = storm.run(seed);
            assert_eq!((seen.broken, seen.live), (None, true), "seed {seed}");
            assert!(seen.is_linearizable(), "seed {seed}");
        }
    }
}
