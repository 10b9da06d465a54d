//! One worker process as its parent sees it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::unit::{MARK, READY, Unit};
use crate::outcome::{Fall, Outcome, Verdict};
use crate::wall::Stopwatch;

/// A unit and what it came to.
pub(crate) type Answered = (Unit, Outcome);

/// Lines of a worker's stderr kept for its obituary.
const LAST_WORDS: usize = 12;

/// Real time a dead worker's stderr may stay open, held by a process it started, before it is buried without it.
const MOURNING: Duration = Duration::from_millis(300);

/// What a worker's pipes said.
pub(crate) enum Event {
    Line(u64, String),
    Error(u64, String),
    /// One of its two pipes ended.
    Closed(u64),
}

impl Event {
    pub(crate) fn worker(&self) -> u64 {
        match self {
            Event::Line(id, _) | Event::Error(id, _) | Event::Closed(id) => *id,
        }
    }
}

/// A running worker, the units it holds, oldest first, and its last words.
pub(crate) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    held: VecDeque<Unit>,
    /// Since when the oldest unit is in progress.
    since: Stopwatch,
    ready: bool,
    hung: bool,
    closed: u8,
    closing: Option<Stopwatch>,
    last_words: VecDeque<String>,
    /// Where the CPU time of its runs is added up.
    spent: Rc<Cell<f64>>,
}

impl Worker {
    /// Starts this very binary as `worker`.
    pub(crate) fn spawn(
        id: u64,
        memory: Option<u64>,
        events: &Sender<Event>,
        spent: Rc<Cell<f64>>,
    ) -> io::Result<Worker> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("worker")
            .args(memory.map(|bytes| format!("--memory={bytes}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            listen(id, out, events.clone(), Event::Line)?;
            listen(id, err, events.clone(), Event::Error)?;
        }
        Ok(Worker {
            child,
            stdin,
            held: VecDeque::new(),
            since: Stopwatch::start(),
            ready: false,
            hung: false,
            closed: 0,
            closing: None,
            last_words: VecDeque::new(),
            spent,
        })
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn takes_work(&self) -> bool {
        self.closed == 0 && !self.hung
    }

    /// A unit that cannot be written is still held: the process is dying, and its burial hands the unit on.
    pub(crate) fn give(&mut self, unit: Unit) {
        if self.held.is_empty() {
            self.since = Stopwatch::start();
        }
        let line = serde_json::to_string(&unit).unwrap_or_default();
        self.held.push_back(unit);
        if let Some(stdin) = &mut self.stdin
            && writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err()
        {
            self.stdin = None;
        }
    }

    /// The answer an event carries, with the unit it answers.
    pub(crate) fn hear(&mut self, event: Event) -> io::Result<Option<Answered>> {
        match event {
            Event::Closed(_) => {
                self.closed += 1;
                self.closing.get_or_insert_with(Stopwatch::start);
            }
            Event::Error(_, line) => {
                if self.last_words.len() == LAST_WORDS {
                    self.last_words.pop_front();
                }
                self.last_words.push_back(line);
            }
            // Node code may print: only what follows the mark is ours.
            Event::Line(_, line) => match line.find(MARK).map(|at| &line[at + MARK.len()..]) {
                None => {}
                Some(READY) => {
                    self.ready = true;
                    self.since = Stopwatch::start();
                }
                Some(text) => {
                    let (spent, outcome): (f64, Outcome) = serde_json::from_str(text).map_err(|error| {
                        io::Error::other(format!("a worker's answer is unreadable ({error}): {text}"))
                    })?;
                    self.since = Stopwatch::start();
                    self.spent.set(self.spent.get() + spent);
                    return Ok(self.held.pop_front().map(|unit| (unit, outcome)));
                }
            },
        }
        Ok(None)
    }

    pub(crate) fn kill_if_hung(&mut self, patience: Duration) {
        if !self.hung && !self.held.is_empty() && self.closed == 0 && self.since.elapsed() > patience {
            self.hung = true;
            // An error here means that it ended by itself meanwhile.
            let _ = self.child.kill();
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.closed >= 2 || self.closing.is_some_and(|since| since.elapsed() > MOURNING)
    }

    /// The result of the seed in progress, and the units the process never came to.
    pub(crate) fn bury(mut self, patience: Duration) -> io::Result<(Option<Answered>, VecDeque<Unit>)> {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let status = self.child.wait()?;
        let words = self.last_words.make_contiguous().join("\n");
        if !self.ready {
            return Err(io::Error::other(format!(
                "a worker process ended before it was ready ({status}): {words}"
            )));
        }
        let mut held = std::mem::take(&mut self.held);
        let lost = held.pop_front().map(|unit| {
            let (verdict, fall) = if self.hung {
                (Verdict::Liveness, hang(patience, &words))
            } else {
                (Verdict::Safety, death(status, &words))
            };
            let outcome = Outcome::lost(&unit.story, unit.seed, unit.bug.as_deref(), verdict, fall);
            let outcome = outcome.under(unit.schedule);
            (unit, outcome)
        });
        Ok((lost, held))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    id: u64,
    pipe: impl Read + Send + 'static,
    events: Sender<Event>,
    wrap: fn(u64, String) -> Event,
) -> io::Result<()> {
    std::thread::Builder::new().name(format!("pipe {id}")).spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if events.send(wrap(id, text)).is_err() {
                return;
            }
            line.clear();
        }
        let _ = events.send(Event::Closed(id));
    })?;
    Ok(())
}

fn hang(patience: Duration, words: &str) -> Fall {
    let seconds = patience.as_secs_f64();
    let mut witness =
        format!("the run had not ended after {seconds} s of real time: a step that never returns; killed");
    append(&mut witness, words);
    Fall::new("hang", "every step returns", witness)
}

fn death(status: ExitStatus, words: &str) -> Fall {
    let (oracle, claim, mut witness) = if words.contains("overflowed its stack") {
        (
            "stack overflow",
            "the stack suffices",
            "a thread overflowed its stack and took the process with it".to_owned(),
        )
    } else if let Some(signal) = signal(status) {
        let oracle = if signal == 6 { "abort" } else { "signal" };
        (oracle, "the process survives", format!("the process was ended by {status}"))
    } else {
        let code = status.code().unwrap_or_default();
        (
            "exit",
            "the process survives",
            format!("the code under test ended the process with exit code {code}"),
        )
    };
    append(&mut witness, words);
    Fall::new(oracle, claim, witness)
}

/// Adds the last line a dying process wrote that is more than the runtime's own advice.
fn append(witness: &mut String, words: &str) {
    let spoken = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("note:") && !line.starts_with("fatal runtime")
    };
    if let Some(line) = words.lines().rev().find(spoken) {
        witness.push_str("; its last words: ");
        witness.push_str(line.trim());
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
