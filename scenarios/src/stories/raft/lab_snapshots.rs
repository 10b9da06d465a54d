//! 3D: snapshots, after every ten entries.

use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::lab::cast;
use crate::weather::Profile::{self, LabReliable, LabUnreliable};
use crate::{Stage, Story};

/// Bytes that a log may have, as in the labs.
const MOST: u64 = 2000;

/// What happens to a server while the others go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    None,
    Cut,
    Crash,
}

pub(super) fn stories() -> Vec<Story> {
    let story = |name, claim, absence, profile| {
        Story::new(name, claim, move |stage| snapshots(stage, absence, profile))
            .catches(caught_by::<Bug>(name))
            .sometimes("a log was compacted")
    };
    let small = "Logs stay below 2000 bytes while all keep up";
    let behind = "Logs stay below 2000 bytes while one server is away, which then gets a snapshot";
    let installs =
        |name, absence, profile| story(name, behind, absence, profile).sometimes("a snapshot was installed");
    vec![
        story("raft/lab_snapshot_basic", small, Absence::None, LabReliable),
        installs("raft/lab_snapshot_install", Absence::Cut, LabReliable),
        installs("raft/lab_snapshot_install_unreliable", Absence::Cut, LabUnreliable),
        installs("raft/lab_snapshot_install_crash", Absence::Crash, LabReliable),
        installs("raft/lab_snapshot_install_unreliable_crash", Absence::Crash, LabUnreliable),
        Story::new("raft/lab_snapshot_all_crash", "After a crash of all it goes on where it was", all_crash)
            .catches(caught_by::<Bug>("raft/lab_snapshot_all_crash"))
            .sometimes("a log was compacted"),
        Story::new("raft/lab_snapshot_init", "A snapshot survives a second crash of all", init)
            .catches(caught_by::<Bug>("raft/lab_snapshot_init"))
            .sometimes("a log was compacted"),
    ]
}

/// `TestSnapshotBasic3D` to `TestSnapshotInstallUnCrash3D`, with eight rounds.
async fn snapshots(stage: Stage, absence: Absence, profile: Profile) {
    let cast = cast(&stage, 3, profile, Some(10));
    cast.one(3, true).await;
    let mut leader = cast.one_leader().await;
    for round in 0..8 {
        let next = (leader + 1) % 3;
        let (sender, victim) = if round % 3 == 1 { (next, leader) } else { (leader, next) };
        match absence {
            Absence::None => {}
            Absence::Cut => cast.cut(victim),
            Absence::Crash => cast.kill(victim),
        }
        let up = if absence == Absence::None { 3 } else { 2 };
        if up == 2 {
            cast.one(2, true).await;
        }
        for _ in 0..5 + cast.stream().below(10) {
            cast.propose(sender, cast.fresh()).await;
        }
        cast.one(up, true).await;
        small(&cast);
        match absence {
            Absence::None => {}
            Absence::Cut => cast.join(victim),
            Absence::Crash => cast.restart(victim),
        }
        if up == 2 {
            cast.one(3, true).await;
            leader = cast.one_leader().await;
        }
    }
    cast.all_agree().await;
}

fn small(cast: &Cast) {
    for status in cast.all().into_iter().filter_map(|at| cast.status(at)) {
        cast.stage.claim(status.log_bytes < MOST, "what a snapshot stands for is discarded", || {
            let (first, last) = (status.first_index, status.last_index);
            format!("the log of s{} has {} bytes, entries {first} to {last}", status.id, status.log_bytes)
        });
    }
}

fn restart_all(cast: &Cast) {
    cast.all().into_iter().for_each(|at| cast.kill(at));
    cast.all().into_iter().for_each(|at| cast.restart(at));
}

/// `TestSnapshotAllCrash3D`.
async fn all_crash(stage: Stage) {
    let cast = cast(&stage, 3, LabUnreliable, Some(10));
    cast.one(3, true).await;
    for _ in 0..5 {
        for _ in 0..5 + cast.stream().below(10) {
            cast.one(3, true).await;
        }
        let before = cast.one(3, true).await;
        restart_all(&cast);
        let after = cast.one(3, true).await;
        stage.claim(after > before, "the log goes on where it was", || format!("{before}, then {after}"));
    }
    cast.all_agree().await;
}

/// `TestSnapshotInit3D`.
async fn init(stage: Stage) {
    let cast = cast(&stage, 3, LabUnreliable, Some(10));
    for _ in 0..12 {
        cast.one(3, true).await;
    }
    for _ in 0..2 {
        restart_all(&cast);
        cast.one(3, true).await;
    }
    cast.all_agree().await;
}
