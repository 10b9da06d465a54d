//! The table of sessions: bounded, the same everywhere, and part of every snapshot.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;

use super::super::raft::cast::Plan;
use super::super::raft::work::millis;
use super::cast::Cast;
use super::catching;
use crate::weather::Profile;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(60);

pub(super) fn stories() -> Vec<Story> {
    vec![
        catching(Story::new(
            "kvraft/sessions_end",
            "The session used least recently ends, everywhere at once, and nothing of it is executed again",
            end,
        ))
        .sometimes("a session ended")
        .sometimes("a copy was not executed again"),
        catching(Story::new(
            "kvraft/snapshots_carry_sessions",
            "Who starts from a snapshot knows what has been executed",
            carried,
        ))
        .sometimes("a snapshot was restored")
        .sometimes("a copy was not executed again"),
    ]
}

/// More clients than there is room for, who take their time; their requests and replies are lost, or their requests come
/// twice. A server restarts and goes through its log faster than the others did. Who leads says how much room there is.
async fn end(stage: Stage) {
    let cast = Cast::with_rooms(&stage, Plan::of(&stage, 3), |server| 1 + server as usize);
    let versions = stage.world().stream("plan").below(3) == 0;
    for _ in 0..5 {
        cast.client(cast.any_path(), move |mut hand| async move {
            // The outcome of a write whose session has ended stays open for ever: too many on one key, and no judge decides.
            for _ in hand.each(0..4) {
                if versions {
                    hand.compete(&["x", "y", "z"], 2, 40).await;
                } else {
                    hand.mix(&["x", "y", "z"], 2, 40).await;
                }
                sleep(millis(below(500))).await;
            }
        });
    }
    if cast.world.stream("plan").below(3) == 0 {
        let (client, server) = (cast.clients.borrow(), cast.nodes());
        let copied = LinkConfig { duplicate: Ratio::percent(30), ..Profile::LabUnreliable.requests() };
        let ways = client.iter().flat_map(|client| server.iter().map(move |server| (*client, *server)));
        ways.for_each(|(client, server)| cast.world.link(client, server, copied.clone()));
    } else {
        cast.lines(Profile::LabUnreliable);
    }
    for _ in stage.each("restarts", 0..2) {
        sleep(millis(400 + cast.world.stream("restarts").below(800))).await;
        let any = cast.any();
        cast.crash(any);
        sleep(millis(50)).await;
        cast.restart(any);
    }
    cast.finish(CALM).await;
}

/// A snapshot after every few entries; servers restart or are away, while replies are lost.
async fn carried(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3).snapshots(4), 64);
    for _ in 0..3 {
        cast.client(cast.any_path(), |mut hand| async move { hand.mix(&["x", "y"], 10, 60).await });
    }
    cast.lines(Profile::LabUnreliable);
    let stream = cast.world.stream("absences");
    for _ in stage.each("absences", 0..4) {
        let any = cast.any();
        let is_crash = stream.below(2) == 0;
        if is_crash {
            cast.crash(any)
        } else {
            cast.cut(any)
        }
        sleep(millis(100 + stream.below(300))).await;
        if is_crash {
            cast.restart(any)
        } else {
            cast.join(any)
        }
        sleep(millis(50 + stream.below(200))).await;
    }
    cast.finish(CALM).await;
}
