//! Files of every format. A reader may complain, by file and line. What it takes is judged, drawn, and the same when
//! it was written and read again.

use std::fmt::Debug;
use stormglass_checker::format::edn::{Dialect, Reader, Value};
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{self, Format};
use stormglass_checker::models::{
    append_list::AppendList, bank::Bank, cas_register::CasRegister, counter::Counter, kv::Kv, lock::Lock,
    priority_queue::PriorityQueue, queue::Queue, register::Register, set::Set, stack::Stack,
    versioned_kv::VersionedKv,
};
use stormglass_checker::page::{self, About, page};
use stormglass_checker::{Budget, draw, judge};

/// Enough for whatever a fuzzer writes down, and over at once if it is not.
const BUDGET: Budget = Budget { states: 2_000, memo: 2_000 };

/// Longest history that is judged.
const JUDGED: usize = 200;

pub(super) fn jsonl(bytes: &[u8]) {
    every_model(Some(Format::Jsonl), bytes);
}

pub(super) fn edn(bytes: &[u8]) {
    every_model(Some(Format::Edn), bytes);
    let values = |text: &[u8]| -> Result<Vec<Value>, String> {
        let values = Reader::new("h", text, Dialect::Edn);
        values.map(|value| value.map(|(_, value)| value).map_err(|error| error.to_string())).collect()
    };
    if let Ok(read) = values(bytes) {
        let written: Vec<String> = read.iter().map(Value::to_string).collect();
        let written = format!("[{}]", written.join("\n"));
        assert_eq!(values(written.as_bytes()), Ok(read), "{written}");
    }
}

pub(super) fn json(bytes: &[u8]) {
    every_model(Some(Format::Json), bytes);
}

pub(super) fn log(bytes: &[u8]) {
    every_model(Some(Format::Log), bytes);
}

/// Whatever the content shows, as the two models of Porcupine's tests.
pub(super) fn porcupine(bytes: &[u8]) {
    one_model(&Kv::lab(), None, bytes);
    one_model(&CasRegister, None, bytes);
}

fn every_model(format: Option<Format>, bytes: &[u8]) {
    one_model(&Register, format, bytes);
    one_model(&CasRegister, format, bytes);
    one_model(&Kv::default(), format, bytes);
    one_model(&VersionedKv, format, bytes);
    one_model(&AppendList, format, bytes);
    one_model(&Set, format, bytes);
    one_model(&Counter, format, bytes);
    one_model(&Queue, format, bytes);
    one_model(&Stack, format, bytes);
    one_model(&PriorityQueue, format, bytes);
    one_model(&Lock, format, bytes);
    one_model(&Bank::default(), format, bytes);
}

fn one_model<M>(model: &M, format: Option<Format>, bytes: &[u8])
where
    M: Lines<Input: PartialEq + Debug, Output: PartialEq + Debug>,
{
    let recorded = match format::read::<M>("h", format, bytes) {
        Ok(recorded) => recorded,
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("h:") && message.contains("expected"), "{message}");
            assert!(message.len() < 4_000, "{message}");
            return;
        }
    };
    let history = &recorded.operations;
    assert_eq!(recorded.lines.len(), history.len());
    let mut written = Vec::new();
    format::jsonl::write::<M>(&mut written, history).expect("memory");
    let again = format::jsonl::read::<M>("again", &written[..]);
    let again = again.unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&written)));
    assert_eq!(*again, history[..]);
    if history.len() <= JUDGED {
        let judgement = judge(model, history, BUDGET);
        if let Some(counterexample) = judgement.verdict.counterexample() {
            assert!(!draw(model, history, counterexample, 80).is_empty());
        }
        let about = About { title: "h", model: "any", timed: recorded.timed };
        assert!(page(model, history, &judgement.verdict, &about).len() <= page::LARGEST);
    }
}
