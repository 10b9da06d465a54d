//! Messages that are late, out of order, twice, or never there.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::{late, millis};
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(10);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/reordered_appends",
            "Appends and replies that come late take nothing back and promise nothing that is not so",
            reordered,
        )
        .sometimes("leadership changed"),
        Story::new("raft/lost_appends", "What was lost is sent again", lost),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

/// Entries one or a few at a time, so that many messages are on their way; leaders are cut off now and then.
async fn reordered(stage: Stage) {
    let size = stage.servers(3, 2 * stage.world().stream("size").below(2));
    let mut plan = Plan::of(&stage, size);
    plan.protocol.batch_entries = 1 + stage.world().stream("size").below(4) as usize;
    plan.protocol.pipeline = 8;
    plan.patience = millis(1500);
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    cast.world.links(late((40, 400), 25));
    let work = cast.proposals(millis(6));
    for _ in 0..4 {
        sleep(about(stream, millis(400))).await;
        let Some(leader) = cast.leader(&cast.connected()) else { continue };
        let blow = stream.below(4);
        match blow {
            0 if stage.strikes("partition") => cast.cut(leader),
            // Leadership goes round while answers to earlier leaders are still on their way.
            3 => cast.hand_round(leader).await,
            1 if stage.strikes("pause") => cast.world.pause(cast.node(leader)),
            2 if stage.strikes("crash") => cast.crash(leader),
            _ => {}
        }
        sleep(about(stream, millis(500))).await;
        match blow {
            0 => cast.join(leader),
            1 => cast.world.resume(cast.node(leader)),
            3 => {}
            _ => cast.restart(leader),
        }
    }
    drop(work);
    cast.settle(&cast.all(), CALM).await;
    cast.world.links(LinkConfig::default());
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

impl Cast {
    /// The leader, cut off with one other, appends in vain; then others lead, and hand leadership back to it.
    async fn hand_round(&self, leader: usize) {
        let size = self.servers.len();
        let with = (leader + 1 + self.stream().below(size as u64 - 1) as usize) % size;
        let others: Vec<usize> = self.all().into_iter().filter(|at| ![leader, with].contains(at)).collect();
        if self.stage.strikes("partition") {
            self.split(&[&[leader, with], &others]);
        }
        for _ in 0..1 + self.stream().below(8) {
            self.propose(leader, self.fresh()).await;
        }
        sleep(about(self.stream(), millis(450))).await;
        self.world.heal();
        for _ in 0..3 {
            sleep(about(self.stream(), millis(60))).await;
            if let Some(next) = self.leader(&self.all()) {
                let door = self.servers[next].door.clone();
                let back = door.transfer((next != leader).then_some(self.servers[leader].id));
                _ = timeout(millis(200), back).await;
            }
        }
    }
}

async fn lost(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3));
    cast.agree(&cast.all(), CALM).await;
    let work = cast.proposals(millis(10));
    cast.world.links(LinkConfig { loss: Ratio::percent(30), ..LinkConfig::default() });
    sleep(millis(1000)).await;
    drop(work);
    cast.world.links(LinkConfig::default());
    cast.settle(&cast.all(), CALM).await;
}
