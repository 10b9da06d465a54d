//! Jepsen's text logs: `INFO  jepsen.util - 4<tab>:invoke<tab>:read<tab>nil`, or with spaces in place of the tabs.

use super::line::{Event, Kind, process};
use crate::format::Error;
use crate::format::edn::{Dialect, Reader, Value};
use crate::format::fields::Expected;
use crate::format::line_reader::LineReader;
use std::io::BufRead;

/// The events of a log, in one line each. Other lines are skipped: it is a log. Ends after the first error.
pub struct Log<R> {
    lines: LineReader<R>,
}

/// Whether a line is, or once was, an event.
pub(crate) fn is_event(line: &str) -> bool {
    columns(line).get(1).and_then(|kind| kind.strip_prefix(':')).and_then(Kind::of).is_some()
}

/// What tabs part, or else spaces outside of brackets; the first column ends with the process.
fn columns(line: &str) -> Vec<&str> {
    let line = line.trim_end();
    if line.contains('\t') {
        return line.split('\t').collect();
    }
    let Some((before, _)) = line.split_once(" :") else { return vec![line] };
    let process = before.split_whitespace().last().unwrap_or_default();
    let numbered = process.bytes().all(|byte| byte.is_ascii_digit());
    if process.is_empty() || !numbered && !process.starts_with(char::is_alphabetic) {
        return vec![line];
    }
    let mut columns = vec![before];
    let mut rest = line[before.len()..].trim_start();
    while !rest.is_empty() {
        let bracket = rest.find(']').filter(|_| rest.starts_with('[')).map(|at| at + 1);
        let end = bracket.or_else(|| rest.find(char::is_whitespace)).unwrap_or(rest.len());
        let (column, more) = rest.split_at(end);
        columns.push(column);
        rest = more.trim_start();
    }
    // Prose has words before a colon, too.
    let names_operation = columns.len() >= 4 && columns[2].starts_with(':');
    if numbered || names_operation { columns } else { vec![line] }
}

impl<R: BufRead> Log<R> {
    /// `file` is the name that errors show.
    pub fn new(file: impl Into<String>, input: R) -> Self {
        Self { lines: LineReader::new(file, input) }
    }

    fn read(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let number = self.lines.number() + 1;
            let Some(line) = self.lines.read()? else { return Ok(None) };
            if !is_event(line) {
                continue;
            }
            match event(number, line) {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(Expected(what)) => return Err(self.lines.expected(what)),
            }
        }
    }
}

impl<R: BufRead> Iterator for Log<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn event(line: u64, text: &str) -> Result<Option<Event>, Expected> {
    let [before, kind, f, value, rest @ ..] = &columns(text)[..] else {
        return Err(Expected("process, type, operation and value, with tabs or spaces between them".into()));
    };
    let Some(process) = process(&datum(before.split_whitespace().last().unwrap_or_default())?)? else {
        return Ok(None);
    };
    let kind = Kind::of(kind.trim_start_matches(':')).unwrap_or(Kind::Info);
    let f = datum(f)?;
    let name = f.name().ok_or_else(|| Expected(format!("the operation's name; it is {}", f.shown())))?;
    // What an unknown outcome shows in place of its value is anything at all.
    let value = if kind == Kind::Info { Value::Nil } else { datum(value)? };
    let error = rest.first().filter(|_| kind == Kind::Fail).map(|error| Value::Text((*error).to_owned()));
    Ok(Some(Event { line, process, kind, f: name.to_owned(), key: None, value, error, time: None }))
}

/// The one datum of a column.
fn datum(text: &str) -> Result<Value, Expected> {
    // Within a list around it, so that a list is one datum and not a stream of data.
    let text = format!("[{}]", text.trim());
    match Reader::new("", text.as_bytes(), Dialect::Edn).collect::<Result<Vec<_>, _>>() {
        Ok(mut data) if data.len() == 1 => Ok(data.remove(0).1),
        Ok(_) => Err(Expected(format!("one value in a column; it is {:.40}", &text[1..text.len() - 1]))),
        Err(Error::Expected { expected, .. }) => Err(Expected(expected)),
        Err(error) => Err(Expected(error.to_string())),
    }
}
