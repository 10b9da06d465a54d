use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig, UdpSocket};
use stormglass_sim::schedule::{Dice, Event, Lateness, Strategy};
use stormglass_sim::time::{Instant, interval, sleep};
use stormglass_sim::{Config, Decision, Overrides, Schedule, Seed, Sim, World, rand};

const MS: Duration = Duration::from_millis(1);

/// All that have a strategy and a lateness of their own.
fn strategies() -> impl Iterator<Item = Schedule> {
    let plain = [Schedule::Fifo, Schedule::Random, Schedule::Asynchronous];
    Schedule::ALL.into_iter().filter(move |schedule| !plain.contains(schedule))
}

fn steady() -> LinkConfig {
    LinkConfig::with_latency(Latency::Constant(MS))
}

async fn send(to: &str, text: &[u8]) {
    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a port");
    socket.send_to(text, to).await.expect("sent");
}

/// `a` tells `b`, which tells the world, and a little later the world itself, which hears `a` first unless a link is slow.
async fn relay(world: World) {
    let inbox = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
    world.node("b", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
        let mut text = [0; 8];
        let length = socket.recv(&mut text).await.expect("heard");
        send("world:1", &text[..length]).await;
    });
    world.node("a", || async {
        sleep(MS).await;
        send("b:1", b"b").await;
        sleep(MS / 2).await;
        send("world:1", b"a").await;
    });
    let mut text = [0; 8];
    inbox.recv(&mut text).await.expect("heard");
    assert_eq!(text[0], b'a', "the news came before the event");
}

/// Nodes that gossip, over links of many kinds.
async fn gossip(world: World) -> u64 {
    let name = |n: u64| format!("n{n}");
    for me in 0..3_u64 {
        world.node(&name(me), move || async move {
            let socket = std::rc::Rc::new(UdpSocket::bind("0.0.0.0:1").await.expect("a port"));
            let receiver = socket.clone();
            drop(stormglass_sim::task::spawn(async move {
                let mut buffer = [0; 8];
                while receiver.recv(&mut buffer).await.is_ok() {
                    rand::below(9);
                }
            }));
            let mut ticks = interval(MS * 3);
            loop {
                ticks.tick().await;
                let peer = (me + 1 + rand::below(2)) % 3;
                let told = rand::random_u64().to_le_bytes();
                socket.send_to(&told, format!("n{peer}:1")).await.expect("sent");
            }
        });
    }
    sleep(MS * 100).await;
    let crashed = world.id("n1").expect("there");
    world.crash(crashed);
    sleep(MS * 50).await;
    world.restart(crashed);
    sleep(MS * 50).await;
    world.stream("end").next_u64()
}

fn config(schedule: Schedule) -> Config {
    Config { schedule, record_decisions: true, ..Config::default() }
}

#[test]
fn every_strategy_finds_what_needs_a_late_message_and_time_order_never_does() {
    let fails = |seed, schedule| {
        let config = Config { schedule, link: steady(), ..Config::default() };
        !Sim::with(Seed(seed), config).run(relay).holds()
    };
    for schedule in [Schedule::Fifo, Schedule::Random] {
        assert!((0..200).all(|seed| !fails(seed, schedule)), "{schedule}");
    }
    for schedule in strategies() {
        let found = (0..200).filter(|seed| fails(*seed, schedule)).count();
        assert!((1..200).contains(&found), "{schedule}: {found} of 200 seeds");
    }
}

#[test]
fn a_run_under_a_strategy_is_its_seeds() {
    for schedule in strategies() {
        let run = |seed| Sim::with(Seed(seed), config(schedule)).run(gossip);
        let (one, two, other) = (run(1), run(1), run(2));
        assert!(one.holds() && one.events > 100, "{schedule}: {:?}", one.findings);
        assert_eq!((one.digest, &one.decisions), (two.digest, &two.decisions), "{schedule}");
        assert_ne!(one.digest, other.digest, "{schedule}");
    }
}

#[test]
fn what_was_chosen_are_decisions_that_make_the_run_again() {
    for schedule in strategies() {
        let one = Sim::with(Seed(3), config(schedule)).run(gossip);
        let mut overrides = Overrides::default();
        let decisions = one.decisions.expect("recorded");
        let chosen = |decision: &&Decision| decision.stream == "world/schedule";
        for decision in decisions.iter().filter(chosen) {
            overrides.set("world/schedule", decision.index, decision.value);
        }
        assert!(decisions.iter().any(|made| made.kind == "event" && made.value != made.calm), "{schedule}");
        // Whatever strategy there is: they are what makes the order.
        let again = Sim::with(Seed(3), Config { overrides, ..config(Schedule::Walk) }).run(gossip);
        assert_eq!(one.digest, again.digest, "{schedule}");
    }
}

#[test]
fn a_calm_strategy_is_fifo() {
    let mut overrides = Overrides::default();
    overrides.calm("world/schedule");
    for seed in 0..5 {
        let fifo = Sim::with(Seed(seed), config(Schedule::Fifo)).run(gossip);
        for schedule in strategies() {
            let config = Config { overrides: overrides.clone(), ..config(schedule) };
            let calm = Sim::with(Seed(seed), config).run(gossip);
            assert_eq!((calm.digest, calm.events), (fifo.digest, fifo.events), "{schedule}");
        }
    }
}

/// Always the last in line: the worst that can be.
struct Last(u64);

impl Strategy for Last {
    fn choose(&mut self, enabled: &[Event], _: &mut Dice) -> usize {
        enabled.len() - 1
    }

    fn lateness(&self) -> Lateness {
        Lateness::AtMost(self.0)
    }
}

#[test]
fn nothing_is_early_and_nothing_later_than_the_lateness() {
    let late = |lateness: Duration| {
        let strategy = Box::new(Last(lateness.as_nanos() as u64));
        let outcome = Sim::scheduled(Seed(0), Config::default(), strategy).run(|world| async move {
            let latest = std::rc::Rc::new(std::cell::Cell::new(Duration::ZERO));
            let noted = latest.clone();
            world.node("slow", move || {
                let noted = noted.clone();
                async move {
                    loop {
                        let start = Instant::now();
                        sleep(MS / 10).await;
                        let slept = start.elapsed();
                        assert!(slept >= MS / 10, "{slept:?}");
                        noted.set(noted.get().max(slept - MS / 10));
                    }
                }
            });
            for _ in 0..100 {
                sleep(MS).await;
            }
            latest.get()
        });
        outcome.unwrap()
    };
    assert_eq!(late(Duration::ZERO), Duration::ZERO);
    // The timer, and then the step of its task.
    let latest = late(MS * 5);
    assert!(latest > MS * 4 && latest <= MS * 10, "{latest:?}");
}

#[test]
fn a_link_in_order_stays_in_order() {
    let link = LinkConfig { fifo: true, ..steady() };
    for (seed, schedule) in (0..20).flat_map(|seed| strategies().map(move |schedule| (seed, schedule))) {
        let config = Config { schedule, link: link.clone(), ..Config::default() };
        Sim::with(Seed(seed), config)
            .run(|world| async move {
                let inbox = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
                world.node("a", || async {
                    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a port");
                    for n in 0..10_u8 {
                        socket.send_to(&[n], "world:1").await.expect("sent");
                    }
                });
                let mut text = [0; 1];
                for n in 0..10_u8 {
                    inbox.recv(&mut text).await.expect("heard");
                    assert_eq!(text[0], n);
                }
            })
            .unwrap();
    }
}

#[test]
fn a_strategy_hands_over() {
    for schedule in strategies() {
        let outcome = Sim::with(Seed(1), config(schedule)).run(|world| async move {
            gossip(world).await;
            let ruled = (world.default_schedule(), world.default_schedule());
            world.stream("mark").next_u64();
            let start = world.now();
            sleep(MS * 100).await;
            (ruled, world.now() - start)
        });
        let decisions = outcome.decisions.clone().expect("recorded");
        let (ruled, slept) = outcome.unwrap();
        assert_eq!((ruled, slept), ((true, false), MS * 100), "{schedule}");
        let last = decisions.iter().rposition(|decision| decision.kind == "event").expect("it chose");
        let mark = decisions.iter().position(|decision| decision.stream == "mark").expect("drawn");
        assert!(last < mark, "{schedule}");
    }
}

#[test]
fn an_end_is_the_end_whoever_rules() {
    for schedule in strategies().chain([Schedule::Random]) {
        let config = Config { schedule, ends_at: Some(MS * 30), ..Config::default() };
        let ticks = Rc::new(Cell::new(0));
        let counted = ticks.clone();
        let outcome = Sim::with(Seed(1), config).run(|_| async move {
            loop {
                sleep(MS / 2).await;
                counted.set(counted.get() + 1);
            }
        });
        assert!(outcome.holds() && outcome.value.is_none(), "{schedule}: {:?}", outcome.findings);
        assert!((1..=60).contains(&ticks.get()), "{schedule}: {} ticks of half a millisecond", ticks.get());
    }
}

#[test]
fn a_limit_of_time_is_judged_under_a_fair_schedule() {
    let mut late = 0;
    for (seed, schedule) in (0..20).flat_map(|seed| strategies().map(move |schedule| (seed, schedule))) {
        let config = Config { schedule, link: steady(), max_time: Some(MS * 30), ..Config::default() };
        let outcome = Sim::with(Seed(seed), config).run(|world| async move {
            let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
            world.node("echo", || async {
                let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
                while let Ok((_, from)) = socket.recv_from(&mut [0]).await {
                    socket.send_to(&[0], from).await.expect("sent");
                }
            });
            let ticks = world.node("ticks", || async {
                let mut ticks = interval(MS / 2);
                loop {
                    ticks.tick().await;
                }
            });
            sleep(MS).await;
            for _ in 0..10 {
                while stormglass_sim::time::timeout(MS * 3, async {
                    socket.send_to(&[0], "echo:1").await.expect("sent");
                    socket.recv(&mut [0]).await
                })
                .await
                .is_err()
                {}
            }
            assert!(world.is_up(ticks));
        });
        assert!(outcome.holds(), "{schedule} {seed}: {:?}", outcome.findings);
        late += u32::from(outcome.now > MS * 30);
    }
    assert!(late > 5, "some were late: {late}");
}

#[test]
fn who_gives_way_is_not_preferred_for_ever() {
    for (seed, schedule) in (0..10).flat_map(|seed| strategies().map(move |schedule| (seed, schedule))) {
        let config = Config { schedule, max_events: Some(100_000), ..Config::default() };
        let outcome = Sim::with(Seed(seed), config).run(|world| async move {
            let flag = std::rc::Rc::new(std::cell::Cell::new(false));
            let set = flag.clone();
            world.node("sets", move || {
                let set = set.clone();
                async move { set.set(true) }
            });
            while !flag.get() {
                stormglass_sim::task::yield_now().await;
            }
        });
        assert!(outcome.holds(), "{schedule}: {:?}", outcome.findings);
    }
}
