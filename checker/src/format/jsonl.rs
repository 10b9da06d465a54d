//! JSON lines, one operation a line, times in nanoseconds; no `"return"`: the outcome is unknown, and a line that says what
//! came back must say when.
//!
//! ```text
//! {"client":0,"op":"put","key":"k","value":"1","call":137646,"return":716629}
//! {"client":1,"op":"get","key":"k","output":null,"call":140000,"return":150000}
//! {"client":2,"op":"put","key":"k","value":"2","call":160000}
//! ```
//!
//! `append` has `"value"`, and `"output"` if it answered the value from before; `cas` has `"from"`, `"value"` and
//! `"ok"`; `delete` has neither. For versioned maps a `put` has `"version"` and `"result"` (`"ok"`, `"version"`,
//! `"no-key"`, `"maybe"`), a `get` `"output"` and its `"version"`.
//!
//! The other models, the fields of the reply in brackets:
//!
//! ```text
//! append-list     append value           read [output: a list]
//! set             add value, remove value, contains value [ok]           read [output: a list]
//! counter         inc value (a number)   read [output: a number]
//! queue           enqueue value          dequeue [output, null when empty]
//! stack           push value             pop [output, null when empty]
//! priority-queue  push value priority    pop [output, null when empty]
//! lock            acquire [ok]           release [ok]     by the client; "ok" only if it was refused: false
//! bank            transfer from to amount [ok], deposit to amount        read [output: {account: balance}]
//! ```
//!
//! Nothing else may have `"ok":false`, for an operation that was refused is none; and only `versioned-kv` has versions and results.
//! Nor may an `"output"` stand where none is named: an answer that nobody judges would pass for right.
//!
//! Each has a `"key"` but the bank. A number is as good as a string of its digits where a text is meant.

pub use super::Error;
use super::fields::{Expected, Fields, Lines};
use super::line_reader::LineReader;
use super::plain;
use crate::history::{History, Operation, Returned};
use std::io::{BufRead, Write};

/// An operation as a model's lines hold it.
pub type OperationOf<M> = Operation<<M as crate::Model>::Input, <M as crate::Model>::Output>;

/// Reads operations one by one, holding one line in memory. Ends after the first error. Operations of one client
/// may overlap: order comes from time alone.
pub struct Reader<M, R> {
    lines: LineReader<R>,
    fields: Fields,
    done: bool,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Lines, R: BufRead> Reader<M, R> {
    /// `file` is the name that errors show.
    pub fn new(file: impl Into<String>, input: R) -> Self {
        let (lines, fields) = (LineReader::new(file, input), Fields::default());
        Self { lines, fields, done: false, model: std::marker::PhantomData }
    }

    /// The line of the operation that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// The next operation; `None` at the end. Empty lines are skipped.
    fn read(&mut self) -> Result<Option<OperationOf<M>>, Error> {
        loop {
            let text = match self.lines.read()? {
                None => return Ok(None),
                Some(text) if text.trim_ascii().is_empty() => continue,
                Some(text) => text,
            };
            let mut has_transaction = false;
            if !plain::read(text, &mut self.fields) {
                has_transaction = text.contains("\"txn\"");
                let read = serde_json::from_str(text);
                self.fields = read.map_err(|error| self.lines.json("operation", error))?;
            }
            let is_transaction = has_transaction && self.fields.op.is_empty();
            let operation = operation::<M>(&self.fields);
            return operation.map(Some).map_err(|Expected(expected)| {
                self.lines.expected(if is_transaction { A_TRANSACTION.to_owned() } else { expected })
            });
        }
    }
}

impl<M: Lines, R: BufRead> Iterator for Reader<M, R> {
    type Item = Result<OperationOf<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read();
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// What is told where a transaction stands among operations.
pub(crate) const A_TRANSACTION: &str =
    "an operation; this is a transaction, which the models list-append and rw-register judge";

/// The operation of a line.
pub(crate) fn operation<M: Lines>(fields: &Fields) -> Result<OperationOf<M>, Expected> {
    let client = fields.client.ok_or_else(|| Expected::field("client", "a number"))?;
    let call = fields.call.ok_or_else(|| Expected::field("call", "nanoseconds"))?;
    if let Some(ret) = fields.ret.filter(|ret| *ret < call) {
        return Err(Expected(format!("\"return\" ({ret}) not before \"call\" ({call})")));
    }
    fields.unanswered()?;
    let (input, output) = M::decode(fields)?;
    let returned = fields.ret.zip(output).map(|(at, output)| Returned { at, output });
    Ok(Operation { client, input, call, returned })
}

/// Reads a whole history. `file` is the name that errors show.
pub fn read<M: Lines>(
    file: impl Into<String>,
    input: impl BufRead,
) -> Result<History<M::Input, M::Output>, Error> {
    Reader::<M, _>::new(file, input).collect()
}

/// Writes operations, one a line.
pub fn write<'a, M: Lines>(
    output: &mut impl Write,
    operations: impl IntoIterator<Item = &'a OperationOf<M>>,
) -> std::io::Result<()>
where
    M::Input: 'a,
    M::Output: 'a,
{
    for operation in operations {
        let mut fields = Fields {
            client: Some(operation.client),
            call: Some(operation.call),
            ret: operation.returned_at(),
            ..Fields::default()
        };
        M::encode(&mut fields, &operation.input, operation.output());
        serde_json::to_writer(&mut *output, &fields)?;
        output.write_all(b"\n")?;
    }
    Ok(())
}
