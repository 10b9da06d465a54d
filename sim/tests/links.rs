//! The laws of links, one test each, with the case in which the law does not bite.

use std::net::SocketAddr;
use std::time::Duration;

use stormglass_sim::net::{Bandwidth, Fate, Latency, LinkConfig, Rule, UdpSocket};
use stormglass_sim::time::{sleep, timeout};
use stormglass_sim::{Config, NodeId, Ratio, Seed, Sim, World};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn constant(latency: Duration) -> LinkConfig {
    LinkConfig::with_latency(Latency::Constant(latency))
}

/// The test sends, a node receives.
struct Wire {
    world: World,
    sender: UdpSocket,
    receiver: UdpSocket,
    sink: NodeId,
    address: SocketAddr,
}

impl Wire {
    async fn new(world: World) -> Wire {
        let sink = world.node("sink", std::future::pending::<()>);
        let bound = world.spawn_on(sink, UdpSocket::bind("0.0.0.0:9")).await;
        let receiver = bound.expect("runs").expect("the port is free");
        let sender = UdpSocket::bind("0.0.0.0:0").await.expect("a free port");
        let address = receiver.local_addr().expect("simulated");
        Wire { world, sender, receiver, sink, address }
    }

    async fn send(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.sender.send_to(&number.to_le_bytes(), self.address).await.expect("small enough");
        }
    }

    /// Everything that arrives within a minute, with when.
    async fn drain(&self) -> Vec<(u64, Duration)> {
        let mut arrived = Vec::new();
        let mut buffer = [0; 8];
        while let Ok(received) = timeout(Duration::from_secs(60), self.receiver.recv(&mut buffer)).await {
            assert_eq!(received.expect("open"), 8);
            arrived.push((u64::from_le_bytes(buffer), self.world.now()));
        }
        arrived
    }
}

/// Sends the numbers below `count` over a link and returns what arrives.
fn send_many(seed: u64, config: LinkConfig, count: u64) -> Vec<(u64, Duration)> {
    Sim::with(Seed(seed), Config { link: config, ..Config::default() })
        .run(|world| async move {
            let wire = Wire::new(world).await;
            wire.send(0..count).await;
            wire.drain().await
        })
        .unwrap()
}

fn numbers(arrived: &[(u64, Duration)]) -> Vec<u64> {
    arrived.iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_calm_link_delivers_all_in_order_after_its_latency() {
    let arrived = send_many(1, constant(ms(7)), 100);
    assert_eq!(numbers(&arrived), (0..100).collect::<Vec<_>>());
    assert!(arrived.iter().all(|(_, at)| *at == ms(7)));
}

#[test]
fn loss_takes_its_share_and_no_more() {
    let arrived = send_many(2, constant(ms(1)).loss(Ratio::percent(10)), 4000).len();
    // Expectation 3600, standard deviation 19: five of them.
    assert!((3505..=3695).contains(&arrived), "{arrived}");
    assert_eq!(send_many(2, constant(ms(1)), 4000).len(), 4000);
}

#[test]
fn duplicates_arrive_twice_and_are_otherwise_the_same() {
    let arrived = send_many(3, constant(ms(1)).duplicate(Ratio::percent(20)), 2000);
    assert!((2310..=2490).contains(&arrived.len()), "{}", arrived.len());
    let mut distinct = numbers(&arrived);
    distinct.dedup();
    assert_eq!(distinct, (0..2000).collect::<Vec<_>>());
}

#[test]
fn varying_latency_reorders_unless_the_link_is_fifo() {
    let varying = LinkConfig::with_latency(Latency::Uniform(ms(1), ms(10)));
    let sorted = |arrived: Vec<u64>| arrived.is_sorted();
    assert!(!sorted(numbers(&send_many(4, varying.clone(), 100))));
    assert!(sorted(numbers(&send_many(4, LinkConfig { fifo: true, ..varying }, 100))));
    let some = LinkConfig { fifo: true, reorder: Ratio::percent(10), ..constant(ms(5)) };
    assert!(!sorted(numbers(&send_many(4, some, 100))), "reorder overtakes even a fifo link");
}

#[test]
fn corruption_flips_one_bit() {
    let arrived = send_many(5, LinkConfig { corrupt: Ratio::ONE, ..constant(ms(1)) }, 64);
    assert!(arrived.iter().enumerate().all(|(sent, (got, _))| (sent as u64 ^ got).count_ones() == 1));
}

#[test]
fn bandwidth_spreads_messages_and_its_queue_overflows() {
    // 8 bytes a message, 1000 bytes a second: one message every 8 ms, at most 10 in the queue.
    let bandwidth = Some(Bandwidth { bytes_per_second: 1000, queue_bytes: 80 });
    let arrived = send_many(6, LinkConfig { bandwidth, ..constant(ms(1)) }, 50);
    let times: Vec<u128> = arrived.iter().map(|(_, at)| at.as_millis()).collect();
    assert_eq!(times, (1..=10).map(|n| n * 8 + 1).collect::<Vec<_>>());
}

#[test]
fn a_partition_cuts_what_is_in_flight_and_lets_later_messages_pass_once_healed() {
    let arrived = Sim::with(Seed(7), Config { link: constant(ms(10)), ..Config::default() })
        .run(|world| async move {
            let wire = Wire::new(world).await;
            wire.send(0..1).await;
            sleep(ms(5)).await;
            world.partition(&[NodeId::WORLD], &[wire.sink]);
            world.heal();
            wire.send(1..2).await;
            sleep(ms(20)).await;
            world.partition(&[NodeId::WORLD], &[wire.sink]); // message 1 has arrived: nothing is in flight
            wire.send(2..3).await; // cut at once
            wire.drain().await
        })
        .unwrap();
    assert_eq!(numbers(&arrived), [1]);
}

#[test]
fn partitions_may_be_one_way_and_need_not_be_transitive() {
    Sim::new(Seed(8))
        .run(|world| async move {
            let names = ["a", "b", "c"];
            let nodes = names.map(|name| world.node(name, std::future::pending::<()>));
            let mut sockets = Vec::new();
            for node in nodes {
                let bound = world.spawn_on(node, UdpSocket::bind("0.0.0.0:9")).await;
                sockets.push(std::rc::Rc::new(bound.expect("runs").expect("binds")));
            }
            let reaches = async |from: usize, to: usize| {
                let (sender, receiver) = (sockets[from].clone(), sockets[to].clone());
                let target = format!("{}:9", names[to]);
                let send = async move { sender.send_to(b"x", &target).await };
                world.spawn_on(nodes[from], send).await.expect("runs").expect("sends");
                timeout(ms(100), receiver.recv(&mut [0])).await.is_ok()
            };
            world.partition_one_way(&[nodes[0]], &[nodes[1]]);
            assert!(!reaches(0, 1).await, "a → b is cut");
            assert!(reaches(1, 0).await, "b → a is not");
            assert!(reaches(0, 2).await && reaches(2, 1).await, "a reaches b's neighbour c, and c reaches b");
        })
        .unwrap();
}

#[test]
fn a_held_link_keeps_messages_until_released_and_a_cut_loses_them() {
    let arrived = Sim::with(Seed(9), Config { link: constant(ms(1)), ..Config::default() })
        .run(|world| async move {
            let wire = Wire::new(world).await;
            world.hold(NodeId::WORLD, wire.sink);
            wire.send(0..5).await;
            sleep(ms(100)).await;
            world.release(NodeId::WORLD, wire.sink);
            let kept = wire.drain().await;
            world.hold(NodeId::WORLD, wire.sink);
            wire.send(5..10).await;
            sleep(ms(100)).await;
            world.partition(&[NodeId::WORLD], &[wire.sink]);
            world.heal();
            (kept, wire.drain().await)
        })
        .unwrap();
    assert_eq!(numbers(&arrived.0), [0, 1, 2, 3, 4]);
    assert!(arrived.0.iter().all(|(_, at)| *at == ms(100)));
    assert_eq!(arrived.1, []);
}

#[test]
fn rules_pick_their_messages() {
    let arrived = Sim::with(Seed(10), Config { link: constant(ms(1)), ..Config::default() })
        .run(|world| async move {
            let wire = Wire::new(world).await;
            let here = NodeId::WORLD;
            world.rule(Rule::new(Fate::Drop).from(here).to(wire.sink).kind("udp").nth(3));
            world.rule(Rule::new(Fate::Delay(ms(50))).matching(|message| message.payload[0] == 5));
            world.rule(Rule::new(Fate::Duplicate(2)).matching(|message| message.payload[0] == 7));
            world.rule(Rule::new(Fate::Drop).from(wire.sink)); // nothing comes from there
            let all = world.rule(Rule::new(Fate::Drop));
            world.remove_rule(all);
            wire.send(0..9).await;
            wire.drain().await
        })
        .unwrap();
    assert_eq!(numbers(&arrived), [0, 1, 3, 4, 6, 7, 7, 7, 8, 5]);
}

#[test]
fn links_are_counted() {
    Sim::new(Seed(11))
        .run(|world| async move {
            let wire = Wire::new(world).await;
            wire.send(0..17).await;
            wire.drain().await;
            world.partition(&[NodeId::WORLD], &[wire.sink]);
            wire.send(17..20).await;
            let counters = world.counters();
            let link = counters.links[&("world".to_owned(), "sink".to_owned())];
            assert_eq!((link.messages, link.bytes, link.delivered), (20, 160, 17));
            assert_eq!(counters.kinds["udp"], counters.total());
            assert_eq!(counters.to("sink").delivered, 17);
            assert_eq!(counters.from("sink").messages, 0);
        })
        .unwrap();
}

#[test]
fn addresses_and_ports_behave() {
    Sim::new(Seed(12))
        .run(|world| async move {
            let ip = "192.168.7.7".parse().expect("an address");
            let other = world.node_at("other", ip, std::future::pending::<()>);
            let bound = world.spawn_on(other, UdpSocket::bind("192.168.7.7:5")).await.expect("runs");
            let there = bound.expect("its own address");
            let here = UdpSocket::bind("0.0.0.0:5").await.expect("ports are the node's own");
            let taken = UdpSocket::bind("0.0.0.0:5").await.expect_err("taken");
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
            let foreign = UdpSocket::bind("192.168.7.7:6").await.expect_err("another node's");
            assert_eq!(foreign.kind(), std::io::ErrorKind::AddrNotAvailable);
            drop(here);
            let here = UdpSocket::bind("0.0.0.0:5").await.expect("free again");
            here.send_to(b"x", "other:5").await.expect("resolves");
            let (_, from) = there.recv_from(&mut [0]).await.expect("arrives");
            assert_eq!(from, here.local_addr().expect("simulated"));
            let unknown = here.send_to(b"x", "nobody:5").await.expect_err("no such name");
            assert!(unknown.to_string().contains("'nobody'"), "{unknown}");
        })
        .unwrap();
}
