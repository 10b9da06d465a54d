//! `always!`, `sometimes!`, `reachable!`, `unreachable!` and `buggify!`, in a world and outside.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_sim::{
    Config, Decision, FindingKind, Outcome, Overrides, Seed, Sim, Tally, always, buggify, reachable,
    sometimes, unreachable,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn outside_a_world_what_must_hold_panics_and_the_rest_does_nothing() {
    let message =
        |claim: fn()| *catch_unwind(claim).expect_err("panics").downcast::<String>().expect("a text");
    always!(true, "one is one");
    let said = message(|| {
        let balance = -3;
        always!(balance >= 0, "no overdraft", "the balance is {balance}");
    });
    assert!(said.starts_with("no overdraft: the balance is -3 (") && said.contains("macros.rs"), "{said}");
    let said = message(|| unreachable!("two leaders"));
    assert!(said.starts_with("two leaders ("), "{said}");
    sometimes!(true, "a retry");
    sometimes!(false, "a retry");
    reachable!("the slow path");
    assert!((0..1000).all(|_| !buggify!()));
    // What was said outside is not counted in the next world.
    assert_eq!(Sim::new(Seed(1)).run(|_| async {}).properties, BTreeMap::new());
}

/// A node that does this at second 3, and one that would notice if the run went on.
fn at_three(act: fn()) -> Outcome<()> {
    let later = Rc::new(Cell::new(false));
    let told = later.clone();
    let outcome = Sim::new(Seed(2)).run(|world| async move {
        world.node("bank", move || {
            let told = told.clone();
            async move {
                sleep(SECOND * 3).await;
                act();
                sleep(Duration::ZERO).await;
                drop(spawn(async move { told.set(true) }));
                sleep(SECOND).await;
            }
        });
        sleep(SECOND * 10).await;
    });
    assert_eq!(later.get(), outcome.holds(), "a finding ends the run with its step, and nothing else does");
    outcome
}

#[test]
fn a_property_that_fails_is_a_finding_with_node_time_and_place() {
    let failing: [(fn(), &str); 3] = [
        (|| always!(1 + 1 == 3, "sums are right"), "sums are right ("),
        (|| always!(1 > 2, "order", "{} is not above {}", 1, 2), "order: 1 is not above 2 ("),
        (|| unreachable!("the end of the world", "it is {}", "here"), "the end of the world: it is here ("),
    ];
    for (act, message) in failing {
        let outcome = at_three(act);
        assert_eq!((outcome.value, outcome.now, outcome.findings.len()), (None, SECOND * 3, 1));
        let finding = &outcome.findings[0];
        assert_eq!((finding.kind, finding.node.as_deref()), (FindingKind::Always, Some("bank")));
        assert_eq!(finding.at, SECOND * 3);
        assert!(finding.message.starts_with(message) && finding.message.contains("macros.rs"), "{finding}");
    }
    assert!(at_three(|| always!(true, "sums are right")).holds());
}

#[test]
fn properties_are_counted() {
    let outcome = Sim::new(Seed(3)).run(|world| async move {
        world.node("a", || async {
            for n in 0..10 {
                sometimes!(n % 4 == 0, "a fourth");
                sometimes!(false, "pigs fly");
                always!(n < 10, "small");
                if n > 7 {
                    reachable!("past seven");
                }
            }
        });
        sleep(SECOND).await;
        reachable!("past seven");
    });
    let tally = |looked, held| Tally { looked, held };
    let expected = [
        ("a fourth", tally(10, 3)),
        ("past seven", tally(3, 3)),
        ("pigs fly", tally(10, 0)),
        ("small", tally(10, 10)),
    ];
    let got = outcome.properties.iter().map(|(name, tally)| (name.as_str(), *tally));
    assert_eq!(got.collect::<Vec<_>>(), expected);
    let outcome = at_three(|| always!(false, "never"));
    assert_eq!(outcome.properties["never"], tally(1, 0), "also the one that fell");
}

/// How often each of sixteen places is asked in a run.
const ASKED: u64 = 20;

/// Asks sixteen places, each of them in every round.
fn places(config: Config, seed: u64) -> (Vec<[bool; 16]>, Vec<Decision>) {
    let config = Config { record_decisions: true, ..config };
    let outcome = Sim::with(Seed(seed), config).run(|_| async {
        let round = |_| {
            [
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
                buggify!(),
            ]
        };
        (0..ASKED).map(round).collect()
    });
    let decisions = outcome.decisions.expect("recorded");
    (outcome.value.expect("nothing is found"), decisions)
}

fn buggy() -> Config {
    Config { buggify: true, ..Config::default() }
}

/// Whether `count` of `of` is what chance `p` gives: within five standard deviations.
fn is_likely(count: u64, of: u64, p: f64) -> bool {
    let (of, deviation) = (of as f64, (of as f64 * p * (1.0 - p)).sqrt());
    (count as f64 - of * p).abs() <= 5.0 * deviation
}

#[test]
fn buggify_is_false_unless_the_world_enables_it() {
    for seed in 0..20 {
        let (rounds, decisions) = places(Config::default(), seed);
        assert!(rounds.iter().flatten().all(|fired| !fired) && decisions.is_empty());
    }
}

#[test]
fn a_seed_activates_a_quarter_of_the_places_and_an_active_one_fires_a_quarter_of_the_times() {
    const SEEDS: u64 = 1000;
    let (mut active_at, mut together) = ([0_u64; 16], 0_u64);
    let (mut draws, mut fires) = (0_u64, 0_u64);
    for seed in 0..SEEDS {
        let (rounds, decisions) = places(buggy(), seed);
        assert!(decisions.iter().all(|decision| decision.stream.ends_with("/buggify") && decision.calm == 0));
        let of = |kind: &'static str| decisions.iter().filter(move |decision| decision.kind == kind);
        // The places are asked in order, so the first sixteen answers are theirs in order.
        let active: Vec<bool> = of("active").map(|decision| decision.value == 1).collect();
        assert_eq!(active.len(), 16, "a place is active or not for the whole run");
        active.iter().zip(&mut active_at).for_each(|(active, count)| *count += u64::from(*active));
        together += u64::from(active[0] && active[1]);
        let asked = of("fires").count() as u64;
        assert_eq!(asked, ASKED * active.iter().filter(|active| **active).count() as u64);
        let fired = of("fires").filter(|decision| decision.value == 1).count();
        assert_eq!(fired, rounds.iter().flatten().filter(|fired| **fired).count(), "only active ones fire");
        draws += asked;
        fires += fired as u64;
    }
    for (place, count) in active_at.iter().enumerate() {
        assert!(is_likely(*count, SEEDS, 0.25), "place {place}: {count} of {SEEDS}");
    }
    assert!(is_likely(active_at.iter().sum(), SEEDS * 16, 0.25), "{active_at:?}");
    assert!(is_likely(together, SEEDS, 1.0 / 16.0), "two places are independent: {together}");
    assert!(is_likely(fires, draws, 0.25), "{fires} of {draws}");
    assert!(!is_likely(draws * 3 / 10, draws, 0.25), "thirty percent would be seen");
}

#[test]
fn buggify_repeats_and_its_calm_is_silence() {
    let wild = (0..).find(|seed| places(buggy(), *seed).0.iter().flatten().any(|fired| *fired)).expect("one");
    let (rounds, decisions) = places(buggy(), wild);
    assert_eq!((rounds, decisions.clone()), places(buggy(), wild));
    let mut overrides = Overrides::default();
    decisions.iter().for_each(|decision| overrides.calm(decision.stream.clone()));
    let (rounds, decisions) = places(Config { overrides, ..buggy() }, wild);
    assert!(rounds.iter().flatten().all(|fired| !fired));
    assert!(decisions.iter().all(|decision| decision.value == decision.calm));
}

#[test]
fn a_place_more_moves_no_other_stream() {
    let draws = |buggify| {
        let config = Config { buggify, ..Config::default() };
        Sim::with(Seed(4), config)
            .run(|world| async move {
                let workload = world.stream("workload");
                (0..100).map(|_| (buggify!(), workload.below(1000)).1).collect::<Vec<_>>()
            })
            .unwrap()
    };
    assert_eq!(draws(true), draws(false));
}

/// A place that moves: it is the first of its function that a run comes to.
#[expect(clippy::if_same_then_else, reason = "they stand in different places")]
fn place(moved: bool) -> bool {
    if moved { buggify!() } else { buggify!() }
}

#[test]
fn a_place_is_known_by_its_function_and_not_by_its_line() {
    let names = |visits: &'static [bool]| {
        let config = Config { record_decisions: true, ..buggy() };
        let outcome = Sim::with(Seed(5), config).run(move |_| async move {
            visits.iter().for_each(|moved| _ = place(*moved));
        });
        let active =
            outcome.decisions.expect("recorded").into_iter().filter(|decision| decision.kind == "active");
        active.map(|decision| (decision.stream, decision.value)).collect::<Vec<_>>()
    };
    assert_eq!(names(&[true, true]), names(&[false, false]));
    let both = names(&[true, false, true]);
    let streams: Vec<&str> = both.iter().map(|(stream, _)| stream.as_str()).collect();
    assert_eq!(streams, ["properties::macros::place#0/buggify", "properties::macros::place#1/buggify"]);
}

/// The name of a function leaves its closures and async blocks out: their places count with its own.
async fn inside_and_out() {
    buggify!();
    let within = || buggify!();
    within();
    async { buggify!() }.await;
}

#[test]
fn a_place_in_a_closure_is_another_place() {
    let config = Config { record_decisions: true, ..buggy() };
    let outcome = Sim::with(Seed(5), config).run(|_| inside_and_out());
    let decisions = outcome.decisions.expect("recorded").into_iter();
    let streams: Vec<String> = decisions.filter(|one| one.kind == "active").map(|one| one.stream).collect();
    let expected = [0, 1, 2].map(|nth| format!("properties::macros::inside_and_out#{nth}/buggify"));
    assert_eq!(streams, expected);
}

#[test]
fn what_no_run_comes_to_is_known_all_the_same() {
    let never = || {
        always!(true, "a claim that nobody looks at");
        sometimes!(true, "a case that nobody tries");
        reachable!("a line that nobody runs");
    };
    _ = never;
    let stated = stormglass_sim::property::stated();
    let here =
        |name: &str| stated.iter().any(|stated| stated.name == name && stated.module == module_path!());
    assert!(
        here("a claim that nobody looks at")
            && here("a case that nobody tries")
            && here("a line that nobody runs")
    );
    assert!(here("past seven") && !here("nobody states this"));
}
