//! The memory tests of 6.5840 lab 2 (2024). The lab looks at the heap; here the limit is on what the server holds, which
//! the observer is told after every request: no reply that was heard (O4), no entry for a reader (O5). The values
//! are a thousandth of the lab's, for it is the number of those kept that must not grow.

use std::time::Duration;

use super::cast::Cast;
use crate::weather::Profile;
use crate::{Stage, Story};

/// Ten megabytes in the lab.
const LARGE: usize = 10 << 10;

pub(super) fn stories() -> Vec<Story> {
    let heard = "The server keeps no reply that its clerk has heard";
    vec![
        Story::new("kvonce/lab_memory_of_gets", heard, gets).catches(["keeps-acknowledged"]),
        Story::new("kvonce/lab_memory_of_puts", heard, puts).catches(["keeps-acknowledged"]),
        Story::new("kvonce/lab_memory_of_appends", heard, appends).catches(["keeps-acknowledged"]),
        Story::new("kvonce/lab_memory_of_many_puts", "A clerk that wrote once costs one entry", many_puts)
            .catches(["keeps-acknowledged"]),
        Story::new("kvonce/lab_memory_of_many_gets", "A clerk that only reads costs nothing", many_gets)
            .catches(["remembers-readers"]),
        Story::new("kvonce/lab_memory_of_many_appends", heard, many_appends).catches(["keeps-acknowledged"]),
    ]
}

/// `TestMemGet2`: two clerks read a large value, then one overwrites it.
async fn gets(stage: Stage) {
    let mut cast = Cast::new(&stage);
    for n in 0..2 {
        cast.client(move |mut clerk| async move {
            if n == 0 {
                clerk.put("k", &"x".repeat(LARGE)).await;
            }
            clerk.get("k").await;
            clerk.put("k", "0").await;
        });
    }
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(60)).await;
}

/// `TestMemPut2`: a large value is put, and overwritten by another clerk.
async fn puts(stage: Stage) {
    let mut cast = Cast::new(&stage);
    for n in 0..2 {
        cast.client(move |mut clerk| async move {
            clerk.put("k", &"x".repeat(if n == 0 { LARGE } else { 0 })).await;
            clerk.get("k").await;
        });
    }
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(60)).await;
}

/// `TestMemAppend2`: two clerks append large values; each reply holds the other's.
async fn appends(stage: Stage) {
    let mut cast = Cast::new(&stage);
    for _ in 0..2 {
        cast.client(|mut clerk| async move {
            clerk.append("k", &"x".repeat(LARGE)).await;
            clerk.get("k").await;
        });
    }
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(60)).await;
}

/// `TestMemPutManyClients`.
async fn many_puts(stage: Stage) {
    crowd(stage, true).await;
}

/// `TestMemGetManyClients`.
async fn many_gets(stage: Stage) {
    crowd(stage, false).await;
}

async fn crowd(stage: Stage, writes: bool) {
    let mut cast = Cast::new(&stage);
    for _ in 0..50 {
        cast.client(move |mut clerk| async move {
            if writes {
                clerk.put("k", &"x".repeat(1000)).await;
            }
            clerk.get("k").await;
        });
    }
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(60)).await;
}

/// `TestMemManyAppends`: each reply is as long as all appends before it.
async fn many_appends(stage: Stage) {
    let mut cast = Cast::new(&stage);
    cast.client(|mut clerk| async move {
        for _ in 0..100 {
            clerk.append("k", &"x".repeat(100)).await;
        }
        clerk.get("k").await;
    });
    cast.network(Profile::LabReliable);
    cast.finish(Duration::from_secs(60)).await;
}
