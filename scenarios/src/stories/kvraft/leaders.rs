//! Leaders that lead no more, and clients that do not wait for the next one.

use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::message::ReadPath;
use stormglass_systems::retry::Retry;

use super::super::raft::cast::Plan;
use super::super::raft::work::millis;
use super::cast::Cast;
use super::catching;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(60);

pub(super) fn stories() -> Vec<Story> {
    vec![
        catching(Story::new(
            "kvraft/old_leader",
            "A leader that was cut off shows nothing old, and answers nobody with another's result",
            old_leader,
        ))
        .sometimes("leadership changed"),
        catching(Story::new(
            "kvraft/clients_give_up",
            "A client that gives up knows what it does not know",
            give_up,
        ))
        .sometimes("a client gave up for certain")
        .sometimes("a put was given up for certain")
        .sometimes("a put was given up in doubt")
        .sometimes("leadership changed"),
    ]
}

/// Leaders are cut off, alone or with another, from the rest but not from the clients. They may not notice.
async fn old_leader(stage: Stage) {
    let mut plan = Plan::of(&stage, 5);
    plan.protocol.check_quorum = false;
    let cast = Cast::new(&stage, plan, 64);
    for client in 0..4 {
        // Some wait to see what becomes of their write, others soon ask somebody else.
        let reply = if client % 2 == 0 { millis(1200) } else { millis(120) };
        let retry = Retry { reply, ..Retry::default() };
        cast.client_who(ReadPath::Log, retry, |mut hand| async move {
            hand.mix(&["x", "y"], 10, 120).await;
        });
    }
    cast.client(ReadPath::Quorum, |mut hand| async move {
        for n in hand.each(0..40) {
            hand.get(["x", "y"][n % 2]).await;
            sleep(millis(below(60))).await;
        }
    });
    let stream = cast.world.stream("leaders");
    for _ in stage.each("partitions", 0..3) {
        let leader = cast.elected(&cast.all(), CALM).await;
        sleep(about(stream, millis(100))).await;
        let with = (leader + 1 + stream.below(4) as usize) % 5;
        let minority: &[usize] = if stream.below(2) == 0 { &[leader] } else { &[leader, with] };
        let others: Vec<usize> = cast.all().into_iter().filter(|at| !minority.contains(at)).collect();
        cast.split(&[minority, &others]);
        sleep(millis(400 + stream.below(500))).await;
        cast.world.heal();
        sleep(millis(100)).await;
    }
    cast.finish(CALM).await;
}

/// Clients whose patience is shorter than an election, and leaders that crash, are cut off, or hear nobody. Half of the runs
/// put with versions.
async fn give_up(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    let versions = stage.world().stream("plan/versions").below(2) == 0;
    for _ in 0..4 {
        let retry = Retry {
            reply: millis(60 + below(100)),
            patience: Some(millis(150 + below(250))),
            ..Retry::default()
        };
        cast.client_who(cast.any_path(), retry, move |mut hand| async move {
            // What nobody knows the outcome of stays open for ever: too much of it on one key, and no judge decides.
            let keys = ["v", "w", "x", "y"];
            if versions {
                hand.compete(&keys, 15, 60).await;
            } else {
                hand.mix(&keys, 15, 60).await;
            }
        });
    }
    let stream = cast.world.stream("leaders");
    for _ in stage.each("faults", 0..4) {
        sleep(about(stream, millis(150))).await;
        let Some(leader) = cast.leader(&cast.all()) else { continue };
        let kind = stream.below(3);
        match kind {
            0 => cast.crash(leader),
            1 => cast.cut(leader),
            // It is heard, and hears nobody: others commit what it cannot.
            _ => {
                let mut others = cast.nodes();
                let node = others.remove(leader);
                cast.world.partition_one_way(&others, &[node]);
            }
        }
        sleep(millis(100 + stream.below(400))).await;
        cast.world.heal();
        cast.join(leader);
        if kind == 0 {
            cast.restart(leader);
        }
    }
    cast.finish(CALM).await;
}
