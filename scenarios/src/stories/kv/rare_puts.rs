//! Clients that come now and then. A server is at work for a fraction of a millisecond in every second, so that a crash at a
//! drawn time finds it idle; what its steps leave half done shows when it dies between them. (Alagappan et al., OSDI 2016,
//! on crashes between the steps of an update)

use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::kv::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::power_loss::small_log;
use crate::{Stage, Story, Weather};

pub(super) const NAME: &str = "kv/rare_puts";

pub(super) fn story() -> Story {
    Story::new(NAME, "A put is there or is not, between whichever of its steps the server dies", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("the server restarted")
}

async fn tell(stage: Stage) {
    let mut cast = Cast::new(&stage, small_log());
    for _ in 0..2 {
        cast.client(|clerk| async move {
            for _ in clerk.each(0..10) {
                sleep(Duration::from_millis(below(2000))).await;
                let version = clerk.get("x").await.map_or(0, |found| found.version);
                _ = clerk.put("x", &clerk.fresh_value(), version).await;
                clerk.get("x").await;
            }
        });
    }
    let weather = Weather::lasting(Duration::from_secs(5), Duration::from_secs(20));
    cast.storm(weather.crashes().power_losses().ambushes(), Duration::from_secs(60)).await;
}
