//! Transactions as Jepsen's list-append and rw-register tests write them.

use super::history::{Op, Saw, Scalar, Transaction};
use super::recorded::Keys;
use crate::format::edn::Value;
use crate::format::events::{Ended, Kind};
use crate::format::fields::Expected;

/// The transaction of a call and its end.
pub(super) fn transaction(ended: &Ended, keys: Keys) -> Result<Transaction, Expected> {
    let invoke = &ended.invoke;
    if invoke.f != "txn" {
        return Err(Expected(format!(":f to be :txn, a transaction; it is {:.40}", invoke.f)));
    }
    let committed = matches!(ended.end, Some((Kind::Ok, _)));
    let value = if committed { &ended.answer } else { &invoke.value };
    let Some(micros) = value.items() else {
        return Err(Expected(format!(":value to be a list of micro-operations; it is {}", value.shown())));
    };
    let ops = micros.iter().enumerate().map(|(at, op)| {
        let op = micro(op, committed).and_then(|op| keys.check(&op).map(|()| op));
        op.map_err(|Expected(what)| Expected(format!("micro-operation {} of :value to be {what}", at + 1)))
    });
    let ops = ops.collect::<Result<_, _>>()?;
    Ok(match ended.end {
        Some((Kind::Ok, at)) => Transaction::ok(ended.client, ended.call, at, ops),
        Some((Kind::Fail, at)) => Transaction::failed(ended.client, ended.call, at, ops),
        _ => Transaction::unknown(ended.client, ended.call, ops),
    })
}

fn micro(op: &Value, committed: bool) -> Result<Op, Expected> {
    let shape = || {
        Expected(format!("[:append key value], [:w key value] or [:r key what-it-saw]; it is {}", op.shown()))
    };
    let Some([name, key, value]) = op.items() else { return Err(shape()) };
    let key = scalar(key)?;
    match name.name() {
        Some("append") => Ok(Op::Append { key, value: scalar(value)? }),
        Some("w") => Ok(Op::Write { key, value: scalar(value)? }),
        Some("r") => {
            let saw = match value.untagged() {
                Value::Nil => committed.then_some(Saw::Null),
                Value::List(elements) => {
                    Some(Saw::List(elements.iter().map(scalar).collect::<Result<_, _>>()?))
                }
                value => Some(Saw::Value(scalar(value)?)),
            };
            Ok(Op::Read { key, saw })
        }
        _ => Err(shape()),
    }
}

fn scalar(value: &Value) -> Result<Scalar, Expected> {
    match value.untagged() {
        Value::Int(number) => Ok(Scalar::Number(*number)),
        value @ (Value::Text(_)
        | Value::Keyword(_)
        | Value::Symbol(_)
        | Value::Number(_)
        | Value::Bool(_)) => Ok(Scalar::Text(value.text().unwrap_or_default().into())),
        other => Err(Expected(format!("of numbers, strings and keywords; it has {}", other.shown()))),
    }
}
