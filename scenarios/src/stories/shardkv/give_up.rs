//! Clients whose patience is shorter than what befalls the groups.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;

use super::admin::{Admin, brisk, millis};
use super::cast::{Cast, Member};
use super::moves::{CALM, GROUPS, plan};
use super::story;
use crate::stories::about;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story("shardkv/clients_give_up", "A client that gives up knows what it does not know", give_up)
            .sometimes("a shard moved")
            .sometimes("a put was given up for certain")
            .sometimes("a put was given up in doubt")
            .sometimes("a write was given up for certain")
            .sometimes("a write was given up in doubt"),
    ]
}

/// Shards move; groups and leaders die, or are heard no more by their clients. Half of the runs put with versions.
async fn give_up(stage: Stage) {
    let versions = stage.world().stream("plan").below(2) == 0;
    let cast = Cast::new(&stage, plan(&stage));
    stage.world().links(brisk());
    cast.script("admin", |hand| async move {
        let mut admin = Admin::new(hand);
        admin.join(&GROUPS[..2]).await;
        admin.shuffle(&GROUPS, 6, millis(200)).await;
    });
    for _ in 0..4 {
        cast.client(move |mut hand| async move {
            hand.clerk = hand.cast.impatient(millis(60 + below(100)), millis(150 + below(250)));
            // What nobody knows the outcome of stays open for ever: too much of it on one key, and no judge decides.
            let keys = hand.keys()[..6].to_vec();
            if versions {
                hand.compete(keys, 15, millis(50)).await
            } else {
                hand.mix(keys, 15, millis(50)).await
            }
        });
    }
    // Answers are lost. There are no copies: what nobody took is not done.
    let lossy = LinkConfig { loss: Ratio::percent(10), ..brisk() };
    for server in cast.servers() {
        for client in cast.clients.borrow().iter().skip(1) {
            stage.world().link(server, *client, lossy.clone());
        }
    }
    let draw = stage.world().stream("faults");
    for _ in stage.each("faults", 0..4) {
        sleep(about(draw, millis(200))).await;
        let gid = GROUPS[draw.below(3) as usize];
        if draw.below(2) == 0 {
            cast.shut(gid);
            sleep(millis(100 + draw.below(300))).await;
            cast.restart(gid);
        } else {
            deafen(&cast, gid, millis(100 + draw.below(300))).await;
        }
    }
    cast.finish(CALM).await;
}

/// The leader of a group is heard by the other servers, and hears none: they commit what it cannot. Alone, it crashes.
async fn deafen(cast: &Cast, gid: u64, lasts: Duration) {
    let members = cast.group(gid);
    let leads = |member: &&Member| member.door.status().is_some_and(|status| status.leads);
    let Some(leader) = members.iter().find(leads).map(|member| member.node) else { return };
    let others: Vec<_> = members.iter().map(|member| member.node).filter(|node| *node != leader).collect();
    if others.is_empty() {
        cast.world.crash(leader);
    } else {
        cast.world.partition_one_way(&others, &[leader]);
    }
    sleep(lasts).await;
    cast.world.heal();
    if !cast.world.is_up(leader) {
        cast.world.restart(leader);
    }
}
