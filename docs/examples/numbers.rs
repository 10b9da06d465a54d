//! Numbers for those who wait, as at the baker's. Whoever got one keeps it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::fs::{self, File};
use stormglass_sim::net::rpc;
use stormglass_sim::time;

const PATIENCE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(2);
const LOG: &str = "/numbers";
const RECORD: usize = 16;

/// Draws a number. The ticket is the same in every try.
#[derive(Serialize, Deserialize)]
pub struct Draw {
    ticket: u64,
}

impl rpc::Request for Draw {
    type Reply = u64;
    const NAME: &'static str = "Draw";
}

/// The tickets that have a number, in the order of their numbers: 1, 2, 3. The log has the same.
struct Numbers {
    drawn: RefCell<Vec<u64>>,
    log: File,
}

/// The complement tells a record from what a power loss may leave at the end of a log: zeros.
fn record(ticket: u64) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(&ticket.to_le_bytes());
    bytes[8..].copy_from_slice(&(!ticket).to_le_bytes());
    bytes
}

fn ticket(bytes: &[u8]) -> Option<u64> {
    let ticket = u64::from_le_bytes(bytes[..8].try_into().ok()?);
    (record(ticket) == bytes).then_some(ticket)
}

/// What the log says. It is synced before anybody is told: after a crash it may hold what never reached the disk.
async fn recover() -> io::Result<Numbers> {
    let log = File::options().read(true).write(true).create(true).open(LOG).await?;
    let bytes = fs::read(LOG).await?;
    let drawn: Vec<u64> = bytes.chunks_exact(RECORD).map_while(ticket).collect();
    log.set_len((drawn.len() * RECORD) as u64).await?;
    log.sync_all().await?;
    fs::sync_dir("/").await?; // The name of a new file is not in the file.
    Ok(Numbers { drawn: RefCell::new(drawn), log })
}

impl Numbers {
    async fn draw(&self, ticket: u64) -> io::Result<u64> {
        let before = self.drawn.borrow().iter().position(|drawn| *drawn == ticket);
        if let Some(place) = before {
            return Ok(place as u64 + 1);
        }
        self.drawn.borrow_mut().push(ticket);
        let number = self.drawn.borrow().len() as u64;
        self.log.append(&record(ticket)).await?;
        self.log.sync_data().await?;
        Ok(number)
    }
}

/// The server.
pub async fn dispenser() -> io::Result<()> {
    let numbers = Rc::new(recover().await?);
    let mut server = rpc::Server::bind("0.0.0.0:7000").await?;
    server.on(move |_from, Draw { ticket }| {
        let numbers = numbers.clone();
        async move { numbers.draw(ticket).await.expect("the disk works") }
    });
    server.serve().await
}

/// The client: draws a number for a ticket. Tries until there is an answer.
pub async fn draw(dispenser: &str, ticket: u64) -> u64 {
    loop {
        if let Ok(number) = rpc::call(dispenser, &Draw { ticket }, PATIENCE).await {
            return number;
        }
        time::sleep(PAUSE).await; // While nobody listens, a call is refused at once.
    }
}
