//! One worker process as its parent sees it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::obituary::{self, Death, Hang};
use super::pool::Limits;
use super::unit::{BEGINS, HUNG, MARK, READY, Unit};
use crate::outcome::{Outcome, Verdict};
use crate::wall::Stopwatch;

/// A unit and what it came to.
pub(crate) type Answered = (Unit, Outcome);

/// A unit that was in progress when its process ended, and why that was.
pub(crate) type Lost = (Unit, Death);

/// Lines of a worker's stderr kept for its obituary.
const LAST_WORDS: usize = 12;

/// Real time a dead worker's stderr may stay open, held by a process it started, before it is buried without it.
const MOURNING: Duration = Duration::from_millis(300);

/// Real time in which a process that has closed its pipes ends by itself.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// Real time a run in progress may take, as a multiple of the processor time it may take: one that waits for what never
/// comes takes none.
const DAWDLING: u32 = 10;

/// Real time a process has to begin.
const BEGINNING: Duration = Duration::from_secs(60);

/// What a worker's pipes said.
pub(crate) enum Event {
    Line(u64, String),
    Error(u64, String),
    /// Its stdout ended: no answer comes any more.
    Silent(u64),
    /// Its stderr ended.
    Closed(u64),
}

impl Event {
    pub(crate) fn worker(&self) -> u64 {
        match self {
            Event::Line(id, _) | Event::Error(id, _) | Event::Silent(id) | Event::Closed(id) => *id,
        }
    }

    /// What the code under test has printed, if it is that: of a line that is ours, what was begun before it.
    pub(crate) fn printed(&self) -> Option<&str> {
        let (Event::Line(_, line) | Event::Error(_, line)) = self else { return None };
        let ours = [MARK, BEGINS].iter().filter_map(|mark| line.find(mark)).min();
        if ours == Some(0) { None } else { Some(&line[..ours.unwrap_or(line.len())]) }
    }
}

/// A running worker, the units it holds, oldest first, and its last words.
pub(crate) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    held: VecDeque<Unit>,
    /// Units answered.
    answered: u64,
    /// Real time for which the oldest unit is in progress, as far as the parent was awake to see it.
    waited: Duration,
    ready: bool,
    hung: Option<Hang>,
    limits: Limits,
    /// Since when its stdout is closed.
    silent: Option<Stopwatch>,
    /// Whether its stderr is closed; node code may do that, and the worker goes on.
    closed: bool,
    last_words: VecDeque<String>,
    /// Of which of its runs they are, from 1.
    begun: u64,
    /// Where the CPU time of its runs is added up.
    spent: Rc<Cell<f64>>,
}

impl Worker {
    /// Starts this very binary as `worker`.
    pub(crate) fn spawn(
        id: u64,
        limits: Limits,
        events: &Sender<Event>,
        spent: Rc<Cell<f64>>,
    ) -> io::Result<Worker> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("worker")
            .arg(format!("--patience={}ms", limits.patience.as_millis().max(1)))
            .arg(format!("--memory={}", limits.memory))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            listen(id, out, events.clone(), Event::Line, Event::Silent)?;
            listen(id, err, events.clone(), Event::Error, Event::Closed)?;
        }
        Ok(Worker {
            child,
            stdin,
            held: VecDeque::new(),
            answered: 0,
            waited: Duration::ZERO,
            ready: false,
            hung: None,
            limits,
            silent: None,
            closed: false,
            last_words: VecDeque::new(),
            begun: 0,
            spent,
        })
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.held.len()
    }

    /// Nothing more is asked of it, so it ends.
    pub(crate) fn dismiss(&mut self) {
        self.stdin = None;
    }

    /// Whether both of its pipes are.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed && self.silent.is_some()
    }

    pub(crate) fn takes_work(&self) -> bool {
        self.silent.is_none() && self.hung.is_none()
    }

    /// A unit that cannot be written is still held: the process is dying, and its burial hands the unit on.
    pub(crate) fn give(&mut self, unit: Unit) -> io::Result<()> {
        if self.held.is_empty() {
            self.waited = Duration::ZERO;
        }
        let unspeakable = |error| io::Error::other(format!("{}:{}: {error}", unit.story, unit.seed));
        let line = serde_json::to_string(&unit).map_err(unspeakable)?;
        self.held.push_back(unit);
        if let Some(stdin) = &mut self.stdin
            && writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err()
        {
            self.stdin = None;
        }
        Ok(())
    }

    /// The answer an event carries, with the unit it answers.
    pub(crate) fn hear(&mut self, event: Event) -> io::Result<Option<Answered>> {
        match event {
            Event::Silent(_) => self.silent = Some(Stopwatch::start()),
            Event::Closed(_) => self.closed = true,
            // In the order of this pipe: an answer comes by another, and may come after the words of the next run.
            Event::Error(_, line) if line.ends_with(BEGINS) => {
                self.begun += 1;
                self.last_words.clear();
            }
            Event::Error(_, line) => {
                if self.last_words.len() == LAST_WORDS {
                    self.last_words.pop_front();
                }
                self.last_words.push_back(line);
            }
            // Node code may print: only what follows the mark is ours.
            Event::Line(_, line) => {
                if let Some(at) = line.find(MARK) {
                    return self.told(&line[at + MARK.len()..]);
                }
            }
        }
        Ok(None)
    }

    fn told(&mut self, text: &str) -> io::Result<Option<Answered>> {
        if text == READY {
            (self.ready, self.waited) = (true, Duration::ZERO);
            return Ok(None);
        }
        if let Some(nth) = text.strip_prefix(HUNG) {
            // Not of a run that has been answered since.
            if nth.parse() == Ok(self.answered) && !self.held.is_empty() {
                self.kill(Hang::Busy(self.limits.patience));
            }
            return Ok(None);
        }
        let (spent, outcome): (f64, Outcome) = serde_json::from_str(text).map_err(|error| {
            io::Error::other(format!("a worker's answer is unreadable ({error}): {text}"))
        })?;
        self.spent.set(self.spent.get() + spent);
        // Whatever it was killed for, it was not the next unit.
        (self.waited, self.hung) = (Duration::ZERO, None);
        self.answered += 1;
        Ok(self.held.pop_front().map(|unit| (unit, outcome)))
    }

    /// So much real time has passed, in which the parent was awake.
    pub(crate) fn wait(&mut self, passed: Duration) {
        self.waited += passed;
        let most = if self.ready { self.limits.patience.saturating_mul(DAWDLING) } else { BEGINNING };
        if !self.held.is_empty() && self.takes_work() && self.waited > most {
            self.kill(Hang::Idle(most));
        }
    }

    fn kill(&mut self, why: Hang) {
        self.hung = Some(why);
        // An error here means that it ended by itself meanwhile.
        let _ = self.child.kill();
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.silent.is_some_and(|since| self.closed || since.elapsed() > MOURNING)
    }

    /// What became of the run in progress, and the units the process never came to. `again`: the run in progress had
    /// been lost before.
    pub(crate) fn bury(mut self, again: bool) -> io::Result<(Option<Lost>, VecDeque<Unit>)> {
        drop(self.stdin.take());
        let (status, by_itself) = self.end()?;
        // A run that closed its stderr leaves its words to all that come after it.
        if self.ready && self.begun != self.answered + 1 {
            self.last_words.clear();
        }
        let words = self.last_words.make_contiguous().join("\n");
        let outside = by_itself && self.hung.is_none() && obituary::is_from_outside(status);
        if !self.ready && (!outside || again) {
            return Err(io::Error::other(format!(
                "a worker process ended before it was ready ({status}): {words}"
            )));
        }
        let mut held = std::mem::take(&mut self.held);
        let lost = held.pop_front().map(|unit| {
            let (verdict, fall) = match self.hung {
                Some(hang) => (Verdict::Liveness, obituary::hang(hang, &words)),
                None if outside => return (unit, Death::Outside(status)),
                None => (Verdict::Safety, obituary::death(status, &words)),
            };
            let outcome = unit.lost(verdict, fall);
            (unit, Death::Own(Box::new(outcome)))
        });
        Ok((lost, held))
    }

    /// How the process ended, and whether it did so without being killed here and now. The pipes of a process close a little
    /// before it is gone.
    fn end(&mut self) -> io::Result<(ExitStatus, bool)> {
        let since = Stopwatch::start();
        while since.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, true));
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        Ok((self.child.wait()?, false))
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
    end: fn(u64) -> Event,
) -> io::Result<()> {
    std::thread::Builder::new().name(format!("pipe {id}")).spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.read_until(b'\n', &mut line) {
            // A process that is killed in the midst of an answer has given none.
            if !line.ends_with(b"\n") && line.windows(MARK.len()).any(|part| part == MARK.as_bytes()) {
                break;
            }
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if events.send(wrap(id, text)).is_err() {
                return;
            }
            line.clear();
        }
        let _ = events.send(end(id));
    })?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::outcome::Fall;

    /// A worker that is gone, with one unit answered less than it was given.
    fn dead(events: Vec<Event>) -> String {
        let child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
        let mut worker = Worker {
            child,
            stdin: None,
            held: [1, 2].map(|seed| Unit::new("some/story", seed, None)).into(),
            answered: 0,
            waited: Duration::ZERO,
            ready: true,
            hung: None,
            limits: Limits { patience: Duration::from_secs(1), memory: 0 },
            silent: None,
            closed: false,
            last_words: VecDeque::new(),
            begun: 0,
            spent: Rc::new(Cell::new(0.0)),
        };
        for event in events {
            worker.hear(event).unwrap();
        }
        let Some((_, Death::Own(outcome))) = worker.bury(false).unwrap().0 else {
            panic!("nothing was lost")
        };
        outcome.fall.unwrap().witness
    }

    #[test]
    fn last_words_are_of_the_run_that_died_in_whatever_order_the_pipes_are_read() {
        let answer = || {
            let holds = Unit::new("some/story", 1, None).lost(Verdict::Holds, Fall::new("", "", ""));
            Event::Line(0, format!("{MARK}{}", serde_json::to_string(&(0.1, holds)).unwrap()))
        };
        let error = |text: &str| Event::Error(0, text.into());
        let begins = || error(&format!("half a line, {BEGINS}"));
        let early = dead(vec![begins(), error("of the first"), answer(), begins(), error("farewell")]);
        assert!(early.ends_with("its last words: farewell"), "{early}");
        let late = dead(vec![begins(), error("of the first"), begins(), error("farewell"), answer()]);
        assert!(late.ends_with("its last words: farewell"), "{late}");
        for silent in [
            vec![begins(), error("of the first"), answer(), begins()],
            // It has closed its stderr.
            vec![begins(), error("of the first"), answer()],
        ] {
            let silent = dead(silent);
            assert!(!silent.contains("last words"), "{silent}");
        }
    }

    #[test]
    fn what_is_printed_is_told_from_what_is_said() {
        let line = |text: &str| Event::Line(0, text.into()).printed().map(str::to_owned);
        assert_eq!(line("some words"), Some("some words".into()));
        assert_eq!(line(&format!("half a line, {MARK}ready")), Some("half a line, ".into()));
        assert_eq!(line(&format!("half a line, {BEGINS}")), Some("half a line, ".into()));
        assert_eq!((line(&format!("{MARK}ready")), line(BEGINS)), (None, None));
        assert_eq!(Event::Closed(0).printed(), None);
    }
}
