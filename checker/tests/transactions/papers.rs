//! One history for each anomaly, most after the papers that named them, with the levels that it breaks.

use stormglass_checker::Budget;
use stormglass_checker::transactions::{Anomaly, Level, Op, Transaction, Verdict, Why, check};

/// Concurrent transactions, each of a client of its own.
fn concurrent(transactions: Vec<Vec<Op>>) -> Vec<Transaction> {
    let all = transactions.into_iter().enumerate();
    all.map(|(client, ops)| Transaction::ok(client as u64, 0, 100, ops)).collect()
}

/// One after the other, each of a client of its own.
fn in_turn(transactions: Vec<Vec<Op>>) -> Vec<Transaction> {
    let all = transactions.into_iter().enumerate();
    all.map(|(at, ops)| Transaction::ok(at as u64, 10 * at as u64, 10 * at as u64 + 5, ops)).collect()
}

/// Asserts which is the weakest level broken, that the stronger ones of its family are broken as well, and what the
/// gravest anomaly says.
fn breaks(history: &[Transaction], weakest: Level, stronger_that_hold: &[Level], said: &str) {
    for level in Level::ALL {
        let verdict = check(history, level, Budget::default());
        let holds = level < weakest || stronger_that_hold.contains(&level);
        assert_eq!(verdict.holds(), holds, "{level}: {verdict:#?}");
        if level == weakest {
            assert_eq!(verdict.anomalies()[0].to_string(), said);
        }
    }
}

#[test]
fn g0_dirty_write() {
    let history = concurrent(vec![
        vec![Op::append("x", 1), Op::append("y", 1)],
        vec![Op::append("x", 2), Op::append("y", 2)],
        vec![Op::list("x", [1, 2]), Op::list("y", [2, 1])],
    ]);
    let said =
        "G0: T0 appended 1 to x before T1 appended 2 to x; T1 appended 2 to y before T0 appended 1 to y";
    let reversed =
        "G0: T1 appended 2 to y before T0 appended 1 to y; T0 appended 1 to x before T1 appended 2 to x";
    let verdict = check(&history, Level::ReadCommitted, Budget::default());
    let first = verdict.anomalies()[0].to_string();
    breaks(&history, Level::ReadCommitted, &[], if first == reversed { reversed } else { said });
}

#[test]
fn g1a_aborted_read() {
    let mut history = concurrent(vec![vec![Op::append("x", 1)], vec![Op::list("x", [1])]]);
    history[0] = Transaction::failed(0, 0, 100, history[0].ops.clone());
    breaks(
        &history,
        Level::ReadCommitted,
        &[],
        "G1a: T1 read x = [1], but T0, which appended 1 to x, aborted",
    );
}

#[test]
fn g1b_intermediate_read() {
    let history = concurrent(vec![vec![Op::write("x", 1), Op::write("x", 2)], vec![Op::read("x", 1)]]);
    let said = "G1b: T1 read x = 1 although T0 wrote x = 1 and then wrote x = 2";
    breaks(&history, Level::ReadCommitted, &[], said);
}

#[test]
fn g1c_circular_information_flow() {
    let history = concurrent(vec![
        vec![Op::write("x", 1), Op::read("y", 2)],
        vec![Op::write("y", 2), Op::read("x", 1)],
    ]);
    let verdict = check(&history, Level::ReadCommitted, Budget::default());
    let anomaly = &verdict.anomalies()[0];
    assert_eq!(anomaly.name(), "G1c");
    let sentences = ["T0 wrote x = 1 before T1 read x = 1", "T1 wrote y = 2 before T0 read y = 2"];
    assert!(sentences.iter().all(|sentence| anomaly.sentence.contains(sentence)), "{anomaly}");
}

#[test]
fn g_single_read_skew() {
    let history = concurrent(vec![
        vec![Op::append("x", 1), Op::append("y", 1)],
        vec![Op::list("x", [1]), Op::list::<i64>("y", [])],
        vec![Op::list("y", [1])],
    ]);
    let said =
        "G-single: T0 appended 1 to x before T1 read x = [1]; T1 read y = [] before T0 appended 1 to y";
    breaks(&history, Level::SnapshotIsolation, &[], said);
}

/// Berenson et al. 1995, P4: both saw 1 and both replaced it.
#[test]
fn lost_update() {
    let history = concurrent(vec![
        vec![Op::write("x", 1)],
        vec![Op::read("x", 1), Op::write("x", 2)],
        vec![Op::read("x", 1), Op::write("x", 3)],
    ]);
    let said = "lost-update: T1 wrote x = 2 before T2 wrote x = 3; T2 read x = 1 before T1 wrote x = 2";
    breaks(&history, Level::SnapshotIsolation, &[], said);
}

/// Berenson et al. 1995, A5B: two accounts, each withdrawal saw the other untouched.
#[test]
fn write_skew() {
    let history = concurrent(vec![
        vec![Op::null("x"), Op::null("y"), Op::append("x", 1)],
        vec![Op::null("x"), Op::null("y"), Op::append("y", 2)],
        vec![Op::list("x", [1]), Op::list("y", [2])],
    ]);
    let said =
        "write-skew: T0 read y = null before T1 appended 2 to y; T1 read x = null before T0 appended 1 to x";
    breaks(&history, Level::Serializable, &[], said);
    assert!(check(&history, Level::StrongSnapshotIsolation, Budget::default()).holds());
}

/// Adya 1999, §4.3.2; Sovran et al. 2011: two readers disagree on which of two writes came first.
#[test]
fn long_fork() {
    let history = concurrent(vec![
        vec![Op::write("x", 1)],
        vec![Op::write("y", 2)],
        vec![Op::read("x", 1), Op::null("y")],
        vec![Op::null("x"), Op::read("y", 2)],
    ]);
    let verdict = check(&history, Level::SnapshotIsolation, Budget::default());
    assert_eq!(verdict.anomalies()[0].name(), "long-fork");
    assert_eq!(verdict.anomalies()[0].cycle.len(), 4);
    assert!(check(&history, Level::ReadCommitted, Budget::default()).holds());
}

/// Three on-call doctors, each sees the next one on duty and leaves.
#[test]
fn g2_item_in_a_ring_of_three() {
    let history = concurrent(vec![
        vec![Op::null("b"), Op::write("a", 1)],
        vec![Op::null("c"), Op::write("b", 1)],
        vec![Op::null("a"), Op::write("c", 1)],
    ]);
    let verdict = check(&history, Level::Serializable, Budget::default());
    assert_eq!(verdict.anomalies()[0].name(), "G2-item");
    assert_eq!(verdict.anomalies()[0].cycle.len(), 3);
    assert!(check(&history, Level::SnapshotIsolation, Budget::default()).holds());
}

#[test]
fn a_fork_through_an_overwrite_is_g_nonadjacent() {
    let history = concurrent(vec![
        vec![Op::append("x", 1)],
        vec![Op::append("x", 2), Op::append("y", 1)],
        vec![Op::list("y", [1]), Op::list::<i64>("z", [])],
        vec![Op::append("z", 1)],
        vec![Op::list("z", [1]), Op::list::<i64>("x", [])],
        vec![Op::list("x", [1, 2])],
    ]);
    let verdict = check(&history, Level::SnapshotIsolation, Budget::default());
    assert_eq!(verdict.anomalies()[0].name(), "G-nonadjacent", "{verdict:#?}");
}

#[test]
fn internal_and_non_repeatable_reads() {
    let own = concurrent(vec![vec![Op::append("x", 1), Op::list::<i64>("x", [])]]);
    let said = "internal: T0 read x = [], although it had itself appended 1 to x";
    breaks(&own, Level::ReadCommitted, &[], said);
    let own = concurrent(vec![vec![Op::write("x", 1), Op::read("x", "1")]]);
    let said = "internal: T0 read x = \"1\", although it had itself written x = 1";
    breaks(&own, Level::ReadCommitted, &[], said);
    let future = concurrent(vec![vec![Op::read("x", 1), Op::write("x", 1)]]);
    let said = "internal: T0 read x = 1, with its own 1, which it wrote only afterwards";
    breaks(&future, Level::ReadCommitted, &[], said);
    let twice = concurrent(vec![vec![Op::null("x"), Op::read("x", 1)], vec![Op::write("x", 1)]]);
    let said = "non-repeatable-read: T0 read x = null, and then it read x = 1, without what could explain the difference";
    breaks(&twice, Level::SnapshotIsolation, &[], said);
}

#[test]
fn lists_that_never_were() {
    let append =
        |values: &[i64]| values.iter().map(|value| vec![Op::append("x", *value)]).collect::<Vec<_>>();
    let garbage = concurrent([append(&[1]), vec![vec![Op::list("x", [1, 9])]]].concat());
    breaks(&garbage, Level::ReadCommitted, &[], "garbage-read: T1 read x = [1 9], but nobody wrote 9");
    let twice = concurrent([append(&[1]), vec![vec![Op::list("x", [1, 1])]]].concat());
    breaks(&twice, Level::ReadCommitted, &[], "duplicate-elements: T1 read x = [1 1], with 1 twice");
    let reads = vec![vec![Op::list("x", [1, 2])], vec![Op::list("x", [2, 1])]];
    let said =
        "incompatible-order: T3 read x = [2 1] and T2 read x = [1 2]: neither is a prefix of the other";
    breaks(&concurrent([append(&[1, 2]), reads].concat()), Level::ReadCommitted, &[], said);
    let torn = concurrent(vec![vec![Op::append("x", 1), Op::append("x", 2)], vec![Op::list("x", [2])]]);
    let said = "incompatible-order: T1 read x = [2], but T0 appended 1 to x before it appended 2 to x";
    breaks(&torn, Level::ReadCommitted, &[], said);
    let mut dirty = concurrent([append(&[1, 2]), vec![vec![Op::list("x", [1, 2])]]].concat());
    dirty[0] = Transaction::failed(0, 0, 100, dirty[0].ops.clone());
    let said = "dirty-update: T1 appended 2 to x behind 1, whose writer aborted";
    breaks(&dirty, Level::ReadCommitted, &[], said);
}

#[test]
fn stale_read_in_real_time() {
    let history =
        in_turn(vec![vec![Op::append("x", 1)], vec![Op::list::<i64>("x", [])], vec![Op::list("x", [1])]]);
    let verdict = check(&history, Level::StrictSerializable, Budget::default());
    assert_eq!(
        verdict.anomalies()[0].to_string(),
        "G-single-realtime: T0 returned at 5, before T1 was called at 10; T1 read x = [] before T0 appended 1 to x"
    );
    assert!(!check(&history, Level::StrongSnapshotIsolation, Budget::default()).holds());
    assert!(check(&history, Level::StrongSessionSerializable, Budget::default()).holds());
}

#[test]
fn stale_read_in_a_session() {
    let mut history = in_turn(vec![vec![Op::append("x", 1)], vec![Op::list::<i64>("x", [])]]);
    history.iter_mut().for_each(|transaction| transaction.client = 7);
    let verdict = check(&history, Level::StrongSessionSerializable, Budget::default());
    assert_eq!(
        verdict.anomalies()[0].to_string(),
        "G-single-process: c7 ran T0 before T1; T1 read x = [] before T0 appended 1 to x"
    );
    assert!(!check(&history, Level::StrongSessionSnapshotIsolation, Budget::default()).holds());
    assert!(check(&history, Level::Serializable, Budget::default()).holds());
}

/// Nothing shows the order of the two writes but the clock.
#[test]
fn overwritten_in_real_time() {
    let history = in_turn(vec![vec![Op::write("x", 1)], vec![Op::write("x", 2)], vec![Op::read("x", 1)]]);
    let verdict = check(&history, Level::StrictSerializable, Budget::default());
    let anomaly = &verdict.anomalies()[0];
    assert_eq!(anomaly.name(), "G-single-realtime");
    let inferred = "T2 read x = 1 before T1 wrote x = 2, since the opposite would close a cycle too";
    assert!(anomaly.sentence.contains(inferred), "{anomaly}");
    assert!(check(&history, Level::StrongSessionSerializable, Budget::default()).holds());
}

/// Who saw what a transaction of unknown outcome wrote makes it a committed one.
#[test]
fn unknown_outcomes() {
    let both = vec![Op::append("x", 1), Op::append("y", 1)];
    let reads = |x: &[i64], y: &[i64]| vec![Op::list("x", x.to_vec()), Op::list("y", y.to_vec())];
    for (x, y, holds) in [(&[][..], &[][..], true), (&[1], &[1], true), (&[1], &[], false)] {
        let history = [Transaction::unknown(0, 0, both.clone()), Transaction::ok(1, 10, 20, reads(x, y))];
        assert_eq!(
            check(&history, Level::StrictSerializable, Budget::default()).holds(),
            holds,
            "{x:?} {y:?}"
        );
    }
}

#[test]
fn rules_that_a_history_must_keep() {
    let why = |history: &[Transaction]| match check(history, Level::Serializable, Budget::default()) {
        Verdict::Undecided { why, .. } => why.to_string(),
        verdict => panic!("{verdict:?}"),
    };
    let one = |ops| Transaction::ok(0, 0, 10, ops);
    let other = |ops| Transaction::ok(1, 20, 30, ops);
    let write = || vec![Op::write("x", 1)];
    assert!(why(&[one(write()), other(write())]).starts_with("T0 and T1 both wrote 1 to x"));
    assert!(why(&[one(write()), other(vec![Op::append("x", 2)])]).starts_with("T1 uses x otherwise"));
    assert!(why(&[Transaction::ok(0, 10, 5, write())]).starts_with("T0 returned before it was called"));
    let open = Transaction { client: 1, ..one(vec![]) };
    assert!(
        why(&[open, Transaction { call: 5, ..other(write()) }]).starts_with("T0 and T1 of client 1 overlap")
    );
    let again = [
        Transaction::failed(0, 0, 10, write()),
        other(write()),
        Transaction::ok(2, 40, 50, vec![Op::read("x", 1)]),
    ];
    assert!(check(&again, Level::StrictSerializable, Budget::default()).holds());
}

#[test]
fn a_budget_that_runs_out_is_no_pass() {
    let mut history: Vec<Transaction> = Vec::new();
    for client in 0..12 {
        history.push(Transaction::ok(client, 0, 1000, vec![Op::write("x", client as i64)]));
    }
    for client in 12..24 {
        history.push(Transaction::ok(client, 0, 1000, vec![Op::read("x", client as i64 - 12)]));
    }
    let verdict = check(&history, Level::Serializable, Budget { states: 30, memo: 0 });
    assert!(matches!(verdict, Verdict::Undecided { why: Why::States, .. }), "{verdict:?}");
    assert!(check(&history, Level::Serializable, Budget::default()).holds());
}

/// Before the way from a write to another is looked for once more.
#[test]
fn what_is_inferred_is_paid_for() {
    let mut history = vec![Transaction::ok(0, 0, 10, vec![Op::write("x", 1), Op::write("y", 1)])];
    let read = |client, key, end| Transaction::ok(client, 0, end, vec![Op::read(key, 1)]);
    history.extend((1..200).map(|client| read(client, "y", 20)));
    history.push(Transaction::ok(200, 0, 30, vec![Op::write("x", 2)]));
    history.extend((201..400).map(|client| read(client, "x", 40)));
    let verdict = check(&history, Level::Serializable, Budget { states: 1000, memo: 0 });
    assert!(matches!(verdict, Verdict::Undecided { explored: 1000..2000, .. }), "{verdict:?}");
    assert!(check(&history, Level::Serializable, Budget::default()).holds());
}

/// Everybody read what everybody else wrote then, which is allowed, and makes it dear to look for the two that lost an
/// update.
#[test]
fn a_violation_has_a_cycle_in_any_tangle() {
    const MANY: i64 = 500;
    let mut history: Vec<Transaction> = (0..MANY)
        .map(|own| {
            let others = (0..MANY).filter(|key| *key != own).map(Op::null);
            Transaction::ok(own as u64, 0, 10, others.chain([Op::append(own, 1)]).collect())
        })
        .collect();
    assert!(check(&history, Level::SnapshotIsolation, Budget::default()).holds());
    for (at, value) in [(250, 1), (251, 2)] {
        history[at].ops.extend([Op::null("z"), Op::append("z", value)]);
    }
    history.push(Transaction::ok(MANY as u64, 20, 30, vec![Op::list("z", [1, 2])]));
    let verdict = check(&history, Level::SnapshotIsolation, Budget::default());
    assert_eq!(verdict.anomalies().iter().map(Anomaly::name).collect::<Vec<_>>(), ["lost-update"]);
    assert_eq!(verdict.anomalies()[0].transactions.iter().sum::<usize>(), 501);
}
