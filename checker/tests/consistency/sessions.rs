//! Session guarantees against Terry's definitions spelled out: every order of the writes, and for each read every set of
//! writes that its replica may hold. And planted faults, each of which the comparison notices.

use super::{Op, Rng};
use std::collections::BTreeSet;
use stormglass_checker::Operation;
use stormglass_checker::consistency::{
    Guarantee, SessionFault, Sessions, SessionsOpen, sessions, sessions_with,
};
use stormglass_checker::models::register::{Input, Output, Register};

/// Three clients, two registers; each write writes its own index.
fn random(rng: &mut Rng, size: u64) -> Vec<Op> {
    let mut written: Vec<(&str, String)> = Vec::new();
    let mut history = Vec::new();
    let registers: Vec<&str> = (0..size).map(|_| ["x", "y"][rng.below(2) as usize]).collect();
    let writes: Vec<bool> = (0..size).map(|_| rng.below(2) == 0).collect();
    for at in 0..size {
        if writes[at as usize] {
            written.push((registers[at as usize], at.to_string()));
        }
    }
    for at in 0..size {
        let (client, key, call) = (rng.below(3), registers[at as usize], 2 * at);
        if writes[at as usize] {
            let input = Input::write(key, &at.to_string());
            history.push(match rng.below(4) {
                0 => Operation::pending(client, input, call),
                _ => Operation::completed(client, input, call, Output::Done, call + 1),
            });
            continue;
        }
        // A read may see what is written only later.
        let seen: Vec<&String> =
            written.iter().filter(|(register, _)| *register == key).map(|(_, value)| value).collect();
        let seen = match rng.below(5) {
            0 => None,
            _ if seen.is_empty() => None,
            _ => Some(seen[rng.below(seen.len() as u64) as usize].as_str().into()),
        };
        history.push(Operation::completed(client, Input::read(key), call, Output::Value(seen), call + 1));
    }
    history
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in of.iter().enumerate() {
        let rest: Vec<usize> = [&of[..place], &of[place + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}

fn subsets(of: &[usize]) -> Vec<Vec<usize>> {
    let choose = |bits: u32| (0..of.len()).filter(move |at| bits >> at & 1 == 1).map(|at| of[at]).collect();
    (0..1 << of.len()).map(choose).collect()
}

fn register(op: &Op) -> &str {
    match &op.input {
        Input::Write { register, .. } | Input::Read { register } => register,
    }
}

/// The write that a read saw: each writes its own index.
fn saw(op: &Op) -> Option<usize> {
    match op.output() {
        Some(Output::Value(Some(value))) => Some(value.parse().unwrap()),
        _ => None,
    }
}

fn is_write(op: &Op) -> bool {
    matches!(op.input, Input::Write { .. })
}

/// Whether these writes, in this order, explain all reads.
fn explains(history: &[Op], order: &[usize], asked: &[Guarantee]) -> bool {
    let rank = |write: usize| order.iter().position(|other| *other == write);
    // What the session of an operation did before it; what has no reply comes before nothing.
    let before = |at: usize| {
        (0..at).filter(move |other| {
            history[*other].client == history[at].client && history[*other].returned.is_some()
        })
    };
    let is_asked = |guarantee| asked.contains(&guarantee);
    // What whoever holds a write must hold, before it.
    let needs = |write: usize| -> Vec<usize> {
        let own =
            before(write).filter(|other| is_asked(Guarantee::MonotonicWrites) && is_write(&history[*other]));
        let read = before(write)
            .filter(|_| is_asked(Guarantee::WritesFollowReads))
            .filter_map(|other| saw(&history[other]));
        own.chain(read).collect()
    };
    if order.iter().any(|write| needs(*write).iter().any(|first| rank(*first) >= rank(*write))) {
        return false;
    }
    let reads = (0..history.len()).filter(|at| !is_write(&history[*at]));
    reads.into_iter().all(|read| {
        let mut least: Vec<usize> = Vec::new();
        if is_asked(Guarantee::ReadYourWrites) {
            least.extend(before(read).filter(|other| is_write(&history[*other])));
        }
        if is_asked(Guarantee::MonotonicReads) {
            least.extend(before(read).filter_map(|other| saw(&history[other])));
        }
        subsets(order).into_iter().any(|held| {
            let here = held.iter().filter(|write| register(&history[**write]) == register(&history[read]));
            let last = here.max_by_key(|write| rank(**write)).copied();
            last == saw(&history[read])
                && least.iter().all(|write| held.contains(write))
                && held.iter().all(|write| needs(*write).iter().all(|first| held.contains(first)))
        })
    })
}

fn brute(history: &[Op], asked: &[Guarantee]) -> bool {
    let all = |pending: bool| {
        let of = move |at: &usize| is_write(&history[*at]) && history[*at].returned.is_none() == pending;
        (0..history.len()).filter(of).collect::<Vec<_>>()
    };
    let completed = all(false);
    subsets(&all(true)).into_iter().any(|happened| {
        let writes = [completed.clone(), happened].concat();
        permutations(&writes).iter().any(|order| explains(history, order, asked))
    })
}

/// Any of the sixteen sets of guarantees.
fn asked(rng: &mut Rng) -> Vec<Guarantee> {
    let bits = rng.below(16);
    Guarantee::ALL.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, one)| one).collect()
}

/// The history of a violation's operations alone, with the guarantees that it names.
fn alone(history: &[Op], operations: &[usize]) -> Vec<Op> {
    let forget = |(at, operation): (usize, &Op)| {
        let returned = operation.returned.clone().filter(|_| operations.contains(&at));
        Operation { returned, ..operation.clone() }
    };
    history.iter().enumerate().map(forget).collect()
}

#[test]
fn random_histories_agree() {
    let (mut rng, mut holds, mut violated) = (Rng(4), 0, 0);
    for at in 0..6000 {
        let (history, asked) = (random(&mut rng, 4 + at % 4), asked(&mut rng));
        let verdict = sessions(&Register, &history, &asked);
        assert_eq!(verdict == Sessions::Hold, brute(&history, &asked), "{verdict:?} {asked:?} {history:#?}");
        match verdict {
            Sessions::Hold => holds += 1,
            Sessions::Violated(found) => {
                violated += 1;
                let named: Vec<Guarantee> = found.guarantees.iter().copied().collect();
                let witness = alone(&history, &found.operations);
                assert!(!brute(&witness, &named), "{asked:?} {found:#?} {history:#?}");
            }
            Sessions::Undecided(open) => panic!("{open}"),
        }
    }
    assert!(20 * holds > violated && 20 * violated > holds, "{holds} hold, {violated} do not");
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in [
        SessionFault::HoldingsNotClosed,
        SessionFault::UnknownTakenAsDone,
        SessionFault::MissingNeverWrong,
        SessionFault::CirclesIgnored,
    ] {
        let mut rng = Rng(5);
        let by = (0..20_000).find(|at| {
            let (history, asked) = (random(&mut rng, 5 + at % 3), asked(&mut rng));
            (sessions_with(&Register, &history, &asked, fault) == Sessions::Hold) != brute(&history, &asked)
        });
        println!("{fault:?} is noticed after {by:?} histories");
        assert!(by.is_some(), "{fault:?} went unnoticed");
    }
}

fn write(client: u64, key: &str, value: &str, at: u64) -> Op {
    Operation::completed(client, Input::write(key, value), at, Output::Done, at)
}

fn read(client: u64, key: &str, value: Option<&str>, at: u64) -> Op {
    Operation::completed(client, Input::read(key), at, Output::Value(value.map(Into::into)), at)
}

#[test]
fn an_answer_is_seen_without_what_it_answers() {
    // c0 posts, c1 reads it and answers, c2 sees the answer and not the post.
    let history = [
        write(0, "post", "1", 0),
        read(1, "post", Some("1"), 1),
        write(1, "answer", "2", 2),
        read(2, "answer", Some("2"), 3),
        read(2, "post", None, 4),
    ];
    let Sessions::Violated(found) = sessions(&Register, &history, &Guarantee::ALL) else { panic!() };
    let names = [Guarantee::MonotonicReads, Guarantee::WritesFollowReads];
    assert_eq!(found.guarantees, BTreeSet::from(names));
    assert_eq!(found.operations, [0, 1, 2, 3, 4]);
    assert!(
        found.sentence.starts_with(
            "monotonic reads and writes follow reads cannot hold: \
             c2's read post = null cannot have missed c0's write post = 1"
        ),
        "{}",
        found.sentence
    );
    assert_eq!(sessions(&Register, &history, &[Guarantee::MonotonicReads]), Sessions::Hold);
}

#[test]
fn what_cannot_be_judged_is_said() {
    let twice = [write(0, "x", "1", 0), write(1, "x", "1", 1)];
    let verdict = sessions(&Register, &twice, &Guarantee::ALL);
    assert_eq!(verdict, Sessions::Undecided(SessionsOpen::Repeated { operations: [0, 1] }));
    let Sessions::Violated(found) = sessions(&Register, &[read(0, "x", Some("9"), 0)], &[]) else { panic!() };
    assert_eq!(
        (found.sentence.as_str(), found.operations),
        ("nobody wrote what c0's read x = 9 saw", vec![0])
    );
    let late = [Operation::completed(0, Input::read("x"), 5, Output::Value(None), 4)];
    let verdict = sessions(&Register, &late, &Guarantee::ALL);
    assert_eq!(verdict, Sessions::Undecided(SessionsOpen::Malformed { operation: 0 }));
}

/// Every client writes and reads in turns; what takes a second here would take a day with the cube of the length.
#[test]
fn long_sessions_are_judged_in_time() {
    let mut history = Vec::new();
    for at in 0..2000_u64 {
        history.push(write(at % 10, "x", &at.to_string(), 2 * at));
        history.push(read((at + 1) % 10, "x", Some(&at.to_string()), 2 * at + 1));
    }
    assert_eq!(sessions(&Register, &history, &Guarantee::ALL), Sessions::Hold);
    history.push(read(3, "x", Some("1000"), 9000));
    assert!(matches!(sessions(&Register, &history, &Guarantee::ALL), Sessions::Violated(_)));
}

/// Each read comes after all that its session wrote before, and after nothing that it read.
#[test]
fn long_sessions_of_one_guarantee_are_judged_in_room() {
    let mut history = Vec::new();
    for at in 0..8_000_u64 {
        history.push(write(0, "x", &at.to_string(), 4 * at));
        history.push(read(0, "x", Some(&at.to_string()), 4 * at + 1));
        history.push(write(1, "x", &format!("other {at}"), 4 * at));
        history.push(read(2, "x", Some(&format!("other {at}")), 4 * at + 1));
        history.push(write(2, "x", &format!("another {at}"), 4 * at + 2));
    }
    let asked = [Guarantee::ReadYourWrites];
    assert_eq!(sessions(&Register, &history, &asked), Sessions::Hold);
    // With all the others before it, the last may not come before the first.
    history.push(read(0, "x", Some("0"), 32_000));
    let Sessions::Violated(found) = sessions(&Register, &history, &asked) else { panic!() };
    assert_eq!(found.guarantees, asked.into());
}
