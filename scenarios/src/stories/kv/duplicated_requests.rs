//! The network delivers requests twice, which the lab's never does. The copy of a put that was installed is refused,
//! and must not be answered: its refusal could overtake the reply, or outlive it.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_systems::kv::bugs::Bug;
use stormglass_systems::kv::server::Storage;

use super::super::caught_by;
use super::cast::Cast;
use crate::{Stage, Story};

pub(super) const NAME: &str = "kv/duplicated_requests";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "The copy of a request is never answered, so that no refusal contradicts what was installed",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, Storage::Volatile);
    let latency = Latency::Uniform(Duration::from_millis(1), Duration::from_millis(80));
    let doubled = LinkConfig::with_latency(latency).duplicate(Ratio::percent(30)).loss(Ratio::percent(5));
    stage.world().links(doubled);
    for _ in 0..2 {
        cast.client(|clerk| async move { clerk.compete(&["x"], 20).await });
    }
    cast.finish(Duration::from_secs(120)).await;
}
