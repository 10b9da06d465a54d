//! A small cluster in a world: every promise watched after every event.

mod calls;
mod cluster;
mod storm;

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_sim::{Seed, Sim};
use stormglass_systems::raft::client::Clerk;
use stormglass_systems::raft::message::ServerId;
use stormglass_systems::raft::protocol::{Change, ReadProof};
use stormglass_systems::raft::server::SnapshotPolicy;

use cluster::{Cluster, Plan};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn every(entries: u64) -> SnapshotPolicy {
    SnapshotPolicy { entries: Some(entries), bytes: None }
}

/// Runs a tale of a cluster of three founders, and of more servers that know of it, on a few seeds.
fn tell<F>(more: u64, snapshots: SnapshotPolicy, tale: fn(Rc<Cluster>) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in 0..8 {
        let outcome = Sim::new(Seed(seed)).run(|world| async move {
            let plan = Plan { all: 3 + more, snapshots, ..Plan::default() };
            let cluster = Rc::new(Cluster::start(world, &plan));
            let watched = cluster.probe.clone();
            world.watch("raft", move || watched.verdict());
            tale(cluster.clone()).await;
            cluster.judge();
        });
        outcome.unwrap();
    }
}

async fn append(clerk: &mut Clerk, values: std::ops::Range<u64>) {
    for value in values {
        clerk.append(&value.to_string()).await.unwrap();
    }
}

fn strings(values: std::ops::Range<u64>) -> Vec<String> {
    values.map(|value| value.to_string()).collect()
}

#[test]
fn elects_replicates_and_reads() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        cluster.leader().await;
        let mut clerk = cluster.clerk();
        append(&mut clerk, 0..20).await;
        assert_eq!(clerk.read().await.unwrap(), strings(0..20));
        cluster.equal().await;
    });
}

#[test]
fn survives_the_crash_of_its_leader() {
    tell(0, every(8), |cluster| async move {
        let mut clerk = cluster.clerk();
        for round in 0..4 {
            append(&mut clerk, round * 10..round * 10 + 10).await;
            let leader = cluster.node(cluster.leader().await);
            cluster.world.crash(leader);
            append(&mut clerk, 100 + round..101 + round).await;
            cluster.world.restart(leader);
        }
        assert_eq!(clerk.read().await.unwrap().len(), 44);
        cluster.leader().await;
        cluster.equal().await;
    });
}

#[test]
fn survives_a_power_loss_of_all() {
    tell(0, every(8), |cluster| async move {
        let mut clerk = cluster.clerk();
        for round in 0..4 {
            append(&mut clerk, round * 10..round * 10 + 10).await;
            cluster.power_off_all();
            sleep(ms(50)).await;
            cluster.restart_all();
            assert_eq!(clerk.read().await.unwrap(), strings(0..round * 10 + 10));
        }
        cluster.equal().await;
    });
}

#[test]
fn a_laggard_gets_a_snapshot() {
    tell(0, every(8), |cluster| async move {
        let mut clerk = cluster.clerk();
        append(&mut clerk, 0..4).await;
        let leader = cluster.leader().await;
        let laggard = (1..=3).find(|id| *id != leader).unwrap();
        cluster.world.crash(cluster.node(laggard));
        append(&mut clerk, 4..60).await;
        let first = cluster.door(leader).status().unwrap().first_index;
        assert!(first > 40, "{first}");
        assert!(cluster.door(leader).status().unwrap().log_bytes < 2000);
        cluster.world.restart(cluster.node(laggard));
        cluster.equal().await;
        assert!(cluster.door(laggard).status().unwrap().snapshot > 40);
    });
}

#[test]
fn membership_changes_one_by_one_and_all_at_once() {
    tell(3, every(16), |cluster| async move {
        let mut clerk = cluster.clerk();
        append(&mut clerk, 0..20).await;
        let leader = cluster.leader_of(3).await;
        cluster.door(leader).change(Change::AddLearner(4)).await.unwrap();
        append(&mut clerk, 20..30).await;
        cluster.caught_up(leader, 4).await;
        cluster.door(leader).change(Change::Promote(4)).await.unwrap();
        append(&mut clerk, 30..40).await;
        let others = [4, 5, 6].into_iter().collect();
        cluster.door(leader).change(Change::Replace(others)).await.unwrap();
        append(&mut clerk, 40..50).await;
        for id in 1..=3 {
            cluster.world.crash(cluster.node(id));
        }
        append(&mut clerk, 50..60).await;
        assert_eq!(clerk.read().await.unwrap(), strings(0..60));
        cluster.equal().await;
        let voters: Vec<ServerId> = cluster.up()[0].configuration.voters.iter().copied().collect();
        assert_eq!(voters, [4, 5, 6]);
    });
}

#[test]
fn leadership_is_handed_over_and_reads_go_on() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        let mut clerk = cluster.clerk();
        append(&mut clerk, 0..5).await;
        let leader = cluster.leader().await;
        let heir = (1..=3).find(|id| *id != leader).unwrap();
        cluster.door(leader).transfer(Some(heir)).await.unwrap();
        assert_eq!(cluster.leader().await, heir);
        for proof in [ReadProof::Quorum, ReadProof::Lease] {
            assert!(cluster.door(heir).read(Vec::new(), proof).await.is_ok());
            let refused = cluster.door(leader).read(Vec::new(), proof).await.unwrap_err();
            assert_eq!(refused.leader(), Some(heir));
        }
        append(&mut clerk, 5..10).await;
        assert_eq!(clerk.read().await.unwrap(), strings(0..10));
        cluster.equal().await;
    });
}
