//! The network holds a copy of a request for longer than the clerk needs for the next ones. When it arrives at last, its
//! clerk has moved on, and what it asks for was done long ago.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_systems::kvonce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use crate::{Stage, Story};

pub(super) const NAME: &str = "kvonce/late_copies";

pub(super) fn story() -> Story {
    Story::new(NAME, "A copy that arrives after its clerk's next operation is not executed", tell)
        .catches(caught_by::<Bug>(NAME))
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage);
    let latency = Latency::TwoHumped {
        fast: (Duration::from_millis(1), Duration::from_millis(5)),
        slow: (Duration::from_millis(20), Duration::from_secs(2)),
        slow_share: Ratio::percent(25),
    };
    stage.world().links(LinkConfig::with_latency(latency).duplicate(Ratio::percent(25)));
    for _ in 0..2 {
        cast.client(|mut clerk| async move { clerk.mix(&["x"], 15).await });
    }
    cast.finish(Duration::from_secs(240)).await;
}
