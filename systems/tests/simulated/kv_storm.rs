//! A storm for the key/value server: clerks that contend, and weather as a test wants it.

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::fs::Disk;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{NodeId, Ratio, Seed, Sim, World};
use stormglass_systems::kv::bugs::Bugs;
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::log::LogError;
use stormglass_systems::kv::server::{self, Storage};
use stormglass_systems::kv::spec::{self, Budget, Counts, Probe, Verdict};
use stormglass_systems::retry::{Backoff, Retry};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a run is made of. The default is calm.
#[derive(Clone)]
pub(crate) struct Storm {
    pub(crate) bugs: Bugs,
    pub(crate) storage: Storage,
    pub(crate) clients: u64,
    pub(crate) rounds: u64,
    pub(crate) workload: Workload,
    /// Loss of requests and of replies, in percent.
    pub(crate) loss: (u64, u64),
    /// Duplication, both ways, in percent.
    pub(crate) duplicate: u64,
    pub(crate) latency: Latency,
    /// What is wrong with the server's disk from the beginning.
    pub(crate) disk: fn(&mut Disk),
    /// What is done to the server, again and again while the storm lasts.
    pub(crate) nemesis: fn(World, NodeId),
    /// How often it is done.
    pub(crate) blows: u64,
}

/// What a client does in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Read one of two keys and write it at the version read, now and then at version 0.
    Contend,
    /// The same, now and then at a version from the future.
    Invent,
    /// Take a lock and give it back.
    Lock,
}

/// What was seen.
pub(crate) struct Seen {
    pub(crate) broken: Option<&'static str>,
    /// Whether the history is linearizable; not asked once a property is broken.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) counts: Counts,
    /// Whether all clients came to their end after the storm.
    pub(crate) live: bool,
    pub(crate) digest: u64,
}

impl Default for Storm {
    fn default() -> Self {
        Storm {
            bugs: Bugs::NONE,
            storage: Storage::Volatile,
            clients: 4,
            rounds: 12,
            workload: Workload::Contend,
            loss: (0, 0),
            duplicate: 0,
            latency: Latency::Uniform(ms(1), ms(10)),
            disk: |_| {},
            nemesis: |_, _| {},
            blows: 0,
        }
    }
}

impl Seen {
    pub(crate) fn is_linearizable(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::is_linearizable)
    }
}

impl Storm {
    /// Loss, duplication, and delays of which some are longer than a clerk waits.
    pub(crate) fn rough() -> Self {
        let latency = Latency::TwoHumped {
            fast: (ms(1), ms(20)),
            slow: (ms(50), ms(400)),
            slow_share: Ratio::percent(10),
        };
        Storm { loss: (10, 10), duplicate: 10, latency, ..Storm::default() }
    }

    pub(crate) fn run(&self, seed: u64) -> Seen {
        let storm = self.clone();
        let outcome = Sim::new(Seed(seed)).run(|world| async move { storm.tell(world).await });
        let digest = outcome.digest;
        Seen { digest, ..outcome.unwrap() }
    }

    async fn tell(self, world: World) -> Seen {
        let probe = Probe::new(move || world.now());
        let (bugs, storage) = (self.bugs, self.storage.clone());
        let config = server::Config { storage, bugs, probe: probe.clone(), ..server::Config::default() };
        let server = world.node("server", move || {
            let config = config.clone();
            // A server that ended is started again, as whoever runs one should; with a damaged log that is no use.
            async move {
                let damaged =
                    |error: &server::Error| matches!(error, server::Error::Log(LogError::Content { .. }));
                while server::run(config.clone()).await.is_err_and(|error| !damaged(&error)) {
                    sleep(ms(20)).await;
                }
            }
        });
        world.disk(server, self.disk);
        let clients: Vec<_> = (0..self.clients)
            .map(|number| {
                let node = world.node(&format!("client-{number}"), || async {});
                world.link(node, server, self.link(self.loss.0));
                world.link(server, node, self.link(self.loss.1));
                world.spawn_on(node, client(self.clone(), probe.clone(), number))
            })
            .collect();

        for _ in 0..self.blows {
            if probe.verdict().is_err() {
                break;
            }
            sleep(ms(10 + world.stream("test").below(300))).await;
            (self.nemesis)(world, server);
            sleep(ms(world.stream("test").below(100))).await;
            world.restart(server);
        }
        if self.blows > 0 {
            world.links(LinkConfig::default());
        }
        let mut live = true;
        for client in clients {
            live &= probe.verdict().is_ok()
                && matches!(timeout(Duration::from_secs(120), client).await, Ok(Ok(())));
        }
        // A last start shows whether what was answered is on disk.
        if self.blows > 0 {
            world.power_off(server);
            world.restart(server);
            sleep(ms(500)).await;
        }
        let broken = probe.broken().map(|(_, broken)| broken.clause);
        let counts = probe.ghost(|ghost| ghost.counts()).expect("the probe sees");
        let verdict = broken.is_none().then(|| spec::linearizable(&probe, Budget::default()));
        Seen { broken, verdict, counts, live, digest: 0 }
    }

    fn link(&self, loss: u64) -> LinkConfig {
        LinkConfig::with_latency(self.latency)
            .loss(Ratio::percent(loss))
            .duplicate(Ratio::percent(self.duplicate))
    }
}

async fn client(storm: Storm, probe: Probe, number: u64) {
    let backoff = Backoff { first: ms(20), most: ms(100) };
    let retry = Retry { reply: ms(100), backoff, patience: None };
    let bugs = storm.bugs;
    let clerk = Rc::new(Clerk::new("server:7000", client::Config { retry, bugs, probe: probe.clone() }));
    let lock = Lock::new(Rc::clone(&clerk), "lock", lock::Config { wait: backoff, bugs, probe });
    for round in 0..storm.rounds {
        if storm.workload == Workload::Lock {
            let grant = lock.acquire().await;
            sleep(ms(5)).await;
            lock.release(grant).await;
            continue;
        }
        let key = ["x", "y"][stormglass_sim::rand::below(2) as usize];
        let found = clerk.get(key).await.expect("it has all the patience");
        let observed = found.map_or(0, |found| found.version);
        let version = match stormglass_sim::rand::below(8) {
            0 => 0,
            1 if storm.workload == Workload::Invent => observed + 1,
            _ => observed,
        };
        _ = clerk.put(key, &format!("{number}.{round}"), version).await;
    }
}
