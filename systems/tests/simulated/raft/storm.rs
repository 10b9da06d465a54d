//! A storm over three servers, and the planted bugs of storage and shell that it must show.

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::fs::{Disk, Fault, FaultRule};
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{Ratio, Seed, Sim, World};
use stormglass_systems::raft::bugs::{Bug, Bugs};
use stormglass_systems::raft::client::Clerk;
use stormglass_systems::raft::spec::{self, Budget};

use super::cluster::{Cluster, Plan};
use super::{every, ms};

/// What came of a run: the clause that fell, or whether the clients came to their end.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Broken(&'static str),
    Stuck,
    Held,
}

fn rough(disk: &mut Disk) {
    disk.fault(FaultRule::new(Fault::SyncError).rate(Ratio::per_mille(4)));
    disk.configure(|config| config.sync = Latency::Uniform(ms(1), ms(12)));
}

/// Clients at work while servers crash, lose power and are cut off; then calm.
async fn tell(world: World, bugs: Bugs) -> Came {
    let apply_pause = ms(world.stream("test").below(3) * 8);
    let plan = Plan { snapshots: every(6), bugs, apply_pause, disk: rough, ..Plan::default() };
    let cluster = Rc::new(Cluster::start(world, &plan));
    let latency = Latency::Uniform(ms(1), ms(15));
    world.links(LinkConfig::with_latency(latency).loss(Ratio::percent(3)).duplicate(Ratio::percent(5)));
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let node = world.node(&format!("c{number}"), || async {});
            let (clerk, pause) = (cluster.clerk_for(Duration::from_secs(60)), ms(10 * number));
            world.spawn_on(node, client(clerk, number, pause))
        })
        .collect();
    blow(world, &cluster).await;
    world.links(LinkConfig::default());
    cluster.servers.values().for_each(|(node, _)| world.disk(*node, Disk::clear_faults));
    let mut live = true;
    for client in clients {
        let broken = cluster.probe.broken().is_some();
        live &= broken || timeout(Duration::from_secs(90), client).await.is_ok();
    }
    if let Some((_, broken)) = cluster.probe.broken() {
        return Came::Broken(broken.clause);
    }
    let verdict = spec::linearizable(&cluster.probe, Budget::default());
    match (verdict.is_linearizable(), live) {
        (false, _) => Came::Broken("linearizable"),
        (true, false) => Came::Stuck,
        (true, true) => Came::Held,
    }
}

async fn blow(world: World, cluster: &Cluster) {
    let chance = world.stream("test");
    for _ in 0..8 {
        sleep(ms(100 + chance.below(400))).await;
        if cluster.probe.broken().is_some() {
            return;
        }
        let nodes: Vec<_> = cluster.servers.values().map(|(node, _)| *node).collect();
        let one = nodes[chance.below(3) as usize];
        let rest: Vec<_> = nodes.iter().copied().filter(|node| *node != one).collect();
        match chance.below(5) {
            0 => nodes.iter().for_each(|node| world.power_off(*node)),
            1 => rest.iter().for_each(|node| world.power_off(*node)),
            2 => world.power_off(one),
            3 => world.crash(one),
            _ => world.partition(&[one], &rest),
        }
        sleep(ms(chance.below(600))).await;
        world.heal();
        nodes.iter().for_each(|node| world.restart(*node));
    }
}

async fn client(mut clerk: Clerk, number: u64, pause: Duration) {
    for round in 0..25 {
        sleep(pause).await;
        // What is unknown or not done is not tried again: that is the next value.
        if stormglass_sim::rand::below(3) == 0 {
            _ = clerk.read().await;
        } else {
            _ = clerk.append(&format!("{number}.{round}")).await;
        }
    }
}

fn run(seed: u64, bugs: Bugs) -> Came {
    Sim::new(Seed(seed)).run(|world| tell(world, bugs)).unwrap()
}

#[test]
fn every_promise_is_kept_in_a_storm() {
    for seed in 0..60 {
        assert_eq!(run(seed, Bugs::NONE), Came::Held, "seed {seed}");
    }
}

#[test]
fn the_bugs_of_storage_and_shell_are_seen() {
    let mut unseen = Vec::new();
    for bug in [
        Bug::VoteNotSynced,
        Bug::TermNotPersisted,
        Bug::RepliesBeforeFsync,
        Bug::IgnoresFsyncError,
        Bug::AcksBeforeQuorum,
        Bug::ReadsBeforeApplied,
        Bug::SnapshotWithoutSessions,
        Bug::CompactsBeforeDurable,
        Bug::TrustsTornTail,
        Bug::TrustsPageCache,
        Bug::ForgetsDirectory,
    ] {
        let fell = |seed| {
            let came = run(seed, Bugs::only(bug));
            matches!(came, Came::Broken(_)).then_some((seed, came))
        };
        let found = (0..300).find_map(fell);
        println!("{bug:?}: {found:?}");
        if found.is_none() {
            unseen.push(bug);
        }
    }
    assert_eq!(unseen, []);
}
