//! Typed calls over simulated streams: the same node code as over messages, and what breaks differently.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::rpc::{self, Error, Request};
use stormglass_sim::net::{Fate, Latency, LinkConfig, Rule};
use stormglass_sim::time::sleep;
use stormglass_sim::{Config, NodeId, Ratio, Seed, Sim, World, task};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Add(u64);
impl Request for Add {
    type Reply = u64;
    const NAME: &'static str = "Add";
}

#[derive(Serialize, Deserialize)]
struct Unserved;
impl Request for Unserved {
    type Reply = ();
    const NAME: &'static str = "Unserved";
}

fn config(rpc_over_streams: bool) -> Config {
    let link = LinkConfig::with_latency(Latency::Constant(Duration::from_millis(10)));
    Config { link, rpc_over_streams, ..Config::default() }
}

/// A server that adds up, outside of itself, and takes a second over it.
fn server(world: World, sum: &Rc<Cell<u64>>) -> NodeId {
    let sum = sum.clone();
    world.node("server", move || {
        let sum = sum.clone();
        async move {
            let mut server = rpc::Server::bind("0.0.0.0:7000").await?;
            server.on(move |_, Add(number): Add| {
                let sum = sum.clone();
                async move {
                    sum.set(sum.get() + number);
                    sleep(SECOND).await;
                    sum.get()
                }
            });
            server.serve().await
        }
    })
}

async fn add(number: u64) -> Result<u64, Error> {
    rpc::call("server:7000", &Add(number), SECOND * 5).await
}

#[test]
fn calls_share_a_connection_and_are_answered_each() {
    for over_streams in [true, false] {
        Sim::with(Seed(1), config(over_streams))
            .run(|world| async move {
                let sum = Rc::new(Cell::new(0));
                server(world, &sum);
                sleep(SECOND).await;
                let mut calls = task::JoinSet::new();
                for _ in 0..20 {
                    calls.spawn(add(1));
                }
                while let Some(reply) = calls.join_next().await {
                    assert_eq!(reply.expect("runs"), Ok(20));
                }
                let refused = rpc::call("server:7000", &Unserved, SECOND).await.expect_err("not served");
                assert!(refused.is_refused(), "{refused}");
                let kinds = world.counters().kinds;
                let messages = |kind: &str| kinds.get(kind).map_or(0, |tally| tally.messages);
                let expected = if over_streams { (1, 0) } else { (0, 20) };
                assert_eq!((messages("tcp syn"), messages("Add")), expected);
                assert_eq!(messages("tcp data") > 0, over_streams);
            })
            .unwrap();
    }
}

#[test]
fn a_call_under_a_crash_is_unknown_and_after_it_refused() {
    Sim::with(Seed(2), config(true))
        .run(|world| async move {
            let sum = Rc::new(Cell::new(0));
            let server = server(world, &sum);
            sleep(SECOND).await;
            let call = task::spawn(add(1));
            sleep(SECOND / 2).await;
            world.crash(server);
            let start = world.now();
            let unknown = call.await.expect("runs").expect_err("the reply never left");
            assert!(!unknown.is_refused() && sum.get() == 1, "it had its effect: {unknown}");
            assert!(world.now() - start < SECOND, "the reset tells at once");
            let refused = add(1).await.expect_err("nobody listens");
            assert!(refused.is_refused() && sum.get() == 1, "{refused}");
            world.restart(server);
            sleep(SECOND).await;
            assert_eq!(add(1).await, Ok(2), "on a new connection");
        })
        .unwrap();
}

#[test]
fn a_call_that_never_connects_is_refused_and_one_that_hangs_is_unknown() {
    Sim::with(Seed(3), config(true))
        .run(|world| async move {
            let sum = Rc::new(Cell::new(0));
            let server = server(world, &sum);
            sleep(SECOND).await;
            world.partition(&[NodeId::WORLD], &[server]);
            let start = world.now();
            let refused = add(1).await.expect_err("no connection");
            assert!(refused.is_refused() && world.now() - start == SECOND * 5, "{refused}");
            world.heal();
            assert_eq!(add(1).await, Ok(1));
            world.power_off(server);
            let start = world.now();
            let unknown = add(1).await.expect_err("half-open");
            assert!(!unknown.is_refused() && world.now() - start == SECOND * 5, "{unknown}");
        })
        .unwrap();
}

#[test]
fn a_lost_segment_delays_a_call_where_a_lost_message_ends_it() {
    let with = |over_streams, kind: &'static str| {
        Sim::with(Seed(4), config(over_streams))
            .run(|world| async move {
                let sum = Rc::new(Cell::new(0));
                server(world, &sum);
                sleep(SECOND).await;
                world.rule(Rule::new(Fate::Drop).kind(kind).first(1));
                let start = world.now();
                (add(7).await.ok(), world.now() - start)
            })
            .unwrap()
    };
    let (reply, took) = with(true, "tcp data");
    assert!(reply == Some(7) && took > SECOND + Duration::from_millis(200), "{took:?}");
    assert_eq!(with(false, "Add"), (None, SECOND * 5));
}

#[test]
fn calls_survive_short_reads_and_bad_links() {
    let link = LinkConfig { loss: Ratio::percent(5), reorder: Ratio::percent(20), ..LinkConfig::default() };
    let config = || Config { link: link.clone(), short_io: Ratio::percent(70), ..config(true) };
    let run = || {
        Sim::with(Seed(5), config()).run(|world| async move {
            let sum = Rc::new(Cell::new(0));
            server(world, &sum);
            sleep(SECOND).await;
            for number in 1..=50 {
                rpc::call("server:7000", &Add(1), SECOND * 300)
                    .await
                    .inspect(|reply| assert_eq!(*reply, number))
                    .expect("loss is delay");
            }
        })
    };
    let (one, two) = (run(), run());
    assert_eq!((one.digest, one.events), (two.digest, two.events));
    one.unwrap();
}
