//! Everything from the seed: how many servers, how they are set up, which faults there are at all, who joins and leaves,
//! and what clients do.

use std::time::Duration;

use stormglass_sim::chance::{Ratio, Stream};
use stormglass_sim::rand::{below, chance};
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bug;

use super::super::{caught_by, withstood_by};
use super::cast::{Cast, Plan};
use super::membership::draw;
use super::work::millis;
use crate::stories::about;
use crate::{Stage, Story, Weather};

const NAME: &str = "raft/swarm";
const CALM: Duration = Duration::from_secs(30);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            NAME,
            "One list, one operation at a time, whatever networks, disks, clocks and members do",
            swarm,
        )
        .catches(caught_by::<Bug>(NAME))
        .withstands(withstood_by::<Bug>(NAME))
        .sometimes("leadership changed")
        .sometimes("a log was cut")
        .sometimes("a snapshot was installed")
        .sometimes("a server restarted")
        .sometimes("the membership changed")
        .sometimes("a read was served"),
    ]
}

/// Also whether the membership changes.
fn plan(stage: &Stage, draw: Stream, drifts: bool) -> (Plan, bool) {
    let mut plan = Plan::of(stage, stage.servers(3, draw.below(5)));
    let joiners = draw.below(3);
    plan.joiners = stage.servers(0, joiners);
    let chance = |percent| draw.chance(Ratio::percent(percent));
    let protocol = &mut plan.protocol;
    protocol.heartbeat = millis(20 + draw.below(40));
    protocol.pre_vote = chance(80);
    protocol.check_quorum = protocol.pre_vote || chance(80);
    protocol.batch_entries = draw.log_uniform(1.0, 64.0) as usize;
    protocol.batch_bytes = draw.log_uniform(16.0, 4096.0) as usize;
    protocol.pipeline = 1 + draw.below(6) as usize;
    protocol.chunk = draw.log_uniform(16.0, 4096.0) as usize;
    protocol.drift_ppm = if drifts { 210_000 } else { 1000 };
    if chance(60) {
        plan.snapshots.entries = Some(draw.log_uniform(2.0, 100.0) as u64);
    }
    plan.patience = Duration::from_nanos(draw.log_uniform(5e7, 2e9) as u64);
    plan.segment = draw.log_uniform(128.0, 8192.0) as u64;
    if chance(25) {
        plan.apply_pause = millis(1 + draw.below(40));
    }
    (plan, joiners > 0 || draw.below(3) == 0)
}

async fn swarm(stage: Stage) {
    let draw = stage.world().stream("plan");
    let drifts = draw.chance(Ratio::percent(30));
    let (plan, changes) = plan(&stage, draw, drifts);
    let founders = plan.founders;
    let cast = Cast::service(&stage, plan);
    for _ in 0..1 + draw.below(5) {
        // A lease rests on clocks that differ by no more than was declared: the weather keeps to that where it drifts.
        let (lease, operations) = (draw.below(2) == 0, 1 + draw.below(12));
        cast.client(lease, move |mut hand| async move {
            for _ in hand.each(0..operations) {
                if chance(Ratio::percent(60)) {
                    hand.append().await;
                } else {
                    hand.read().await;
                }
                sleep(millis(below(60))).await;
            }
        });
    }
    drop(spawn(operate(cast.clone(), changes)));
    let mut weather = Weather::lasting(millis(200), Duration::from_secs(6))
        .links()
        .partitions()
        .crashes()
        .power_losses()
        .pauses()
        .disks()
        .ambushes()
        .most_down((founders as usize - 1) / 2);
    if drifts {
        weather = weather.running_clocks();
    }
    cast.storm(weather).await;
    stage.clients_finish(CALM).await;
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// Somebody who runs the cluster: changes the membership, hands leadership over, asks for snapshots.
async fn operate(cast: Cast, changes: bool) {
    let stream = cast.stream();
    for _ in 0..stream.below(12) {
        sleep(about(stream, millis(400))).await;
        let Some(at) = cast.leader(&cast.all()) else { continue };
        let Some(status) = cast.status(at) else { continue };
        let door = cast.servers[at].door.clone();
        let what = stream.below(4);
        let any = cast.servers[if what == 1 { cast.any() } else { at }].door.clone();
        let all = cast.servers.len() as u64;
        let change = (what > 1 && changes).then(|| draw(stream, &status.configuration, all));
        if !cast.stage.happens("operator") {
            continue;
        }
        match (what, change) {
            (0, _) => drop(spawn(async move { door.transfer(None).await })),
            (1, _) => drop(spawn(async move { any.snapshot_now().await })),
            (_, Some(change)) => cast.change(at, change),
            _ => {}
        }
    }
}
