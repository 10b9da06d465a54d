//! The story of the guide "First test in ten minutes": in a crate of its own, the whole of `examples/stories.rs`.

#[path = "../../docs/examples/turnstile.rs"]
#[expect(unreachable_pub, reason = "in the guide it is a library")]
mod turnstile;

use std::process::ExitCode;
use std::time::Duration;

use stormglass::{Stage, Story, Weather};

fn main() -> ExitCode {
    let claim = "Every visitor is counted once";
    stormglass::cli(vec![Story::new("turnstile/counted_once", claim, counted_once)])
}

async fn counted_once(stage: Stage) {
    let counter = stage.world().node("counter", turnstile::counter);
    let visitors = stage.clone();
    let gate = stage.client("gate", async move {
        let mut entered = 0;
        for _ in visitors.each("gate", 0..20) {
            let count = turnstile::enter("counter:7000").await;
            entered += 1;
            visitors.claim(count == entered, "every visitor is counted once", || {
                format!("{entered} entered, {count} were counted")
            });
        }
    });
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(10)).links();
    stage.storm(weather, &[counter], &[gate]).await;
    stage.clients_finish(Duration::from_secs(60)).await;
}
