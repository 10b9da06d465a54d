//! What callers are told: done, certainly not, or nobody knows.

use std::time::Duration;

use stormglass_sim::time::timeout;
use stormglass_systems::raft::client::AppendError;
use stormglass_systems::raft::message::ServerId;
use stormglass_systems::raft::protocol::{Change, ReadProof, Refusal};
use stormglass_systems::raft::server::{SnapshotPolicy, SubmitError};

use super::cluster::Cluster;
use super::{append, every, ms, tell};

/// The others of three.
fn others(id: ServerId) -> [ServerId; 2] {
    [id % 3 + 1, (id + 1) % 3 + 1]
}

fn cut_off(cluster: &Cluster, id: ServerId) {
    let rest = others(id).map(|other| cluster.node(other));
    cluster.world.partition(&[cluster.node(id)], &rest);
}

#[test]
fn who_does_not_lead_says_who_does_and_who_is_down_says_so() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        let leader = cluster.leader().await;
        let [one, other] = others(leader);
        for refused in [
            cluster.door(one).propose(b"x".to_vec()).await.map(drop),
            cluster.door(one).submit(b"x".to_vec()).await.map(drop),
            cluster.door(one).read(Vec::new(), ReadProof::Quorum).await.map(drop),
            cluster.door(one).change(Change::Remove(other)).await.map(drop),
            cluster.door(one).transfer(None).await,
        ] {
            assert_eq!(refused, Err(SubmitError::Refused(Refusal::NotLeader(Some(leader)))));
        }
        cluster.world.crash(cluster.node(one));
        assert_eq!(cluster.door(one).status(), None);
        assert_eq!(cluster.door(one).submit(b"x".to_vec()).await, Err(SubmitError::Down));
        let long = cluster.door(leader).submit(vec![0; 17 << 20]).await.unwrap_err();
        assert!(long.is_certain() && long.to_string().contains("are allowed"), "{long}");
    });
}

#[test]
fn a_deposed_leader_does_not_know_and_a_crashed_one_neither() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        let leader = cluster.leader().await;
        let before = cluster.door(leader).status().unwrap().last_index;
        cut_off(&cluster, leader);
        let (index, term) = cluster.door(leader).propose(b"y".to_vec()).await.unwrap();
        assert_eq!((index, term), (before + 1, cluster.door(leader).status().unwrap().term));
        assert_eq!(cluster.door(leader).submit(b"x".to_vec()).await, Err(SubmitError::Unknown));
        assert!(!cluster.door(leader).status().unwrap().leads, "nobody answers it, and it leads on");
        cluster.world.heal();

        let leader = cluster.leader().await;
        cut_off(&cluster, leader);
        let door = cluster.door(leader).clone();
        let crash = async {
            stormglass_sim::time::sleep(ms(20)).await;
            cluster.world.crash(cluster.node(leader));
        };
        let (answer, ()) = futures::future::join(door.submit(b"z".to_vec()), crash).await;
        assert_eq!(answer, Err(SubmitError::Unknown));
    });
}

#[test]
fn a_clerk_tells_not_done_from_unknown() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        let mut clerk = cluster.clerk_for(Duration::from_secs(2));
        append(&mut clerk, 0..1).await;
        let leader = cluster.leader().await;
        for other in others(leader) {
            cluster.world.crash(cluster.node(other));
        }
        // The leader takes it, and can never commit it.
        assert_eq!(clerk.append("doubtful").await, Err(AppendError::Unknown));
        cluster.world.crash(cluster.node(leader));
        assert_eq!(clerk.append("refused").await, Err(AppendError::NotDone));
        assert!(clerk.read().await.is_err());
        cluster.restart_all();
        let list = cluster.clerk().read().await.unwrap();
        assert!(!list.contains(&"refused".to_owned()), "{list:?}");
    });
}

#[test]
fn a_full_queue_refuses_callers_before_servers() {
    tell(0, SnapshotPolicy::default(), |cluster| async move {
        let leader = cluster.leader().await;
        let calls = (0..2000).map(|_| cluster.door(leader).read(Vec::new(), ReadProof::Quorum));
        let answers = futures::future::join_all(calls).await;
        let busy = answers.iter().filter(|answer| **answer == Err(Refusal::Busy.into())).count();
        assert!((900..1600).contains(&busy), "{busy} of 2000");
        assert!(answers.iter().filter(|answer| answer.is_ok()).count() >= 400);
        assert_eq!(cluster.leader().await, leader);
    });
}

#[test]
fn a_snapshot_on_demand_shortens_the_log() {
    tell(0, every(1000), |cluster| async move {
        let mut clerk = cluster.clerk();
        append(&mut clerk, 0..30).await;
        let leader = cluster.leader().await;
        let before = cluster.door(leader).status().unwrap();
        assert_eq!((before.snapshot, before.first_index), (0, 1));
        let index = cluster.door(leader).snapshot_now().await.unwrap();
        let compacted = || (cluster.door(leader).status()?.log_bytes < before.log_bytes).then_some(());
        cluster.until("a shorter log", compacted).await;
        let after = cluster.door(leader).status().unwrap();
        assert!(index >= 30 && after.first_index == index + 1, "{before:?} {after:?}");
        cluster.world.power_off(cluster.node(leader));
        cluster.world.restart(cluster.node(leader));
        assert_eq!(clerk.read().await.unwrap().len(), 30);
        cluster.leader().await;
        let again = timeout(ms(500), cluster.door(leader).snapshot_now()).await.unwrap();
        assert!(again.unwrap() >= index);
    });
}
