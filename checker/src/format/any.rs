//! Any file at all.

use super::edn::{Dialect, Reader};
use super::events::{self, Ended, Event, Log, Pairs};
use super::fields::{Expected, Lines};
use super::jsonl::{self, OperationOf};
use super::{Error, edn};
use std::fmt::{Display, Formatter};
use std::io::{BufRead, Cursor, Read};

/// How a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own JSON lines: an operation a line.
    Jsonl,
    /// Events as EDN maps, in a vector or one after the other: Jepsen's and Maelstrom's `history.edn`,
    /// Porcupine's kv logs.
    Edn,
    /// The same events as JSON objects.
    Json,
    /// Jepsen's text logs.
    Log,
}

impl Display for Format {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Format::Jsonl => "jsonl",
            Format::Edn => "edn",
            Format::Json => "json",
            Format::Log => "log",
        })
    }
}

/// The beginning of a file that must show what it is.
const BEGINNING: u64 = 64 << 10;

impl Format {
    /// What a file that begins with `beginning` is; `None` if that cannot be told. An empty one has no lines of
    /// any kind, and counts as JSON lines.
    pub fn recognise(beginning: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(beginning);
        let first = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let inside = first.trim_start_matches(|c: char| c.is_whitespace() || "[({".contains(c));
        if first.is_empty() {
            return Some(Format::Jsonl);
        }
        match (first.as_bytes()[0], inside.as_bytes().first()) {
            (b'{' | b'[', Some(b'"')) => {
                let object = inside.split('}').next().unwrap_or_default();
                let events = object.contains("\"process\"") && object.contains("\"type\"");
                let begins_list = first.starts_with('[');
                Some(if events || begins_list { Format::Json } else { Format::Jsonl })
            }
            (b'{' | b'[' | b'(', Some(b':' | b'#' | b';' | b']' | b')' | b'}')) => Some(Format::Edn),
            (b'#' | b';', _) => Some(Format::Edn),
            _ if text.lines().any(events::is_event) => Some(Format::Log),
            // Broken JSON is named as such by its reader.
            (b'{', _) => Some(Format::Jsonl),
            _ => None,
        }
    }
}

/// A history and where it came from.
pub struct Recorded<M: Lines> {
    /// The operations. JSON lines: in the order of the file; events: in the order of the calls.
    pub operations: Vec<OperationOf<M>>,
    /// The line on which each begins, from 1.
    pub lines: Vec<u64>,
    /// How the file was written.
    pub format: Format,
    /// Whether times are nanoseconds. Else they count events, and only their order means something.
    pub timed: bool,
}

/// Reads a whole history, in `format` or in the one that its content shows. `file` is the name that errors show.
/// Memory is what the operations take and one line or event.
pub fn read<M: Lines>(file: &str, format: Option<Format>, input: impl BufRead) -> Result<Recorded<M>, Error> {
    let (format, input) = begin(file, format, input)?;
    match format {
        Format::Jsonl => lines(file, input),
        Format::Edn => paired(file, format, values(file, Reader::new(file, input, Dialect::Edn))),
        Format::Json => paired(file, format, values(file, Reader::new(file, input, Dialect::Json))),
        Format::Log => paired(file, format, Log::new(file, input)),
    }
}

/// The format, and the content without a byte order mark. What is packed, or is no UTF-8 from the start, is named.
pub(crate) fn begin<R: BufRead>(
    file: &str,
    format: Option<Format>,
    mut input: R,
) -> Result<(Format, impl BufRead + use<R>), Error> {
    let mut beginning = Vec::new();
    let read = (&mut input).take(BEGINNING).read_to_end(&mut beginning);
    read.map_err(|error| Error::io(file, 1, error))?;
    for (start, what) in FOREIGN {
        if beginning.starts_with(start) {
            return Err(Error::expected(file, 1, format!("a text; it is {what}")));
        }
    }
    let mark = if beginning.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let Some(format) = format.or_else(|| Format::recognise(&beginning[mark..])) else {
        let what = "a history: JSON lines, EDN, JSON events or a Jepsen log; name the format if it is one";
        return Err(Error::expected(file, 1, what));
    };
    let mut beginning = Cursor::new(beginning);
    beginning.set_position(mark as u64);
    Ok((format, beginning.chain(input)))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a file begins that somebody gave by mistake.
const FOREIGN: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "packed with gzip; unpack it, as with gunzip -c"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it, as with zstd -dc"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it, as with xz -dc"),
    (b"PK\x03\x04", "a zip archive; unpack it"),
    (b"\xff\xfe", "in UTF-16; write it as UTF-8"),
    (b"\xfe\xff", "in UTF-16; write it as UTF-8"),
];

fn lines<M: Lines>(file: &str, input: impl BufRead) -> Result<Recorded<M>, Error> {
    let mut reader = jsonl::Reader::<M, _>::new(file, input);
    let (mut operations, mut lines) = (Vec::new(), Vec::new());
    while let Some(operation) = reader.next() {
        operations.push(operation?);
        lines.push(reader.line());
    }
    Ok(Recorded { operations, lines, format: Format::Jsonl, timed: true })
}

/// The events among the values.
pub(crate) fn values<'a>(
    file: &'a str,
    values: impl Iterator<Item = Result<(u64, edn::Value), Error>> + 'a,
) -> impl Iterator<Item = Result<Event, Error>> + 'a {
    values.filter_map(move |value| match value {
        Ok((line, value)) => {
            Event::of(line, &value).map_err(|Expected(what)| Error::expected(file, line, what)).transpose()
        }
        Err(error) => Some(Err(error)),
    })
}

fn paired<M: Lines>(
    file: &str,
    format: Format,
    events: impl Iterator<Item = Result<Event, Error>>,
) -> Result<Recorded<M>, Error> {
    let mut pairs = Pairs::new(file, events);
    let mut read: Vec<(u64, OperationOf<M>)> = Vec::new();
    for ended in pairs.by_ref() {
        let ended: Ended = ended?;
        let line = ended.invoke.line;
        let operation = events::operation::<M>(&ended);
        let operation = operation.map_err(|Expected(what)| Error::expected(file, line, what))?;
        read.extend(operation.map(|operation| (line, operation)));
    }
    read.sort_by_key(|(_, operation)| operation.call);
    let timed = pairs.timed();
    let (lines, operations) = read.into_iter().unzip();
    Ok(Recorded { operations, lines, format, timed })
}
