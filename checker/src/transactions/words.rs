//! Micro-operations in words.

use super::facts::At;
use super::history::{Op, Saw, Scalar, Transaction};

/// "T3 read x = [1 2]".
pub(super) fn did(history: &[Transaction], at: At) -> String {
    format!("T{} {}", at.txn, what(&history[at.txn].ops[at.op]))
}

/// "appended 3 to x".
pub(super) fn what(op: &Op) -> String {
    match op {
        Op::Append { key, value } => format!("appended {value} to {key}"),
        Op::Write { key, value } => format!("wrote {key} = {value}"),
        Op::Read { key, saw: None } => format!("read {key}"),
        Op::Read { key, saw: Some(Saw::Null) } => format!("read {key} = null"),
        Op::Read { key, saw: Some(Saw::Value(value)) } => format!("read {key} = {value}"),
        Op::Read { key, saw: Some(Saw::List(elements)) } => format!("read {key} = {}", list(elements)),
    }
}

/// What it "had written x = 1".
pub(super) fn had_done(op: &Op) -> String {
    match op {
        Op::Write { key, value } => format!("written {key} = {value}"),
        op => what(op),
    }
}

/// A list, its middle left out if it is long.
fn list(elements: &[Scalar]) -> String {
    const LONGEST: usize = 12;
    const END: usize = 4;
    let spaced = |part: &[Scalar]| part.iter().map(Scalar::to_string).collect::<Vec<_>>().join(" ");
    if elements.len() <= LONGEST {
        return format!("[{}]", spaced(elements));
    }
    let (head, tail) = (&elements[..END], &elements[elements.len() - END..]);
    format!("[{} … {}] ({} elements)", spaced(head), spaced(tail), elements.len())
}
