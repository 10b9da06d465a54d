//! States without bound are counted in the budget of memory, and forgotten where the search forgets.

use stormglass_checker::models::Text;
use stormglass_checker::models::bank::{self, Bank};
use stormglass_checker::models::queue::{Input, Output, Queue};
use stormglass_checker::{Budget, Operation, Verdict, Why, check};

/// A queue that keeps `waiting` elements while one after the other goes in and out, each before the last has ended. The
/// elements are few, so that no polynomial decision knows which came out.
fn long_queue(waiting: u64, count: u64) -> Vec<Operation<Input, Output>> {
    let value = |nth: u64| format!("v{}", nth % 10).into();
    let mut history = Vec::new();
    let mut operation = |input, output| {
        let at = 2 * history.len() as u64;
        history.push(Operation::completed(at % 4, input, at, output, at + 3));
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
fn heavy_states_are_counted() {
    let judge = |memo| check(&Queue, &long_queue(500, 1000), Budget { memo, ..Budget::default() });
    let verdict = judge(50_000);
    assert!(matches!(verdict, Verdict::Undecided { why: Why::Memo, .. }), "{verdict:?}");
    assert!(judge(1_000_000).is_linearizable());
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
