//! A turnstile counts visitors on a server.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc;

const PATIENCE: Duration = Duration::from_millis(100);

/// One visitor enters. Answered with how many there have been.
#[derive(Serialize, Deserialize)]
pub struct Enter;

impl rpc::Request for Enter {
    type Reply = u64;
    const NAME: &'static str = "Enter";
}

/// The server: counts visitors and answers how many there have been.
pub async fn counter() -> std::io::Result<()> {
    let visitors = Rc::new(Cell::new(0));
    let mut server = rpc::Server::bind("0.0.0.0:7000").await?;
    server.on(move |_from, Enter| {
        visitors.set(visitors.get() + 1);
        let count = visitors.get();
        async move { count }
    });
    server.serve().await
}

/// The client: one visitor enters. Tries until there is an answer.
pub async fn enter(counter: &str) -> u64 {
    loop {
        match rpc::call(counter, &Enter, PATIENCE).await {
            Ok(count) => return count,
            Err(_) => continue,
        }
    }
}
