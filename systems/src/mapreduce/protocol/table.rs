//! The tasks of one kind: which are idle, running and completed (§3.2).

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::message::{Attempt, Counters, Culprit, WorkerId};

/// One execution of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) attempt: Attempt,
    pub(super) worker: WorkerId,
    pub(super) since: Duration,
}

/// The attempt whose output is the task's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Winner {
    pub(super) attempt: Attempt,
    pub(super) worker: WorkerId,
    pub(super) counters: Counters,
}

#[derive(Debug, Clone, Default)]
pub(super) struct One {
    /// What the last winner counted. It stays when the winner's output is lost: reducers may have all they need of it, and
    /// the job be done before the task is done again.
    pub(super) counters: Counters,
    pub(super) winner: Option<Winner>,
    pub(super) runs: Vec<Run>,
    pub(super) failures: u32,
    /// How many workers have fallen silent at it.
    pub(super) deaths: u32,
    /// What made attempts fail, each time.
    pub(super) culprits: Vec<Culprit>,
    /// Of a map: addresses from which its output could not be fetched. Of a reduce: whence outputs could not be fetched.
    pub(super) avoid: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    tasks: Vec<One>,
    idle: BTreeSet<u32>,
    completed: u32,
    /// Tasks with a single run, by its beginning: whom a backup may help.
    alone: BTreeSet<(Duration, u32)>,
    /// Sum and number of the times that winners took.
    took: (Duration, u32),
}

impl Table {
    pub(super) fn new(count: u32) -> Table {
        let tasks = (0..count).map(|_| One::default()).collect();
        Table {
            tasks,
            idle: (0..count).collect(),
            completed: 0,
            alone: BTreeSet::new(),
            took: (Duration::ZERO, 0),
        }
    }

    pub(super) fn get(&self, task: u32) -> Option<&One> {
        self.tasks.get(task as usize)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &One)> {
        (0..).zip(&self.tasks)
    }

    pub(super) fn idle(&self) -> &BTreeSet<u32> {
        &self.idle
    }

    pub(super) fn completed(&self) -> u32 {
        self.completed
    }

    pub(super) fn running(&self) -> usize {
        self.tasks.len() - self.idle.len() - self.completed as usize
    }

    pub(super) fn is_complete(&self) -> bool {
        self.completed as usize == self.tasks.len()
    }

    /// How long a winner took on average; `None` before the first.
    pub(super) fn mean(&self) -> Option<Duration> {
        (self.took.1 > 0).then(|| self.took.0 / self.took.1)
    }

    /// Tasks with a single run that has lasted since then or longer, the longest first.
    pub(super) fn alone_since(&self, since: Duration) -> impl Iterator<Item = u32> {
        self.alone.range(..=(since, u32::MAX)).map(|(_, task)| *task)
    }

    pub(super) fn begin(&mut self, task: u32, run: Run) {
        self.change(task, |one| one.runs.push(run));
    }

    /// `took`: how long; `None` where nobody knows.
    pub(super) fn complete(&mut self, task: u32, winner: Winner, took: Option<Duration>) -> Vec<Run> {
        let mut losers = Vec::new();
        self.change(task, |one| {
            losers = std::mem::take(&mut one.runs);
            one.counters.clone_from(&winner.counters);
            one.winner = Some(winner);
        });
        if let Some(took) = took {
            self.took = (self.took.0.saturating_add(took), self.took.1 + 1);
        }
        losers
    }

    /// Takes the winner's place away again.
    pub(super) fn reopen(&mut self, task: u32) {
        self.change(task, |one| one.winner = None);
    }

    /// Ends the runs that are not to go on.
    pub(super) fn keep(&mut self, task: u32, goes_on: impl Fn(&Run) -> bool) {
        self.change(task, |one| one.runs.retain(|run| goes_on(run)));
    }

    /// Counts failures and deaths anew.
    pub(super) fn forgive(&mut self) {
        self.tasks.iter_mut().for_each(|one| (one.failures, one.deaths) = (0, 0));
    }

    /// Whoever could not do them may try again.
    pub(super) fn avoid_nobody(&mut self) {
        self.tasks.iter_mut().for_each(|one| one.avoid.clear());
    }

    pub(super) fn note(&mut self, task: u32, note: impl FnOnce(&mut One)) {
        self.change(task, note);
    }

    /// Keeps the indexes true.
    fn change(&mut self, task: u32, change: impl FnOnce(&mut One)) {
        let Some(one) = self.tasks.get_mut(task as usize) else { return };
        if let [run] = one.runs.as_slice() {
            self.alone.remove(&(run.since, task));
        }
        let was = one.winner.is_some();
        change(one);
        let is = one.winner.is_some();
        self.completed = self.completed + u32::from(is) - u32::from(was);
        if let ([run], false) = (one.runs.as_slice(), is) {
            self.alone.insert((run.since, task));
        }
        if one.runs.is_empty() && !is {
            self.idle.insert(task);
        } else {
            self.idle.remove(&task);
        }
    }
}
