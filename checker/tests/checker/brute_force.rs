//! The search against brute force: over all histories of a small size, over random larger ones, and with faults
//! planted in the search, each of which must be noticed here.

use crate::cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Locks, Maps, PriorityQueues, Queues, Registers,
    Sets, Stacks, VersionedMaps, World,
};
use crate::histories;
use crate::oracle::{OperationOf, is_witness, linearizable};
use stormglass_checker::models::kv::Kv;
use stormglass_checker::{Budget, Fault, Model, Operation, Verdict, check, decide};

/// Asserts that search and brute force agree, and that a pass comes with an order that holds.
fn agree<C: Case>(history: &[OperationOf<C>]) -> bool {
    let expected = linearizable::<C>(history);
    let found = decide(&C::model(), history, Budget::default(), Fault::None);
    assert_eq!(found, Some(expected), "{}: {history:#?}", C::NAME);
    if expected {
        let Verdict::Linearizable { witness } = check(&C::model(), history, Budget::default()) else {
            panic!("{}: check and decide differ on {history:#?}", C::NAME);
        };
        assert!(is_witness::<C>(history, &witness), "{}: {witness:?} of {history:#?}", C::NAME);
    }
    expected
}

/// Both verdicts must occur, each at least once in 20, or the comparison shows little.
fn both_occur(name: &str, yes: usize, no: usize) {
    assert!(20 * yes > no && 20 * no > yes, "{name}: {yes} linearizable, {no} not");
}

fn all<C: Case>(size: usize, times: u64) {
    let (mut yes, mut no) = (0, 0);
    histories::all::<C>(size, times, |history| *(if agree::<C>(history) { &mut yes } else { &mut no }) += 1);
    both_occur(C::NAME, yes, no);
}

#[test]
fn all_histories_of_three_registers_operations() {
    all::<Registers>(3, 3);
    all::<Registers>(2, 6);
}

#[test]
fn all_histories_of_three_cas_register_operations() {
    all::<CasRegisters>(3, 3);
}

#[test]
fn all_histories_of_three_kv_operations() {
    all::<Maps>(3, 3);
}

#[test]
fn all_histories_of_three_lab_kv_operations() {
    all::<LabMaps>(3, 2);
}

#[test]
fn all_histories_of_three_versioned_kv_operations() {
    all::<VersionedMaps>(3, 3);
}

#[test]
fn all_histories_of_three_elements_operations() {
    all::<Lists>(3, 3);
    all::<Sets>(3, 3);
    all::<Queues>(3, 3);
    all::<Stacks>(3, 3);
    all::<PriorityQueues>(3, 3);
}

#[test]
fn all_histories_of_three_numbers_operations() {
    all::<Counters>(3, 3);
    all::<Locks>(3, 3);
    all::<Banks>(3, 2);
}

fn random<C: Case>(seed: u64, count: usize) {
    let mut rng = histories::Rng(seed);
    let (mut yes, mut no) = (0, 0);
    for at in 0..count {
        let history = histories::random::<C>(&mut rng, 4 + at as u64 % 4);
        *(if agree::<C>(&history) { &mut yes } else { &mut no }) += 1;
    }
    both_occur(C::NAME, yes, no);
}

#[test]
fn random_histories_of_up_to_seven_operations() {
    random::<Registers>(1, 2000);
    random::<CasRegisters>(2, 2000);
    random::<Maps>(3, 2000);
    random::<LabMaps>(4, 2000);
    random::<VersionedMaps>(5, 2000);
    random::<Lists>(6, 2000);
    random::<Sets>(7, 2000);
    random::<Queues>(8, 2000);
    random::<Stacks>(9, 2000);
    random::<PriorityQueues>(10, 2000);
    random::<Counters>(11, 2000);
    random::<Locks>(12, 2000);
    random::<Banks>(13, 2000);
}

/// Reads that run from the beginning to the end and saw the initial state: they can always stand first, so they
/// change no verdict, but they make more operations overlap than a word has bits.
fn agree_when_wide<C: Case>(seed: u64) {
    let model = C::model();
    let initial = |(input, output): &(_, _)| {
        let legal = !C::outcomes(&World::new(), input, Some(output)).is_empty();
        legal && model.read_only(input, Some(output)) && model.settles(input, output)
    };
    let (input, output) = C::completed().into_iter().find(initial).unwrap();
    let mut rng = histories::Rng(seed);
    for _ in 0..200 {
        let mut history = histories::random::<C>(&mut rng, 5);
        let expected = linearizable::<C>(&history);
        let long = Operation::completed(9, input.clone(), 0, output.clone(), u64::MAX);
        history.extend(std::iter::repeat_n(long, 65));
        let found = decide(&model, &history, Budget::default(), Fault::None);
        assert_eq!(found, Some(expected), "{}: {history:#?}", C::NAME);
    }
}

#[test]
fn wide_histories_agree() {
    agree_when_wide::<Registers>(7);
    agree_when_wide::<CasRegisters>(8);
    agree_when_wide::<Maps>(9);
    agree_when_wide::<VersionedMaps>(10);
    agree_when_wide::<Lists>(11);
    agree_when_wide::<Sets>(12);
    agree_when_wide::<Queues>(13);
    agree_when_wide::<Stacks>(14);
    agree_when_wide::<PriorityQueues>(15);
    agree_when_wide::<Counters>(16);
    agree_when_wide::<Banks>(17);
}

/// After how many random histories a faulty search is found to judge otherwise than brute force.
fn noticed_after<C: Case>(fault: Fault, most: usize) -> Option<usize> {
    let mut rng = histories::Rng(6);
    (0..most).find(|at| {
        let history = histories::random::<C>(&mut rng, 4 + *at as u64 % 4);
        decide(&C::model(), &history, Budget::default(), fault) != Some(linearizable::<C>(&history))
    })
}

#[test]
fn every_planted_fault_is_noticed() {
    const MOST: usize = 3000;
    for fault in [
        Fault::UnknownTakenAsFailed,
        Fault::UnknownTakenAsDone,
        Fault::PendingDropped,
        Fault::SplitsByClient,
        Fault::OpenIntervals,
        Fault::GreedyWherever,
        Fault::MemoWithoutState,
        Fault::DominationReversed,
        Fault::CutsAmongConcurrent,
        Fault::TwinsBeforeTheirCall,
        Fault::UnknownMakesNothing,
        Fault::GuessBelieved,
    ] {
        let by = noticed_after::<Maps>(fault, MOST)
            .or_else(|| noticed_after::<CasRegisters>(fault, MOST))
            .or_else(|| noticed_after::<Registers>(fault, MOST));
        println!("{fault:?} is noticed after {by:?} histories");
        assert!(by.is_some(), "{fault:?} went unnoticed");
    }
    assert_eq!(noticed_after::<Maps>(Fault::None, MOST), None);
}

/// A fault of the model and not of the search: a missing key taken for an empty one, or the other way round.
#[test]
fn missing_taken_as_empty_is_noticed() {
    let (mut too_kind, mut too_strict) = (0, 0);
    let judge = |model: Kv, history: &[_]| decide(&model, history, Budget::default(), Fault::None);
    histories::all::<Maps>(2, 2, |history| {
        too_kind += usize::from(judge(Kv::lab(), history) != Some(linearizable::<Maps>(history)));
    });
    histories::all::<LabMaps>(2, 2, |history| {
        too_strict += usize::from(judge(Kv::default(), history) != Some(linearizable::<LabMaps>(history)));
    });
    assert!(too_kind > 0 && too_strict > 0, "{too_kind} {too_strict}");
}

/// A model's promises are checked where they are made: a promise that is not kept makes verdicts wrong.
#[test]
fn promises_of_the_models_hold() {
    promises::<Registers>();
    promises::<CasRegisters>();
    promises::<Maps>();
    promises::<LabMaps>();
    promises::<VersionedMaps>();
    promises::<Lists>();
    promises::<Sets>();
    promises::<Queues>();
    promises::<Stacks>();
    promises::<PriorityQueues>();
    promises::<Counters>();
    promises::<Locks>();
    promises::<Banks>();
}

fn promises<C: Case>() {
    use stormglass_checker::Next;
    let model = C::model();
    let after = |next: Next<<C::Model as Model>::State>| match next {
        Next::Nowhere => Vec::new(),
        Next::One(state) => vec![state],
        Next::Any(states) => states,
    };
    let mut states = vec![model.init()];
    for _ in 0..3 {
        for (input, output) in C::completed() {
            for state in states.clone() {
                states.extend(after(model.step(&state, &input, Some(&output))));
            }
        }
        let mut unique = Vec::new();
        states.drain(..).for_each(|state| {
            if !unique.contains(&state) {
                unique.push(state)
            }
        });
        states = unique;
    }
    assert!(states.len() > 2, "{}: few states were reached: {states:?}", C::NAME);
    for (input, output) in C::completed() {
        let follow: Vec<_> =
            states.iter().map(|state| (state, after(model.step(state, &input, Some(&output))))).collect();
        if model.read_only(&input, Some(&output)) {
            let changed = follow.iter().find(|(state, next)| next.iter().any(|next| next != *state));
            assert!(changed.is_none(), "{}: {input:?} {output:?} {changed:?}", C::NAME);
        }
        if model.settles(&input, &output) {
            let mut all: Vec<_> = follow.into_iter().flat_map(|(_, next)| next).collect();
            all.dedup();
            assert!(all.len() <= 1, "{}: {input:?} {output:?} {all:?}", C::NAME);
        }
    }
}
