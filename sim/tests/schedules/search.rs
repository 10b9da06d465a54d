use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::UdpSocket;
use stormglass_sim::schedule::search::{Search, explore};
use stormglass_sim::sync::Notify;
use stormglass_sim::task::{spawn, yield_now};
use stormglass_sim::time::sleep;
use stormglass_sim::{Config, Schedule, Seed, Sim, World};

async fn bound(port: u16) -> UdpSocket {
    UdpSocket::bind(("0.0.0.0", port)).await.expect("a port")
}

/// `senders` nodes send one datagram each to one receiver, which answers the world when it has heard them all. What the
/// receiver hears at each of its steps goes into `seen`.
async fn to_one(world: World, senders: u8, seen: Rc<RefCell<BTreeSet<Vec<u8>>>>) {
    let done = bound(1).await;
    world.node("receiver", move || {
        let seen = seen.clone();
        async move {
            let inbox = bound(1).await;
            let mut heard = Vec::new();
            for _ in 0..senders {
                let mut text = [0; 1];
                inbox.recv(&mut text).await.expect("heard");
                heard.push(text[0]);
            }
            seen.borrow_mut().insert(heard);
            inbox.send_to(b"!", "world:1").await.expect("sent");
        }
    });
    // It listens before anybody speaks.
    sleep(Duration::from_millis(1)).await;
    for sender in 0..senders {
        world.node(&format!("s{sender}"), move || async move {
            bound(1).await.send_to(&[sender], "receiver:1").await.expect("sent");
        });
    }
    done.recv(&mut [0; 1]).await.expect("told");
}

#[test]
fn as_many_orders_as_there_are() {
    for (senders, factorial) in [(1_u8, 1_u64), (2, 2), (3, 6), (4, 24)] {
        let seen: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
        let test = |world| to_one(world, senders, seen.clone());
        let (explored, wrong) = explore(Seed(0), &Config::default(), 100_000, test);
        assert!(explored.complete && wrong.is_none());
        assert_eq!(seen.borrow().len() as u64, factorial, "orders in which the receiver hears them");
        // Between two arrivals the receiver makes a step, or does not.
        assert_eq!(explored.schedules, factorial << (senders - 1), "{senders} senders: {explored:?}");
    }
}

/// Pairs that have nothing to do with each other.
async fn pairs(world: World, count: u8) {
    for pair in 0..count {
        world.node(&format!("r{pair}"), || async {
            bound(1).await.recv(&mut [0; 1]).await.expect("heard");
        });
    }
    sleep(Duration::from_millis(1)).await;
    for pair in 0..count {
        world.node(&format!("s{pair}"), move || async move {
            bound(1).await.send_to(b"x", format!("r{pair}:1")).await.expect("sent");
        });
    }
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn what_is_independent_has_one_order() {
    let (explored, _) = explore(Seed(0), &Config::default(), 1000, |world| pairs(world, 5));
    assert_eq!((explored.schedules, explored.redundant, explored.complete), (1, 0, true));
}

/// The same pairs, but each receiver notes when it has heard: the observer knows who was first.
async fn observed(world: World, count: u8, orders: Rc<RefCell<BTreeSet<Vec<u8>>>>) {
    let noted: Rc<RefCell<Vec<u8>>> = Rc::default();
    for pair in 0..count {
        let noted = noted.clone();
        world.node(&format!("r{pair}"), move || {
            let noted = noted.clone();
            async move {
                bound(1).await.recv(&mut [0; 1]).await.expect("heard");
                world.now();
                noted.borrow_mut().push(pair);
            }
        });
    }
    sleep(Duration::from_millis(1)).await;
    for pair in 0..count {
        world.node(&format!("s{pair}"), move || async move {
            bound(1).await.send_to(b"x", format!("r{pair}:1")).await.expect("sent");
        });
    }
    sleep(Duration::from_millis(1)).await;
    orders.borrow_mut().insert(noted.take());
}

#[test]
fn who_looks_at_the_clock_sees_every_order() {
    let orders: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
    let (explored, _) =
        explore(Seed(0), &Config::default(), 1000, |world| observed(world, 3, orders.clone()));
    assert_eq!((orders.borrow().len(), explored.schedules, explored.complete), (6, 6, true), "{explored:?}");
}

/// Wrong in one order of 24.
async fn one_order(world: World) {
    let seen: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
    to_one(world, 4, seen.clone()).await;
    assert!(!seen.borrow().contains(&vec![2, 0, 3, 1]), "the one order");
}

#[test]
fn the_one_order_is_found_and_can_be_had_again() {
    let (explored, wrong) = explore(Seed(0), &Config::default(), 100_000, one_order);
    let wrong = wrong.expect("it is found without luck");
    assert!(!explored.complete && explored.schedules <= 192, "{explored:?}");
    let config = Config { schedule: Schedule::Asynchronous, overrides: wrong.overrides, ..Config::default() };
    let again = Sim::with(Seed(0), config).run(one_order);
    assert_eq!(again.digest, wrong.outcome.digest);
    assert!(again.findings[0].message.contains("the one order"), "{:?}", again.findings);
}

#[test]
fn a_search_that_was_ended_is_not_complete() {
    let (explored, wrong) = explore(Seed(0), &Config::default(), 5, |world| to_one(world, 3, Rc::default()));
    assert!((explored.schedules, explored.complete, wrong.is_none()) == (5, false, true), "{explored:?}");
    assert!(Search::new(0).next_run().is_none());
}

/// One of two that are woken at once ends the node of the other.
async fn cut_off(world: World, seen: Rc<RefCell<BTreeSet<bool>>>) {
    let (go, done) = (Rc::new(Notify::new()), Rc::new(Cell::new(false)));
    let begins = go.clone();
    drop(spawn(async move {
        begins.notified().await;
        world.crash(world.id("n").expect("there"));
    }));
    // It always stands first in the row of those that wait.
    sleep(Duration::from_millis(1)).await;
    let (begins, does) = (go.clone(), done.clone());
    world.node("n", move || {
        let (begins, does) = (begins.clone(), does.clone());
        async move {
            begins.notified().await;
            does.set(true);
        }
    });
    sleep(Duration::from_millis(1)).await;
    go.notify_waiters();
    sleep(Duration::from_millis(1)).await;
    seen.borrow_mut().insert(done.get());
}

#[test]
fn what_something_else_prevents_is_tried_before_it() {
    let seen: Rc<RefCell<BTreeSet<bool>>> = Rc::default();
    let (explored, _) = explore(Seed(0), &Config::default(), 1000, |world| cut_off(world, seen.clone()));
    assert!(explored.complete && seen.borrow().len() == 2, "{:?}", seen.borrow());
}

/// Two nodes that each are in a critical section for two steps, each when it is told to.
async fn in_and_out(world: World) {
    let inside = Rc::new(Cell::new(0));
    let watched = inside.clone();
    world.watch("one at a time", move || if watched.get() <= 1 { Ok(()) } else { Err("both".into()) });
    for name in ["a", "b"] {
        let inside = inside.clone();
        world.node(name, move || {
            let inside = inside.clone();
            async move {
                bound(1).await.recv(&mut [0]).await.expect("heard");
                inside.set(inside.get() + 1);
                yield_now().await;
                inside.set(inside.get() - 1);
            }
        });
    }
    world.node("c", || async {
        let socket = bound(1).await;
        socket.recv(&mut [0]).await.expect("heard");
        socket.send_to(b"x", "b:1").await.expect("sent");
    });
    sleep(Duration::from_millis(1)).await;
    let socket = bound(1).await;
    for name in ["a:1", "c:1"] {
        socket.send_to(b"x", name).await.expect("sent");
    }
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn an_invariant_is_looked_at_in_every_order() {
    let (explored, wrong) = explore(Seed(0), &Config::default(), 100_000, in_and_out);
    let wrong = wrong.expect("c may be told before a goes on");
    assert_eq!(wrong.outcome.findings[0].message, "one at a time: both", "{explored:?}");
}

/// How many orders there are of two nodes that each do this in one step.
fn orders(config: Config, act: fn(World)) -> u64 {
    let both = |world: World| async move {
        for name in ["a", "b"] {
            world.node(name, move || async move {
                bound(1).await.recv(&mut [0]).await.expect("heard");
                act(world);
            });
        }
        sleep(Duration::from_millis(1)).await;
        for name in ["a:1", "b:1"] {
            bound(0).await.send_to(b"x", name).await.expect("sent");
        }
        sleep(Duration::from_millis(1)).await;
    };
    let (explored, _) = explore(Seed(1), &config, 1000, both);
    assert!(explored.complete);
    explored.schedules
}

#[test]
fn what_nodes_share_is_seen_in_every_order() {
    let calm = Config::default;
    assert_eq!(orders(calm(), |_| ()), 1);
    assert_eq!(orders(calm(), |world| assert!(world.stream("own").happens())), 1, "always the same");
    assert_eq!(orders(calm(), |world| assert!(world.stream("shared").below(9) < 9)), 2);
    assert_eq!(orders(calm(), |world| drop(world.counters())), 2);
    assert_eq!(orders(calm(), |world| assert!(world.is_up(world.id("a").expect("there")))), 2);
}

#[test]
fn a_search_whose_test_is_no_function_of_its_order_is_not_complete() {
    // As a std `HashMap` has another order in each run of a thread.
    let runs = Cell::new(0);
    let turned = |world: World| {
        let mut names = ["a", "b"];
        names.rotate_left(runs.replace(runs.get() + 1) % 2);
        async move {
            let done = bound(1).await;
            for name in ["a", "b"] {
                world.node(name, || async {
                    let inbox = bound(1).await;
                    inbox.recv(&mut [0]).await.expect("heard");
                    inbox.send_to(b"x", "world:1").await.expect("sent");
                });
            }
            sleep(Duration::from_millis(1)).await;
            world.node("sender", move || async move {
                for name in names {
                    bound(0).await.send_to(b"x", format!("{name}:1")).await.expect("sent");
                    yield_now().await;
                }
            });
            for _ in 0..2 {
                done.recv(&mut [0]).await.expect("told");
            }
        }
    };
    let (explored, wrong) = explore(Seed(0), &Config::default(), 100_000, turned);
    assert!(!explored.complete && wrong.is_none(), "{explored:?}");
}
