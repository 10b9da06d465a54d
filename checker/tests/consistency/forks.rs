//! Fork-linearizability against its definition spelled out: every sequence that may be a client's view, and whether one
//! of each go together. And planted faults, each of which the comparison notices.

use super::{Op, Rng};
use std::collections::BTreeMap;
use stormglass_checker::consistency::{ForkFault, Forks, fork_linearizable, fork_linearizable_with};
use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::{Budget, Operation, Why, check};

/// Two or three clients, two registers, and intervals that overlap now and then.
fn random(rng: &mut Rng, size: u64) -> Vec<Op> {
    let clients = 2 + rng.below(2);
    let operation = |at: u64| {
        let client = rng.below(clients);
        let key = ["x", "x", "y"][rng.below(3) as usize];
        let value = ["1", "2"][rng.below(2) as usize];
        let (call, ret) = (2 * at, 2 * at + rng.below(4));
        match rng.below(8) {
            0 => Operation::pending(client, Input::write(key, value), call),
            1..=3 => Operation::completed(client, Input::write(key, value), call, Output::Done, ret),
            4 | 5 => Operation::completed(client, Input::read(key), call, Output::Value(None), ret),
            _ => Operation::completed(client, Input::read(key), call, Output::Value(Some(value.into())), ret),
        }
    };
    (0..size).map(operation).collect()
}

fn is_legal(history: &[Op], view: &[usize]) -> bool {
    let mut store: BTreeMap<&str, &str> = BTreeMap::new();
    view.iter().all(|at| match (&history[*at].input, history[*at].output()) {
        (Input::Write { register, value }, _) => {
            store.insert(register, value);
            true
        }
        (Input::Read { register }, Some(Output::Value(seen))) => {
            store.get(&**register).copied() == seen.as_deref()
        }
        _ => true,
    })
}

/// Every sequence of operations that is legal and in time.
fn sequences(history: &[Op]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let mut begin = 0;
    while begin < all.len() {
        let sequence = all[begin].clone();
        begin += 1;
        for at in 0..history.len() {
            let longer = [sequence.clone(), vec![at]].concat();
            let in_time = sequence.iter().all(|before| !history[at].precedes(&history[*before]));
            if !sequence.contains(&at) && in_time && is_legal(history, &longer) {
                all.push(longer);
            }
        }
    }
    all
}

/// Whether a sequence can be a client's view.
fn is_view(history: &[Op], client: u64, view: &[usize]) -> bool {
    let own = |at: &usize| history[*at].client == client && history[*at].returned.is_some();
    (0..history.len()).filter(own).all(|at| view.contains(&at)) && is_legal(history, view)
}

/// Whether what both hold has the same before it in both.
fn no_join(one: &[usize], other: &[usize]) -> bool {
    one.iter().enumerate().all(|(place, at)| {
        other.iter().position(|same| same == at).is_none_or(|there| one[..place] == other[..there])
    })
}

/// Whether an operation of unknown outcome that somebody sees is seen by its client.
fn is_owned(history: &[Op], views: &BTreeMap<u64, &Vec<usize>>) -> bool {
    views.values().flat_map(|view| view.iter()).all(|at| views[&history[*at].client].contains(at))
}

fn combine<'v>(
    history: &[Op],
    left: &[(u64, Vec<&'v Vec<usize>>)],
    views: &mut BTreeMap<u64, &'v Vec<usize>>,
) -> bool {
    let Some(((client, choices), rest)) = left.split_first() else { return is_owned(history, views) };
    choices.iter().any(|choice| {
        if !views.values().all(|view| no_join(view, choice)) {
            return false;
        }
        views.insert(*client, choice);
        let found = combine(history, rest, views);
        views.remove(client);
        found
    })
}

fn brute(history: &[Op]) -> bool {
    let all = sequences(history);
    let mut clients: Vec<u64> = history.iter().map(|operation| operation.client).collect();
    clients.sort_unstable();
    clients.dedup();
    let choices = |client: u64| (client, all.iter().filter(|view| is_view(history, client, view)).collect());
    combine(history, &clients.into_iter().map(choices).collect::<Vec<_>>(), &mut BTreeMap::new())
}

/// Written out, so that views are not believed because the search believed them.
fn are_views(history: &[Op], views: &BTreeMap<u64, Vec<usize>>) -> bool {
    let in_time = |view: &[usize]| {
        let later = |place: usize| view[place + 1..].iter().copied();
        (0..view.len()).all(|place| later(place).all(|at| !history[at].precedes(&history[view[place]])))
    };
    views.iter().all(|(client, view)| is_view(history, *client, view) && in_time(view))
        && views.values().all(|one| views.values().all(|other| no_join(one, other)))
        && is_owned(history, &views.iter().map(|(client, view)| (*client, view)).collect())
}

fn forget_all_but(history: &[Op], kept: &[usize]) -> Vec<Op> {
    let forget = |(at, operation): (usize, &Op)| {
        let returned = operation.returned.clone().filter(|_| kept.contains(&at));
        Operation { returned, ..operation.clone() }
    };
    history.iter().enumerate().map(forget).collect()
}

#[test]
fn random_histories_agree() {
    let (mut rng, mut holds, mut violated, mut forked) = (Rng(6), 0, 0, 0);
    for at in 0..800 {
        let history = random(&mut rng, 3 + at % 4);
        let expected = brute(&history);
        match fork_linearizable(&Register, &history, Budget::default()) {
            Forks::Hold { views } => {
                assert!(expected && are_views(&history, &views), "{views:?} {history:#?}");
                holds += 1;
                forked += u64::from(!check(&Register, &history, Budget::default()).is_linearizable());
            }
            Forks::Violated { operations, minimal } => {
                assert!(!expected && minimal, "{operations:?} {history:#?}");
                assert!(!brute(&forget_all_but(&history, &operations)), "{operations:?} {history:#?}");
                violated += 1;
            }
            undecided => panic!("{undecided:?}"),
        }
    }
    assert!(20 * holds > violated && 10 * violated > holds, "{holds} hold, {violated} do not");
    assert!(10 * forked > holds, "{forked} of {holds} are not linearizable");
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in [
        ForkFault::NeverForks,
        ForkFault::ViewsJoin,
        ForkFault::UnknownTakenAsFailed,
        ForkFault::MemoWithoutState,
        ForkFault::TimeForgotten,
    ] {
        let mut rng = Rng(7);
        let by = (0..3000).find(|at| {
            let history = random(&mut rng, 4 + at % 3);
            fork_linearizable_with(&Register, &history, Budget::default(), fault).hold() != brute(&history)
        });
        println!("{fault:?} is noticed after {by:?} histories");
        assert!(by.is_some(), "{fault:?} went unnoticed");
    }
}

#[test]
fn a_budget_that_runs_out_is_no_pass() {
    let write = |client: u64| {
        Operation::completed(client, Input::write("x", &client.to_string()), 0, Output::Done, 9)
    };
    let read = |client: u64, value: &str| {
        Operation::completed(client, Input::read("x"), 10, Output::Value(Some(value.into())), 11)
    };
    // Everybody saw a value that nobody wrote.
    let mut history: Vec<Op> = (0..8).map(write).collect();
    history.extend((0..8).map(|client| read(client, "9")));
    let budget = Budget { states: 1000, memo: 1000 };
    let verdict = fork_linearizable(&Register, &history, budget);
    assert!(matches!(verdict, Forks::Undecided { why: Why::States, .. }), "{verdict:?}");
    let late = [Operation::completed(0, Input::read("x"), 5, Output::Value(None), 4)];
    let verdict = fork_linearizable(&Register, &late, Budget::default());
    assert_eq!(verdict, Forks::Undecided { explored: 0, why: Why::Malformed { operation: 0 } });
    let crowd: Vec<Op> = (0..65).map(write).collect();
    let verdict = fork_linearizable(&Register, &crowd, Budget::default());
    assert_eq!(verdict, Forks::TooManyClients { clients: 65 });
}

/// Two worlds of a thousand operations each, one for each half of the clients.
#[test]
fn a_long_fork_is_found() {
    let mut history = Vec::new();
    for at in 0..1000_u64 {
        for half in 0..2 {
            let (client, value) = (2 * (at % 3) + half, format!("{at}.{half}"));
            history.push(Operation::completed(
                client,
                Input::write("x", &value),
                10 * at,
                Output::Done,
                10 * at + 4,
            ));
            let seen = Output::Value(Some(value.as_str().into()));
            history.push(Operation::completed(client, Input::read("x"), 10 * at + 5, seen, 10 * at + 9));
        }
    }
    assert!(fork_linearizable(&Register, &history, Budget::default()).hold());
}
