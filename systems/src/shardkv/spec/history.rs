//! From what the observer recorded to what the checker judges.

use std::collections::{BTreeMap, BTreeSet};

use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::versioned_kv::{self, VersionedKv};
use stormglass_checker::{self as checker, Returned};
pub use stormglass_checker::{Budget, Verdict};

use super::super::protocol::PutError;
use super::{Op, Outcome, Probe};
use crate::probe::{Operation, nanos};

type Recorded = Operation<Op, Outcome>;

/// Is what the clients saw explained by one map that does one operation at a time, whatever moved meanwhile?
pub fn linearizable(probe: &Probe, budget: Budget) -> Verdict {
    let history = probe.history();
    let appended: BTreeSet<&str> =
        history.iter().filter(|done| sets(&done.op)).map(|done| key(&done.op)).collect();
    let (without, with_versions): (Vec<&Recorded>, Vec<&Recorded>) =
        history.iter().partition(|done| appended.contains(key(&done.op)));
    let first = checker::check(&Kv::default(), &unversioned(without), budget);
    if !first.is_linearizable() {
        return first;
    }
    checker::check(&VersionedKv, &versioned(with_versions), budget)
}

/// A history of gets and versioned puts in the checker's words.
pub fn versioned<'a>(
    history: impl IntoIterator<Item = &'a Recorded>,
) -> Vec<checker::Operation<versioned_kv::Input, versioned_kv::Output>> {
    convert(&history.into_iter().collect::<Vec<_>>(), versioned_input, versioned_output)
}

/// A history without versioned puts in the checker's words.
pub fn unversioned<'a>(
    history: impl IntoIterator<Item = &'a Recorded>,
) -> Vec<checker::Operation<kv::Input, kv::Output>> {
    convert(&history.into_iter().collect::<Vec<_>>(), kv_input, kv_output)
}

fn sets(op: &Op) -> bool {
    matches!(op, Op::Set { .. } | Op::Append { .. } | Op::Cas { .. })
}

fn key(op: &Op) -> &str {
    match op {
        Op::Get { key }
        | Op::Put { key, .. }
        | Op::Set { key, .. }
        | Op::Append { key, .. }
        | Op::Cas { key, .. } => key,
    }
}

/// A clerk is a client, numbered in the order of appearance. What was certainly not done is left out.
fn convert<I, O>(
    history: &[&Recorded],
    input: fn(&Op) -> I,
    output: fn(&Outcome) -> O,
) -> Vec<checker::Operation<I, O>> {
    let mut clients = BTreeMap::new();
    let convert = |operation: &&Recorded| {
        let next = clients.len() as u64;
        let client = *clients.entry(operation.client).or_insert(next);
        let returned = operation.ret.as_ref();
        if let Some((_, Outcome::NotDone | Outcome::Put(Err(PutError::Full | PutError::NotDone)))) = returned
        {
            return None;
        }
        let returned = returned.map(|(at, outcome)| Returned { at: nanos(*at), output: output(outcome) });
        Some(checker::Operation {
            client,
            input: input(&operation.op),
            call: nanos(operation.call),
            returned,
        })
    };
    history.iter().filter_map(convert).collect()
}

fn kv_input(op: &Op) -> kv::Input {
    match op {
        Op::Get { key } => kv::Input::get(key),
        Op::Set { key, value } => kv::Input::put(key, value),
        Op::Append { key, value } => kv::Input::append(key, value),
        Op::Cas { key, from, value } => kv::Input::Cas {
            key: key.as_str().into(),
            from: from.as_deref().map(Into::into),
            value: value.as_str().into(),
        },
        Op::Put { key, .. } => {
            unreachable!("`{key}` is put with versions, and set: there is no model of that")
        }
    }
}

fn kv_output(outcome: &Outcome) -> kv::Output {
    match outcome {
        Outcome::Found(found) => kv::Output::value(found.as_ref().map(|found| found.value.as_str())),
        Outcome::Swapped(done) => kv::Output::Swapped(*done),
        Outcome::Put(_) | Outcome::Done | Outcome::NotDone => kv::Output::Done,
    }
}

fn versioned_input(op: &Op) -> versioned_kv::Input {
    use versioned_kv::Input;
    match op {
        Op::Get { key } => Input::Get { key: key.as_str().into() },
        Op::Put { key, value, version } => {
            Input::Put { key: key.as_str().into(), value: value.as_str().into(), version: *version }
        }
        Op::Set { key, .. } | Op::Append { key, .. } | Op::Cas { key, .. } => {
            unreachable!("`{key}` is put with versions, and set: there is no model of that")
        }
    }
}

fn versioned_output(outcome: &Outcome) -> versioned_kv::Output {
    use versioned_kv::Output;
    match outcome {
        Outcome::Found(None) => Output::NoKey,
        Outcome::Found(Some(found)) => {
            Output::Value { value: found.value.as_str().into(), version: found.version }
        }
        Outcome::Put(Ok(())) | Outcome::Done | Outcome::Swapped(_) | Outcome::NotDone => Output::Ok,
        Outcome::Put(Err(PutError::Version)) => Output::Version,
        Outcome::Put(Err(PutError::NoKey)) => Output::NoKey,
        // `Unknown` is not returned to a probe, and the others are left out.
        Outcome::Put(Err(_)) => Output::Maybe,
    }
}
