//! 6.5840 lab 2, 2025: `TestMemPutManyClientsReliable`. Twenty thousand clerks put a thousand bytes each, one after the
//! other. The lab bounds the heap at 200 bytes a clerk; here the limit is on the state itself, encoded.

use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::message::{Command, Put, Rejection, Reply, Transmission};
use stormglass_systems::kv::protocol::Store;

use super::super::planted;
use crate::{Stage, Story};

const CLERKS: u64 = 20_000;

/// As many as the server of the other stories remembers.
const REMEMBERED: usize = 4096;

/// What may remain of a clerk, on average.
const BYTES_A_CLERK: u64 = 20;

pub(super) fn story() -> Story {
    Story::new(
        "kv/lab_many_clerks",
        "What the server keeps does not grow with the number of clerks it has served",
        tell,
    )
}

/// The store alone: the claim is about its state, and no network can add to it.
async fn tell(stage: Stage) {
    let mut store = Store::new(REMEMBERED, planted::<Bug>(&stage));
    let value = "v".repeat(1000);
    let mut put = |clerk: u64, number, version| {
        let by = Transmission { clerk, number, resend: false };
        store.step(&Command::Put(Put { key: "k".into(), value: value.clone(), version, by })).reply
    };
    for clerk in 0..CLERKS {
        let early = put(clerk, 1, CLERKS + 1);
        let expected = if clerk == 0 { Rejection::NoKey } else { Rejection::Version };
        stage.claim(early == Some(Reply::Put(Err(expected))), "a put at a wrong version is refused", || {
            format!("clerk {clerk} was answered {early:?}")
        });
        let right = put(clerk, 2, clerk);
        stage.claim(right == Some(Reply::Put(Ok(()))), "a put at the right version is installed", || {
            format!("clerk {clerk} was answered {right:?}")
        });
    }
    let records =
        store.snapshot().map(|record| serde_json::to_vec(&record).map_or(0, |bytes| bytes.len() as u64));
    let bytes: u64 = records.sum();
    stage.claim(bytes <= CLERKS * BYTES_A_CLERK, "a clerk that has moved on costs next to nothing", || {
        format!("the state takes {bytes} bytes after {CLERKS} clerks, more than {BYTES_A_CLERK} for each")
    });
}
