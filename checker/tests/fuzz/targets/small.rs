//! Small histories made of bytes, for every model.

use super::cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Locks, Maps, PriorityQueues, Queues, Registers,
    Sets, Stacks, VersionedMaps, World,
};
use super::distinct::{
    Appends, DistinctMaps, DistinctQueues, DistinctRegisters, DistinctStacks, DistinctSwaps, Versions,
};
use super::growing::{events, known, refuted_at};
use super::oracle::{OperationOf, forget_all_but, is_witness, linearizable};
use stormglass_checker::online::Fault::None as NO_FAULT;
use stormglass_checker::{Budget, Fault, Operation, Verdict, decide, decide_directly, judge};

/// Operations that brute force can still put into every order.
const FEW: usize = 7;
/// Operations that the search can still place when the paths are held against it.
const SOME: usize = 40;

/// The judge against brute force: its verdict, the order of a pass, and the replies that a violation rests on.
pub(super) fn search(bytes: &[u8]) {
    with_case(
        bytes,
        [
            against_brute_force::<Registers>,
            against_brute_force::<CasRegisters>,
            against_brute_force::<Maps>,
            against_brute_force::<LabMaps>,
            against_brute_force::<VersionedMaps>,
            against_brute_force::<Lists>,
            against_brute_force::<Sets>,
            against_brute_force::<Counters>,
            against_brute_force::<Queues>,
            against_brute_force::<Stacks>,
            against_brute_force::<PriorityQueues>,
            against_brute_force::<Locks>,
            against_brute_force::<Banks>,
        ],
    );
}

/// The paths that need no search against the search.
pub(super) fn paths(bytes: &[u8]) {
    with_case(
        bytes,
        [
            against_search::<DistinctRegisters>,
            against_search::<DistinctSwaps>,
            against_search::<Appends>,
            against_search::<DistinctMaps>,
            against_search::<DistinctQueues>,
            against_search::<DistinctStacks>,
            against_search::<Versions>,
            against_search::<Registers>,
            against_search::<CasRegisters>,
            against_search::<Maps>,
            against_search::<VersionedMaps>,
            against_search::<Sets>,
            against_search::<Locks>,
        ],
    );
}

/// The online judge against brute force, event by event.
pub(super) fn online(bytes: &[u8]) {
    with_case(
        bytes,
        [
            as_it_grows::<Registers>,
            as_it_grows::<CasRegisters>,
            as_it_grows::<Maps>,
            as_it_grows::<LabMaps>,
            as_it_grows::<VersionedMaps>,
            as_it_grows::<Lists>,
            as_it_grows::<Sets>,
            as_it_grows::<Counters>,
            as_it_grows::<Queues>,
            as_it_grows::<Stacks>,
            as_it_grows::<PriorityQueues>,
            as_it_grows::<Locks>,
            as_it_grows::<Banks>,
        ],
    );
}

/// The first byte chooses.
fn with_case(bytes: &[u8], cases: [fn(&[u8]); 13]) {
    if let Some((first, rest)) = bytes.split_first() {
        cases[usize::from(*first) % cases.len()](rest);
    }
}

/// Three bytes an operation: which, how long after the call before, and for how long. An operation has the reply that
/// it would have had at its call, if its third byte says so, else the one that goes with its first.
fn history<C: Case>(bytes: &[u8], most: usize) -> Vec<OperationOf<C>> {
    let (completed, pending) = (C::completed(), C::pending());
    let (mut world, mut call, mut history) = (World::new(), 0, Vec::new());
    for (client, three) in bytes.chunks_exact(3).take(most).enumerate() {
        let [which, after, length] = [three[0], three[1], three[2]];
        let which = usize::from(which) % (completed.len() + pending.len());
        call += u64::from(after % 8);
        let client = client as u64;
        history.push(match completed.get(which) {
            Some((input, output)) => {
                let answer = C::run(&mut world, input);
                let output = if length & 0x80 == 0 { answer } else { output.clone() };
                Operation::completed(client, input.clone(), call, output, call + u64::from(length % 32))
            }
            None => {
                let input = &pending[which - completed.len()];
                if length & 0x80 == 0 {
                    C::run(&mut world, input);
                }
                Operation::pending(client, input.clone(), call)
            }
        });
    }
    history
}

fn against_brute_force<C: Case>(bytes: &[u8]) {
    let (model, history) = (C::model(), history::<C>(bytes, FEW));
    let expected = linearizable::<C>(&history);
    let searched = decide(&model, &history, Budget::default(), Fault::None);
    assert_eq!(searched, Some(expected), "{}: the search\n{history:#?}", C::NAME);
    let direct = decide_directly(&model, &history, Fault::None);
    assert!(direct.is_none_or(|direct| direct == expected), "{}: a path\n{history:#?}", C::NAME);
    let judgement = judge(&model, &history, Budget::default());
    let holds = match &judgement.verdict {
        Verdict::Linearizable { witness } => expected && is_witness::<C>(&history, witness),
        Verdict::NotLinearizable(found) => {
            !expected && !linearizable::<C>(&forget_all_but::<C>(&history, &found.operations))
        }
        Verdict::Undecided { .. } => false,
    };
    assert!(holds, "{}: {judgement:#?}\n{history:#?}", C::NAME);
}

fn as_it_grows<C: Case>(bytes: &[u8]) {
    let history = history::<C>(bytes, FEW - 1);
    let events = events::<C>(&history);
    let is_explained = |last: usize| linearizable::<C>(&known::<C>(&history, &events[..=last]));
    let expected = (0..events.len()).find(|last| !is_explained(*last));
    let given_up = bytes.last().copied().unwrap_or_default();
    let (refuted, _) = refuted_at::<C>(&history, NO_FAULT, |index| given_up >> (index % 8) & 1 == 1);
    assert_eq!(refuted, expected, "{}\n{history:#?}", C::NAME);
}

fn against_search<C: Case>(bytes: &[u8]) {
    let (model, history) = (C::model(), history::<C>(bytes, SOME));
    let Some(direct) = decide_directly(&model, &history, Fault::None) else { return };
    let budget = Budget { states: 50_000, memo: 50_000 };
    let searched = decide(&model, &history, budget, Fault::None);
    assert!(
        searched.is_none_or(|searched| searched == direct),
        "{}: a path says {direct}\n{history:#?}",
        C::NAME
    );
    match judge(&model, &history, budget).verdict {
        Verdict::Linearizable { witness } => {
            assert!(direct && is_witness::<C>(&history, &witness), "{}: {witness:?}\n{history:#?}", C::NAME);
        }
        Verdict::NotLinearizable(found) => {
            assert!(!direct, "{}: {found:#?}\n{history:#?}", C::NAME);
            let rest = forget_all_but::<C>(&history, &found.operations);
            let still = decide(&model, &rest, budget, Fault::None);
            assert_ne!(still, Some(true), "{}: {found:#?}\n{history:#?}", C::NAME);
        }
        Verdict::Undecided { .. } => panic!("{}: a path decides {direct}\n{history:#?}", C::NAME),
    }
}
