//! From what the observer recorded to what the checker judges.
//!
//! Versioned puts are judged by the one model, all other writes by the other. So a key belongs to one of the two; a key
//! that was never written belongs to the second. Both are judged key by key, so scans are in neither: R7 judges them.

use std::collections::{BTreeMap, BTreeSet};

use stormglass_checker::models::{kv, versioned_kv};
use stormglass_checker::{self as checker, Returned};
pub use stormglass_checker::{Budget, Verdict};

use super::super::message::{Answer, Versioned};
use super::super::protocol::PutError;
use super::{Op, Outcome, Probe};
use crate::probe::{Operation, nanos};

/// One operation on a key of put, append and cas.
pub type Classic = checker::Operation<kv::Input, kv::Output>;

/// One operation on a key of versioned puts.
pub type Versions = checker::Operation<versioned_kv::Input, versioned_kv::Output>;

/// Is what the clients saw explained by one map that does one operation at a time?
pub fn linearizable(probe: &Probe, budget: Budget) -> Verdict {
    let history = probe.history();
    let verdict = checker::check(&kv::Kv::default(), &classic(&history), budget);
    let versions = versions(&history);
    if verdict.is_linearizable() && !versions.is_empty() {
        return checker::check(&versioned_kv::VersionedKv, &versions, budget);
    }
    verdict
}

/// The part of the history that is about keys without versioned puts. A clerk is a client, numbered in the order of
/// appearance. What was certainly not done is left out; what nobody knows stays open.
pub fn classic(history: &[Operation<Op, Outcome>]) -> Vec<Classic> {
    convert(
        history,
        false,
        |op| match op.clone() {
            Op::Get { key } => kv::Input::Get { key: text(key) },
            Op::Put { key, value } => kv::Input::Put { key: text(key), value: text(value) },
            Op::Append { key, value } => kv::Input::Append { key: text(key), value: text(value) },
            Op::Cas { key, from, value } => {
                kv::Input::Cas { key: text(key), from: from.map(text), value: text(value) }
            }
            Op::PutAt { .. } => unreachable!("a key of the other model"),
        },
        |op, outcome| match (op, outcome) {
            (_, Outcome::Found(found)) => kv::Output::Value(found.as_ref().map(|found| text(&*found.value))),
            (Op::Cas { .. }, outcome) => kv::Output::Swapped(*outcome == Outcome::Written(Answer::Done)),
            _ => kv::Output::Done,
        },
    )
}

/// The part of the history that is about keys of versioned puts.
pub fn versions(history: &[Operation<Op, Outcome>]) -> Vec<Versions> {
    convert(
        history,
        true,
        |op| match op.clone() {
            Op::PutAt { key, value, version } => {
                versioned_kv::Input::Put { key: text(key), value: text(value), version }
            }
            op => versioned_kv::Input::Get { key: text(op.key()) },
        },
        |_, outcome| match outcome {
            Outcome::Found(Some(Versioned { value, version })) => {
                versioned_kv::Output::Value { value: text(&**value), version: *version }
            }
            Outcome::Found(None) | Outcome::PutAt(Err(PutError::NoKey)) => versioned_kv::Output::NoKey,
            Outcome::PutAt(Err(PutError::Version)) => versioned_kv::Output::Version,
            Outcome::PutAt(Err(_)) => versioned_kv::Output::Maybe,
            _ => versioned_kv::Output::Ok,
        },
    )
}

fn convert<I, O>(
    history: &[Operation<Op, Outcome>],
    versioned: bool,
    input: impl Fn(&Op) -> I,
    output: impl Fn(&Op, &Outcome) -> O,
) -> Vec<checker::Operation<I, O>> {
    let is_versioned = |op: &Op| matches!(op, Op::PutAt { .. });
    let keys: BTreeSet<&str> =
        history.iter().map(|operation| &operation.op).filter(|op| is_versioned(op)).map(Op::key).collect();
    let mut clients = BTreeMap::new();
    let mut converted = Vec::new();
    for operation in history {
        let next = clients.len() as u64;
        let client = *clients.entry(operation.client).or_insert(next);
        let outcome = operation.ret.as_ref().map(|(_, outcome)| outcome);
        let nothing = matches!(outcome, Some(Outcome::NotDone | Outcome::PutAt(Err(PutError::NotDone))));
        if nothing || keys.contains(operation.op.key()) != versioned {
            continue;
        }
        let returned = operation.ret.as_ref();
        let returned =
            returned.map(|(at, outcome)| Returned { at: nanos(*at), output: output(&operation.op, outcome) });
        let (input, call) = (input(&operation.op), nanos(operation.call));
        converted.push(checker::Operation { client, input, call, returned });
    }
    converted
}

fn text(text: impl AsRef<str>) -> stormglass_checker::models::Text {
    text.as_ref().into()
}
