//! A file line by line, holding one line in memory.

use super::Error;
use super::error::shortened;
use std::io::{BufRead, Read};

/// A longer line is no line: something is wrong with the file.
const LONGEST: u64 = 64 << 20;

/// What the reader of JSON says, and what it means.
const RUST: [(&str, &str); 5] = [
    ("expected u64", "expected a whole number from 0 to 2^64 - 1"),
    ("expected i64", "expected a whole number from -2^63 to 2^63 - 1"),
    ("expected ident", "expected true, false or null"),
    ("recursion limit exceeded", "with values nested less deep"),
    ("EOF while", "the line ends while"),
];

/// Lines of UTF-8, counted from 1.
pub(crate) struct LineReader<R> {
    file: String,
    input: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> LineReader<R> {
    /// `file` is the name that errors show.
    pub(crate) fn new(file: impl Into<String>, input: R) -> Self {
        Self { file: file.into(), input, number: 0, buffer: Vec::new() }
    }

    /// The line that was read last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// An error about the line that was read last.
    pub(crate) fn expected(&self, what: impl Into<String>) -> Error {
        Error::expected(&self.file, self.number, what)
    }

    /// The line that was read last is not the JSON of a `what`. The column takes the place of the line that JSON counts,
    /// which is always the first.
    pub(crate) fn json(&self, what: &'static str, error: serde_json::Error) -> Error {
        let (full, column) = (error.to_string(), error.column());
        let place = format!(" at line {} column {column}", error.line());
        let reason = match full.strip_suffix(&place) {
            Some(bare) if column > 0 => format!("{bare} (column {column})"),
            Some(bare) => bare.to_owned(),
            None => full,
        };
        let reason = RUST.iter().fold(reason, |reason, (theirs, ours)| reason.replace(theirs, ours));
        let file = self.file.clone();
        Error::Json { file, line: self.number, what, reason: shortened(&reason) }
    }

    /// The next line, its end included; `None` at the end of the file.
    pub(crate) fn read(&mut self) -> Result<Option<&str>, Error> {
        self.buffer.clear();
        self.number += 1;
        match (&mut self.input).take(LONGEST + 1).read_until(b'\n', &mut self.buffer) {
            Ok(0) => return Ok(None),
            Ok(_) if self.buffer.len() as u64 > LONGEST => {
                return Err(self.expected("a line of at most 64 MiB"));
            }
            Ok(_) => {}
            Err(source) => return Err(Error::io(&self.file, self.number, source)),
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some(line)),
            Err(error) => {
                let at = error.valid_up_to();
                let what = format!("UTF-8; byte {} of the line is {:#04x}", at + 1, self.buffer[at]);
                Err(Error::expected(&self.file, self.number, what))
            }
        }
    }
}
