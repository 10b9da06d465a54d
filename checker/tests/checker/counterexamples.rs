//! What a counterexample says must be true, and no smaller one must be.

use crate::cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Locks, Maps, PriorityQueues, Queues, Registers,
    Sets, Stacks, VersionedMaps,
};
use crate::distinct::{
    Appends, DistinctMaps, DistinctQueues, DistinctRegisters, DistinctStacks, DistinctSwaps, Versions,
};
use crate::histories;
use crate::many::DistinctLists;
use crate::oracle::{OperationOf, forget_all_but, is_witness, linearizable};
use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::{Budget, Clock, Model, Operation, check, draw, tell};

/// Holds a counterexample against brute force; `false` if the history is linearizable.
fn examine<C: Case>(history: &[OperationOf<C>]) -> bool {
    let model = C::model();
    let verdict = check(&model, history, Budget::default());
    let Some(found) = verdict.counterexample() else { return false };
    let context = || format!("{}: {found:#?}\n{history:#?}", C::NAME);

    // These replies alone are wrong, with the other operations unknown and without them.
    assert!(!linearizable::<C>(&forget_all_but::<C>(history, &found.operations)), "{}", context());
    let alone: Vec<_> = found.operations.iter().map(|at| history[*at].clone()).collect();
    assert!(!linearizable::<C>(&alone), "{}", context());
    // And every one of them is needed.
    assert!(found.minimal, "{}", context());
    for without in &found.operations {
        let fewer: Vec<usize> = found.operations.iter().copied().filter(|at| at != without).collect();
        assert!(linearizable::<C>(&forget_all_but::<C>(history, &fewer)), "{without} of {}", context());
    }

    // All of one key, in the order of calls, the culprit among them.
    let keyed = |at: &usize| model.key(&history[*at].input) == found.key.as_deref();
    assert!(found.operations.iter().chain(&found.explained).chain(&found.candidates).all(keyed));
    assert!(found.operations.is_sorted_by_key(|at| history[*at].call), "{}", context());
    assert!(found.operations.contains(&found.culprit), "{}", context());
    let is_core = found.operations.len() == history.len();
    let is_stuck = !found.explained.contains(&found.culprit) && found.candidates.contains(&found.culprit);
    assert!(!is_core || is_stuck, "{}", context());

    // The prefix is explained, and none of the candidates can follow it.
    let prefix: Vec<_> = found.explained.iter().map(|at| history[*at].clone()).collect();
    let order: Vec<usize> = (0..prefix.len()).collect();
    assert!(is_witness::<C>(&prefix, &order), "{}", context());
    assert!(!found.candidates.is_empty(), "{}", context());
    for candidate in &found.candidates {
        let longer = [prefix.clone(), vec![history[*candidate].clone()]].concat();
        let order: Vec<usize> = (0..longer.len()).collect();
        let nondeterministic = C::NAME.starts_with("versioned-kv") || C::NAME == "priority-queue";
        assert!(nondeterministic || !is_witness::<C>(&longer, &order), "{candidate} of {}", context());
    }
    assert_eq!(found.sentence.lines().count(), 2, "{}", context());
    true
}

fn examine_random<C: Case>(seed: u64) {
    let mut rng = histories::Rng(seed);
    let draw = [histories::random::<C>, histories::distinct::<C>];
    let mut history = |at: u64| draw[at as usize % 2](&mut rng, 3 + at % 4);
    let wrong = (0..1500).filter(|at| examine::<C>(&history(*at))).count();
    assert!(wrong > 100, "{}: only {wrong} wrong histories", C::NAME);
}

#[test]
fn counterexamples_are_true_and_minimal() {
    examine_random::<Registers>(11);
    examine_random::<CasRegisters>(12);
    examine_random::<Maps>(13);
    examine_random::<LabMaps>(14);
    examine_random::<VersionedMaps>(15);
    examine_random::<DistinctRegisters>(24);
    examine_random::<DistinctSwaps>(25);
    examine_random::<Appends>(26);
    examine_random::<DistinctMaps>(27);
    examine_random::<Versions>(28);
    examine_random::<DistinctQueues>(29);
    examine_random::<DistinctStacks>(30);
    examine_random::<Lists>(16);
    examine_random::<DistinctLists>(31);
    examine_random::<Sets>(17);
    examine_random::<Queues>(18);
    examine_random::<Stacks>(19);
    examine_random::<PriorityQueues>(20);
    examine_random::<Counters>(21);
    examine_random::<Locks>(22);
    examine_random::<Banks>(23);
}

const MS: u64 = 1_000_000;

fn write(client: u64, value: &str, call: u64, ret: u64) -> Operation<Input, Output> {
    Operation::completed(client, Input::write("x", value), call * MS, Output::Done, ret * MS)
}

fn read(client: u64, value: &str, call: u64, ret: u64) -> Operation<Input, Output> {
    Operation::completed(client, Input::read("x"), call * MS, Output::Value(Some(value.into())), ret * MS)
}

/// The sentence of the design, from a history with much else in it.
#[test]
fn a_stale_read_is_told_in_a_sentence() {
    let mut history = Vec::new();
    for round in 0..50 {
        history.push(write(3, &format!("a{round}"), 10 * round, 10 * round + 4));
        history.push(read(4, &format!("a{round}"), 10 * round + 2, 10 * round + 8));
    }
    history.extend([
        write(0, "1", 500, 510),
        write(1, "2", 505, 520),
        read(3, "2", 512, 530),
        read(2, "1", 560, 570),
    ]);
    let verdict = check(&Register, &history, Budget::default());
    let found = verdict.counterexample().expect("the last read is stale");
    assert!(
        found.sentence.starts_with(
            "c2 read x = 1, although c3's read x = 2 had returned 30 ms before the read began\n"
        ) || found.sentence.starts_with(
            "c2 read x = 1, although c1's write x = 2 had been acknowledged 40 ms before the read began\n"
        ),
        "{}",
        found.sentence
    );
    assert!(found.operations.len() <= 3, "{found:?}");
    assert_eq!(found.explained.len(), 103);
    assert_eq!(found.culprit, 103);
    let drawn = draw(&Register, &history, found, 80);
    assert!(drawn.contains("|= read x = 1 =|"), "{drawn}");
}

/// One that drops operations altogether would end at "a read of 1 alone".
#[test]
fn the_write_of_what_was_read_stays() {
    let history = [write(0, "1", 0, 10), write(1, "2", 20, 30), read(2, "1", 70, 80)];
    let verdict = check(&Register, &history, Budget::default());
    let found = verdict.counterexample().expect("the read is stale");
    assert_eq!(found.operations, [0, 1, 2]);
    assert_eq!(
        found.sentence,
        "c2 read x = 1, although c1's write x = 2 had been acknowledged 40 ms before the read began\n\
         2 operations can be explained; after them x = 2, and next must come c2's read x = 1"
    );
    assert_eq!(
        draw(&Register, &history, found, 80),
        "c0 |- write x = 1 -|\n\
         c1                   |- write x = 2 -|\n\
         c2                                     |= read x = 1 =|\n"
    );
}

/// The search sees the value lost before it comes to the read.
#[test]
fn a_loss_that_was_foreseen_is_told_of_who_noticed() {
    let history = [write(0, "1", 0, 10), write(1, "1", 0, 10), write(2, "2", 20, 30), read(3, "1", 40, 50)];
    let verdict = check(&Register, &history, Budget::default());
    let found = verdict.counterexample().expect("the read is stale");
    assert_eq!(
        found.sentence,
        "c3 read x = 1, although c2's write x = 2 had been acknowledged 10 ms before the read began\n\
         3 operations can be explained; after them x = 2, and next must come c3's read x = 1"
    );
    assert_eq!((&found.candidates[..], found.culprit), (&[3][..], 3));
}

#[test]
fn a_value_from_nowhere_needs_no_other_operation() {
    let history = [write(0, "1", 0, 10), read(2, "7", 20, 30)];
    let verdict = check(&Register, &history, Budget::default());
    let found = verdict.counterexample().expect("nobody wrote 7");
    assert_eq!(found.operations, [1]);
    assert!(found.sentence.starts_with("c2 read x = 7, which nothing called before its return explains\n"));
}

#[test]
fn what_is_perhaps_not_minimal_is_said() {
    let history = [write(0, "1", 0, 1), write(0, "2", 2, 3), read(1, "1", 4, 5)];
    let verdict = check(&Register, &history, Budget::default());
    let mut wrong = verdict.counterexample().unwrap().clone();
    let told = tell(&Register, &history, &wrong, Clock::Nanoseconds);
    assert!(wrong.minimal && !told.contains("fewer"), "{told}");
    wrong.minimal = false;
    let told = tell(&Register, &history, &wrong, Clock::Nanoseconds);
    assert!(
        told.ends_with(
            "fewer of these operations may be wrong already: to find out would have taken too long"
        )
    );
}
