//! From what the observer recorded to what the checker judges.

use std::collections::BTreeMap;

use stormglass_checker::models::kv::{Input, Kv, Output};
use stormglass_checker::{self as checker, Returned};
pub use stormglass_checker::{Budget, Verdict};

use super::super::message::Command;
use super::Probe;
use crate::probe::{Operation, nanos};

/// One operation in the checker's words.
pub type Checkable = checker::Operation<Input, Output>;

/// Is what the clients saw explained by one map that does one operation at a time?
pub fn linearizable(probe: &Probe, budget: Budget) -> Verdict {
    checker::check(&Kv::lab(), &checkable(&probe.history()), budget)
}

/// The history in the checker's words. A clerk is a client, numbered in the order of appearance.
pub fn checkable(history: &[Operation<Command, String>]) -> Vec<Checkable> {
    let mut clients = BTreeMap::new();
    let convert = |operation: &Operation<Command, String>| {
        let next = clients.len() as u64;
        let client = *clients.entry(operation.client).or_insert(next);
        let output = |reply: &String| match operation.op {
            Command::Put(_) => Output::Done,
            Command::Get(_) | Command::Append(_) => Output::value(Some(reply)),
        };
        let input = match &operation.op {
            Command::Get(get) => Input::get(&get.key),
            Command::Put(put) => Input::put(&put.key, &put.value),
            Command::Append(append) => Input::append(&append.key, &append.value),
        };
        let returned = operation.ret.as_ref();
        let returned = returned.map(|(at, reply)| Returned { at: nanos(*at), output: output(reply) });
        checker::Operation { client, input, call: nanos(operation.call), returned }
    };
    history.iter().map(convert).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::message::{Append, Get, RequestId};
    use super::*;

    fn by(sequence: u64) -> RequestId {
        RequestId { clerk: 7, sequence, resend: false }
    }

    fn append(value: &str, sequence: u64) -> Command {
        Command::Append(Append { key: "k".into(), value: value.into(), by: by(sequence) })
    }

    #[test]
    fn a_history_is_judged() {
        let judge = |replies: [&str; 3]| {
            let probe = Probe::new(|| Duration::ZERO);
            let commands = [append("a", 1), append("b", 2), Command::Get(Get { key: "k".into(), by: by(3) })];
            for (command, reply) in commands.into_iter().zip(replies) {
                let ticket = probe.call(7, || command);
                probe.ret(ticket, || reply.into());
            }
            linearizable(&probe, Budget::default())
        };
        assert!(judge(["", "a", "ab"]).is_linearizable());
        assert!(judge(["", "a", "abb"]).is_violation(), "appended twice");
        assert!(judge(["", "", "ab"]).is_violation(), "the wrong value before");
    }
}
