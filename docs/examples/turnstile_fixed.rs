//! A turnstile counts visitors on a server, each of them once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc;
use stormglass_sim::rand;

const PATIENCE: Duration = Duration::from_millis(100);

/// One visitor enters. Answered with how many there have been.
#[derive(Default, Serialize, Deserialize)]
pub struct Enter {
    /// One for each visitor, the same in every try.
    ticket: u64,
}

impl rpc::Request for Enter {
    type Reply = u64;
    const NAME: &'static str = "Enter";
}

/// The server: counts visitors and answers how many there have been.
pub async fn counter() -> std::io::Result<()> {
    let tickets = Rc::new(RefCell::new(BTreeSet::new()));
    let mut server = rpc::Server::bind("0.0.0.0:7000").await?;
    server.on(move |_from, Enter { ticket }| {
        tickets.borrow_mut().insert(ticket);
        let count = tickets.borrow().len() as u64;
        async move { count }
    });
    server.serve().await
}

/// The client: one visitor enters. Tries until there is an answer.
pub async fn enter(counter: &str) -> u64 {
    let visitor = Enter { ticket: rand::random_u64() };
    loop {
        match rpc::call(counter, &visitor, PATIENCE).await {
            Ok(count) => return count,
            Err(_) => continue,
        }
    }
}
