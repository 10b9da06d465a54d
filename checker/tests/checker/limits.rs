//! Long, wide, costly and malformed histories, for the search alone: the polynomial paths know no such limits.

use std::time::Duration;
use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::queue::{self, Queue};
use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::{Budget, Model, Next, Operation, Paths, Verdict, Why, judge, judge_by, judge_on};

type Op = Operation<Input, Output>;

fn check(model: &Register, history: &[Op], budget: Budget) -> Verdict {
    judge_by(model, history, budget, Paths::SearchOnly).verdict
}

fn write(value: u64, call: u64, ret: u64) -> Op {
    Operation::completed(value, Input::write("x", &value.to_string()), call, Output::Done, ret)
}

fn read(value: u64, call: u64, ret: u64) -> Op {
    let output = Output::Value(Some(value.to_string().as_str().into()));
    Operation::completed(value, Input::read("x"), call, output, ret)
}

/// All of `width` writes at once, then reads at once. Without reads in between nothing fixes an order, and two
/// values cannot both be the last: refuting that takes every subset.
fn burst(width: u64, values_read: &[u64]) -> Vec<Op> {
    let mut history: Vec<Op> = (0..width).map(|value| write(value, 0, 10)).collect();
    history.extend(values_read.iter().map(|value| read(*value, 20, 30)));
    history
}

#[test]
fn more_in_flight_than_a_word_has_bits() {
    // Reads during the burst fix the order: write i, read i, write i + 1 …
    let mut history: Vec<Op> = (0..100).map(|value| write(value, 0, 1000)).collect();
    history.extend((0..100).map(|value| read(value, 10 * value, 10 * value + 1)));
    assert!(check(&Register, &history, Budget::default()).is_linearizable());
}

#[test]
fn what_is_too_wide_is_undecided() {
    let verdict = check(&Register, &burst(1100, &[1099]), Budget::default());
    assert_eq!(verdict, Verdict::Undecided { explored: 0, why: Why::TooWide { operations: 1100 } });
}

/// A thousand are in flight whenever another one returns.
#[test]
fn what_is_in_flight_is_listed_within_the_budget() {
    let mut history: Vec<Op> = (0..1000).map(|value| write(value, 0, 1_000_000)).collect();
    history.extend((1000..5000).map(|value| write(value, 10 * value, 10 * value + 1)));
    let undecided = Verdict::Undecided { explored: 0, why: Why::Memo };
    assert_eq!(check(&Register, &history, Budget { memo: 10_000, ..Budget::default() }), undecided);
    assert!(check(&Register, &history, Budget::default()).is_linearizable());
}

#[test]
fn a_budget_that_runs_out_is_no_pass() {
    let history = burst(20, &[1, 2]);
    let states = Budget { states: 1000, ..Budget::default() };
    assert_eq!(check(&Register, &history, states), Verdict::Undecided { explored: 1000, why: Why::States });
    let memo = Budget { memo: 1000, ..Budget::default() };
    assert!(
        matches!(check(&Register, &history, memo), Verdict::Undecided { why: Why::Memo, .. }),
        "{:?}",
        check(&Register, &history, memo)
    );
    let nothing = Budget { states: 0, memo: 0 };
    assert!(matches!(check(&Register, &history, nothing), Verdict::Undecided { .. }));
    assert!(check(&Register, &history[..12], Budget::default()).is_linearizable());
}

/// More than a word of operations at once cost more each, and the budget counts it.
#[test]
fn what_is_wide_costs_its_width() {
    let narrow = burst(14, &[1, 2]);
    let unwritten = Operation::completed(0, Input::read("x"), 0, Output::Value(None), 1000);
    let wide = [narrow.clone(), vec![unwritten; 65]].concat();
    let decides = |history: &[Op], states: u64| {
        let budget = Budget { states, ..Budget::default() };
        !matches!(check(&Register, history, budget), Verdict::Undecided { .. })
    };
    let enough = (4..24).map(|power| 1 << power).find(|states| decides(&narrow, *states)).unwrap();
    assert!(!decides(&wide, 2 * enough) && decides(&wide, 8 * enough), "{enough}");
}

/// A configuration of a wide search counts for five, so that a turn may hold four more than it was given.
#[test]
fn what_a_turn_oversteps_is_counted() {
    let unwritten = Operation::completed(0, Input::read("x"), 0, Output::Value(None), 10_000);
    let mut history = vec![unwritten; 65];
    history.extend((1..2000).map(|value| write(value, 4 * value, 4 * value + 1)));
    for memo in 4_090..4_110 {
        let verdict = check(&Register, &history, Budget { memo, ..Budget::default() });
        assert!(matches!(verdict, Verdict::Undecided { why: Why::Memo, .. }), "{memo}: {verdict:?}");
    }
    assert!(check(&Register, &history, Budget::default()).is_linearizable());
}

/// A key whose search would not end does not hide a violation of another.
#[test]
fn a_cheap_refutation_is_found_beside_a_costly_key() {
    let mut history = burst(40, &[1, 2]);
    history.push(Operation::completed(0, Input::read("y"), 0, Output::Value(Some("9".into())), 1));
    let verdict = check(&Register, &history, Budget { states: 100_000, ..Budget::default() });
    assert_eq!(verdict.counterexample().and_then(|found| found.key.as_deref()), Some("y"));
}

#[test]
fn a_return_before_the_call_is_malformed() {
    let history = [write(1, 0, 5), write(2, 7, 6)];
    let why = Why::Malformed { operation: 1 };
    assert_eq!(check(&Register, &history, Budget::default()), Verdict::Undecided { explored: 0, why });
}

#[test]
fn nothing_is_linearizable() {
    assert_eq!(check(&Register, &[], Budget::default()), Verdict::Linearizable { witness: Vec::new() });
}

/// One key, one operation after the other: the search forgets what lies behind a cut, so that a memo of a few
/// entries is enough however long the history.
#[test]
fn a_sequential_history_needs_no_memory() {
    let mut history: Vec<Op> = Vec::new();
    for round in 0..5_000 {
        history.push(write(round, 10 * round, 10 * round + 2));
        history.push(read(round, 10 * round + 3, 10 * round + 4));
    }
    let budget = Budget { memo: 2, ..Budget::default() };
    assert!(check(&Register, &history, budget).is_linearizable());
    history[9_001] = read(17, 45_003, 45_004);
    assert!(check(&Register, &history, budget).is_violation());
}

/// Keys of which some are hard, some easy and some wrong, judged with every budget on one thread and on several.
#[test]
fn the_judgement_does_not_depend_on_the_number_of_threads() {
    // Values occur twice, so that nothing but the search decides; at `late` one comes out that is not there.
    let key = |name: &str, width: u64, late: Option<u64>| {
        let mut history = Vec::new();
        for round in 0..6 {
            for client in 0..width {
                let value = format!("{}", (round + client) % 7);
                let taken = if late == Some(round) { "8".to_owned() } else { value.clone() };
                let (call, ret) = (100 * round, 100 * round + 40);
                let enqueue = queue::Input::Enqueue { key: name.into(), value: value.as_str().into() };
                history.push(Operation::completed(client, enqueue, call, queue::Output::Done, ret));
                let dequeue = queue::Input::Dequeue { key: name.into() };
                let taken = queue::Output::Taken(Some(taken.as_str().into()));
                history.push(Operation::completed(client, dequeue, call + 50, taken, ret + 50));
            }
        }
        history
    };
    let parts = [("a", 5, None), ("b", 3, None), ("c", 4, Some(4)), ("d", 2, Some(5)), ("e", 3, None)];
    let (mut wrong, mut undecided) = (0, 0);
    for wrong_too in [false, true] {
        let history: Vec<_> = parts
            .into_iter()
            .flat_map(|(name, width, late)| key(name, width, late.filter(|_| wrong_too)))
            .collect();
        for budget in [
            Budget { states: 300, ..Budget::default() },
            Budget { states: 3_000, ..Budget::default() },
            Budget { memo: 200, ..Budget::default() },
            Budget { memo: 3_000, ..Budget::default() },
            Budget::default(),
        ] {
            let alone = judge(&Queue, &history, budget);
            wrong += usize::from(alone.verdict.is_violation());
            undecided += usize::from(matches!(alone.verdict, Verdict::Undecided { .. }));
            for cores in [1, 3] {
                assert_eq!(judge_on(cores, &Queue, &history, budget), alone, "{cores} {budget:?}");
            }
        }
        assert_eq!(judge(&Queue, &history, Budget::default()).verdict.is_violation(), wrong_too);
    }
    assert!(wrong > 0 && undecided > 0, "{wrong} {undecided}");
}

fn map_op(
    client: u64,
    input: kv::Input,
    (call, output, ret): (u64, kv::Output, u64),
) -> Operation<kv::Input, kv::Output> {
    Operation::completed(client, input, call, output, ret)
}

/// Two clients append at the same times, in another order than the search tries first; others, of whom nobody hears, do
/// too; and a compare-and-set has failed, which each of them may be the reason of.
#[test]
fn what_nobody_saw_is_left_out_first() {
    let append = |value: String| kv::Input::append("x", &value);
    let mut history: Vec<_> = (0..12)
        .map(|client| Operation::pending(10 + client, append(format!("u{client},")), client))
        .collect();
    let mut order = String::new();
    for round in 0..8 {
        let (call, ret) = (100 + 10 * round, 109 + 10 * round);
        for client in 0..2 {
            history.push(map_op(client, append(format!("{client}.{round},")), (call, kv::Output::Done, ret)));
        }
        order.push_str(&format!("1.{round},0.{round},"));
    }
    let failed = (200, kv::Output::Swapped(false), 209);
    history.push(map_op(0, kv::Input::cas("x", Some("other"), "new"), failed));
    let seen = (210, kv::Output::Value(Some(order.as_str().into())), 219);
    history.push(map_op(0, kv::Input::get("x"), seen));
    let verdict = judge_by(&Kv::default(), &history, Budget::default(), Paths::SearchOnly).verdict;
    assert!(verdict.is_linearizable(), "{verdict:?}");
}

/// Of all that nobody saw, one is needed: without it the compare-and-set would not have failed.
#[test]
fn what_nobody_saw_may_be_the_reason() {
    let put = map_op(0, kv::Input::put("x", "a"), (0, kv::Output::Done, 9));
    let failed = map_op(0, kv::Input::cas("x", Some("a"), "b"), (20, kv::Output::Swapped(false), 29));
    let unseen = Operation::pending(1, kv::Input::append("x", "u"), 5);
    let holds = |history: &[Operation<kv::Input, kv::Output>]| {
        judge_by(&Kv::default(), history, Budget::default(), Paths::SearchOnly).verdict.is_linearizable()
    };
    assert!(holds(&[put.clone(), unseen, failed.clone()]));
    assert!(!holds(&[put, failed]));
}

/// A model that some keys are too much for.
struct Fragile;

impl Model for Fragile {
    type State = ();
    type Input = &'static str;
    type Output = ();

    fn init(&self) {}

    fn step(&self, (): &(), key: &&'static str, _: Option<&()>) -> Next<()> {
        assert_ne!(*key, "dear", "no step");
        Next::when(*key != "cheap", || ())
    }

    fn key<'a>(&self, key: &'a &'static str) -> Option<&'a str> {
        Some(key)
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a judge that waits for ever must not keep the tests waiting")]
fn a_model_that_panics_is_not_waited_for() {
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for keys in [["a", "dear", "e"], ["cheap", "dear", "e"]] {
            let history = keys.map(|key| Operation::completed(0, key, 0, (), 1));
            let judged = std::panic::catch_unwind(|| judge_on(2, &Fragile, &history, Budget::default()));
            told.send(judged.map(|judged| judged.verdict.is_violation()).ok()).unwrap();
        }
    });
    let next = || heard.recv_timeout(Duration::from_secs(60)).expect("the judge waits for ever");
    // One thread would have refuted the second before it came to what panics.
    assert_eq!([next(), next()], [None, Some(true)]);
}
