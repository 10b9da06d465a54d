//! Exactly once, in rough weather; and every planted bug caught.

use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::{Ratio, Seed, Sim};
use stormglass_systems::kvonce::bugs::{Bug, Bugs};
use stormglass_systems::kvonce::client::{self, Clerk};
use stormglass_systems::kvonce::server;
use stormglass_systems::kvonce::spec::{self, Budget, Probe};
use stormglass_systems::retry::{Backoff, Retry};

const CLIENTS: u64 = 4;
const APPENDS: u64 = 8;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Clients append to one key and read it; the clause that breaks, or whether the checker objects.
fn run(seed: u64, bugs: Bugs) -> Option<&'static str> {
    let outcome = Sim::new(Seed(seed)).run(|world| async move {
        let slow = Latency::TwoHumped {
            fast: (ms(1), ms(20)),
            slow: (ms(50), ms(400)),
            slow_share: Ratio::percent(10),
        };
        world.links(LinkConfig::with_latency(slow).loss(Ratio::percent(10)).duplicate(Ratio::percent(10)));
        let probe = Probe::new(move || world.now());
        let config = server::Config { bugs, probe: probe.clone(), ..server::Config::default() };
        world.node("server", move || server::run(config.clone()));
        let backoff = Backoff { first: ms(20), most: ms(100) };
        let retry = Retry { reply: ms(100), backoff, patience: None };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let node = world.node(&format!("client-{number}"), || async {});
                let config = client::Config { retry, probe: probe.clone() };
                world.spawn_on(node, async move {
                    let mut clerk = Clerk::new("server:7000", config);
                    if number == 0 {
                        clerk.get("other").await;
                        clerk.put("other", "x").await;
                    }
                    for round in 0..APPENDS {
                        clerk.append("k", &format!("({number}.{round})")).await;
                        if stormglass_sim::rand::below(3) == 0 {
                            clerk.get("k").await;
                        }
                    }
                    clerk.get("k").await
                })
            })
            .collect();
        let mut last = String::new();
        for client in clients {
            last = client.await.expect("a client that ends");
        }
        let judged = spec::linearizable(&probe, Budget::default()).is_linearizable();
        let broken = probe.broken().map(|(_, broken)| broken.clause);
        broken.or((!judged).then_some("linearizable")).ok_or(last)
    });
    match outcome.unwrap() {
        Ok(clause) => Some(clause),
        Err(last) => {
            assert_eq!(last.matches('(').count() as u64, last.matches(')').count() as u64);
            None
        }
    }
}

#[test]
fn every_append_happens_exactly_once() {
    for seed in 0..20 {
        assert_eq!(run(seed, Bugs::NONE), None, "seed {seed}");
    }
}

#[test]
fn every_bug_is_caught() {
    for &bug in Bug::ALL {
        let found = (0..60).find_map(|seed| run(seed, Bugs::only(bug)).map(|clause| (seed, clause)));
        let (seed, clause) = found.unwrap_or_else(|| panic!("{bug} was not caught"));
        assert_eq!(clause, bug.clause(), "{bug}, seed {seed}");
        println!("{bug}: {clause}, seed {seed}");
    }
}
