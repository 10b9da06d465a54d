//! The laws of streams, one test each, with the case in which the law does not bite.

mod closing;
mod flow;
mod opening;
mod weather;

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Bandwidth, Fate, Latency, LinkConfig, Rule, TcpListener, TcpStream, tcp};
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{Config, FindingKind, NodeId, Outcome, Ratio, Seed, Sim, World, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HERE: NodeId = NodeId::WORLD;
const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Every segment takes 10 ms; nothing else happens by chance.
fn calm() -> Config {
    let link = LinkConfig::with_latency(Latency::Constant(ms(10)));
    Config { link, short_io: Ratio::ZERO, ..Config::default() }
}

fn run<F: Future>(seed: u64, config: Config, test: impl FnOnce(World) -> F) -> F::Output {
    Sim::with(Seed(seed), config).run(test).unwrap()
}

/// A node that sleeps, for sockets that the test holds.
fn host(world: World, name: &str) -> NodeId {
    world.node(name, std::future::pending::<()>)
}

async fn listen(world: World, node: NodeId, port: u16) -> TcpListener {
    let bound = world.spawn_on(node, TcpListener::bind(("0.0.0.0", port))).await;
    bound.expect("runs").expect("the port is free")
}

/// A connection from the test to a node named `b`: this end, and the other.
async fn pair(world: World) -> (TcpStream, TcpStream, NodeId) {
    let b = host(world, "b");
    let listener = listen(world, b, 7).await;
    let near = TcpStream::connect("b:7").await.expect("somebody listens");
    let (far, from) = listener.accept().await.expect("one has come");
    assert_eq!(from, near.local_addr().expect("simulated"));
    assert_eq!(far.local_addr().expect("simulated"), near.peer_addr().expect("simulated"));
    (near, far, b)
}

async fn read_all(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.err().map(|error| error.kind());
    (bytes, error)
}

/// Bytes of which no stretch repeats soon.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

fn sent(world: World, kind: &str) -> u64 {
    world.counters().kinds.get(kind).map_or(0, |tally| tally.messages)
}

/// Sends `size` bytes each way over a link and returns how long that took, and how many segments.
fn exchange(seed: u64, config: Config, size: usize) -> (Outcome<()>, Duration, u64) {
    let segments = Rc::new(Cell::new(0));
    let count = segments.clone();
    let outcome = Sim::with(Seed(seed), config).run(|world| async move {
        let (near, far, _) = pair(world).await;
        let mut tasks = task::JoinSet::new();
        for stream in [near, far] {
            let (mut read, mut write) = stream.into_split();
            tasks.spawn(async move { write.write_all(&pattern(size)).await.map(|()| drop(write)) });
            tasks.spawn(async move {
                let (got, error) = read_all(&mut read).await;
                assert_eq!(error, None);
                assert!(got == pattern(size), "{} bytes, of {size}, or others", got.len());
                Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("runs").expect("written");
        }
        count.set(sent(world, "tcp data"));
    });
    let now = outcome.now;
    (outcome, now, segments.get())
}
