//! Sequential consistency against brute force: random small histories of registers, and planted faults. Convergence.

mod forks;
mod sessions;

use stormglass_checker::consistency::{
    Convergence, Fault, Guarantee, Sessions, SessionsOpen, Verdict, convergence, sequential, sequential_with,
    sessions,
};
use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::{Budget, Operation, Why, check};

type Op = Operation<Input, Output>;

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Two or three clients, two registers, two values; a time of its own for every call, so that the order in the history
/// is the program order.
fn random(rng: &mut Rng, size: u64) -> Vec<Op> {
    let operation = |time: u64| {
        let client = rng.below(3);
        let key = ["x", "y"][rng.below(2) as usize];
        let value = ["1", "2"][rng.below(2) as usize];
        let (call, ret) = (2 * time, 2 * time + 1);
        match rng.below(8) {
            0 => Operation::pending(client, Input::write(key, value), call),
            1..=3 => Operation::completed(client, Input::write(key, value), call, Output::Done, ret),
            4 => Operation::completed(client, Input::read(key), call, Output::Value(None), ret),
            _ => Operation::completed(client, Input::read(key), call, Output::Value(Some(value.into())), ret),
        }
    };
    (0..size).map(operation).collect()
}

/// Every interleaving, with a store written out here.
fn explained(history: &[Op], placed: &mut Vec<bool>, store: &[(String, String)]) -> bool {
    if history.iter().zip(&*placed).all(|(operation, placed)| *placed || operation.returned.is_none()) {
        return true;
    }
    (0..history.len()).any(|at| {
        let me = &history[at];
        let earlier = |other: usize| history[other].client == me.client && history[other].returned.is_some();
        if placed[at] || (0..at).any(|other| earlier(other) && !placed[other]) {
            return false;
        }
        let current =
            |key: &str| store.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let mut after = store.to_vec();
        match &me.input {
            Input::Write { register, value } => after.push((register.to_string(), value.to_string())),
            Input::Read { register } => {
                if let Some(Output::Value(seen)) = me.output()
                    && seen.as_deref() != current(register)
                {
                    return false;
                }
            }
        }
        placed[at] = true;
        let found = explained(history, placed, &after);
        placed[at] = false;
        found
    })
}

fn brute(history: &[Op]) -> bool {
    explained(history, &mut vec![false; history.len()], &[])
}

#[test]
fn random_histories_agree() {
    let (mut rng, mut yes, mut no) = (Rng(1), 0, 0);
    for at in 0..3000 {
        let history = random(&mut rng, 4 + at % 4);
        let verdict = sequential(&Register, &history, Budget::default());
        assert!(!matches!(verdict, Verdict::Undecided { .. }));
        assert_eq!(verdict.holds(), brute(&history), "{verdict:?} {history:#?}");
        *(if verdict.holds() { &mut yes } else { &mut no }) += 1;
        if let Verdict::Holds { order } = verdict {
            // In that order, as the program of one client, there is nothing left to choose.
            let serial: Vec<Op> = order
                .iter()
                .enumerate()
                .map(|(time, at)| {
                    let ret = history[*at].output().cloned().unwrap_or(Output::Done);
                    let time = time as u64;
                    Operation::completed(0, history[*at].input.clone(), time, ret, time)
                })
                .collect();
            assert!(brute(&serial), "{order:?} {history:#?}");
            assert!(history.iter().enumerate().all(|(at, op)| op.returned.is_none() || order.contains(&at)));
        }
    }
    assert!(20 * yes > no && 20 * no > yes, "{yes} hold, {no} do not");
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in [
        Fault::ProgramOrderForgotten,
        Fault::UnknownTakenAsFailed,
        Fault::MemoWithoutState,
        Fault::KeysByThemselves,
    ] {
        let mut rng = Rng(2);
        let by = (0..20_000).find(|at| {
            let history = random(&mut rng, 5 + at % 4);
            sequential_with(&Register, &history, Budget::default(), fault).holds() != brute(&history)
        });
        assert!(by.is_some(), "{fault:?} went unnoticed");
    }
}

/// Herlihy & Wing 1990, §3.3: each register by itself is sequentially consistent, both together are not.
#[test]
fn it_is_not_local() {
    let write =
        |client, key, at| Operation::completed(client, Input::write(key, "1"), at, Output::Done, at + 1);
    let null =
        |client, key, at| Operation::completed(client, Input::read(key), at, Output::Value(None), at + 1);
    let history = [write(0, "x", 0), null(0, "y", 2), write(1, "y", 0), null(1, "x", 2)];
    let verdict = sequential(&Register, &history, Budget::default());
    assert_eq!(verdict, Verdict::Violated { explained: vec![0, 1, 2], waiting: vec![3] });
    assert!(sequential_with(&Register, &history, Budget::default(), Fault::KeysByThemselves).holds());
}

/// What is linearizable for want of an order must not be wrong by an order that nobody knows.
#[test]
fn a_client_that_overlaps_itself_has_no_program() {
    let read = |seen: Option<&str>, call, ret| {
        Operation::completed(0, Input::read("x"), call, Output::Value(seen.map(Into::into)), ret)
    };
    let write = |call, ret| Operation::completed(0, Input::write("x", "1"), call, Output::Done, ret);
    let inside = [write(0, 100), read(None, 10, 20)];
    let at_once = [read(Some("1"), 5, 5), write(5, 5)];
    let unknown = [write(0, 100), read(None, 40, 150), Operation::pending(0, Input::write("x", "2"), 50)];
    for history in [&inside[..], &at_once, &unknown] {
        assert!(check(&Register, history, Budget::default()).is_linearizable());
        let why = Why::Overlapping { operations: [0, 1] };
        let undecided = Verdict::Undecided { explored: 0, why };
        assert_eq!(sequential(&Register, history, Budget::default()), undecided);
        let undecided = Sessions::Undecided(SessionsOpen::Overlapping { operations: [0, 1] });
        assert_eq!(sessions(&Register, history, &Guarantee::ALL), undecided);
    }
    // What only touches has an order, whichever comes first in the history.
    for history in [[write(0, 5), read(None, 5, 5)], [read(None, 5, 9), write(5, 5)]] {
        assert!(matches!(sequential(&Register, &history, Budget::default()), Verdict::Violated { .. }));
        assert!(matches!(sessions(&Register, &history, &Guarantee::ALL), Sessions::Violated(_)));
    }
    // What never returned may have been given up at once, and comes after what had returned.
    let given_up = [write(5, 9), Operation::pending(0, Input::write("x", "2"), 5), read(Some("2"), 10, 12)];
    assert!(sequential(&Register, &given_up, Budget::default()).holds());
    assert_eq!(sessions(&Register, &given_up, &Guarantee::ALL), Sessions::Hold);
}

#[test]
fn a_budget_that_runs_out_is_no_pass() {
    let history: Vec<Op> = (0..6)
        .flat_map(|client| {
            [
                Operation::completed(client, Input::write("x", &client.to_string()), 0, Output::Done, 1),
                Operation::completed(client, Input::read("x"), 2, Output::Value(Some("9".into())), 3),
            ]
        })
        .collect();
    let verdict = sequential(&Register, &history, Budget { states: 10, memo: 1000 });
    assert!(matches!(verdict, Verdict::Undecided { .. }), "{verdict:?}");
    assert!(matches!(sequential(&Register, &history, Budget::default()), Verdict::Violated { .. }));
}

/// Hundreds may come next at each of thousands of places, and the first that fits will do.
#[test]
fn what_may_come_next_takes_no_room() {
    let write = |client, value: &str, at| {
        Operation::completed(client, Input::write("x", value), at, Output::Done, at + 1)
    };
    let mut history: Vec<Op> = (0..20_000).map(|at| write(at % 10, &at.to_string(), 2 * at)).collect();
    history.extend((0..400).map(|client| Operation::pending(20 + client, Input::write("x", "u"), client)));
    assert!(sequential(&Register, &history, Budget::default()).holds());
    let seen = Output::Value(Some("u".into()));
    history.push(Operation::completed(10, Input::read("x"), 50_000, seen, 50_001));
    let Verdict::Holds { order } = sequential(&Register, &history, Budget::default()) else { panic!() };
    assert_eq!(order.len(), 20_002);
}

#[test]
fn convergence_is_agreement_without_loss() {
    assert_eq!(convergence::<i64>(&[], &[]), Convergence::Unread);
    assert_eq!(convergence(&[1], &[(4, &[3, 1][..])]), Convergence::Converged);
    assert_eq!(
        convergence(&[1, 2], &[(4, &[1][..]), (5, &[1])]),
        Convergence::Lost { value: 2, counts: [1, 0] }
    );
    assert_eq!(convergence(&[1, 1], &[(4, &[1][..])]), Convergence::Lost { value: 1, counts: [2, 1] });
    let (clients, place) = ([4, 6], 1);
    let diverged = |elements| Convergence::Diverged { clients, place, elements };
    let swapped = [(4, &[1, 2, 3][..]), (5, &[1, 2, 3]), (6, &[1, 3, 2])];
    assert_eq!(convergence(&[1, 2, 3], &swapped), diverged([Some(2), Some(3)]));
    assert_eq!(convergence(&[1], &[(4, &[1][..]), (6, &[1, 2])]), diverged([None, Some(2)]));
}
