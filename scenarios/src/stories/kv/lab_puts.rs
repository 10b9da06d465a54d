//! The kv tests of 6.5840 lab 2 (2025 and 2026) on the reliable network. `TestUnreliableNet` is `kv/lost_reply`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::time::{Instant, sleep};
use stormglass_systems::kv::message::Versioned;
use stormglass_systems::kv::protocol::PutError;
use stormglass_systems::kv::server::Storage;

use super::cast::Cast;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "kv/lab_reliable_put",
            "Puts and gets answer with the errors that the contract names",
            reliable,
        )
        .catches(["zero-overwrites", "accepts-future-version"]),
        Story::new(
            "kv/lab_concurrent_puts",
            "The final version counts the puts that were told Ok",
            concurrent,
        )
        .sometimes("a put was refused for certain"),
    ]
}

/// `TestReliablePut`.
async fn reliable(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    let told = stage.clone();
    cast.client(move |clerk| async move {
        let put = |key: &'static str, value: &'static str, version| {
            let clerk = clerk.clone();
            async move { clerk.put(key, value, version).await }
        };
        let claim =
            |holds, what: &'static str| told.claim(holds, "the contract of put and get", || what.to_owned());
        claim(put("k", "6.5840", 0).await == Ok(()), "a put at version 0 of a missing key was not Ok");
        let found = clerk.get("k").await;
        let expected = Versioned { value: "6.5840".into(), version: 1 };
        claim(found == Some(expected), "a get after the first put did not show it at version 1");
        claim(
            put("k", "again", 0).await == Err(PutError::Version),
            "a put at version 0 of a key was not refused",
        );
        claim(
            put("y", "early", 1).await == Err(PutError::NoKey),
            "a put at version 1 of a missing key was not refused",
        );
        claim(clerk.get("y").await.is_none(), "a get showed a key that no put created");
    });
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(10)).await;
}

/// `TestPutConcurrentReliable`. A pause stands for the time an operation takes on a real machine.
async fn concurrent(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    let installed = Rc::new(Cell::new(0));
    for _ in 0..10 {
        let (told, installed) = (stage.clone(), installed.clone());
        cast.client(move |clerk| async move {
            let (start, mut version) = (Instant::now(), 0);
            while Instant::now() - start < Duration::from_secs(1) {
                let value = clerk.fresh_value();
                let outcome = clerk.put("k", &value, version).await;
                told.claim(
                    outcome != Err(PutError::Maybe),
                    "nothing is unsure on a reliable network",
                    || format!("the put of {value} ended as maybe"),
                );
                installed.set(installed.get() + u64::from(outcome.is_ok()));
                let found = clerk.get("k").await.unwrap_or(Versioned { value: String::new(), version: 0 });
                let mine = outcome.is_err() || found.version > version + 1 || found.value == value;
                told.claim(mine, "a put that was told Ok is what a get shows", || {
                    format!("{value} was put over version {version}, and a get shows {found:?}")
                });
                version = found.version;
                sleep(Duration::from_millis(stormglass_sim::rand::below(20))).await;
            }
        });
    }
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(10)).await;
    let last = cast.probe.ghost(|ghost| ghost.latest("k")).unwrap_or_default();
    stage.claim(last == installed.get(), "the final version counts the puts that were told Ok", || {
        format!("{} puts were told Ok, and the version is {last}", installed.get())
    });
}
