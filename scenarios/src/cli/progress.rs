//! Progress on stderr, where that is a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or nothing at all.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `total` runs, or `None` where only time ends the campaign.
    pub(crate) fn new(total: Option<u64>) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = if total.is_some() {
            "{elapsed} [{bar:30}] {pos}/{len} runs, {per_sec} {msg}"
        } else {
            "{elapsed} {spinner} {pos} runs, {per_sec} {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// Something of which nobody knows how long it takes.
    pub(crate) fn searching() -> Progress {
        if !io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// How far it has come, in words.
    pub(crate) fn message(&self, text: String) {
        self.0.set_message(text);
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    pub(crate) fn failures(&self, distinct: usize) {
        if distinct > 0 {
            self.0.set_message(format!("({distinct} distinct failures)"));
        }
    }

    /// So many had been done before.
    pub(crate) fn skip(&self, runs: u64) {
        self.0.set_position(runs);
        self.0.reset_eta();
    }

    /// Whatever `work` prints stands above the bar.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
