//! Partitions that stay for ever and leave a quorum whose members all hear each other; and a server that was removed.

use std::time::Duration;

use stormglass_sim::net::{Fate, Rule};
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::protocol::{Change, Refusal};
use stormglass_systems::raft::server::SubmitError;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::millis;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(10);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/asymmetric_partition",
            "Under one-way cuts that last, whoever can hear a quorum agrees, and terms stop rising",
            asymmetric,
        ),
        Story::new(
            "raft/removed_server",
            "A server that was removed and does not know it disturbs nobody",
            removed,
        )
        .sometimes("the membership changed"),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

async fn asymmetric(stage: Stage) {
    let size = [3, 4, 5][stage.world().stream("size").below(3) as usize];
    let cast = Cast::new(&stage, Plan::of(&stage, size));
    let stream = cast.stream();
    let leader = cast.agree(&cast.all(), CALM).await;
    let follower = (leader + 1 + stream.below(size - 1) as usize) % size as usize;
    let without = |one: usize| cast.all().into_iter().filter(|&at| at != one).collect::<Vec<usize>>();
    let nodes = |group: &[usize]| group.iter().map(|&at| cast.node(at)).collect::<Vec<_>>();
    match stream.below(6) {
        // A follower hears nobody and is heard.
        0 => {
            let core = without(follower);
            cast.world.partition_one_way(&nodes(&core), &nodes(&[follower]));
            sleep(millis(500)).await;
            cast.settle(&core, CALM).await;
        }
        // A follower is not heard and hears all.
        1 => {
            let core = without(follower);
            cast.world.partition_one_way(&nodes(&[follower]), &nodes(&core));
            cast.settle(&core, CALM).await;
        }
        // The leader hears nobody and is heard.
        2 => {
            let core = without(leader);
            cast.world.partition_one_way(&nodes(&core), &nodes(&[leader]));
            sleep(millis(1000)).await;
            cast.settle(&core, CALM).await;
        }
        // Leader and follower do not hear each other; all others hear both.
        3 if size > 3 => {
            cast.world.partition(&nodes(&[leader]), &nodes(&[follower]));
            sleep(millis(500)).await;
            cast.commits(&cast.all(), CALM).await;
            cast.quiet(&cast.all(), CALM).await;
        }
        4 => replies_only(&cast, leader).await,
        _ => ahead(&cast, leader, follower).await,
    }
    cast.tell();
}

/// A leader comes back to which no request gets through, but replies do: from them alone it must learn that it leads no
/// more.
async fn replies_only(cast: &Cast, leader: usize) {
    let core: Vec<usize> = cast.all().into_iter().filter(|&at| at != leader).collect();
    cast.cut(leader);
    cast.world.pause(cast.node(leader));
    let next = cast.elected(&core, CALM).await;
    let rules = ["PreVote", "RequestVote", "AppendEntries", "InstallSnapshot", "TimeoutNow"]
        .map(|kind| cast.world.rule(Rule::new(Fate::Drop).to(cast.node(leader)).kind(kind)));
    cast.join(leader);
    cast.world.resume(cast.node(leader));
    let learnt = || {
        let term = cast.status(next).map(|status| status.term);
        cast.status(leader).is_some_and(|status| !status.leads && Some(status.term) >= term)
    };
    let claim = "a leader learns from replies that it leads no more";
    cast.stage.converges(CALM, claim, learnt, || cast.standing(&cast.all())).await;
    cast.settle(&core, CALM).await;
    rules.into_iter().for_each(|rule| cast.world.remove_rule(rule));
    cast.settle(&cast.all(), CALM).await;
}

/// A follower has a higher term than all others, and is not elected: its requests for votes were lost. It must find its
/// way back.
async fn ahead(cast: &Cast, leader: usize, follower: usize) {
    let rule = cast.world.rule(Rule::new(Fate::Drop).from(cast.node(follower)).kind("RequestVote"));
    let door = cast.servers[leader].door.clone();
    _ = timeout(millis(300), door.transfer(Some(cast.servers[follower].id))).await;
    sleep(millis(100)).await;
    cast.world.remove_rule(rule);
    cast.settle(&cast.all(), CALM).await;
}

/// Without pre-vote, so that only what thesis §4.2.3 asks for helps: who hears a leader does not listen to candidates.
async fn removed(stage: Stage) {
    let mut plan = Plan::of(&stage, 4);
    plan.protocol.pre_vote = false;
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let leader = cast.agree(&cast.all(), CALM).await;
    let gone = (leader + 1 + stream.below(3) as usize) % 4;
    let core: Vec<usize> = cast.all().into_iter().filter(|&at| at != gone).collect();
    cast.cut(gone);
    loop {
        let leader = cast.elected(&core, CALM).await;
        let change = cast.servers[leader].door.change(Change::Remove(cast.servers[gone].id));
        let done = timeout(Duration::from_secs(2), change).await;
        // Pointless: an earlier change took effect, though too late to be told.
        if let Ok(Ok(_) | Err(SubmitError::Refused(Refusal::Pointless(_)))) = done {
            break;
        }
        sleep(millis(50)).await;
    }
    cast.settle(&core, CALM).await;
    cast.join(gone);
    sleep(millis(stream.below(1000))).await;
    cast.settle(&core, CALM).await;
    cast.tell();
}
