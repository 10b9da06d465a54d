//! A reply is lost, the clerk sends again, and the server refuses the copy of what it has installed. Whoever takes that
//! refusal at its word reports as undone what was done. (6.5840 lab 2, 2025: `TestUnreliableNet`; Birrell & Nelson 1984)

use std::time::Duration;

use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::protocol::PutError;
use stormglass_systems::kv::server::Storage;

use super::super::caught_by;
use super::cast::{Cast, Hand};
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) const NAME: &str = "kv/lost_reply";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "A put whose reply was lost is reported as maybe: never as refused, never as done twice",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("a put ended as maybe")
    .limit(Duration::from_secs(600))
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    let told = stage.clone();
    cast.client(move |clerk| async move {
        for version in 0..100 {
            put_and_doubt(&told, &clerk, version).await;
        }
    });
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(300)).await;
}

/// Nobody else writes the key, so a put that ended as maybe was installed, and its repetition cannot be.
async fn put_and_doubt(stage: &Stage, clerk: &Hand, version: u64) {
    let value = |attempt: u32| format!("{version}.{attempt}");
    let mut attempt = 0;
    let mut outcome = clerk.put("k", &value(0), version).await;
    while outcome == Err(PutError::Maybe) && attempt < 5 {
        attempt += 1;
        outcome = clerk.put("k", &value(attempt), version).await;
        stage.claim(outcome != Ok(()), "what ended as maybe was installed", || {
            format!("attempt {attempt} to put over version {version} was installed after an earlier one ended as maybe")
        });
    }
    stage.claim(attempt > 0 || outcome == Ok(()), "a put without rivals is installed", || {
        format!("the only put over version {version} ended as {outcome:?}")
    });
    let found = clerk.get("k").await.map(|found| (found.value, found.version));
    stage.claim(found == Some((value(0), version + 1)), "the first attempt was installed, once", || {
        format!("after the put over version {version} the key holds {found:?}")
    });
}
