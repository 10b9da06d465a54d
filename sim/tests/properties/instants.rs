//! Deadlines that have passed.

use std::cell::Cell;
use std::time::Duration;

use stormglass_sim::schedule::{Dice, Event, Kind, Lateness, Strategy};
use stormglass_sim::time::{ClockFault, Instant, sleep, timeout};
use stormglass_sim::{Config, Seed, Sim, World};

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
