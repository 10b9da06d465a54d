//! `check` in a plain test: what a failure says, and how it is replayed.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stormglass::{Seeds, check};

fn message(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(test).expect_err("a failure").downcast::<String>().expect("a text")
}

#[test]
fn every_seed_is_run_once() {
    static SUM: AtomicU64 = AtomicU64::new(0);
    check(Seeds::range(3..7), |world| async move {
        stormglass::sim::time::sleep(Duration::from_secs(1)).await;
        SUM.fetch_add(u64::from(world.now() == Duration::from_secs(1)), Ordering::Relaxed);
    });
    assert_eq!(SUM.load(Ordering::Relaxed), 4);
}

#[test]
fn a_failure_names_its_seed_and_how_to_replay_it() {
    let failing = |seeds| {
        message(move || {
            check(seeds, |world| async move {
                let drawn = world.stream("test").below(8);
                assert!(drawn != 3, "drew {drawn}");
            });
        })
    };
    let text = failing(Seeds::range(0..1000));
    assert!(text.contains("PANIC") && text.contains("drew 3"), "{text}");
    let (_, seed) = text.split_once("Seeds::one(").unwrap();
    let seed = u64::from_str_radix(seed.trim_end_matches(')').trim_start_matches("0x"), 16).unwrap();
    assert!(text.starts_with(&format!("seed {seed}: ")), "{text}");
    assert!(text.contains(&format!("STORMGLASS_SEED={seed}")), "{text}");
    assert_eq!(failing(Seeds::one(seed)), text, "the same run again");
}

#[test]
fn a_stall_is_a_failure() {
    let text = message(|| check(Seeds::one(1), |_| std::future::pending()));
    assert!(text.contains("DEADLOCK") && !text.contains("ended with an error"), "{text}");
    let text = message(|| {
        check(Seeds::one(1), |world| async move {
            let server =
                world.node("server", || async { Err::<(), _>(std::io::Error::other("no such disk")) });
            stormglass_sim::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(world.errors().len(), 1);
            world.crash(server);
            world.restart(server);
            assert_eq!(world.errors().len(), 0);
            std::future::pending().await
        });
    });
    assert!(
        text.contains("server ended with an error at 1s and was not started again: no such disk"),
        "{text}"
    );
}
