//! The lock tests of 6.5840 lab 2: four of 2025, two more of 2026. Each client takes the lock, finds the witness key
//! empty, signs it, wipes it and lets go; who finds a signature has been let in beside another.

use std::time::Duration;

use stormglass_sim::time::{Instant, sleep};
use stormglass_systems::kv::protocol::{FREE, PutError};
use stormglass_systems::kv::server::Storage;

use super::cast::{Cast, Hand};
use crate::weather::Profile;
use crate::{Stage, Story};

/// How long the clients go on, as in the lab.
const LASTS: Duration = Duration::from_secs(2);

const CLAIM: &str = "Who holds the lock is alone: the witness key is empty whenever the lock is given";

pub(super) fn stories() -> Vec<Story> {
    let exclusion =
        |name, clients, profile| Story::new(name, CLAIM, move |stage| exclude(stage, clients, profile));
    vec![
        exclusion("kv/lab_lock_one_reliable", 1, Profile::LabReliable),
        exclusion("kv/lab_lock_many_reliable", 10, Profile::LabReliable),
        exclusion("kv/lab_lock_one_unreliable", 1, Profile::LabUnreliable).catches(["maybe-forgets-lock"]),
        exclusion("kv/lab_lock_many_unreliable", 10, Profile::LabUnreliable)
            .catches(["maybe-takes-lock", "release-without-looking"])
            .sometimes("a put ended as maybe"),
        Story::new("kv/lab_lock_basic", "A lock that was taken is free again after its release", basic),
        Story::new(
            "kv/lab_lock_nested",
            "Two locks do not interfere, in whatever order they are taken and freed",
            nested,
        ),
    ]
}

async fn exclude(stage: Stage, clients: usize, profile: Profile) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    for _ in 0..clients {
        let told = stage.clone();
        cast.client(move |clerk| async move {
            let (start, lock) = (Instant::now(), clerk.lock("l"));
            while Instant::now() - start < LASTS {
                let grant = lock.acquire().await;
                sign(&told, &clerk).await;
                lock.release(grant).await;
            }
        });
    }
    cast.network(profile);
    cast.finish(Duration::from_secs(120)).await;
}

/// Signs the witness key and wipes it. A put that ended as maybe is repeated only if a look shows that it must be.
async fn sign(stage: &Stage, clerk: &Hand) {
    let found = clerk.get("l0").await;
    let (value, version) = found.map_or((String::new(), 0), |found| (found.value, found.version));
    stage.claim(value.is_empty(), "who holds the lock is alone", || {
        format!("{} holds the lock and finds the witness key signed by {value}", clerk.name())
    });
    let signed = clerk.put("l0", &clerk.fresh_value(), version).await;
    stage.claim(matches!(signed, Ok(()) | Err(PutError::Maybe)), "nobody else signs", || {
        format!(
            "{} holds the lock, and its put over version {version} of the witness key ended as {signed:?}",
            clerk.name()
        )
    });
    sleep(Duration::from_millis(10)).await;
    let wiped = clerk.put("l0", FREE, version + 1).await;
    stage.claim(matches!(wiped, Ok(()) | Err(PutError::Maybe)), "nobody else signs", || {
        format!("{} holds the lock, and could not wipe what it had signed: {wiped:?}", clerk.name())
    });
}

/// `TestReliableBasic`, and what the lab forgets to ask: that an empty lock would not pass.
async fn basic(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    let told = stage.clone();
    cast.client(move |clerk| async move {
        let lock = clerk.lock("some_name");
        let grant = lock.acquire().await;
        let held = clerk.get("some_name").await.map(|found| found.value);
        told.claim(held.as_deref() == Some(grant.id()), "the key holds the holder's id", || {
            format!("the lock was given to {}, and its key holds {held:?}", grant.id())
        });
        lock.release(grant).await;
        let freed = clerk.get("some_name").await.map(|found| found.value);
        told.claim(freed.as_deref() == Some(FREE), "a released lock is free", || {
            format!("its key holds {freed:?}")
        });
    });
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(10)).await;
}

/// `TestReliableNested`.
async fn nested(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    cast.client(|clerk| async move {
        let (a, b) = (clerk.lock("a"), clerk.lock("b"));
        for crossed in [false, true] {
            let (outer, inner) = (a.acquire().await, b.acquire().await);
            if crossed {
                a.release(outer).await;
                b.release(inner).await;
            } else {
                b.release(inner).await;
                a.release(outer).await;
            }
        }
    });
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(10)).await;
}
