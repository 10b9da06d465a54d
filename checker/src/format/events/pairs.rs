//! Calls and their ends.

use super::line::{Event, Kind, Process};
use crate::format::Error;
use crate::format::edn::Value;
use std::collections::BTreeMap;

/// A call and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The event that began it; its `time` is there, and later than any event's before.
    pub invoke: Event,
    /// Whose it is: the number of the process, or of its name in the order in which names appear.
    pub client: u64,
    /// When it was called: later than every event before.
    pub call: u64,
    /// How and when it ended; `None`: never, or with `:info`.
    pub end: Option<(Kind, u64)>,
    /// Where the ending event begins in the file; where the call does, if it never ended.
    pub ended_on: u64,
    /// The ending event's key, if it has one.
    pub answer_key: Option<Value>,
    /// The ending event's value.
    pub answer: Value,
    /// The ending event's error.
    pub error: Option<Value>,
}

/// Pairs events by process. Holds what is open, and nothing else. Those that end come as they end, then those
/// that never do.
pub struct Pairs<E> {
    file: String,
    events: E,
    clients: Clients,
    open: BTreeMap<u64, (Event, u64)>,
    now: u64,
    timed: bool,
    done: bool,
    /// If ends may stand alone: when each process was through with what it did before.
    through: Option<BTreeMap<u64, u64>>,
}

/// The numbers of the processes.
#[derive(Default)]
struct Clients {
    /// Numbers of names, by their first appearance.
    names: BTreeMap<String, u64>,
    numbered: bool,
}

impl Clients {
    /// The process's number. An error says what was expected: with names and numbers in one file, two clients might get
    /// the same number.
    fn number(&mut self, process: &Process) -> Result<u64, String> {
        match process {
            Process::Number(number) if self.names.is_empty() => {
                self.numbered = true;
                Ok(*number)
            }
            Process::Name(name) if !self.numbered => {
                let next = self.names.len() as u64;
                Ok(*self.names.entry(name.clone()).or_insert(next))
            }
            Process::Number(_) => {
                Err(format!(":process to be a name, as on the lines before; it is {process}"))
            }
            Process::Name(_) => Err(format!(
                ":process to be a number, as on the lines before, or :nemesis; it is {process:.40}"
            )),
        }
    }
}

impl<E: Iterator<Item = Result<Event, Error>>> Pairs<E> {
    /// `file` is the name that errors show.
    pub fn new(file: impl Into<String>, events: E) -> Self {
        let (file, clients, open) = (file.into(), Clients::default(), BTreeMap::new());
        Self { file, events, clients, open, now: 0, timed: false, done: false, through: None }
    }

    /// Until the first `:invoke`, takes ends that stand alone: their calls are where the end before of the same process
    /// is, or at the very beginning. No call was earlier, so no order is invented.
    pub fn without_calls(self) -> Self {
        Self { through: Some(BTreeMap::new()), ..self }
    }

    /// Whether any event so far had a time.
    pub fn timed(&self) -> bool {
        self.timed
    }

    fn read(&mut self) -> Result<Option<Ended>, Error> {
        for event in self.events.by_ref() {
            let event = event?;
            self.timed |= event.time.is_some();
            self.now = (self.now + 1).max(event.time.unwrap_or(0));
            let (line, process) = (event.line, event.process.clone());
            let client = self.clients.number(&process);
            let client = client.map_err(|what| Error::expected(&self.file, line, what))?;
            if event.kind == Kind::Invoke {
                self.through = None;
                if let Some((open, _)) = self.open.insert(client, (event, self.now)) {
                    let what =
                        format!("the end of process {process}'s {}, open since line {}", open.f, open.line);
                    return Err(Error::expected(
                        &self.file,
                        line,
                        format!("{what}, before its next :invoke"),
                    ));
                }
                continue;
            }
            let alone = |through: &mut BTreeMap<u64, u64>| {
                let call = through.insert(client, self.now).unwrap_or(0);
                (Event { kind: Kind::Invoke, ..event.clone() }, call)
            };
            let Some((invoke, call)) = self.open.remove(&client).or_else(|| self.through.as_mut().map(alone))
            else {
                let what = format!("an :invoke of process {process} before its {}", event.f);
                return Err(Error::expected(&self.file, line, what));
            };
            if invoke.f != event.f {
                let what = format!("the end of process {process}'s {} of line {}", invoke.f, invoke.line);
                return Err(Error::expected(&self.file, line, format!("{what}; it is {}'s", event.f)));
            }
            if let (Some(called), Some(ended)) = (invoke.time, event.time)
                && ended < called
            {
                let what = format!("the end of process {process}'s {} not before its call on line", invoke.f);
                let what = format!("{what} {}; the call is at {called}, the end at {ended}", invoke.line);
                return Err(Error::expected(&self.file, line, what));
            }
            let end = (event.kind != Kind::Info).then_some((event.kind, self.now));
            let (answer_key, answer, error) = (event.key, event.value, event.error);
            return Ok(Some(Ended { invoke, client, call, end, ended_on: line, answer_key, answer, error }));
        }
        let never = self.open.pop_first();
        Ok(never.map(|(client, (invoke, call))| Ended {
            ended_on: invoke.line,
            invoke,
            client,
            call,
            end: None,
            answer_key: None,
            answer: Value::Nil,
            error: None,
        }))
    }
}

impl<E: Iterator<Item = Result<Event, Error>>> Iterator for Pairs<E> {
    type Item = Result<Ended, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read();
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}
