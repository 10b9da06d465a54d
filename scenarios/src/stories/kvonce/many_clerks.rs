//! Many clerks come, do a little, and stay silent. Some only read. What the server keeps of each is bounded: no reply
//! that was heard, and nothing at all of a reader.

use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_systems::kvonce::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kvonce/many_clerks";

pub(super) fn story() -> Story {
    Story::new(NAME, "The server keeps no reply that was heard, and nothing of a clerk that only reads", tell)
        .catches(caught_by::<Bug>(NAME))
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage);
    for n in 0..20 {
        cast.client(move |mut clerk| async move {
            if n % 2 == 0 {
                clerk.mix(&["x"], 1 + below(3) as usize).await;
            }
            clerk.get("x").await;
        });
    }
    let weather = Weather::lasting(Duration::from_millis(100), Duration::from_secs(3)).links();
    cast.storm(weather, Duration::from_secs(60)).await;
}
