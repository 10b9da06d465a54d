//! The log service as its clients see it: a list that only grows, one operation at a time.

use std::collections::BTreeMap;

use stormglass_checker::models::append_list::{AppendList, Input, Output};
use stormglass_checker::{self as checker, Returned};
pub use stormglass_checker::{Budget, Verdict};

use super::Probe;
use crate::probe::{Operation, nanos};

/// What a client of the log service asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Adds a value to the end of the list.
    Append(String),
    /// Reads the whole list.
    Read,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The value is in the list, once.
    Appended,
    /// The whole list.
    List(Vec<String>),
}

/// One operation in the checker's words.
pub type Checkable = checker::Operation<Input, Output>;

/// Is what the clients saw explained by one list that does one operation at a time?
pub fn linearizable(probe: &Probe, budget: Budget) -> Verdict {
    checker::check(&AppendList, &checkable(&probe.history()), budget)
}

/// The history in the checker's words; clients are numbered in the order of appearance.
pub fn checkable(history: &[Operation<Op, Outcome>]) -> Vec<Checkable> {
    let mut clients = BTreeMap::new();
    let convert = |operation: &Operation<Op, Outcome>| {
        let next = clients.len() as u64;
        let client = *clients.entry(operation.client).or_insert(next);
        let input = match &operation.op {
            Op::Append(value) => Input::Append { key: "log".into(), value: value.as_str().into() },
            Op::Read => Input::Read { key: "log".into() },
        };
        let returned = operation.ret.as_ref().map(|(at, outcome)| {
            let output = match outcome {
                Outcome::Appended => Output::Done,
                Outcome::List(values) => {
                    Output::Elements(values.iter().map(|value| value.as_str().into()).collect())
                }
            };
            Returned { at: nanos(*at), output }
        });
        checker::Operation { client, input, call: nanos(operation.call), returned }
    };
    history.iter().map(convert).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    /// A probe whose clock shows one more nanosecond every time it is asked.
    fn probe() -> Probe {
        let now = Rc::new(Cell::new(0));
        Probe::new(move || Duration::from_nanos(now.replace(now.get() + 1)))
    }

    fn append(probe: &Probe, client: u64, value: &str) {
        let ticket = probe.call(client, || Op::Append(value.into()));
        probe.ret(ticket, || Outcome::Appended);
    }

    fn read(probe: &Probe, client: u64, values: &[&str]) {
        let ticket = probe.call(client, || Op::Read);
        probe.ret(ticket, || Outcome::List(values.iter().map(|&value| value.into()).collect()));
    }

    #[test]
    fn a_list_that_grows_is_linearizable() {
        let probe = probe();
        append(&probe, 7, "a");
        _ = probe.call(8, || Op::Append("open".into()));
        read(&probe, 7, &["a"]);
        append(&probe, 9, "b");
        read(&probe, 7, &["a", "open", "b"]);
        assert!(linearizable(&probe, Budget::default()).is_linearizable());
        assert_eq!(
            checkable(&probe.history()).iter().map(|op| op.client).collect::<Vec<_>>(),
            [0, 1, 0, 2, 0]
        );
    }

    #[test]
    fn a_value_lost_or_there_twice_is_not() {
        for wrong in [&[][..], &["a", "a"]] {
            let probe = probe();
            append(&probe, 1, "a");
            read(&probe, 2, wrong);
            assert!(linearizable(&probe, Budget::default()).is_violation(), "{wrong:?}");
        }
    }
}
