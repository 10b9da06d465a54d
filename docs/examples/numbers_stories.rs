// The whole of the guide's `examples/stories.rs`. It is included, so that `numbers` is what stands beside it.

use std::process::ExitCode;
use std::time::Duration;

use stormglass::checker::{Model, Next, Phrase};
use stormglass::sim::net::Latency;
use stormglass::sim::{NodeId, rand, time};
use stormglass::{Stage, Story, Weather};

/// What a dispenser promises: each draw has the next number. The state is the last that was given.
struct Dispenser;

#[derive(Debug)]
struct Draw;

impl Model for Dispenser {
    type State = u64;
    type Input = Draw;
    type Output = u64;

    fn init(&self) -> u64 {
        0
    }

    fn step(&self, last: &u64, _: &Draw, number: Option<&u64>) -> Next<u64> {
        let next = last + 1;
        Next::when(number.is_none_or(|number| *number == next), || next)
    }

    fn describe(&self, _: &Draw, number: Option<&u64>) -> Phrase {
        let rest = number.map_or("of a number".to_owned(), |number| format!("number {number}"));
        Phrase { verb: "draw", past: "drew", rest }
    }

    fn show(&self, _: Option<&str>, last: &u64) -> String {
        format!("the last number was {last}")
    }
}

/// Three clients with twenty tickets each.
fn clients(stage: &Stage) -> Vec<NodeId> {
    let history = stage.history(Dispenser);
    let client = |client: u64| {
        let name = format!("c{client}");
        let (history, tickets) = (history.clone(), stage.each(&name, 100 * client..100 * client + 20));
        stage.client(&name.clone(), async move {
            for ticket in tickets {
                let drawn = async { Some(numbers::draw("dispenser:7000", ticket).await) };
                history.record(&name, Draw, drawn).await;
                time::sleep(Duration::from_millis(rand::below(100))).await;
            }
        })
    };
    (0..3).map(client).collect()
}

/// One with heads that move: what takes long can be interrupted.
fn slow_disk(stage: &Stage, node: NodeId) {
    let sync = Latency::Uniform(Duration::from_millis(5), Duration::from_millis(50));
    stage.world().disk(node, |disk| disk.configure(|config| config.sync = sync));
}

async fn no_number_twice(stage: Stage) {
    let dispenser = stage.world().node("dispenser", numbers::dispenser);
    slow_disk(&stage, dispenser);
    let clients = clients(&stage);
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(5));
    stage.storm(weather.certain().links().power_losses(), &[dispenser], &clients).await;
    stage.clients_finish(Duration::from_secs(60)).await;
}

/// A server whose disk failed is started again, as a new process that reads what is on the disk.
async fn keep_running() {
    while numbers::dispenser().await.is_err() {
        time::sleep(Duration::from_millis(50)).await;
    }
}

async fn bad_disks(stage: Stage) {
    let dispenser = stage.world().node("dispenser", keep_running);
    slow_disk(&stage, dispenser);
    let clients = clients(&stage);
    let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(5));
    stage.storm(weather.certain().links().power_losses().disks(), &[dispenser], &clients).await;
    stage.clients_finish(Duration::from_secs(60)).await;
}

fn main() -> ExitCode {
    let claim = "Draws have the numbers 1, 2, 3, each once";
    stormglass::cli(vec![
        Story::new("numbers/once", claim, no_number_twice),
        Story::new("numbers/bad_disks", claim, bad_disks),
    ])
}
