//! Everything from the seed: how many servers and clients, how they are set up, which contract and which way of reading
//! each client has, which faults there are at all.

use std::time::Duration;

use stormglass_sim::chance::{Ratio, Stream};
use stormglass_systems::kvraft::message::ReadPath;

use super::super::raft::cast::Plan;
use super::super::raft::work::millis;
use super::cast::Cast;
use super::catching;
use crate::{Stage, Story, Weather};

/// Keys of put, append and compare-and-set; keys of versioned puts.
const KEYS: [[&str; 3]; 2] = [["a", "b", "c"], ["u", "v", "w"]];

pub(super) fn stories() -> Vec<Story> {
    vec![
        catching(Story::new(
            "kvraft/swarm",
            "One copy, one operation at a time, whatever networks, disks and clocks do",
            swarm,
        ))
        .sometimes("leadership changed")
        .sometimes("a server restarted")
        .sometimes("a snapshot was restored")
        .sometimes("a copy was not executed again")
        .sometimes("a put ended as maybe"),
    ]
}

fn plan(stage: &Stage, draw: Stream, drifts: bool) -> Plan {
    let mut plan = Plan::of(stage, stage.servers(3, [0, 0, 2, 4][draw.below(4) as usize]));
    let chance = |percent| draw.chance(Ratio::percent(percent));
    plan.protocol.heartbeat = millis(20 + draw.below(40));
    plan.protocol.check_quorum = chance(80);
    plan.protocol.batch_entries = draw.log_uniform(1.0, 64.0) as usize;
    plan.protocol.pipeline = 1 + draw.below(6) as usize;
    plan.protocol.drift_ppm = if drifts { 210_000 } else { 1000 };
    if chance(70) {
        plan.snapshots.bytes = Some(draw.log_uniform(30.0, 2000.0) as u64);
    }
    plan.segment = draw.log_uniform(128.0, 8192.0) as u64;
    if chance(25) {
        plan.apply_pause = millis(1 + draw.below(40));
    }
    plan
}

async fn swarm(stage: Stage) {
    let draw = stage.world().stream("plan");
    let drifts = draw.chance(Ratio::percent(30));
    let plan = plan(&stage, draw, drifts);
    let most_down = (plan.founders as usize - 1) / 2;
    let cast = Cast::new(&stage, plan, draw.log_uniform(1.0, 64.0) as usize);
    let keys = 1 + draw.below(3) as usize;
    for _ in 0..1 + draw.below(5) {
        let (versioned, operations) = (draw.below(2) == 0, 1 + draw.below(16) as usize);
        let pause = draw.log_uniform(1.0, 200.0) as u64;
        let reads = [ReadPath::Log, ReadPath::Quorum, ReadPath::Lease][draw.below(3) as usize];
        cast.client(reads, move |mut hand| async move {
            let keys = &KEYS[usize::from(versioned)][..keys];
            if versioned {
                hand.compete(keys, operations, pause).await;
            } else {
                hand.mix(keys, operations, pause).await;
            }
        });
    }
    let mut weather = Weather::lasting(millis(200), Duration::from_secs(4))
        .links()
        .partitions()
        .crashes()
        .power_losses()
        .ambushes()
        .pauses()
        .disks()
        .most_down(most_down);
    // A lease rests on clocks that differ by no more than was declared: the weather keeps to that where it drifts.
    if drifts {
        weather = weather.running_clocks();
    }
    cast.storm(weather).await;
    cast.finish(Duration::from_secs(60)).await;
}
