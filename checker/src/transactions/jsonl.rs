//! Transactions as JSON lines, one a line, times in nanoseconds.
//!
//! ```text
//! {"client":0,"txn":[["append","x",1],["r","x",[1]]],"type":"ok","call":10,"return":20}
//! {"client":1,"txn":[["w","y","a"],["r","z",null]],"type":"fail","call":12,"return":15}
//! {"client":1,"txn":[["append","x",2],["r","x",null]],"type":"unknown","call":30}
//! ```
//!
//! `"append"` and `["r", key, list]` for lists, `"w"` and `["r", key, value]` for registers; keys and values are whole
//! numbers or strings. `"type"` is `"ok"`, `"fail"` (it aborted) or `"unknown"`. A read of `null` saw an empty list or a
//! register that was never written; in a transaction that is not `ok` it says nothing, and neither does `["r", key]`.

use super::history::{Op, Saw, Scalar, Status, Transaction};
use super::recorded::Keys;
use crate::format::fields::Expected;
use crate::format::{Error, LineReader};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead, Write};

#[derive(Serialize, Deserialize)]
struct Line {
    client: u64,
    txn: Vec<Vec<Value>>,
    #[serde(rename = "type")]
    status: String,
    call: u64,
    #[serde(rename = "return", default, skip_serializing_if = "Option::is_none")]
    returned: Option<u64>,
}

/// Reads transactions one by one, holding one line in memory. Ends after the first error. Empty lines are skipped.
pub struct Reader<R> {
    lines: LineReader<R>,
    keys: Option<Keys>,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// `file` is the name that errors show.
    pub fn new(file: impl Into<String>, input: R) -> Self {
        Self { lines: LineReader::new(file, input), keys: None, done: false }
    }

    /// Takes micro-operations on such keys alone.
    pub fn only(self, keys: Keys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The line of the transaction that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    fn read(&mut self) -> Result<Option<Transaction>, Error> {
        loop {
            let text = match self.lines.read()? {
                None => return Ok(None),
                Some(text) if text.trim_ascii().is_empty() => continue,
                Some(text) => text,
            };
            let fields = serde_json::from_str::<Line>(text);
            if fields.is_err() && text.contains("\"op\"") && !text.contains("\"txn\"") {
                let what = "a transaction, which has \"txn\"; operations, which have \"op\", are for the other models";
                return Err(self.lines.expected(what));
            }
            let fields = fields.map_err(|source| self.lines.json(TRANSACTION, source))?;
            return decode(fields, self.keys).map(Some).map_err(|what| self.lines.expected(what));
        }
    }
}

/// What a line holds.
const TRANSACTION: &str = "transaction";

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Transaction, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read();
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Reads a whole history. `file` is the name that errors show. Empty lines are skipped.
pub fn read(file: &str, input: impl BufRead) -> Result<Vec<Transaction>, Error> {
    Reader::new(file, input).collect()
}

/// Writes transactions, one a line.
pub fn write<'a>(
    output: &mut impl Write,
    history: impl IntoIterator<Item = &'a Transaction>,
) -> std::io::Result<()> {
    for transaction in history {
        let status = match transaction.status {
            Status::Ok => "ok",
            Status::Fail => "fail",
            Status::Unknown => "unknown",
        };
        let line = Line {
            client: transaction.client,
            txn: transaction.ops.iter().map(encode).collect(),
            status: status.to_owned(),
            call: transaction.call,
            returned: transaction.returned,
        };
        serde_json::to_writer(&mut *output, &line)?;
        output.write_all(b"\n")?;
    }
    Ok(())
}

/// An error is what was expected.
fn decode(line: Line, keys: Option<Keys>) -> Result<Transaction, String> {
    let status = match line.status.as_str() {
        "ok" => Status::Ok,
        "fail" => Status::Fail,
        "unknown" | "info" => Status::Unknown,
        other => return Err(format!("\"type\" to be ok, fail or unknown; it is {other:?}")),
    };
    if let Some(returned) = line.returned.filter(|returned| *returned < line.call) {
        return Err(format!("\"return\" ({returned}) not before \"call\" ({})", line.call));
    }
    if status == Status::Ok && line.returned.is_none() {
        return Err("\"return\" (nanoseconds), since the transaction is ok".to_owned());
    }
    let ops = line.txn.into_iter().enumerate().map(|(at, op)| {
        let op = micro(op, status);
        let op = op.and_then(|op| match keys.map_or(Ok(()), |keys| keys.check(&op)) {
            Ok(()) => Ok(op),
            Err(Expected(what)) => Err(what),
        });
        op.map_err(|expected| format!("micro-operation {} of \"txn\" to be {expected}", at + 1))
    });
    Ok(Transaction {
        client: line.client,
        ops: ops.collect::<Result<_, _>>()?,
        status,
        call: line.call,
        returned: line.returned,
    })
}

fn micro(op: Vec<Value>, status: Status) -> Result<Op, String> {
    let shape = || "[\"append\", key, value], [\"w\", key, value] or [\"r\", key, what it saw]".to_owned();
    let mut parts = op.into_iter();
    let (Some(Value::String(name)), Some(key), saw, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(shape());
    };
    let key = scalar(key)?;
    match (name.as_str(), saw) {
        ("append", Some(value)) => Ok(Op::Append { key, value: scalar(value)? }),
        ("w", Some(value)) => Ok(Op::Write { key, value: scalar(value)? }),
        ("r", None) => Ok(Op::Read { key, saw: None }),
        ("r", Some(Value::Null)) => Ok(Op::Read { key, saw: (status == Status::Ok).then_some(Saw::Null) }),
        ("r", Some(Value::Array(elements))) => {
            let elements = elements.into_iter().map(scalar).collect::<Result<_, _>>()?;
            Ok(Op::Read { key, saw: Some(Saw::List(elements)) })
        }
        ("r", Some(value)) => Ok(Op::Read { key, saw: Some(Saw::Value(scalar(value)?)) }),
        _ => Err(shape()),
    }
}

fn scalar(value: Value) -> Result<Scalar, String> {
    match value {
        Value::String(text) => Ok(Scalar::Text(text.into())),
        Value::Number(number) => number
            .as_i64()
            .map(Scalar::Number)
            .ok_or_else(|| format!("of whole numbers below 2^63 and strings; it has {number}")),
        other => Err(format!("of whole numbers and strings; it has {other}")),
    }
}

fn encode(op: &Op) -> Vec<Value> {
    let plain = |scalar: &Scalar| match scalar {
        Scalar::Number(number) => Value::from(*number),
        Scalar::Text(text) => Value::from(&**text),
    };
    let named = |name: &str, key: &Scalar| vec![Value::from(name), plain(key)];
    match op {
        Op::Append { key, value } => [named("append", key), vec![plain(value)]].concat(),
        Op::Write { key, value } => [named("w", key), vec![plain(value)]].concat(),
        Op::Read { key, saw: None } => named("r", key),
        Op::Read { key, saw: Some(saw) } => {
            let saw = match saw {
                Saw::Null => Value::Null,
                Saw::Value(value) => plain(value),
                Saw::List(elements) => elements.iter().map(plain).collect(),
            };
            [named("r", key), vec![saw]].concat()
        }
    }
}
