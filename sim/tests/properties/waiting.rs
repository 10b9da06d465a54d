//! Sleeping, ticking, giving up in time, and waiting for several things at once.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use stormglass_sim::time::{
    Elapsed, Instant, Interval, MissedTickBehavior, Sleep, interval, interval_at, sleep, timeout, timeout_at,
};
use stormglass_sim::{FindingKind, Seed, Sim, real, select};

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

/// Runs `test` in a world that must end well.
fn in_a_world<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    Sim::new(Seed(1)).run(|_| test()).unwrap();
}

#[test]
fn an_interval_ticks_at_once_and_then_on_its_beat() {
    in_a_world(|| async {
        let start = Instant::now();
        let mut beat = interval(SECOND);
        for n in 0..5 {
            assert_eq!((beat.tick().await, Instant::now()), (start + SECOND * n, start + SECOND * n));
            sleep(SECOND / 3).await;
        }
        timeout(SECOND / 3, beat.tick()).await.expect_err("too early");
        assert_eq!(beat.tick().await, start + SECOND * 5, "a tick that was cancelled is not lost");
        sleep(SECOND / 2).await;
        beat.reset();
        assert_eq!(beat.tick().await, start + SECOND * 13 / 2);
        let mut late = interval_at(start + SECOND * 10, SECOND);
        assert_eq!((late.tick().await, late.period()), (start + SECOND * 10, SECOND));
    });
    let zero = Sim::new(Seed(1)).run(|_| async { interval(Duration::ZERO).period() });
    assert_eq!(zero.findings[0].kind, FindingKind::Panic);
}

#[test]
fn what_becomes_of_missed_ticks() {
    // Ticks at 0, then looks away until 3.5; when do the next five ticks come, in halves of a second?
    let ticks = |behavior| {
        let halves = async move {
            let start = Instant::now();
            let mut beat: Interval = interval(SECOND);
            beat.set_missed_tick_behavior(behavior);
            beat.tick().await;
            sleep(SECOND * 7 / 2).await;
            let mut halves = Vec::new();
            for _ in 0..5 {
                beat.tick().await;
                halves.push((Instant::now() - start).as_millis() / 500);
            }
            halves
        };
        Sim::new(Seed(1)).run(|_| halves).unwrap()
    };
    assert_eq!(ticks(MissedTickBehavior::Burst), [7, 7, 7, 8, 10]);
    assert_eq!(ticks(MissedTickBehavior::Delay), [7, 9, 11, 13, 15]);
    assert_eq!(ticks(MissedTickBehavior::Skip), [7, 8, 10, 12, 14]);
    assert_eq!(ticks(MissedTickBehavior::default()), ticks(MissedTickBehavior::Burst));
}

#[test]
fn at_equal_instants_the_future_wins() {
    in_a_world(|| async {
        for _ in 0..50 {
            assert_eq!(timeout(SECOND, sleep(SECOND)).await, Ok(()));
            assert_eq!(timeout_at(Instant::now() + SECOND, sleep(SECOND)).await, Ok(()));
            assert_eq!(timeout(SECOND, sleep(SECOND + NANO)).await, Err(Elapsed));
        }
        assert_eq!(timeout(Duration::ZERO, ready(7)).await, Ok(7));
        let start = Instant::now();
        assert_eq!(timeout(Duration::ZERO, pending::<()>()).await, Err(Elapsed));
        assert_eq!(timeout(SECOND, timeout(SECOND * 2, pending::<()>())).await, Err(Elapsed));
        assert_eq!(Instant::now() - start, SECOND);
        assert_eq!(std::io::Error::from(Elapsed).kind(), std::io::ErrorKind::TimedOut);
    });
}

#[test]
fn a_sleep_can_be_moved() {
    in_a_world(|| async {
        let start = Instant::now();
        let mut nap = pin!(sleep(SECOND));
        for (deadline, begun) in [(5, false), (2, true), (9, true), (3, true)] {
            if begun {
                timeout(Duration::ZERO, nap.as_mut()).await.expect_err("not yet");
            }
            nap.as_mut().reset(start + SECOND * deadline);
        }
        assert!(nap.deadline() == start + SECOND * 3 && !nap.is_elapsed());
        nap.as_mut().await;
        assert!(nap.is_elapsed());
        assert_eq!(Instant::now(), start + SECOND * 3);
        nap.as_mut().reset(start + SECOND * 4);
        nap.as_mut().await;
        assert_eq!(Instant::now(), start + SECOND * 4, "also after it was done");
        nap.as_mut().reset(start);
        nap.as_mut().await;
        assert_eq!(Instant::now(), start + SECOND * 4, "the past is now");
    });
}

/// Moves a sleep that is waited for, once, and does not look at it again before it wakes its task.
async fn moved_while_waiting(mut nap: Pin<&mut Sleep>, to: Instant) {
    let mut moved = false;
    poll_fn(|cx| {
        let poll = nap.as_mut().poll(cx);
        if poll.is_pending() && !std::mem::replace(&mut moved, true) {
            nap.as_mut().reset(to);
        }
        poll
    })
    .await;
}

#[test]
fn a_sleep_that_is_moved_still_wakes_who_waits_for_it() {
    const STEP: Duration = Duration::from_millis(20);
    let test = || async {
        for (first, then) in [(STEP, STEP * 2), (STEP * 100, STEP)] {
            let start = Instant::now();
            let nap = pin!(sleep(first));
            timeout(STEP * 50, moved_while_waiting(nap, start + then)).await.expect("wakes");
            let took = Instant::now() - start;
            assert!(took >= then && took < STEP * 25, "{took:?}");
        }
    };
    in_a_world(test);
    real::block_on(test()).expect("a runtime");
}

#[test]
fn a_disabled_branch_is_never_polled() {
    in_a_world(|| async {
        let polled = Rc::new(Cell::new(0));
        let counting = || {
            poll_fn(|_| {
                polled.set(polled.get() + 1);
                Poll::Ready(())
            })
        };
        for _ in 0..50 {
            select! {
                () = counting(), if false => panic!("disabled"),
                () = sleep(NANO) => {}
            }
            let got = select! {
                () = counting(), if polled.get() > 0 => 1,
                else => 2,
            };
            assert_eq!(got, 2);
        }
        assert_eq!(polled.get(), 0);
        select! { () = counting(), if true => {} }
        assert_eq!(polled.get(), 1);
    });
}

#[test]
fn an_output_that_does_not_fit_disables_its_branch_and_no_other() {
    in_a_world(|| async {
        let start = Instant::now();
        let got = select! {
            Some(x) = async { None::<u8> } => x,
            () = sleep(SECOND) => 9,
            else => 0,
        };
        assert_eq!((got, Instant::now() - start), (9, SECOND));
        let got = select! {
            Some(x) = async { None::<u8> } => x,
            Ok(x) = async { sleep(SECOND).await; Err::<u8, ()>(()) } => x,
            else => 0,
        };
        assert_eq!((got, Instant::now() - start), (0, SECOND * 2));
    });
    let outcome = Sim::new(Seed(1)).run(|_| async {
        select! { () = pending::<()>(), if false => {} }
    });
    assert_eq!(outcome.findings[0].kind, FindingKind::Panic);
    assert!(outcome.findings[0].message.contains("no else branch"), "{}", outcome.findings[0]);
}

#[test]
fn a_branch_that_loses_is_dropped_and_its_timer_with_it() {
    struct Dropped<'a>(&'a Cell<bool>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let outcome = Sim::new(Seed(1)).run(|world| async move {
        let dropped = Cell::new(false);
        let loser = async {
            let _guard = Dropped(&dropped);
            sleep(SECOND * 100).await;
        };
        select! {
            () = loser => panic!("slower"),
            () = sleep(SECOND) => assert!(dropped.get(), "before the branch's code runs"),
        }
        world.now()
    });
    assert_eq!(outcome.unwrap(), SECOND);
}

#[test]
fn the_code_of_a_branch_may_use_what_the_others_had_borrowed() {
    in_a_world(|| async {
        let (start, mut beat, mut heard) = (Instant::now(), interval(SECOND), Vec::new());
        let (sender, mut receiver) = stormglass_sim::sync::mpsc::channel(1);
        sender.send(7).await.expect("room");
        for _ in 0..2 {
            select! {
                biased;
                Some(n) = receiver.recv(), if heard.is_empty() => {
                    beat.reset();
                    heard.push((n, receiver.is_empty()));
                }
                tick = beat.tick() => heard.push((beat.period().as_secs(), tick == start + SECOND)),
            }
        }
        assert_eq!(heard, [(7, true), (1, true)]);
    });
}
