//! What the network does to requests and replies, and what two clients want at once.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::message::ReadPath;

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
            "kvraft/lost_replies",
            "A write that is sent again is executed once and answered as the first time",
            lost_replies,
        ))
        .sometimes("a copy was not executed again"),
        catching(Story::new(
            "kvraft/late_copies",
            "A copy that arrives after its client's next write is not executed",
            late_copies,
        ))
        .sometimes("a copy was not executed again"),
        catching(Story::new("kvraft/equal_writes", "Two clients may want the same, and both get it", equal)),
        catching(Story::new(
            "kvraft/contended_cas",
            "Of two that compare and set at once, one succeeds",
            cas,
        )),
        catching(Story::new(
            "kvraft/maybe",
            "A versioned put that was sent again and refused ends as maybe, never as refused",
            maybe,
        ))
        .sometimes("a put ended as maybe")
        .sometimes("a put was refused for certain")
        .sometimes("leadership changed"),
        catching(Story::new(
            "kvraft/crowded_servers",
            "Servers with room for a few events send some away, and serve all in the end",
            crowded,
        ))
        .sometimes("rsm: a server is busy"),
    ]
}

/// Many clients, machines that take their time, and servers whose queues hold a handful of events.
async fn crowded(stage: Stage) {
    let mut plan = Plan::of(&stage, 3);
    let draw = stage.world().stream("plan");
    plan.queue = 4 + draw.below(5) as usize;
    plan.apply_pause = millis(draw.below(4));
    let cast = Cast::new(&stage, plan, 64);
    for client in 0..8 {
        let reads = if client % 2 == 0 { ReadPath::Log } else { ReadPath::Quorum };
        let keys = [["v", "w"], ["x", "y"]][client / 4];
        cast.client(reads, move |mut hand| async move { hand.mix(&keys, 8, 0).await });
    }
    cast.finish(CALM).await;
}

/// Requests and replies of clients are lost; some requests arrive twice.
async fn lost_replies(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    for _ in 0..3 {
        cast.client(cast.any_path(), |mut hand| async move { hand.mix(&["x", "y"], 12, 30).await });
    }
    for &client in cast.clients.borrow().iter() {
        for server in cast.nodes() {
            let requests = Profile::LabUnreliable.requests();
            cast.world.link(client, server, LinkConfig { duplicate: Ratio::percent(20), ..requests });
            cast.world.link(server, client, Profile::LabUnreliable.replies());
        }
    }
    cast.finish(CALM).await;
}

/// Copies of requests come late.
async fn late_copies(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    for _ in 0..2 {
        cast.client(ReadPath::Log, |mut hand| async move { hand.mix(&["x"], 12, 20).await });
    }
    let late = LinkConfig {
        duplicate: Ratio::percent(25),
        ..LinkConfig::with_latency(Latency::TwoHumped {
            fast: (millis(1), millis(5)),
            slow: (millis(20), millis(900)),
            slow_share: Ratio::percent(25),
        })
    };
    for &client in cast.clients.borrow().iter() {
        for server in cast.nodes() {
            cast.world.link(client, server, late.clone());
        }
    }
    cast.finish(CALM).await;
    sleep(millis(900)).await;
}

/// Few values, so that one client writes what another has just written.
async fn equal(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    for _ in 0..3 {
        cast.client(cast.any_path(), |mut hand| async move {
            for _ in hand.each(0..5) {
                let value = ["a", "b"][below(2) as usize];
                match below(4) {
                    0 => _ = hand.get("x").await,
                    1 => _ = hand.put("x", value).await,
                    _ => _ = hand.append("x", value).await,
                }
            }
            hand.get("x").await;
        });
    }
    cast.finish(CALM).await;
}

async fn cas(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    for _ in 0..4 {
        cast.client(cast.any_path(), |mut hand| async move {
            for _ in hand.each(0..6) {
                let (found, value) = (hand.get("x").await, hand.fresh());
                _ = hand.cas("x", found.map(|found| found.value).as_deref(), &value).await;
            }
        });
    }
    cast.finish(CALM).await;
}

/// Replies are lost, and leadership is handed around.
async fn maybe(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3), 64);
    for _ in 0..3 {
        cast.client(cast.any_path(), |mut hand| async move { hand.compete(&["x", "y"], 10, 30).await });
    }
    cast.lines(Profile::LabUnreliable);
    let stream = cast.world.stream("transfers");
    for _ in stage.each("transfers", 0..8) {
        sleep(millis(50 + stream.below(400))).await;
        if let Some(leader) = cast.leader(&cast.all()) {
            let (door, node) = (cast.servers[leader].door.clone(), cast.node(leader));
            // Who led hears its clients no more until another leads: what it had answered is lost.
            let clients = cast.clients.borrow().clone();
            cast.world.partition_one_way(&[node], &clients);
            _ = door.transfer(None).await;
            cast.world.heal();
        }
    }
    cast.finish(CALM).await;
}
