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

/// What Jepsen calls the logger of operations; some patterns put nothing between it and the message.
const LOGGER: &str = "jepsen.util";

/// What is told of an event that ends with the file.
const CUT: &str = "the end of the line; the file ends within this event and may be cut: end it with a newline if it is whole";

/// Whether a line is an event, or must have been one: after the process stands a kind, or else a word that can only be
/// what became of one, for the message begins with the process, and an operation follows or nothing does.
pub(crate) fn is_event(line: &str) -> bool {
    let columns = columns(line);
    let [before, kind, rest @ ..] = &columns[..] else { return false };
    let Some(kind) = kind.strip_prefix(':') else { return false };
    let process = last_word(before);
    let date_and_level = before.trim_end().strip_suffix(process).unwrap_or_default().trim_end();
    let numbered = is_number(process);
    // A number before a tab is none of prose, whatever the logger puts before it.
    let begins_the_message = date_and_level.is_empty()
        || date_and_level.ends_with(['-', ':'])
        || last_word(date_and_level) == LOGGER
        || numbered && line.contains('\t');
    let operation_follows = rest.first().map(|operation| operation.starts_with(':'));
    Kind::of(kind).is_some()
        || begins_the_message
            && operation_follows
                .map_or(numbered, |it_does| it_does && (numbered || process.starts_with(char::is_alphabetic)))
}

fn last_word(text: &str) -> &str {
    text.split_whitespace().last().unwrap_or_default()
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// What tabs part, or else spaces outside of brackets; the first column ends with the process.
fn columns(line: &str) -> Vec<&str> {
    let line = line.trim_end();
    if line.contains('\t') {
        // Some loggers put tabs between date, level and message, too.
        let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
        // The process is in the column before the kind, and its name may begin with a colon, too.
        let is_kind = |pair: &[&str]| {
            let kind = pair[1].strip_prefix(':');
            kind.is_some_and(|kind| is_number(last_word(pair[0])) || Kind::of(kind).is_some())
        };
        let process = columns.windows(2).position(is_kind);
        let process = process.or_else(|| columns.windows(2).position(|pair| pair[1].starts_with(':')));
        return columns[process.unwrap_or(0)..].to_vec();
    }
    let Some((before, _)) = line.split_once(" :") else { return vec![line] };
    let process = last_word(before);
    let numbered = is_number(process);
    if !numbered && !process.starts_with(char::is_alphabetic) {
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
                // The value stands last: half of one reads like another.
                Ok(Some(_)) if !line.ends_with('\n') => return Err(self.lines.expected(CUT)),
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
    let columns = columns(text);
    let [before, kind, columns @ ..] = &columns[..] else { return Ok(None) };
    let Some(process) = process(&datum(last_word(before))?)? else {
        return Ok(None);
    };
    let kind = Kind::of(kind.trim_start_matches(':')).ok_or_else(|| {
        Expected(format!(":invoke, :ok, :fail or :info after process {process}; it is {kind:.40}"))
    })?;
    let [f, value, rest @ ..] = columns else {
        return Err(Expected("process, type, operation and value, with tabs or spaces between them".into()));
    };
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
