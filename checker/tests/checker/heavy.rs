//! States without bound are counted in the budget of memory, and forgotten where the search forgets.

use stormglass_checker::models::Text;
use stormglass_checker::models::bank::{self, Bank};
use stormglass_checker::models::queue::{Input, Output, Queue};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::online::{Online, Standing};
use stormglass_checker::{Budget, Model, Next, Operation, Role, Verdict, Why, check, consistency};

/// A queue that keeps `waiting` elements while one after the other goes in and out. The elements are few, so that no
/// polynomial decision knows which came out.
fn long_queue(waiting: u64, count: u64) -> Vec<Operation<Input, Output>> {
    let value = |nth: u64| format!("v{}", nth % 10).into();
    let mut history = Vec::new();
    let mut operation = |input, output| {
        let at = 2 * history.len() as u64;
        history.push(Operation::completed(at % 4, input, at, output, at + 1));
    };
    let enqueue = |nth| Input::Enqueue { key: "q".into(), value: value(nth) };
    for nth in 0..waiting {
        operation(enqueue(nth), Output::Done);
    }
    for nth in 0..count {
        operation(enqueue(waiting + nth), Output::Done);
        operation(Input::Dequeue { key: "q".into() }, Output::Taken(Some(value(nth))));
    }
    history
}

#[test]
fn a_long_queue_is_light() {
    let budget = Budget { memo: 10_000, ..Budget::default() };
    let verdict = check(&Queue, &long_queue(500, 1000), budget);
    assert!(verdict.is_linearizable(), "{}", format!("{verdict:?}").chars().take(300).collect::<String>());
}

/// Of what is in flight, each order is a state of its own, and each of them has seen a dequeue.
#[test]
fn a_long_queue_is_light_however_many_states_grow_from_it() {
    let mut history = long_queue(2000, 0);
    let start = 2 * history.len() as u64;
    let enqueue = |nth: u64| Input::Enqueue { key: "q".into(), value: format!("w{nth}").into() };
    let dequeue = |client, at, value: &str, end| {
        Operation::completed(
            client,
            Input::Dequeue { key: "q".into() },
            at,
            Output::Taken(Some(value.into())),
            end,
        )
    };
    let put = |nth| Operation::completed(nth, enqueue(nth), start + nth, Output::Done, start + 50);
    history.extend((0..6).map(put));
    history.push(dequeue(6, start + 6, "v0", start + 50));
    history.push(dequeue(0, start + 60, "v9", start + 61));
    let verdict = check(&Queue, &history, Budget { memo: 20_000, ..Budget::default() });
    assert!(verdict.is_violation(), "{verdict:?}");
}

/// One deposit after the other, to one of 500 accounts; after every `period` of these all are read.
fn long_book(period: u64) -> Vec<Operation<bank::Input, bank::Output>> {
    use bank::{Input, Output};
    let account = |nth: u64| -> Text { format!("a{}", nth % 500).into() };
    let mut balances = std::collections::BTreeMap::new();
    let mut history = Vec::new();
    for nth in 1..=1500 {
        *balances.entry(account(nth)).or_insert(0) += 1;
        history.push((Input::Deposit { to: account(nth), amount: 1 }, Output::Done));
        if nth % period == 0 {
            history.push((Input::Read, Output::Balances(balances.clone())));
        }
    }
    let operation = |(at, (input, output))| Operation::completed(at % 4, input, 2 * at, output, 2 * at + 1);
    (0_u64..).zip(history).map(operation).collect()
}

#[test]
fn behind_a_cut_they_are_forgotten() {
    let judge =
        |period| check(&Bank::default(), &long_book(period), Budget { memo: 100_000, ..Budget::default() });
    assert!(judge(10).is_linearizable());
    assert!(matches!(judge(2000), Verdict::Undecided { why: Why::Memo, .. }));
}

#[test]
fn so_they_are_in_the_search_for_a_sequential_order() {
    let judge = |memo| {
        consistency::sequential(&Bank::default(), &long_book(2000), Budget { memo, ..Budget::default() })
    };
    assert!(matches!(judge(100_000), consistency::Verdict::Undecided { why: Why::Memo, .. }));
    assert!(judge(2_000_000).holds());
}

#[test]
fn so_they_are_while_a_history_grows() {
    let judge = |memo| {
        let mut online = Online::new(Bank::default(), Budget { memo, ..Budget::default() });
        for nth in 0..300 {
            let deposit = bank::Input::Deposit { to: format!("a{nth}").into(), amount: 1 };
            let ticket = online.call(0, deposit);
            online.returned(ticket, bank::Output::Done);
        }
        online.standing() == Standing::Explained
    };
    assert!(!judge(150) && judge(5_000));
}

/// A state counts once, however many configurations and open operations know it.
#[test]
fn a_large_set_counts_once_while_a_history_grows() {
    use stormglass_checker::models::set::{Input, Output, Set};
    let mut online = Online::new(Set, Budget { memo: 100_000, ..Budget::default() });
    let add = |value: String| Input::Add { key: "s".into(), value: value.into() };
    for nth in 0..300 {
        let ticket = online.call(0, add(format!("v{nth}")));
        online.returned(ticket, Output::Done);
    }
    let tickets: Vec<_> = (0..5).map(|client| online.call(client, add(format!("w{client}")))).collect();
    for ticket in tickets {
        assert_eq!(online.returned(ticket, Output::Done), Standing::Explained);
    }
}

/// A register whose values are large.
struct Blobs;

impl Model for Blobs {
    type State = <Register as Model>::State;
    type Input = register::Input;
    type Output = register::Output;

    fn init(&self) -> Self::State {
        Register.init()
    }

    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Next<Self::State> {
        Register.step(state, input, output)
    }

    fn weight(&self, _: &Self::State) -> usize {
        1000
    }

    fn settles(&self, input: &Self::Input, output: &Self::Output) -> bool {
        Register.settles(input, output)
    }

    fn role<'a>(&self, input: &'a Self::Input, output: Option<&'a Self::Output>) -> Role<'a> {
        Register.role(input, output)
    }
}

/// The search knows the values of registers by the numbers of their states.
#[test]
fn a_register_may_be_heavy() {
    use register::{Input, Output};
    let write = |nth: u64| {
        Operation::completed(
            nth % 3,
            Input::write("x", &(nth % 4).to_string()),
            2 * nth,
            Output::Done,
            2 * nth + 1,
        )
    };
    let mut history: Vec<_> = (0..40).map(write).collect();
    let read =
        |value: &str| Operation::completed(0, Input::read("x"), 90, Output::Value(Some(value.into())), 91);
    history.push(read("3"));
    assert!(check(&Blobs, &history, Budget::default()).is_linearizable());
    history[40] = read("2");
    assert!(check(&Blobs, &history, Budget::default()).is_violation());
}
