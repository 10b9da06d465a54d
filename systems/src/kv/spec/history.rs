//! From what the observer recorded to what the checker judges.

use std::collections::BTreeMap;

use stormglass_checker::models::versioned_kv::{Input, Output, VersionedKv};
use stormglass_checker::{self as checker, Returned};
pub use stormglass_checker::{Budget, Verdict};

use super::{Op, Outcome, Probe};
use crate::kv::protocol::PutError;
use crate::probe::{Operation, nanos};

/// One operation in the checker's words.
pub type Checkable = checker::Operation<Input, Output>;

/// Is what the clients saw explained by one map that does one operation at a time?
pub fn linearizable(probe: &Probe, budget: Budget) -> Verdict {
    checker::check(&VersionedKv, &checkable(&probe.history()), budget)
}

/// The history in the checker's words. A clerk is a client, numbered in the order of appearance. A Put whose
/// fate is unknown stays open.
pub fn checkable(history: &[Operation<Op, Outcome>]) -> Vec<Checkable> {
    let mut clients = BTreeMap::new();
    let convert = |operation: &Operation<Op, Outcome>| {
        let next = clients.len() as u64;
        let client = *clients.entry(operation.client).or_insert(next);
        let returned = operation.ret.as_ref();
        let returned = returned.map(|(at, outcome)| Returned { at: nanos(*at), output: output(outcome) });
        checker::Operation { client, input: input(&operation.op), call: nanos(operation.call), returned }
    };
    history.iter().map(convert).collect()
}

fn input(op: &Op) -> Input {
    match op {
        Op::Get { key } => Input::Get { key: key.as_str().into() },
        Op::Put { key, value, version } => {
            Input::Put { key: key.as_str().into(), value: value.as_str().into(), version: *version }
        }
    }
}

fn output(outcome: &Outcome) -> Output {
    match outcome {
        Outcome::Get(None) => Output::NoKey,
        Outcome::Get(Some(found)) => {
            Output::Value { value: found.value.as_str().into(), version: found.version }
        }
        Outcome::Put(Ok(())) => Output::Ok,
        Outcome::Put(Err(PutError::Version)) => Output::Version,
        Outcome::Put(Err(PutError::NoKey)) => Output::NoKey,
        // `Unknown` is not returned to a probe.
        Outcome::Put(Err(PutError::Maybe | PutError::Unknown)) => Output::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::kv::message::Versioned;

    /// A probe whose clock shows one more nanosecond every time it is asked.
    fn probe() -> Probe {
        let now = Rc::new(Cell::new(0));
        Probe::new(move || Duration::from_nanos(now.replace(now.get() + 1)))
    }

    fn put(probe: &Probe, client: u64, value: &str, version: u64, outcome: Result<(), PutError>) {
        let ticket = probe.call(client, || Op::Put { key: "k".into(), value: value.into(), version });
        if outcome != Err(PutError::Unknown) {
            probe.ret(ticket, || Outcome::Put(outcome));
        }
    }

    fn get(probe: &Probe, client: u64, found: Option<(&str, u64)>) {
        let ticket = probe.call(client, || Op::Get { key: "k".into() });
        let found = found.map(|(value, version)| Versioned { value: value.into(), version });
        probe.ret(ticket, || Outcome::Get(found));
    }

    #[test]
    fn every_outcome_has_its_word() {
        let probe = probe();
        get(&probe, 70, None);
        put(&probe, 90, "a", 1, Err(PutError::NoKey));
        put(&probe, 70, "a", 0, Ok(()));
        put(&probe, 90, "b", 0, Err(PutError::Version));
        put(&probe, 90, "b", 1, Err(PutError::Maybe));
        put(&probe, 90, "c", 1, Err(PutError::Unknown));
        get(&probe, 70, Some(("a", 1)));
        let history = checkable(&probe.history());
        let value = Output::Value { value: "a".into(), version: 1 };
        let (ok, no_key) = (Some(Output::Ok), Some(Output::NoKey));
        let expected =
            [no_key.clone(), no_key, ok, Some(Output::Version), Some(Output::Maybe), None, Some(value)];
        let outputs: Vec<_> = history.iter().map(|operation| operation.output().cloned()).collect();
        assert_eq!(outputs, expected);
        assert_eq!(
            history.iter().map(|operation| operation.client).collect::<Vec<_>>(),
            [0, 1, 0, 1, 1, 1, 0]
        );
        assert!(linearizable(&probe, Budget::default()).is_linearizable());
    }

    #[test]
    fn a_lost_write_is_not_linearizable() {
        let probe = probe();
        put(&probe, 1, "a", 0, Ok(()));
        get(&probe, 2, None);
        assert!(linearizable(&probe, Budget::default()).is_violation());
    }

    #[test]
    fn an_open_put_may_take_effect_later() {
        let probe = probe();
        put(&probe, 1, "a", 0, Err(PutError::Unknown));
        get(&probe, 2, None);
        get(&probe, 2, Some(("a", 1)));
        assert!(linearizable(&probe, Budget::default()).is_linearizable());
        get(&probe, 2, None);
        assert!(linearizable(&probe, Budget::default()).is_violation());
    }
}
