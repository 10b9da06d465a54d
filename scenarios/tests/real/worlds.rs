//! The same server, clerk and lock in both worlds, by the same functions, in one process: nothing in a node knows
//! which world it is in.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use stormglass::sim::task::{JoinHandle, spawn};
use stormglass::sim::time::{Instant, sleep};
use stormglass::sim::{Seed, Sim, World, node, real};
use stormglass_systems::kv::bugs::{Bug, Bugs};
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::log;
use stormglass_systems::kv::server::{self, Storage};
use stormglass_systems::kv::spec::{self, Budget, Probe};

use crate::processes::free_address;

const CLIENTS: u64 = 3;
const ROUNDS: u64 = 4;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    /// Which world it was: what a node says.
    simulated: bool,
    /// How many clients created the one key that they all tried to create.
    created: u64,
    /// The counter that all of them counted up under the lock.
    counted: u64,
    /// Whether every promise was kept, as an observer of the nodes sees it, and the judge of the history.
    kept: bool,
}

/// The server's node.
async fn serve(address: String, directory: PathBuf, bugs: Bugs, probe: Probe) -> Result<(), server::Error> {
    let storage = Storage::Durable(log::Config { directory, ..log::Config::default() });
    server::run(server::Config { address, storage, bugs, probe, ..server::Config::default() }).await
}

/// A client's node: tries to create a key, then counts under the lock. Whether it created the key.
async fn count(address: String, probe: Probe, number: u64) -> bool {
    let clerk =
        Rc::new(Clerk::new(address, client::Config { probe: probe.clone(), ..client::Config::default() }));
    let created = clerk.put("created", &format!("by {number}"), 0).await.is_ok();
    let lock = Lock::new(clerk.clone(), "lock", lock::Config { probe, ..lock::Config::default() });
    for _ in 0..ROUNDS {
        let grant = lock.acquire().await;
        let counted = counter(&clerk).await;
        // Nobody else counts meanwhile, so that a Put of unknown fate is known by the next look.
        while counter(&clerk).await == counted {
            _ = clerk.put("counter", &(counted + 1).to_string(), counted).await;
        }
        lock.release(grant).await;
    }
    created
}

/// How often was counted: the counter's version.
async fn counter(clerk: &Clerk) -> u64 {
    let found = clerk.get("counter").await.expect("a clerk that never gives up");
    found.map_or(0, |found| found.version)
}

/// The end, in either world: all clients are done.
async fn came(address: String, clients: Vec<JoinHandle<bool>>, probe: &Probe) -> Came {
    let mut created = 0;
    for client in clients {
        created += u64::from(client.await.expect("a client's end"));
    }
    let counted = counter(&Clerk::new(address, client::Config::default())).await;
    let kept = probe.verdict().is_ok() && spec::linearizable(probe, Budget::default()).is_linearizable();
    Came { simulated: node::is_simulated(), created, counted, kept }
}

/// Three nodes and a server in a world. Its process crashes in the middle, and is started again.
fn simulated(bugs: Bugs) -> Came {
    let tell = |world: World| async move {
        let probe = Probe::new(move || world.now());
        let watched = probe.clone();
        let server =
            world.node("server", move || serve("0.0.0.0:7000".into(), "kv".into(), bugs, watched.clone()));
        let clients = (0..CLIENTS).map(|number| {
            let node = world.node(&format!("client-{number}"), || async {});
            world.spawn_on(node, count("server:7000".into(), probe.clone(), number))
        });
        let clients = clients.collect();
        sleep(Duration::from_millis(300)).await;
        world.crash(server);
        world.restart(server);
        came("server:7000".into(), clients, &probe).await
    };
    Sim::new(Seed(7)).run(tell).unwrap()
}

/// The same on the loopback and a real disk, the server's task being ended in the middle, and started again.
fn real(bugs: Bugs) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let tell = async {
        let start = Instant::now();
        let probe = Probe::new(move || Instant::now() - start);
        let serve = || spawn(serve(address.clone(), folder.path().join("kv"), bugs, probe.clone()));
        let server = serve();
        let clients =
            (0..CLIENTS).map(|number| spawn(count(address.clone(), probe.clone(), number))).collect();
        sleep(Duration::from_millis(300)).await;
        server.abort();
        assert!(server.await.is_err(), "it ended by itself");
        let server = serve();
        let came = came(address.clone(), clients, &probe).await;
        assert!(!server.is_finished());
        came
    };
    real::block_on(tell).unwrap()
}

#[test]
fn both_worlds_keep_the_same_promises() {
    let kept = |simulated| Came { simulated, created: 1, counted: CLIENTS * ROUNDS, kept: true };
    assert_eq!(simulated(Bugs::NONE), kept(true));
    assert_eq!(real(Bugs::NONE), kept(false));
}

/// A planted bug is the same bug in both worlds, and the same observer sees it.
#[test]
fn both_worlds_have_the_same_bug() {
    let bugs = Bugs::only(Bug::ZeroOverwrites);
    for came in [simulated(bugs), real(bugs)] {
        assert!(came.created > 1 && !came.kept, "{came:?}");
    }
}
