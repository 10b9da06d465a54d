//! Servers that die where it hurts: right after an fsync, or right before a reply. A crash at a drawn time hardly ever falls
//! between two steps that follow each other at once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, pending, select};
use futures::stream::{FuturesUnordered, StreamExt};
use stormglass_sim::chance::{Ratio, Stream};
use stormglass_sim::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use stormglass_sim::time::sleep;
use stormglass_sim::{Juncture, NodeId};

use super::nemesis::{Cast, about, happens};

/// What a seed makes of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ambush {
    pub(crate) juncture: Juncture,
    /// How likely the first is, at each juncture. Each that follows is half as likely, so that a server gets on.
    pub(crate) odds: f64,
    pub(crate) lasts: Duration,
    /// Whether the host loses its power with the process.
    pub(crate) power: bool,
}

impl Ambush {
    /// Its part of the names of its streams: `weather/ambush/synced`.
    pub(crate) fn name(juncture: Juncture) -> &'static str {
        match juncture {
            Juncture::Synced => "ambush/synced",
            Juncture::Replying => "ambush/replying",
        }
    }
}

/// A server that has just died.
struct Struck {
    server: NodeId,
    ambush: Ambush,
    stream: Stream,
}

/// Lies in wait for servers, and starts those again that it got.
pub(super) async fn ambushes(cast: &Cast, ambushes: &[Ambush]) {
    let world = cast.world;
    let (sender, struck) = unbounded_channel();
    let waiting: Vec<(Ambush, Stream, Cell<f64>)> = ambushes
        .iter()
        .map(|ambush| {
            let stream = world.stream(&format!("weather/{}/when", Ambush::name(ambush.juncture)));
            (*ambush, stream, Cell::new(ambush.odds))
        })
        .collect();
    let cast_there = cast.clone();
    world.ambush(move |server, juncture| {
        let cast = &cast_there;
        let Some((ambush, stream, odds)) = waiting.iter().find(|(ambush, ..)| ambush.juncture == juncture)
        else {
            return false;
        };
        let room = cast.down.get() < cast.most_down && cast.servers.contains(&server);
        if !room || !stream.chance(Ratio::from_f64(odds.get())) {
            return false;
        }
        odds.set(odds.get() / 2.0);
        if !happens(world, Ambush::name(juncture)) {
            return false;
        }
        cast.down.set(cast.down.get() + 1);
        sender.send(Struck { server, ambush: *ambush, stream: *stream }).is_ok()
    });
    restart(cast, struck).await;
}

async fn restart(cast: &Cast, mut struck: UnboundedReceiver<Struck>) {
    let world = cast.world;
    let mut away = FuturesUnordered::new();
    loop {
        let back = async {
            if away.next().await.is_none() {
                pending().await
            }
        };
        let Either::Left((Some(Struck { server, ambush, stream }), _)) =
            select(std::pin::pin!(struck.recv()), std::pin::pin!(back)).await
        else {
            continue;
        };
        if ambush.power {
            world.power_off(server);
        }
        let down: Rc<Cell<usize>> = cast.down.clone();
        away.push(async move {
            sleep(about(stream, ambush.lasts)).await;
            world.restart(server);
            down.set(down.get() - 1);
        });
    }
}
