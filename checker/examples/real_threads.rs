//! A history recorded from threads while they run, and judged afterwards.
//!
//! ```text
//! cargo run -p stormglass-checker --example real_threads
//! ```
//!
//! Every thread takes the time before it calls and after it got its answer, from one clock, and keeps its own
//! list: nothing is shared but the object under test. A time taken a little too early or too late makes an
//! interval longer, and a longer interval only permits more; so a violation is one, whatever the machine did.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use stormglass_checker::{Budget, Model, Next, Operation, Phrase, Verdict, check, draw};

/// A number that each call answers and adds one to.
struct FetchAndAdd;

impl Model for FetchAndAdd {
    type State = u64;
    type Input = ();
    type Output = u64;

    fn init(&self) -> u64 {
        0
    }

    fn step(&self, number: &u64, (): &(), seen: Option<&u64>) -> Next<u64> {
        Next::when(seen.is_none_or(|seen| seen == number), || number + 1)
    }

    fn describe(&self, (): &(), seen: Option<&u64>) -> Phrase {
        let rest = seen.map_or_else(String::new, |seen| format!("and saw {seen}"));
        Phrase { verb: "add", past: "added", rest }
    }
}

/// Lets `threads` threads call `add` `times` times each, and returns what they saw.
fn record(threads: u64, times: usize, add: impl Fn() -> u64 + Sync) -> Vec<Operation<(), u64>> {
    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real threads, real time")]
    let clock = std::time::Instant::now();
    let now = || u64::try_from(clock.elapsed().as_nanos()).expect("less than 584 years");
    let client = |client: u64| {
        let mut history = Vec::with_capacity(times);
        for _ in 0..times {
            let call = now();
            let seen = add();
            history.push(Operation::completed(client, (), call, seen, now()));
        }
        history
    };
    std::thread::scope(|scope| {
        let client = &client;
        let running: Vec<_> = (0..threads).map(|id| scope.spawn(move || client(id))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no client panics")).collect()
    })
}

fn judged(name: &str, history: &[Operation<(), u64>]) -> Verdict {
    let verdict = check(&FetchAndAdd, history, Budget::default());
    match verdict.counterexample() {
        Some(wrong) => println!("{name}: {}\n{}", wrong.sentence, draw(&FetchAndAdd, history, wrong, 100)),
        None => println!("{name}: {} operations, linearizable", history.len()),
    }
    verdict
}

pub(crate) fn main() {
    let number = AtomicU64::new(0);
    let right = record(4, 250, || number.fetch_add(1, Ordering::Relaxed));
    assert!(judged("fetch_add", &right).is_linearizable());

    // Two steps in place of one. The barrier lets both threads read before either writes, so that what happens
    // now and then happens now.
    let (number, both_read) = (AtomicU64::new(0), Barrier::new(2));
    let wrong = record(2, 1, || {
        let seen = number.load(Ordering::SeqCst);
        both_read.wait();
        number.store(seen + 1, Ordering::SeqCst);
        seen
    });
    assert!(judged("load, then store", &wrong).is_violation());
}
