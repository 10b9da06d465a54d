//! Progress on stderr: a bar where that is a terminal, else a line now and then of what takes long.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args;
use super::output::note;
use crate::wall::Stopwatch;

/// How often a line is written where there is no terminal, unless the variable [`INTERVAL`] says otherwise.
const EVERY: Duration = Duration::from_secs(30);

/// `5s`, `2m`: how often a line is written.
const INTERVAL: &str = "STORMGLASS_PROGRESS";

/// How often the words of a bar change.
const FRAME: Duration = Duration::from_millis(100);

/// What a command does for long.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    done: Cell<u64>,
    /// Those that had been done before.
    skipped: Cell<u64>,
    every: Duration,
    began: Stopwatch,
    told: Cell<Stopwatch>,
}

impl Progress {
    /// `total` runs, or `None` where only time ends the campaign.
    pub(crate) fn new(total: Option<u64>) -> Progress {
        Progress::with(
            total,
            if total.is_some() {
                "{elapsed} [{bar:30}] {pos}/{len} runs, {per_sec} {msg}{prefix:.dim}"
            } else {
                "{elapsed} {spinner} {pos} runs, {per_sec} {msg}{prefix:.dim}"
            },
        )
    }

    /// Something of which nobody knows how long it takes.
    pub(crate) fn searching() -> Progress {
        Progress::with(None, "{elapsed} {spinner} {msg}")
    }

    fn with(total: Option<u64>, template: &str) -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let every = if bar.is_some() { FRAME } else { interval() };
        let (done, skipped) = (Cell::new(0), Cell::new(0));
        let began = Stopwatch::start();
        Progress { bar, total, done, skipped, every, began, told: Cell::new(began) }
    }

    /// What the reader of a bar may do meanwhile.
    pub(crate) fn hint(&self, text: &'static str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(text);
        }
    }

    /// How far it has come, in words.
    pub(crate) fn message(&self, text: String) {
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None if self.is_due() => note(text),
            None => {}
        }
    }

    /// A run is done.
    pub(crate) fn step(&self) {
        self.step_and(String::new);
    }

    /// A run is done; `text` says what else there is to say, when somebody looks.
    pub(crate) fn step_and(&self, text: impl FnOnce() -> String) {
        self.done.set(self.done.get() + 1);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if self.is_due() {
            match &self.bar {
                Some(bar) => bar.set_message(text()),
                None => note(self.line(&text())),
            }
        }
    }

    /// So many had been done before.
    pub(crate) fn skip(&self, runs: u64) {
        self.done.set(runs);
        self.skipped.set(runs);
        if let Some(bar) = &self.bar {
            bar.set_position(runs);
            bar.reset_eta();
        }
    }

    /// Whatever `work` prints stands above the bar.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    fn is_due(&self) -> bool {
        let due = self.told.get().elapsed() >= self.every;
        if due {
            self.told.set(Stopwatch::start());
        }
        due
    }

    fn line(&self, text: &str) -> String {
        let (done, seconds) = (self.done.get(), self.began.elapsed().as_secs_f64().max(1e-9));
        let of = self.total.map_or_else(String::new, |total| format!("/{total}"));
        let rate = done.saturating_sub(self.skipped.get()) as f64 / seconds;
        let line = format!("{done}{of} runs, {rate:.0} a second");
        if text.is_empty() { line } else { format!("{line}, {text}") }
    }
}

fn interval() -> Duration {
    let Ok(text) = std::env::var(INTERVAL) else { return EVERY };
    args::duration(&text).unwrap_or_else(|error| {
        note(format!("{INTERVAL}: {error}; progress is told every {} s", EVERY.as_secs()));
        EVERY
    })
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
