//! Disks: power that fails at any instant, an fsync that fails, and what was promised all the same.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Disk, Fault, FaultRule};
use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::protocol::Change;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::millis;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(15);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/forgotten_vote",
            "No server votes twice in a term, nor goes back to an earlier one, whenever its power fails",
            votes,
        )
        .sometimes("a server restarted"),
        Story::new(
            "raft/power_loss",
            "What was committed is on a quorum of disks, whenever the power fails, of one or of all",
            power,
        )
        .sometimes("a server restarted")
        .sometimes("a log was compacted"),
        Story::new(
            "raft/fsync_fails",
            "A server whose fsync failed takes nothing for stable that is not",
            fsync,
        )
        .sometimes("a server restarted"),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

/// Disks take their time, so that there is something to be lost.
fn slow(cast: &Cast, most: u64, share: u64) {
    for node in cast.nodes() {
        let stall = FaultRule::new(Fault::Stall(millis(most))).rate(Ratio::percent(share));
        cast.world.disk(node, |disk| disk.fault(stall));
    }
}

fn quick(cast: &Cast) {
    for node in cast.nodes() {
        cast.world.disk(node, Disk::clear_faults);
    }
}

/// Election after election; voters lose power as soon as they have voted, or a little later.
async fn votes(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3));
    let stream = cast.stream();
    slow(&cast, 40, 30);
    let work = cast.proposals(millis(60));
    for _ in 0..6 {
        let leader = cast.elected(&cast.all(), CALM).await;
        sleep(about(stream, millis(60))).await;
        if stage.strikes("partition") {
            cast.cut(leader);
        }
        let term = |at| cast.status(at).map(|status| status.term);
        let others: Vec<usize> = cast.all().into_iter().filter(|&at| at != leader).collect();
        let before: Vec<_> = others.iter().map(|&at| term(at)).collect();
        let start = cast.world.now();
        while others.iter().map(|&at| term(at)).eq(before.iter().copied())
            && cast.world.now() - start < Duration::from_secs(2)
        {
            sleep(millis(1)).await;
        }
        sleep(Duration::from_micros(stream.below(30_000))).await;
        others.iter().filter(|_| stage.strikes("power loss")).for_each(|&at| cast.power_off(at));
        sleep(about(stream, millis(30))).await;
        cast.join(leader);
        others.iter().for_each(|&at| cast.restart(at));
    }
    drop(work);
    quick(&cast);
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// One, some or all servers lose power, or their process; logs are short, and compacted every few entries.
async fn power(stage: Stage) {
    // One voter alone is its own quorum: only its disk stands between an entry and its being committed, whatever a
    // learner says.
    let size = if stage.world().stream("size").below(5) == 0 { 1 } else { 3 };
    let mut plan = Plan::of(&stage, size).snapshots(6);
    plan.segment = 256 << stage.world().stream("size").below(6);
    plan.bulk = 600;
    plan.joiners = u64::from(size == 1);
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    slow(&cast, 30, 20);
    if size == 1 {
        cast.elected(&[0], CALM).await;
        sleep(millis(100)).await;
        cast.change(0, Change::AddLearner(2));
    }
    let work = cast.proposals_of(1500, millis(8));
    for _ in 0..8 {
        sleep(about(stream, millis(250))).await;
        let chosen = cast.some(1 + stream.below(3) as usize);
        if stream.below(4) == 0 {
            // The process first, so that what it had not synced is in the page cache; then the power.
            chosen.iter().filter(|_| stage.strikes("crash")).for_each(|&at| cast.crash(at));
            chosen.iter().for_each(|&at| cast.restart(at));
            sleep(about(stream, millis(120))).await;
        }
        chosen.iter().filter(|_| stage.strikes("power loss")).for_each(|&at| cast.power_off(at));
        sleep(about(stream, millis(40))).await;
        chosen.iter().for_each(|&at| cast.restart(at));
    }
    drop(work);
    quick(&cast);
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// One fsync in ten fails, and the kernel drops what it could not write; power fails now and then.
async fn fsync(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3).snapshots(20));
    let stream = cast.stream();
    for node in cast.nodes() {
        cast.world.disk(node, |disk| disk.fault(FaultRule::new(Fault::SyncError).rate(Ratio::percent(10))));
    }
    let work = cast.proposals(millis(12));
    for _ in 0..6 {
        sleep(about(stream, millis(300))).await;
        let chosen = cast.some(1 + stream.below(3) as usize);
        chosen.iter().filter(|_| stage.strikes("power loss")).for_each(|&at| cast.power_off(at));
        sleep(about(stream, millis(40))).await;
        chosen.iter().for_each(|&at| cast.restart(at));
    }
    drop(work);
    quick(&cast);
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}
