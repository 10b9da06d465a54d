//! The online judge against brute force on every prefix of random histories, its planted faults, and its limits.

#[path = "../checker/cases/mod.rs"]
mod cases;
#[path = "../checker/distinct.rs"]
mod distinct;
mod growing;
#[path = "../checker/histories.rs"]
mod histories;
mod limits;
#[path = "../checker/oracle.rs"]
#[expect(dead_code, reason = "there is no witness to judge")]
mod oracle;

use cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Locks, Maps, PriorityQueues, Queues, Registers,
    Sets, Stacks, VersionedMaps,
};
use distinct::{
    Appends, DistinctMaps, DistinctQueues, DistinctRegisters, DistinctStacks, DistinctSwaps, Versions,
};
use growing::{events, known, refuted_at};
use histories::Rng;
use oracle::{OperationOf, linearizable};
use stormglass_checker::online::Fault;
use stormglass_checker::{Budget, check};

/// The first event after which brute force finds no order.
fn expected<C: Case>(history: &[OperationOf<C>]) -> Option<usize> {
    let events = events::<C>(history);
    // What is not linearizable stays so, whatever comes.
    if linearizable::<C>(history) {
        return None;
    }
    (0..events.len()).find(|last| !linearizable::<C>(&known::<C>(history, &events[..=*last])))
}

fn agrees<C: Case>() {
    let mut rng = Rng(C::NAME.bytes().map(u64::from).sum());
    let (mut right, mut wrong) = (0, 0);
    for round in 0..250 {
        let draw = if round % 2 == 0 { histories::distinct::<C> } else { histories::random::<C> };
        let history = draw(&mut rng, 3 + round % 5);
        let expected = expected::<C>(&history);
        for gives_up in [true, false] {
            let (refuted, _) = refuted_at::<C>(&history, Fault::None, |_| gives_up);
            assert_eq!(refuted, expected, "{}, giving up: {gives_up}\n{history:#?}", C::NAME);
        }
        *(if expected.is_some() { &mut wrong } else { &mut right }) += 1;
    }
    assert!(right > 10 && wrong > 10, "{}: {right} right, {wrong} wrong", C::NAME);
}

#[test]
fn every_prefix_of_what_is_changed_in_place() {
    agrees::<Registers>();
    agrees::<CasRegisters>();
    agrees::<Maps>();
    agrees::<LabMaps>();
    agrees::<VersionedMaps>();
    agrees::<Counters>();
    agrees::<Locks>();
    agrees::<Banks>();
}

#[test]
fn every_prefix_of_what_holds_elements() {
    agrees::<Lists>();
    agrees::<Sets>();
    agrees::<Queues>();
    agrees::<Stacks>();
    agrees::<PriorityQueues>();
}

#[test]
fn every_prefix_of_what_is_new_each_time() {
    agrees::<DistinctRegisters>();
    agrees::<DistinctSwaps>();
    agrees::<Appends>();
    agrees::<DistinctMaps>();
    agrees::<DistinctQueues>();
    agrees::<DistinctStacks>();
    agrees::<Versions>();
}

#[test]
fn every_prefix_of_all_small_histories() {
    fn agrees<C: Case>(size: usize) {
        histories::all::<C>(size, 2, |history| {
            assert_eq!(
                refuted_at::<C>(history, Fault::None, |_| false).0,
                expected::<C>(history),
                "{history:#?}"
            );
        });
    }
    agrees::<Registers>(3);
    agrees::<CasRegisters>(2);
    agrees::<Maps>(2);
    agrees::<VersionedMaps>(2);
    agrees::<Queues>(2);
    agrees::<Locks>(3);
}

/// Longer ones against the offline judge, which brute force vouches for.
#[test]
fn the_end_of_longer_histories() {
    fn agrees<C: Case>(seed: u64) {
        let mut rng = Rng(seed);
        for _ in 0..40 {
            let history = histories::random::<C>(&mut rng, 14);
            let offline = check(&C::model(), &history, Budget::default()).is_linearizable();
            let (refuted, _) = refuted_at::<C>(&history, Fault::None, |index| index % 2 == 0);
            assert_eq!(refuted.is_none(), offline, "{}\n{history:#?}", C::NAME);
            let before = refuted.map(|at| known::<C>(&history, &events::<C>(&history)[..at]));
            let before =
                before.is_none_or(|before| check(&C::model(), &before, Budget::default()).is_linearizable());
            assert!(before, "{}: it could not have been said sooner\n{history:#?}", C::NAME);
        }
    }
    agrees::<Registers>(1);
    agrees::<CasRegisters>(2);
    agrees::<Locks>(3);
    agrees::<VersionedMaps>(4);
}

/// Whether brute force notices a fault.
fn noticed<C: Case>(fault: Fault) -> bool {
    let mut rng = Rng(9);
    (0..2000).any(|round| {
        let history = histories::random::<C>(&mut rng, 3 + round % 4);
        refuted_at::<C>(&history, fault, |_| true).0 != expected::<C>(&history)
    })
}

#[test]
fn planted_faults_are_noticed() {
    assert!(!noticed::<Maps>(Fault::None));
    for fault in [
        Fault::LostTakenAsFailed,
        Fault::EarlyStepsBelieved,
        Fault::ReadsSeeTheLastState,
        Fault::NothingAhead,
        Fault::DominationReversed,
    ] {
        assert!(noticed::<Maps>(fault) || noticed::<CasRegisters>(fault), "{fault:?} went unnoticed");
    }
}
