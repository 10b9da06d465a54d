//! What the search need not look at, on histories of which it could not look at all; and a judge that is used again.

#[path = "../../examples/judging/generate.rs"]
mod generate;
#[path = "../../examples/judging/values.rs"]
mod values;

use generate::{Object, Plan, generate};
use stormglass_checker::models::kv::{Input, Kv, Output};
use stormglass_checker::{Budget, Judge, Operation, Paths, holds, holds_by, judge, judge_by};
use values::{APPENDS, Maps, PUTS, Registers, SWAPS, VersionedMaps};

const SMALL: Budget = Budget { states: 60_000, memo: 60_000 };

type Map = Operation<Input, Output>;

fn maps<const CHANGES: u8>(clients: usize, operations: usize, values: u64) -> Vec<Map> {
    generate::<Maps<CHANGES>>(Plan { clients, keys: 1, operations, values })
}

/// Every read of which the value was read before comes from the past, one at a time: most histories are wrong then.
fn stale(history: &[Map], at: usize) -> Option<Vec<Map>> {
    let seen = |operation: &Map| match operation.output() {
        Some(Output::Value(value)) => Some(value.clone()),
        _ => None,
    };
    let old = history[..at / 2].iter().rev().find_map(seen)?;
    let mut history = history.to_vec();
    seen(&history[at])?;
    history[at].returned.as_mut()?.output = Output::Value(old);
    Some(history)
}

#[test]
fn fifty_clients_of_few_values_are_searched() {
    let found = judge_by(&Kv::default(), &maps::<PUTS>(50, 1000, 5), SMALL, Paths::SearchOnly);
    assert!(found.verdict.is_linearizable(), "{found:?}");
}

#[test]
fn fifty_clients_of_new_values_are_searched() {
    let found = judge_by(&Kv::default(), &maps::<PUTS>(50, 1000, 0), SMALL, Paths::SearchOnly);
    assert!(found.verdict.is_linearizable(), "{found:?}");
}

#[test]
fn appends_between_puts_are_searched() {
    let found = judge_by(&Kv::default(), &maps::<APPENDS>(8, 300, 0), SMALL, Paths::SearchOnly);
    assert!(found.verdict.is_linearizable(), "{found:?}");
}

#[test]
fn the_search_and_the_paths_agree_on_longer_histories() {
    let (mut yes, mut no) = (0, 0);
    for history in [maps::<PUTS>(5, 120, 0), maps::<SWAPS>(5, 120, 4), maps::<APPENDS>(4, 80, 0)] {
        for at in 40..history.len() {
            let Some(history) = stale(&history, at) else { continue };
            let all = holds(&Kv::default(), &history, Budget::default());
            let searched = holds_by(&Kv::default(), &history, Budget::default(), Paths::SearchOnly);
            assert_eq!(all, searched, "{at}");
            assert_eq!(
                Some(judge(&Kv::default(), &history, Budget::default()).verdict.is_linearizable()),
                all
            );
            *(if all == Some(true) { &mut yes } else { &mut no }) += 1;
        }
    }
    assert!(yes > 2 && no > 20, "{yes} right, {no} wrong");
}

/// One judge for histories of any size and kind in any order says what a new one would say of each.
fn judged_again<O>(clients: usize)
where
    O: Object<Model: Default + Copy>,
{
    let mut judge_of_all = Judge::new(O::Model::default(), Budget::default());
    for (keys, operations) in [(1, 100), (30, 400), (3, 7), (1, 0), (7, 350), (30, 400), (1, 60)] {
        let history = generate::<O>(Plan { clients, keys, operations, values: 0 });
        let fresh = judge(&O::Model::default(), &history, Budget::default());
        assert_eq!(*judge_of_all.judge(&history), fresh, "{keys} keys, {operations} operations");
        let half = &history[history.len() / 3..];
        assert_eq!(*judge_of_all.judge(half), judge(&O::Model::default(), half, Budget::default()));
    }
}

#[test]
fn a_judge_keeps_nothing_but_room() {
    judged_again::<Registers>(4);
    judged_again::<Maps<SWAPS>>(4);
    judged_again::<Maps<APPENDS>>(3);
    judged_again::<VersionedMaps>(4);
}
