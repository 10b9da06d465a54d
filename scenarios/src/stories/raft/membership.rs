//! Membership that changes while links and leaders fail.

use std::collections::BTreeSet;
use std::time::Duration;

use stormglass_sim::NodeId;
use stormglass_sim::chance::Stream;
use stormglass_sim::task::spawn;
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::message::{Configuration, ServerId};
use stormglass_systems::raft::protocol::Change;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::millis;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(20);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/membership",
            "Servers come and go, one by one or all at once, and what was committed stays",
            membership,
        )
        .sometimes("the membership changed")
        .sometimes("a log was compacted"),
        Story::new(
            "raft/membership_races",
            "However leaders that do not know of each other begin changes, no two quorums are disjoint",
            races,
        )
        .sometimes("the membership changed")
        .sometimes("leadership changed"),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

/// A change that makes sense, more often than not.
pub(super) fn draw(stream: Stream, config: &Configuration, all: u64) -> Change {
    let any = 1 + stream.below(all);
    let outsiders: Vec<ServerId> =
        (1..=all).filter(|id| !config.voters.contains(id) && !config.learners.contains(id)).collect();
    let learners: Vec<ServerId> = config.learners.iter().copied().collect();
    let voters: Vec<ServerId> = config.voters.iter().copied().collect();
    match stream.below(8) {
        0 | 1 => Change::AddLearner(stream.pick(&outsiders).copied().unwrap_or(any)),
        2..=4 => match stream.pick(&learners) {
            Some(&learner) => Change::Promote(learner),
            None => Change::AddLearner(stream.pick(&outsiders).copied().unwrap_or(any)),
        },
        5 if voters.len() > 2 => Change::Remove(stream.pick(&voters).copied().unwrap_or(any)),
        6 => Change::Remove(stream.pick(&learners).copied().unwrap_or(any)),
        _ => {
            let mut ids: Vec<ServerId> = (1..=all).collect();
            stream.shuffle(&mut ids);
            Change::Replace(ids.into_iter().take(2 + stream.below(4) as usize).collect::<BTreeSet<_>>())
        }
    }
}

impl Cast {
    /// Begins a change at a server; what becomes of it is the observer's affair.
    pub(super) fn change(&self, at: usize, change: Change) {
        let door = self.servers[at].door.clone();
        let asked = timeout(Duration::from_secs(5), async move { door.change(change).await });
        drop(spawn(asked));
    }

    fn changes_somehow(&self, at: usize) {
        let Some(status) = self.status(at) else { return };
        let change = draw(self.stream(), &status.configuration, self.servers.len() as u64);
        if self.stage.happens("operator") {
            self.change(at, change);
        }
    }

    fn any_partition(&self) {
        let stream = self.stream();
        let few = self.some(1 + stream.below(self.servers.len() as u64 / 2) as usize);
        let others: Vec<usize> = self.all().into_iter().filter(|at| !few.contains(at)).collect();
        let nodes = |group: &[usize]| group.iter().map(|&at| self.node(at)).collect::<Vec<NodeId>>();
        if self.stage.strikes("partition") {
            self.world.partition(&nodes(&few), &nodes(&others));
        }
    }
}

async fn membership(stage: Stage) {
    let mut plan = Plan::of(&stage, 2 + stage.world().stream("size").below(3)).snapshots(6);
    plan.joiners = 3;
    plan.segment = 256;
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let work = cast.proposals(millis(15));
    for _ in 0..8 {
        sleep(about(stream, millis(150))).await;
        if let Some(leader) = cast.leader(&cast.all()) {
            cast.changes_somehow(leader);
        }
        match stream.below(4) {
            0 => {
                sleep(about(stream, millis(15))).await;
                cast.any_partition();
                sleep(about(stream, millis(400))).await;
                cast.world.heal();
            }
            1 => {
                let at = cast.any();
                sleep(about(stream, millis(15))).await;
                if stage.strikes("power loss") {
                    cast.power_off(at);
                }
                sleep(about(stream, millis(100))).await;
                cast.restart(at);
            }
            _ => {}
        }
    }
    drop(work);
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// Every server that takes itself for the leader is asked for changes, soon after its election and several at once.
async fn races(stage: Stage) {
    let mut plan = Plan::of(&stage, stage.servers(3, stage.world().stream("size").below(2)));
    plan.joiners = 2;
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let work = cast.proposals(millis(60));
    for _ in 0..60 {
        sleep(about(stream, millis(25))).await;
        for at in cast.all() {
            if cast.status(at).is_some_and(|status| status.leads) {
                for _ in 0..1 + stream.below(2) {
                    cast.changes_somehow(at);
                }
            }
        }
        match stream.below(12) {
            0 => cast.any_partition(),
            1 | 2 => cast.world.heal(),
            3 => {
                let at = cast.leader(&cast.all()).unwrap_or_else(|| cast.any());
                if stage.strikes("crash") {
                    cast.crash(at);
                }
                sleep(about(stream, millis(20))).await;
                cast.restart(at);
            }
            _ => {}
        }
    }
    drop(work);
    cast.world.heal();
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}
