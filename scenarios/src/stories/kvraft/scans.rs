//! Reads of many keys at once, which must all be of one moment.

use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::message::ReadPath;

use super::super::raft::cast::Plan;
use super::super::raft::work::millis;
use super::cast::{Cast, Hand};
use super::catching;
use crate::{Stage, Story, Weather};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

pub(super) fn stories() -> Vec<Story> {
    vec![
        catching(Story::new(
            "kvraft/scans",
            "A scan shows all keys of its range as they were at one moment, however it is read and whatever is written",
            scans,
        ))
        .sometimes("two keys of a scan's range changed meanwhile")
        .sometimes("a scan was cut off")
        .sometimes("leadership changed")
        .sometimes("a server restarted")
        .sometimes("a snapshot was restored"),
    ]
}

/// Writers of all keys, and one who scans on each of the three ways, while servers crash and are parted.
async fn scans(stage: Stage) {
    let mut plan = Plan::of(&stage, 3).snapshots(16);
    plan.apply_pause = millis(stage.world().stream("plan").below(3));
    let cast = Cast::new(&stage, plan, 64);
    for _ in 0..5 {
        cast.client(ReadPath::Quorum, |mut hand| async move { hand.mix(&KEYS, 30, 5).await });
    }
    for path in [ReadPath::Log, ReadPath::Quorum, ReadPath::Lease] {
        cast.client(path, |mut hand| async move { scan(&mut hand, 20).await });
    }
    let weather = Weather::lasting(millis(200), Duration::from_secs(2));
    cast.storm(weather.links().partitions().crashes().most_down(1)).await;
    cast.finish(Duration::from_secs(60)).await;
}

/// Any ranges and limits; a client whose scan was cut off goes on with the rest, or does not.
async fn scan(hand: &mut Hand, count: usize) {
    for _ in hand.each(0..count) {
        let mut from = KEYS[below(2) as usize].to_owned();
        let to = KEYS.get(4 + below(3) as usize).copied();
        let limit = 2 + below(8) as usize;
        while let Some(next) = hand.scan(&from, to, limit).await
            && below(2) == 0
        {
            from = next;
        }
        sleep(millis(below(20))).await;
    }
}
