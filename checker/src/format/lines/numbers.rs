//! The lines of counters, locks and banks.

use super::{text, unknown_op};
use crate::format::fields::{Expected, Fields, Lines};
use crate::format::value::Value;
use crate::models::bank::{self, Bank};
use crate::models::counter::{self, Counter};
use crate::models::lock::{self, Lock};

/// `inc` (or `add`) with a number for `"value"`, `read` with a number for `"output"`.
impl Lines for Counter {
    fn decode(fields: &Fields) -> Result<(counter::Input, Option<counter::Output>), Expected> {
        use counter::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "inc" | "add" => (Input::Inc { key, by: fields.number()? }, fields.done(Output::Done)?),
            "read" => (
                Input::Read { key },
                fields.answer(&["output"], || fields.output_number().map(Output::Value))?,
            ),
            _ => return Err(unknown_op(fields, "inc, read")),
        })
    }

    fn encode(fields: &mut Fields, input: &counter::Input, output: Option<&counter::Output>) {
        use counter::{Input, Output};
        match input {
            Input::Inc { key, by } => {
                (fields.op, fields.key) = ("inc".into(), text(key));
                fields.value = Some(Value::Number(*by));
            }
            Input::Read { key } => (fields.op, fields.key) = ("read".into(), text(key)),
        }
        if let Some(Output::Value(seen)) = output {
            fields.output = Some(Value::Number(*seen));
        }
    }
}

/// `acquire` and `release` by the client, with `"ok":false` if it was refused.
impl Lines for Lock {
    fn decode(fields: &Fields) -> Result<(lock::Input, Option<lock::Output>), Expected> {
        use lock::{Input, Output};
        let key = fields.key()?;
        let owner = fields.client.ok_or_else(|| Expected::field("client", "a number"))?;
        let output = fields
            .answer(&["ok"], || Ok(if fields.ok == Some(false) { Output::Refused } else { Output::Done }));
        let input = match fields.op.as_str() {
            "acquire" => Input::Acquire { key, owner },
            "release" => Input::Release { key, owner },
            _ => return Err(unknown_op(fields, "acquire, release")),
        };
        Ok((input, output?))
    }

    /// The owner takes the place of the client.
    fn encode(fields: &mut Fields, input: &lock::Input, output: Option<&lock::Output>) {
        use lock::{Input, Output};
        let (op, key, owner) = match input {
            Input::Acquire { key, owner } => ("acquire", key, owner),
            Input::Release { key, owner } => ("release", key, owner),
        };
        (fields.op, fields.key, fields.client) = (op.into(), text(key), Some(*owner));
        if output == Some(&Output::Refused) {
            fields.ok = Some(false);
        }
    }
}

/// `transfer` with `"from"`, `"to"`, `"amount"` and `"ok"`; `deposit` with `"to"` and `"amount"`; `read` with an
/// object of balances for `"output"`. There is no `"key"`: the accounts are one object.
impl Lines for Bank {
    fn decode(fields: &Fields) -> Result<(bank::Input, Option<bank::Output>), Expected> {
        use bank::{Input, Output};
        Ok(match fields.op.as_str() {
            "transfer" => (
                Input::Transfer { from: fields.source()?, to: fields.target()?, amount: fields.amount()? },
                fields.answer(&["ok"], || fields.ok().map(Output::Transferred))?,
            ),
            "deposit" => (
                Input::Deposit { to: fields.target()?, amount: fields.amount()? },
                fields.done(Output::Done)?,
            ),
            "read" => {
                (Input::Read, fields.answer(&["output"], || fields.output_map().map(Output::Balances))?)
            }
            _ => return Err(unknown_op(fields, "transfer, deposit, read")),
        })
    }

    fn encode(fields: &mut Fields, input: &bank::Input, output: Option<&bank::Output>) {
        use bank::{Input, Output};
        let (op, from, to, amount) = match input {
            Input::Transfer { from, to, amount } => ("transfer", Some(from), Some(to), Some(*amount)),
            Input::Deposit { to, amount } => ("deposit", None, Some(to), Some(*amount)),
            Input::Read => ("read", None, None, None),
        };
        (fields.op, fields.from) = (op.into(), from.map(|from| Value::from(&**from)));
        (fields.to, fields.amount) = (to.map(ToString::to_string), amount);
        match output {
            Some(Output::Transferred(ok)) => fields.ok = Some(*ok),
            Some(Output::Balances(seen)) => {
                let number =
                    |(name, balance): (_, &i64)| (ToString::to_string(name), Value::Number(*balance));
                fields.output = Some(Value::Map(seen.iter().map(number).collect()));
            }
            Some(Output::Done) | None => {}
        }
    }
}
