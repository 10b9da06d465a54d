//! Four of the ten tests of 6.5840 lab 2 (2024): clients that append to a key of their own and foresee every answer, on
//! the reliable and the unreliable network, and five that append to one key.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::rand::chance;
use stormglass_sim::time::{Instant, sleep};

use super::cast::{Cast, Hand};
use crate::weather::Profile;
use crate::{Stage, Story};

const CLAIM: &str = "A client that alone writes a key foresees every answer";

pub(super) fn stories() -> Vec<Story> {
    let own =
        |name, clients, profile| Story::new(name, CLAIM, move |stage| own_keys(stage, clients, profile));
    vec![
        own("kvonce/lab_basic", 1, Profile::LabReliable),
        own("kvonce/lab_concurrent", 5, Profile::LabReliable),
        own("kvonce/lab_unreliable", 5, Profile::LabUnreliable)
            .catches(["appends-again", "reply-dropped-at-once"]),
        Story::new(
            "kvonce/lab_one_key",
            "Fifty appends to one key are each there once, every client's in order",
            one_key,
        )
        .catches(["appends-again"]),
    ]
}

/// Three rounds of a second, as in the lab. A pause stands for the time an operation takes on a real machine.
async fn own_keys(stage: Stage, clients: usize, profile: Profile) {
    let mut cast = Cast::new(&stage);
    for n in 0..clients {
        let told = stage.clone();
        cast.client(move |mut clerk| async move {
            let key = format!("{n}");
            for _ in 0..3 {
                round(&told, &mut clerk, &key).await;
            }
        });
    }
    cast.network(profile);
    cast.finish(Duration::from_secs(120)).await;
}

async fn round(stage: &Stage, clerk: &mut Hand, key: &str) {
    clerk.put(key, "").await;
    let (start, mut foreseen, mut n) = (Instant::now(), String::new(), 0);
    while Instant::now() - start < Duration::from_secs(1) {
        let append = chance(Ratio::percent(50));
        let value = format!("x {key} {n} y");
        let seen = if append { clerk.append(key, &value).await } else { clerk.get(key).await };
        let what = if append { "an append returned" } else { "a get showed" };
        stage.claim(seen == foreseen, "a client that alone writes a key foresees every answer", || {
            format!("{what} {seen:?} of key {key}, but it held {foreseen:?}")
        });
        if append {
            foreseen.push_str(&value);
            n += 1;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// `TestUnreliableOneKey2`.
async fn one_key(stage: Stage) {
    const CLIENTS: usize = 5;
    const APPENDS: usize = 10;
    let mut cast = Cast::new(&stage);
    for n in 0..CLIENTS {
        let told = stage.clone();
        cast.client(move |mut clerk| async move {
            for i in 0..APPENDS {
                let element = format!("x {n} {i} y");
                let before = clerk.append("k", &element).await;
                told.claim(!before.contains(&element), "an append returns the value from before it", || {
                    format!("the append of {element:?} returned {before:?}")
                });
            }
        });
    }
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(120)).await;
    let told = stage.clone();
    cast.client(move |mut clerk| async move {
        let value = clerk.get("k").await;
        for n in 0..CLIENTS {
            let elements: Vec<String> = (0..APPENDS).map(|i| format!("x {n} {i} y")).collect();
            let places: Vec<Option<usize>> = elements.iter().map(|element| value.find(element)).collect();
            let once = elements.iter().all(|element| value.matches(element.as_str()).count() == 1);
            told.claim(
                once && places.is_sorted(),
                "every append is there once, each client's in order",
                || format!("of client {n}'s elements the key holds {places:?} in {value:?}"),
            );
        }
    });
    cast.finish(Duration::from_secs(60)).await;
}
