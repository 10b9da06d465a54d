//! A protocol of its own with a bug of its own, to be made small: a counter that forgets in a crash.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass::sim::net::UdpSocket;
use stormglass::sim::rand;
use stormglass::sim::time::sleep;
use stormglass::{Stage, Weather};

/// The code under test has changed since, in a way that is none of the failure's business: `log`, the server says what it
/// does; `draw`, a client draws once more.
pub(crate) const CHANGED: &str = "STORMGLASS_TEST_CODE_CHANGED";

fn has(change: &str) -> bool {
    std::env::var(CHANGED).is_ok_and(|changed| changed == change)
}

/// Two clients send; a server counts what arrives, and two stand by. With the bug its count starts over when it does.
pub(crate) async fn fragile(stage: Stage) {
    let world = stage.world();
    let (kept, shown) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let forgets = stage.bug().is_some();
    let (disk, seen) = (kept.clone(), shown.clone());
    let server = world.node("server", move || serve(forgets, disk.clone(), seen.clone()));
    for number in 0..stage.servers(0, 2) {
        world.node(&format!("standby{number}"), std::future::pending::<()>);
    }
    let highest = Cell::new(0);
    stage.watch(move || {
        let (before, now) = (highest.replace(shown.get()), shown.get());
        if now >= before {
            return Ok(());
        }
        Err(stormglass::Fall::new("invariant", "the count never goes back", format!("{before}, then {now}")))
    });
    let mut clients = Vec::new();
    for name in ["c1", "c2"] {
        if !stage.happens("clients") {
            continue;
        }
        let steps = stage.clone();
        clients.push(stage.client(name, async move {
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            if has("draw") {
                rand::below(1000);
            }
            for _ in steps.each(name, 0..25) {
                socket.send_to(b"+1", "server:7").await.unwrap();
                sleep(Duration::from_millis(20 + rand::below(60))).await;
            }
        }));
    }
    let weather =
        Weather::lasting(Duration::from_secs(1), Duration::from_secs(2)).links().crashes().partitions();
    stage.storm(weather.certain(), &[server], &clients).await;
    stage.clients_finish(Duration::from_secs(10)).await;
}

async fn serve(forgets: bool, kept: Rc<Cell<u64>>, shown: Rc<Cell<u64>>) {
    let socket = UdpSocket::bind("0.0.0.0:7").await.unwrap();
    let mut count = if forgets { 0 } else { kept.get() };
    let mut buffer = [0; 8];
    while socket.recv_from(&mut buffer).await.is_ok() {
        if has("log") {
            tracing::info!(count, "one more");
        }
        count += 1;
        kept.set(count);
        shown.set(count);
    }
}

/// Falls where a `buggify!` fires, which a log line above it moves.
#[expect(clippy::if_same_then_else, reason = "they stand in different places")]
pub(crate) async fn hasty(stage: Stage) {
    for _ in stage.each("c1", 0..20) {
        let late = if has("log") { stormglass::sim::buggify!() } else { stormglass::sim::buggify!() };
        if late {
            stage.fail("nobody is late", "");
        }
        sleep(Duration::from_millis(1)).await;
    }
}
