//! A file of transactions, whatever its format.

use super::events;
use super::history::{Op, Saw, Transaction};
use super::jsonl;
use crate::format::edn::{Dialect, Reader};
use crate::format::events::{Log, Pairs};
use crate::format::fields::Expected;
use crate::format::{Error, Format, begin, values};
use std::io::BufRead;

/// What the keys of a history are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Lists: appends, and reads of whole lists.
    Lists,
    /// Registers: writes, and reads of single values.
    Registers,
}

impl Keys {
    /// Whether it is an operation on such keys.
    pub(super) fn check(self, op: &Op) -> Result<(), Expected> {
        Err(Expected(match (self, op) {
            (Keys::Lists, Op::Write { .. }) => "append or r; w is for registers".to_owned(),
            (Keys::Registers, Op::Append { .. }) => "w or r; append is for lists".to_owned(),
            (Keys::Lists, Op::Read { saw: Some(Saw::Value(value)), .. }) => {
                format!("a read of a list; it saw {value}, as reads of registers do")
            }
            (Keys::Registers, Op::Read { saw: Some(Saw::List(_)), .. }) => {
                "a read of a register; it saw a list".to_owned()
            }
            _ => return Ok(()),
        }))
    }
}

/// A history of transactions and where it came from.
#[derive(Debug)]
pub struct Recorded {
    /// The transactions. JSON lines: in the order of the file; events: in the order of the calls.
    pub transactions: Vec<Transaction>,
    /// The line on which each begins, from 1.
    pub lines: Vec<u64>,
    /// How the file was written.
    pub format: Format,
    /// Whether times are nanoseconds. Else they count events, and only their order means something.
    pub timed: bool,
}

/// Reads a whole history, in `format` or in the one that its content shows: our [JSON lines](super::jsonl), or events
/// `{:process 0, :type :ok, :f :txn, :value [[:append :x 1] [:r :y [2 3]]]}` as EDN, JSON or in Jepsen's logs, which are
/// paired as in [`crate::format::events`]. What a transaction did is what its end says, if it committed. In a file
/// without `:invoke`, one is taken to be called when its process was through with the one before. `file` is the name
/// that errors show.
pub fn read(file: &str, format: Option<Format>, keys: Keys, input: impl BufRead) -> Result<Recorded, Error> {
    let (format, input) = begin(file, format, input)?;
    let mut read = Vec::new();
    let mut timed = true;
    match format {
        Format::Jsonl => {
            let mut reader = jsonl::Reader::new(file, input).only(keys);
            while let Some(transaction) = reader.next() {
                read.push((reader.line(), transaction?));
            }
        }
        Format::Edn => {
            let values = values(file, Reader::new(file, input, Dialect::Edn));
            timed = paired(file, keys, Pairs::new(file, values), &mut read)?;
        }
        Format::Json => {
            let values = values(file, Reader::new(file, input, Dialect::Json));
            timed = paired(file, keys, Pairs::new(file, values), &mut read)?;
        }
        Format::Log => timed = paired(file, keys, Pairs::new(file, Log::new(file, input)), &mut read)?,
    }
    let (lines, transactions) = read.into_iter().unzip();
    Ok(Recorded { transactions, lines, format, timed })
}

fn paired(
    file: &str,
    keys: Keys,
    pairs: Pairs<impl Iterator<Item = Result<crate::format::events::Event, Error>>>,
    read: &mut Vec<(u64, Transaction)>,
) -> Result<bool, Error> {
    let mut pairs = pairs.without_calls();
    for ended in pairs.by_ref() {
        let ended = ended?;
        let line = ended.invoke.line;
        let transaction = events::transaction(&ended, keys);
        read.push((line, transaction.map_err(|Expected(what)| Error::expected(file, line, what))?));
    }
    read.sort_by_key(|(_, transaction)| transaction.call);
    Ok(pairs.timed())
}
