//! The polynomial paths against brute force, where each must decide and where it must not.

use super::cases::{
    CasRegisters, Case, Counters, Lists, Locks, Maps, PriorityQueues, Queues, Registers, Sets, Stacks,
    VersionedMaps,
};
use super::distinct::{
    Appends, DistinctMaps, DistinctQueues, DistinctRegisters, DistinctStacks, DistinctSwaps, Versions,
};
use super::histories;
use super::many::{DistinctLists, DistinctPriorities, EvenCounters, GrowingSets, ManyElements, ManyOwners};
use super::oracle::{OperationOf, is_witness, linearizable};
use std::fmt::Write as _;
use stormglass_checker::models::kv::{Input, Kv, Output};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::{
    Budget, Fault, Operation, Path, Paths, Verdict, check, decide_directly, judge, judge_by,
};

/// What a comparison came to.
#[derive(Default)]
struct Tally {
    right: usize,
    wrong: usize,
    left: usize,
}

impl Tally {
    fn compare<C: Case>(&mut self, history: &[OperationOf<C>]) {
        let model = C::model();
        match decide_directly(&model, history, Fault::None) {
            None => self.left += 1,
            Some(found) => {
                assert_eq!(found, linearizable::<C>(history), "{}: {history:#?}", C::NAME);
                if let Verdict::Linearizable { witness } = check(&model, history, Budget::default()) {
                    assert!(is_witness::<C>(history, &witness), "{}: {history:#?}", C::NAME);
                }
                *(if found { &mut self.right } else { &mut self.wrong }) += 1;
            }
        }
    }

    /// Each verdict must occur, and the path must decide at least so many of a hundred.
    fn settle(&self, name: &str, least: usize) {
        let Self { right, wrong, left } = self;
        println!("{name}: {right} right, {wrong} wrong, {left} left to the search");
        assert!(20 * right > *wrong && 20 * wrong > *right, "{name}: {right} right, {wrong} wrong");
        assert!(100 * (right + wrong) >= least * (right + wrong + left), "{name}: {left} left");
    }
}

fn all<C: Case>(size: usize, times: u64, least: usize) {
    let mut tally = Tally::default();
    histories::all::<C>(size, times, |history| tally.compare::<C>(history));
    tally.settle(C::NAME, least);
}

fn random<C: Case>(seed: u64, count: usize, least: usize) {
    let mut rng = histories::Rng(seed);
    let mut tally = Tally::default();
    for at in 0..count {
        let history = histories::distinct::<C>(&mut rng, 4 + at as u64 % 5);
        tally.compare::<C>(&history);
    }
    tally.settle(C::NAME, least);
}

#[test]
fn all_histories_of_three_operations() {
    all::<Registers>(3, 3, 90);
    all::<CasRegisters>(3, 2, 50);
    all::<Maps>(3, 2, 40);
    all::<VersionedMaps>(3, 3, 100);
    all::<Queues>(3, 3, 40);
    all::<Stacks>(3, 3, 40);
    all::<Locks>(3, 3, 40);
    all::<Lists>(3, 3, 60);
    all::<Sets>(3, 2, 40);
    all::<Counters>(3, 2, 40);
    all::<PriorityQueues>(3, 2, 40);
}

#[test]
fn random_histories_of_up_to_eight_operations() {
    random::<DistinctRegisters>(21, 3000, 90);
    random::<DistinctSwaps>(22, 3000, 60);
    random::<Appends>(23, 3000, 70);
    random::<DistinctMaps>(24, 3000, 70);
    random::<Versions>(25, 3000, 100);
    random::<DistinctQueues>(26, 4000, 50);
    random::<DistinctStacks>(27, 4000, 50);
    random::<Locks>(28, 4000, 10);
    random::<ManyOwners>(29, 4000, 10);
    random::<ManyElements>(30, 4000, 10);
    random::<GrowingSets>(31, 4000, 10);
    random::<EvenCounters>(32, 12000, 10);
    random::<DistinctPriorities>(33, 4000, 10);
    random::<DistinctLists>(34, 4000, 60);
}

/// After how many histories a fault is noticed.
fn noticed_after<C: Case>(fault: Fault) -> Option<usize> {
    let mut rng = histories::Rng(31);
    (0..5000).find(|at| {
        let history = histories::distinct::<C>(&mut rng, 4 + *at as u64 % 4);
        decide_directly(&C::model(), &history, fault)
            .is_some_and(|found| found != linearizable::<C>(&history))
    })
}

#[test]
fn every_planted_fault_is_noticed() {
    for (fault, by) in [
        (Fault::BackwardZonesIgnored, noticed_after::<DistinctRegisters>(Fault::BackwardZonesIgnored)),
        (Fault::LevelsUnordered, noticed_after::<DistinctRegisters>(Fault::LevelsUnordered)),
        (Fault::SwapsUnlinked, noticed_after::<DistinctSwaps>(Fault::SwapsUnlinked)),
        (Fault::FailedSwapsAnywhere, noticed_after::<DistinctSwaps>(Fault::FailedSwapsAnywhere)),
        (Fault::UnseenAppendsDropped, noticed_after::<Appends>(Fault::UnseenAppendsDropped)),
        (Fault::QueueUnordered, noticed_after::<DistinctQueues>(Fault::QueueUnordered)),
        (Fault::EmptyWherever, noticed_after::<DistinctQueues>(Fault::EmptyWherever)),
        (Fault::StackUnordered, noticed_after::<DistinctStacks>(Fault::StackUnordered)),
        (Fault::LocksFreeThemselves, noticed_after::<ManyOwners>(Fault::LocksFreeThemselves)),
        (Fault::CountsUnordered, noticed_after::<EvenCounters>(Fault::CountsUnordered)),
        (Fault::ReadsUnordered, noticed_after::<GrowingSets>(Fault::ReadsUnordered)),
        (Fault::ElementsComeAndGo, noticed_after::<ManyElements>(Fault::ElementsComeAndGo)),
        (Fault::WorseFirst, noticed_after::<DistinctPriorities>(Fault::WorseFirst)),
        (Fault::ListsUnordered, noticed_after::<DistinctLists>(Fault::ListsUnordered)),
        (Fault::FailedPutsOnlyAbove, noticed_after::<Versions>(Fault::FailedPutsOnlyAbove)),
    ] {
        println!("{fault:?} is noticed after {by:?} histories");
        assert!(by.is_some(), "{fault:?} went unnoticed");
    }
}

fn get(value: &str, call: u64, ret: u64) -> Operation<Input, Output> {
    Operation::completed(0, Input::get("x"), call, Output::value(Some(value)), ret)
}

#[test]
fn the_judgement_says_what_decided() {
    let put =
        |key: &str, value: &str, at| Operation::completed(0, Input::put(key, value), at, Output::Done, at);
    // Of "x" every value is new; of "y" one that was read was put twice.
    let mut history = vec![put("x", "1", 0), put("y", "1", 1), put("y", "1", 2)];
    let read_y = Operation::completed(0, Input::get("y"), 3, Output::value(Some("1")), 4);
    history.extend([get("1", 3, 4), read_y]);
    let found = judge(&Kv::default(), &history, Budget::default());
    assert_eq!(found.decided_by.into_iter().collect::<Vec<_>>(), [(Path::Search, 1), (Path::Zones, 1)]);
    let searched = judge_by(&Kv::default(), &history, Budget::default(), Paths::SearchOnly);
    assert_eq!(searched.to_string(), "decided by search (2 keys)");
    history.push(get("2", 5, 6));
    assert_eq!(judge(&Kv::default(), &history, Budget::default()).to_string(), "refuted by zones");
}

/// A thousand appends at once, in the order that one read shows; then one of them is lost.
#[test]
fn a_lost_append_is_found_at_once_and_shown_small() {
    let mut history = Vec::new();
    let mut value = String::new();
    for token in 0..1000 {
        let input = Input::append("x", &format!("{token}."));
        history.push(Operation::completed(token, input, 0, Output::Done, 10 + token));
        _ = write!(value, "{token}.");
    }
    history.push(get(&value, 2000, 2001));
    assert!(check(&Kv::default(), &history, Budget::default()).is_linearizable());
    history.push(get(value.strip_suffix("999.").unwrap_or(&value), 2002, 2003));
    let verdict = check(&Kv::default(), &history, Budget::default());
    let found = verdict.counterexample().expect("the second read lacks the last append");
    assert_eq!((&found.operations[..], found.minimal, found.culprit), (&[1000, 1001][..], true, 1001));
}

/// What takes the search a million times as many states as it may enter.
#[test]
fn forty_writes_at_once_are_decided() {
    let write = |value: u64| {
        let input = register::Input::write("x", &value.to_string());
        Operation::completed(value, input, 0, register::Output::Done, 10)
    };
    let read = |value: &str| {
        let output = register::Output::Value(Some(value.into()));
        Operation::completed(50, register::Input::read("x"), 20, output, 30)
    };
    let mut history: Vec<_> = (0..40).map(write).collect();
    history.extend([read("1"), read("2")]);
    let budget = Budget { states: 0, memo: 0 };
    let verdict = check(&Register, &history, budget);
    let found = verdict.counterexample().expect("two values are both the last");
    assert_eq!((&found.operations[..], found.minimal), (&[1, 2, 40, 41][..], true));
}

/// `b` can only be taken when `a` is out, which is late; so `c` cannot be taken before, though no reply of `b` says so.
#[test]
fn what_is_taken_late_keeps_the_rest_in() {
    use stormglass_checker::models::priority_queue::{Input, Output, PriorityQueue};
    let push = |value: &str, priority, call, ret| {
        Operation::completed(
            0,
            Input::Push { key: "x".into(), value: value.into(), priority },
            call,
            Output::Done,
            ret,
        )
    };
    let pop = |taken: &str, call, ret| {
        Operation::completed(0, Input::Pop { key: "x".into() }, call, Output::Taken(Some(taken.into())), ret)
    };
    let mut history = vec![push("a", 1, 0, 1), push("b", 2, 0, 1), push("c", 3, 0, 1)];
    history.extend([pop("a", 90, 95), pop("b", 10, 100), pop("c", 20, 91)]);
    assert_eq!(
        judge(&PriorityQueue, &history, Budget::default()).to_string(),
        "decided by priorities (1 key)"
    );
    history[5] = pop("c", 20, 80);
    let found = judge(&PriorityQueue, &history, Budget::default());
    assert_eq!(found.to_string(), "refuted by priorities");
    // With `a` out at any time, `b` alone is in the way of nobody.
    history[3] = pop("a", 15, 95);
    assert_eq!(
        judge(&PriorityQueue, &history, Budget::default()).to_string(),
        "decided by priorities (1 key)"
    );
}

/// The increment of unknown outcome was called first, but the first read must not count it: two others end before the
/// second, which would then be one too many.
#[test]
fn an_increment_waits_until_it_must() {
    use stormglass_checker::models::counter::{Counter, Input, Output};
    let inc = || Input::Inc { key: "x".into(), by: 1 };
    let read = |seen, call, ret| {
        Operation::completed(0, Input::Read { key: "x".into() }, call, Output::Value(seen), ret)
    };
    let done = |at| Operation::completed(0, inc(), at, Output::Done, at);
    let mut history =
        vec![Operation::pending(0, inc(), 6), read(1, 9, 14), done(11), done(13), read(2, 14, 14)];
    assert_eq!(judge(&Counter, &history, Budget::default()).to_string(), "decided by counts (1 key)");
    history[1] = read(1, 12, 14);
    history[4] = read(1, 14, 14);
    assert_eq!(judge(&Counter, &history, Budget::default()).to_string(), "refuted by counts");
}

/// Nobody took `a`, which went in before `b`; that `b` was taken as late as can be does not change it.
#[test]
fn what_was_never_taken_is_taken_after_the_end_of_time() {
    use stormglass_checker::models::queue::{Input, Output, Queue};
    let enqueue = |value: &str, call, ret| {
        let input = Input::Enqueue { key: "x".into(), value: value.into() };
        Operation::completed(0, input, call, Output::Done, ret)
    };
    let dequeue = |taken: &str, call| {
        let (input, output) = (Input::Dequeue { key: "x".into() }, Output::Taken(Some(taken.into())));
        Operation::completed(1, input, call, output, u64::MAX)
    };
    for call in [10, u64::MAX] {
        for (taken, says) in [("b", "refuted by queue order"), ("a", "decided by queue order (1 key)")] {
            let mut history = vec![enqueue("a", 0, 1), enqueue("b", 2, 3), dequeue(taken, call)];
            assert_eq!(judge(&Queue, &history, Budget::default()).to_string(), says);
            history.swap(0, 1);
            assert_eq!(judge(&Queue, &history, Budget::default()).to_string(), says);
        }
    }
}
