//! Snapshots to those who lag behind, in pieces that come late, twice and from several leaders.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::{late, millis};
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(15);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/snapshot_to_laggard",
            "Who lags behind gets a snapshot that stands for the log, and keeps what follows it only if it does",
            laggard,
        )
        .sometimes("a snapshot was installed"),
        Story::new(
            "raft/sessions_survive",
            "A resend is recognised by servers that know its session from a snapshot alone",
            sessions,
        )
        .sometimes("a log was compacted"),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

async fn laggard(stage: Stage) {
    let draw = stage.world().stream("size");
    let mut plan = Plan::of(&stage, stage.servers(3, 2 * draw.below(2))).snapshots(2 + draw.below(6));
    plan.segment = 256;
    plan.bulk = 300;
    plan.protocol.chunk = 60 + draw.below(200) as usize;
    plan.protocol.batch_entries = 1 + draw.below(8) as usize;
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let half = (cast.servers.len() - 1) / 2;
    if stream.below(4) > 0 {
        cast.world.links(late((20, 300), 20));
    }
    let work = cast.proposals(millis(10));
    for _ in 0..5 {
        let mut away = cast.some(1 + stream.below(half as u64) as usize);
        if let Some(leader) = cast.leader(&cast.all())
            && stream.below(2) == 0
        {
            // A leader that appends in vain: what it has conflicts with the snapshot.
            away = vec![leader];
        }
        let others: Vec<usize> = cast.all().into_iter().filter(|at| !away.contains(at)).collect();
        if stage.strikes("partition") {
            cast.split(&[&away, &others]);
        }
        sleep(millis(100 + stream.below(600))).await;
        cast.world.heal();
        sleep(about(stream, millis(60))).await;
        if stream.below(3) == 0 {
            let at = cast.any();
            if stage.strikes("power loss") {
                cast.power_off(at);
            }
            sleep(about(stream, millis(100))).await;
            cast.restart(at);
        }
    }
    drop(work);
    cast.settle(&cast.all(), CALM).await;
    cast.world.links(LinkConfig::default());
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// Clients resend what was done already, to servers that were restored.
async fn sessions(stage: Stage) {
    let mut plan = Plan::of(&stage, 3).snapshots(3);
    plan.segment = 256;
    let cast = Cast::service(&stage, plan);
    let stream = cast.stream();
    for _ in 0..3 {
        cast.client(false, |mut hand| async move {
            for _ in hand.each(0..8) {
                hand.append().await;
            }
            hand.read().await;
        });
    }
    cast.world.links(LinkConfig { loss: Ratio::percent(15), ..LinkConfig::default() });
    for _ in 0..6 {
        sleep(about(stream, millis(300))).await;
        let at = cast.leader(&cast.all()).unwrap_or(0);
        if stage.strikes("crash") {
            cast.crash(at);
        }
        sleep(about(stream, millis(100))).await;
        cast.restart(at);
    }
    cast.world.links(LinkConfig::default());
    stage.clients_finish(CALM).await;
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}
