//! Deadlines that have passed, and those that never come.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::net::{Fate, Latency, LinkConfig, Rule, UdpSocket, rpc};
use stormglass_sim::schedule::{Dice, Event, Kind, Lateness, Strategy};
use stormglass_sim::time::{ClockFault, Instant, sleep, timeout};
use stormglass_sim::{Config, FindingKind, Schedule, Seed, Sim, World};

const SECOND: Duration = Duration::from_secs(1);

fn watch_time(world: World) {
    let latest = Cell::new(Duration::ZERO);
    world.watch("time goes on", move || {
        let (before, now) = (latest.replace(world.now()), world.now());
        if before <= now { Ok(()) } else { Err(format!("{now:?} after {before:?}")) }
    });
}

#[test]
fn a_deadline_moved_to_the_past_has_come_now() {
    Sim::new(Seed(1))
        .run(|world| async move {
            watch_time(world);
            let start = Instant::now();
            let mut long = std::pin::pin!(sleep(SECOND * 10));
            timeout(SECOND * 5, long.as_mut()).await.expect_err("it is long");
            long.as_mut().reset(start + SECOND * 2);
            sleep(SECOND).await;
            long.await;
            assert_eq!(world.now(), SECOND * 6);
        })
        .unwrap();
}

/// Timers are late by up to ten seconds.
struct LateTimers;

impl Strategy for LateTimers {
    fn choose(&mut self, enabled: &[Event], _: &mut Dice) -> usize {
        enabled.iter().position(|event| event.kind == Kind::Task).unwrap_or(enabled.len() - 1)
    }

    fn lateness(&self) -> Lateness {
        Lateness::AtMost(10_000_000_000)
    }
}

#[test]
fn a_late_timer_whose_clock_is_set_takes_no_time_back() {
    Sim::scheduled(Seed(1), Config::default(), Box::new(LateTimers))
        .run(|world| async move {
            watch_time(world);
            let late = world.node("late", || sleep(SECOND));
            sleep(SECOND * 3).await;
            world.skew(late, ClockFault::Offset(1));
            assert!(world.default_schedule());
            sleep(SECOND).await;
        })
        .unwrap();
}

#[derive(Serialize, Deserialize)]
struct Ask;

impl rpc::Request for Ask {
    type Reply = ();
    const NAME: &'static str = "Ask";
}

#[test]
fn who_waits_for_ever_is_stuck() {
    for schedule in Schedule::ALL {
        let config = Config { schedule, ..Config::default() };
        let timed = Sim::with(Seed(1), config.clone())
            .run(|_| async { timeout(Duration::MAX, pending::<()>()).await });
        assert_eq!(timed.findings[0].kind, FindingKind::Deadlock, "{schedule}");
        let called = Sim::with(Seed(1), config).run(|world| async move {
            world.node("silent", || async {
                let mut calls = rpc::listen::<Ask>("0.0.0.0:1").await?;
                let _kept = calls.next().await;
                pending::<std::io::Result<()>>().await
            });
            sleep(SECOND).await;
            rpc::call("silent:1", &Ask, Duration::MAX).await
        });
        assert_eq!(called.findings[0].kind, FindingKind::Deadlock, "{schedule}");
        assert!(called.now < SECOND * 2, "{schedule}: {:?}", called.now);
    }
}

#[test]
fn what_is_never_to_arrive_does_not() {
    let endless = LinkConfig::with_latency(Latency::Constant(Duration::MAX));
    let in_order = LinkConfig { fifo: true, ..endless.clone() };
    let ruled = (LinkConfig::default(), Some(Rule::new(Fate::Delay(Duration::MAX))));
    for (link, rule) in [(endless, None), (in_order, None), ruled] {
        for schedule in [Schedule::Random, Schedule::Walk] {
            let config = Config { schedule, link: link.clone(), ..Config::default() };
            let rule = rule.clone();
            let outcome = Sim::with(Seed(1), config).run(|world| async move {
                rule.map(|rule| world.rule(rule));
                world.node("sender", || async {
                    sleep(SECOND).await;
                    let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
                    socket.send_to(b"x", "world:1").await.expect("sent");
                });
                UdpSocket::bind("0.0.0.0:1").await.expect("a port").recv(&mut [0]).await
            });
            assert_eq!(outcome.findings[0].kind, FindingKind::Deadlock, "{schedule} {link:?}");
        }
    }
}
