//! The check against brute force: all small histories, random larger ones, and with faults planted in the check, each of
//! which must be noticed here.

use crate::histories::{self, Rng};
use crate::oracle::{explains, is_serial_order};
use std::collections::BTreeMap;
use stormglass_checker::Budget;
use stormglass_checker::transactions::{Fault, Level, Transaction, Verdict, check, check_with, jsonl};

/// How often each level held and did not.
type Tally = BTreeMap<Level, [usize; 2]>;

fn agree(history: &[Transaction], tally: &mut Tally) {
    for level in Level::ALL {
        let expected = explains(history, level);
        let verdict = check(history, level, Budget::default());
        assert!(!matches!(verdict, Verdict::Undecided { .. }), "{level}: {verdict:?} of\n{}", shown(history));
        assert_eq!(verdict.holds(), expected, "{level}: {verdict:#?} of\n{}", shown(history));
        tally.entry(level).or_default()[usize::from(expected)] += 1;
        check_answer(history, level, &verdict);
    }
}

fn shown(history: &[Transaction]) -> String {
    let mut lines = Vec::new();
    jsonl::write(&mut lines, history).unwrap();
    String::from_utf8(lines).unwrap()
}

/// An order must explain the history, and a cycle must be one.
fn check_answer(history: &[Transaction], level: Level, verdict: &Verdict) {
    if let Verdict::Holds { order } = verdict
        && level >= Level::Serializable
    {
        assert!(is_serial_order(history, level, order), "{level}: {order:?} of\n{}", shown(history));
    }
    for anomaly in verdict.anomalies() {
        assert!(level.forbids(anomaly.phenomenon, anomaly.beyond), "{level}: {anomaly:?}");
        let mut followers = anomaly.cycle.iter().cycle().skip(1);
        for step in &anomaly.cycle {
            assert_eq!(Some(step.to), followers.next().map(|next| next.from), "{anomaly:?}");
        }
        let mut met = anomaly.transactions.clone();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met.len(), anomaly.transactions.len(), "{anomaly:?}");
    }
}

/// Both verdicts must occur, each at least once in 20, or the comparison shows little.
fn both_occur(tally: &Tally) {
    println!("{tally:?}");
    for (level, [no, yes]) in tally {
        assert!(20 * yes > *no && 20 * no > *yes, "{level}: {yes} hold, {no} do not");
    }
}

#[test]
fn all_histories_of_two_transactions_over_lists() {
    let mut tally = Tally::new();
    histories::all(true, |history| agree(history, &mut tally));
    both_occur(&tally);
}

#[test]
fn all_histories_of_two_transactions_over_registers() {
    let mut tally = Tally::new();
    histories::all(false, |history| agree(history, &mut tally));
    both_occur(&tally);
}

fn random(lists: bool, seed: u64, count: usize) {
    let (mut rng, mut tally) = (Rng(seed), Tally::new());
    for at in 0..count {
        agree(&histories::random(&mut rng, lists, 3 + at % 3), &mut tally);
    }
    both_occur(&tally);
}

#[test]
fn random_histories_over_lists() {
    random(true, 1, 1500);
}

#[test]
fn random_histories_over_registers() {
    random(false, 2, 1500);
}

/// After how many random histories a faulty check is found to judge otherwise than brute force.
fn noticed_after(fault: Fault, most: usize) -> Option<usize> {
    let mut rng = Rng(3);
    (0..most).find(|at| {
        let history = histories::random(&mut rng, at % 2 == 0, 3 + at % 3);
        Level::ALL.into_iter().any(|level| {
            let verdict = check_with(&history, level, Budget::default(), fault);
            verdict.holds() != explains(&history, level)
        })
    })
}

#[test]
fn every_planted_fault_is_noticed() {
    let mut unnoticed = Vec::new();
    for fault in [
        Fault::AntiDependenciesForgotten,
        Fault::RealTimeForgotten,
        Fault::ProcessForgotten,
        Fault::ShorterTakenAsPrefix,
        Fault::UnobservedForgotten,
        Fault::UnknownTakenAsFailed,
        Fault::AbortedTakenAsCommitted,
        Fault::OpenIntervals,
        Fault::IntermediateTakenAsFinal,
        Fault::WriteConflictsIgnored,
        Fault::NeverBacksUp,
        Fault::InternalIgnored,
    ] {
        let by = noticed_after(fault, 4000);
        println!("{fault:?} is noticed after {by:?} histories");
        unnoticed.extend(by.is_none().then_some(fault));
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?} went unnoticed");
}
