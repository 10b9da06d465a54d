//! Requests and replies are lost, and clerks send again until they hear something. However often a request arrives, it
//! is executed once, and answered as it was the first time.

use std::time::Duration;

use stormglass_systems::kvonce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) const NAME: &str = "kvonce/lost_messages";

pub(super) fn story() -> Story {
    Story::new(NAME, "A request that is sent again is executed once and answered as the first time", tell)
        .catches(caught_by::<Bug>(NAME))
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage);
    for _ in 0..3 {
        cast.client(|mut clerk| async move { clerk.mix(&["x", "y"], 20).await });
    }
    cast.network(Profile::LabUnreliable);
    cast.finish(Duration::from_secs(120)).await;
}
