//! The tests of lab 5A of 2025 with clerks that go on while groups come and go.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::admin::millis;
use super::cast::Cast;
use super::lab::LAB;
use super::lab_controllers::{MANY, cast, script};
use super::story;
use crate::weather::Profile::{self, LabReliable, LabUnreliable};
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        story("shardkv/lab_one_clerk_reliable", "One clerk from the first join to the last leave", |stage| {
            clerks(stage, 1, LabReliable)
        }),
        story(
            "shardkv/lab_many_clerks_reliable",
            "Ten clerks from the first join to the last leave",
            |stage| clerks(stage, 10, LabReliable),
        ),
        story("shardkv/lab_one_clerk_unreliable", "One clerk on a network that loses messages", |stage| {
            clerks(stage, 1, LabUnreliable)
        }),
        story("shardkv/lab_many_clerks_unreliable", "Ten clerks on a network that loses messages", |stage| {
            clerks(stage, 10, LabUnreliable)
        }),
    ]
}

/// Clerks that put, each at the version it knows, until it is over. The lab's all use one key; these use one in each of six
/// shards. Together they do as much, however many they are: what nobody knows the outcome of is to be judged.
pub(super) fn competitors(cast: &Cast, clerks: u64, pace: Duration) -> Rc<Cell<bool>> {
    let over: Rc<Cell<bool>> = Rc::default();
    for _ in 0..clerks {
        let over = over.clone();
        cast.client(move |hand| async move {
            let keys = hand.keys();
            hand.compete_until(keys[..6].to_vec(), over, pace * clerks as u32).await;
        });
    }
    over
}

async fn clerks(stage: Stage, clerks: u64, profile: Profile) {
    let cast = cast(&stage, profile);
    let over = competitors(&cast, clerks, millis(80));
    script(cast.clone(), move |boss| async move {
        boss.bring(2..2 + MANY).await;
        boss.dismiss(2..2 + MANY).await;
        over.set(true);
    })
    .await;
    read_back(&cast).await;
}

/// When nobody writes any more, every key is read.
async fn read_back(cast: &Cast) {
    cast.script("reader", |mut hand| async move {
        let keys = hand.keys();
        hand.read_all(&keys).await;
    });
    cast.finish(LAB).await;
}
