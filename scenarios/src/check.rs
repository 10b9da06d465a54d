//! A closure over many seeds, in a plain `#[test]`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use stormglass_sim::{Config, Seed, Sim, World, guard};

use crate::outcome::{Outcome, Verdict};
use crate::report::headline;
use crate::run;
use crate::seeds::{Seeds, VARIABLE};

/// Virtual time after which a test that has not ended has failed.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs `test` once for each seed, each in a world and on a thread of its own.
///
/// ```
/// use stormglass::{Seeds, check};
///
/// check(Seeds::range(0..20), |world| async move {
///     let stream = world.stream("test");
///     assert!(stream.below(6) < 6);
/// });
/// ```
///
/// # Panics
/// With the first seed in which a node or the test itself panics, a property or an invariant falls, or nothing can
/// happen any more. The message says how to have that run again: with the variable `STORMGLASS_SEED`, or
/// with [`Seeds::one`].
#[track_caller]
pub fn check<F, T>(seeds: Seeds, test: F)
where
    F: Fn(World) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + 'static,
{
    let test = Arc::new(test);
    for seed in seeds.or_from_environment().iter() {
        let test = test.clone();
        let outcome = guard::on_fresh_thread(seed.0, run::STACK, move || once(seed, |world| test(world)));
        if outcome.verdict != Verdict::Holds {
            panic!("{}", told(&outcome));
        }
    }
}

fn once<T: Future<Output = ()> + 'static>(seed: Seed, test: impl FnOnce(World) -> T) -> Outcome {
    let config = Config { max_time: Some(LIMIT), buggify: true, ..Config::default() };
    let ran = Sim::with(seed, config).run(test);
    run::outcome("", seed.0, None, &ran)
}

fn told(outcome: &Outcome) -> String {
    let name = std::thread::current().name().map_or_else(String::new, |name| format!(" cargo test {name}"));
    let witness = outcome.fall.as_ref().map_or("", |fall| &fall.witness);
    let seed = outcome.seed;
    format!(
        "seed {seed}: {}\n  {witness}\n  replay:  {VARIABLE}={seed}{name}    or Seeds::one({seed:#x})",
        headline(outcome)
    )
}
