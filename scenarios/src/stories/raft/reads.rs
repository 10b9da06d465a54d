//! Reads at leaders that may lead no more.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::{ClockFault, sleep};
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::protocol::ReadProof;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::{late, millis};
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(10);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/old_leader_returns",
            "A leader that was away answers no read from the past, and its entries are refused",
            returns,
        )
        .sometimes("a read was served")
        .sometimes("leadership changed"),
        Story::new(
            "raft/lease",
            "A lease ends before anybody else is elected, while clocks differ by no more than was declared",
            lease,
        )
        .sometimes("a read was served")
        .sometimes("leadership changed"),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

/// The leader is paused, or cut off alone or with one follower, while others elect another one; all are read from, all
/// the time.
async fn returns(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 5));
    let stream = cast.stream();
    if stream.below(2) == 0 {
        cast.world.links(late((30, 250), 20));
    }
    let work = (cast.proposals(millis(12)), cast.reads(ReadProof::Quorum, millis(6)));
    for _ in 0..5 {
        let leader = cast.elected(&cast.all(), CALM).await;
        sleep(about(stream, millis(150))).await;
        match stream.below(4) {
            0 => {
                if stage.strikes("pause") {
                    cast.world.pause(cast.node(leader));
                }
                sleep(millis(200 + stream.below(600))).await;
                cast.world.resume(cast.node(leader));
            }
            1 => {
                let with = (leader + 1) % 5;
                let others: Vec<usize> =
                    cast.all().into_iter().filter(|at| ![leader, with].contains(at)).collect();
                if stage.strikes("partition") {
                    cast.split(&[&[leader, with], &others]);
                }
                sleep(millis(250 + stream.below(400))).await;
                cast.world.heal();
            }
            2 => {
                if stage.strikes("partition") {
                    cast.cut(leader);
                }
                sleep(millis(250 + stream.below(400))).await;
                cast.join(leader);
            }
            // Whoever is next knows of less that is committed than this one did.
            _ => {
                if stage.strikes("crash") {
                    cast.crash(leader);
                }
                sleep(about(stream, millis(300))).await;
                cast.restart(leader);
            }
        }
    }
    drop(work);
    cast.world.links(LinkConfig::default());
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// Clocks that differ by up to 40 %, as declared; answers that take their time; pauses longer than any lease.
async fn lease(stage: Stage) {
    let mut plan = Plan::of(&stage, 3);
    plan.protocol.drift_ppm = 400_000;
    plan.protocol.heartbeat = millis(20);
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let quick = LinkConfig::with_latency(Latency::Uniform(millis(1), millis(2)));
    cast.world.links(quick.clone());
    let work = (cast.proposals(millis(8)), cast.reads(ReadProof::Lease, millis(4)));
    for _ in 0..6 {
        let leader = cast.elected(&cast.all(), CALM).await;
        let drifts = stream.chance(Ratio::percent(60));
        for at in cast.all() {
            let slow = if at == leader { -160_000 } else { 160_000 };
            cast.world.skew(cast.node(at), ClockFault::Drift(if drifts { slow } else { 0 }));
        }
        let delay = if stream.below(2) == 0 { millis(40 + stream.below(60)) } else { millis(1) };
        for at in cast.all().into_iter().filter(|&at| at != leader) {
            let slow = LinkConfig::with_latency(Latency::Uniform(delay, delay + millis(2)));
            cast.world.link(cast.node(at), cast.node(leader), slow);
        }
        sleep(millis(100 + stream.below(100))).await;
        if stream.below(3) == 0 {
            if stage.strikes("pause") {
                cast.world.pause(cast.node(leader));
            }
            sleep(millis(150 + stream.below(300))).await;
            cast.world.resume(cast.node(leader));
        } else {
            // Answers on their way arrive all the same: only what the leader sends is cut.
            let others: Vec<_> = cast.nodes().into_iter().filter(|node| *node != cast.node(leader)).collect();
            if stage.strikes("partition") {
                cast.world.partition_one_way(&[cast.node(leader)], &others);
            }
            sleep(millis(300 + stream.below(200))).await;
        }
        cast.world.heal();
        cast.world.links(quick.clone());
    }
    drop(work);
    for node in cast.nodes() {
        cast.world.skew(node, ClockFault::Drift(0));
    }
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}
