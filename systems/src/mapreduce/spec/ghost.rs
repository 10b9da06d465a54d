//! What an observer sees of coordinator, workers and store, and what it remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use super::super::message::{Attempt, JobId, Task, WorkerId};
use super::super::protocol::{Log, Memory};
use crate::probe::{self, Broken};

/// What a sequential run of the job comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The content of each output.
    pub output: BTreeMap<u32, Vec<u8>>,
    /// What it counts.
    pub counters: BTreeMap<String, u64>,
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The story says what is to come out.
    Expects(Expected),
    /// A coordinator is about to answer its first request.
    Started {
        /// Which job.
        job: JobId,
        /// How many map tasks there are.
        maps: u32,
        /// How many reduce tasks there are.
        reduces: u32,
        /// Whether there may be backup tasks.
        backups: bool,
        /// After how long a silence a worker is dead.
        dead_after: Duration,
        /// What it remembers of earlier starts.
        memory: Memory,
    },
    /// The coordinator's memory has changed, durably if it has a checkpoint.
    Recorded(Log),
    /// The coordinator has heard of a worker.
    Heard {
        /// Whom.
        worker: WorkerId,
        /// When, on its monotonic clock.
        at: Duration,
    },
    /// The coordinator is about to declare a worker dead for its silence.
    GivenUp {
        /// Whom.
        worker: WorkerId,
        /// When, on its monotonic clock.
        at: Duration,
    },
    /// A reducer was told where a map's output is.
    Located {
        /// The map.
        map: u32,
        /// The attempt that made it.
        attempt: Attempt,
    },
    /// A worker has carried out an attempt and is about to publish it.
    CarriedOut {
        /// For which job: a worker may still be at an earlier one, of which nothing is judged.
        job: JobId,
        /// What.
        task: Task,
        /// Which execution.
        attempt: Attempt,
        /// Of a reduce: the parts that were merged, by map and attempt.
        consumed: Vec<(u32, Attempt)>,
        /// Of a reduce: its output.
        output: Vec<u8>,
    },
    /// The store is about to give an attempt's output its final name.
    Committing {
        /// The reduce task.
        reduce: u32,
    },
    /// What stands under an output's final name, whenever that changes.
    Visible {
        /// The reduce task.
        reduce: u32,
        /// The content; `None`: there is no such file.
        content: Option<Vec<u8>>,
    },
    /// The coordinator says that the job is done.
    JobDone {
        /// The job's counters.
        counters: BTreeMap<String, u64>,
    },
}

/// How often things happened, so that a story can tell whether it has seen anything at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Starts of a coordinator.
    pub started: u64,
    /// Attempts handed out.
    pub assigned: u64,
    /// Those of them that were handed out while another ran.
    pub backups: u64,
    /// Map attempts handed out.
    pub maps: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Completed maps that became void.
    pub voided: u64,
    /// Workers declared dead.
    pub buried: u64,
    /// Jobs done.
    pub done: u64,
}

#[derive(Debug, Clone, Default)]
struct Known {
    running: Vec<(Attempt, WorkerId)>,
    winner: Option<(Attempt, WorkerId)>,
}

/// All that was seen, in the shape in which the properties ask for it.
#[derive(Debug, Default)]
pub struct Ghost {
    job: Option<JobId>,
    expected: Option<Expected>,
    maps: u32,
    reduces: u32,
    backups: bool,
    dead_after: Duration,
    tasks: BTreeMap<Task, Known>,
    carried_out: BTreeSet<(Task, Attempt)>,
    outputs: BTreeSet<(u32, Vec<u8>)>,
    committing: BTreeSet<u32>,
    visible: BTreeMap<u32, Vec<u8>>,
    heard: BTreeMap<WorkerId, Duration>,
    addresses: BTreeMap<WorkerId, String>,
    buried: Vec<String>,
    counts: Counts,
}

impl Ghost {
    /// What is to come out, where the story knows.
    pub fn expected(&self) -> Option<&Expected> {
        self.expected.as_ref()
    }

    /// How many maps the job has.
    pub fn maps(&self) -> u32 {
        self.maps
    }

    /// How many outputs the job has.
    pub fn reduces(&self) -> u32 {
        self.reduces
    }

    /// Whether a running task may be handed out once more.
    pub fn may_back_up(&self) -> bool {
        self.backups
    }

    /// After how long a silence a worker is dead.
    pub fn dead_after(&self) -> Duration {
        self.dead_after
    }

    /// What stands under the final name of an output.
    pub fn visible(&self, reduce: u32) -> Option<&[u8]> {
        self.visible.get(&reduce).map(Vec::as_slice)
    }

    /// Was this the whole output of some attempt of the task?
    pub fn was_made(&self, reduce: u32, content: &[u8]) -> bool {
        self.outputs.contains(&(reduce, content.to_vec()))
    }

    /// Has some attempt committed its output?
    pub fn was_committed(&self, reduce: u32) -> bool {
        self.committing.contains(&reduce)
    }

    /// Is this attempt one that was handed out and not taken back?
    pub fn is_running(&self, task: Task, attempt: Attempt) -> bool {
        self.tasks
            .get(&task)
            .is_some_and(|known| known.running.iter().any(|(running, _)| *running == attempt))
    }

    /// How many attempts of a task run.
    pub fn running(&self, task: Task) -> usize {
        self.tasks.get(&task).map_or(0, |known| known.running.len())
    }

    /// The attempt whose output is the task's.
    pub fn winner(&self, task: Task) -> Option<Attempt> {
        Some(self.tasks.get(&task)?.winner?.0)
    }

    /// All tasks that are completed, with the attempt and the worker that did it.
    pub fn winners(&self) -> impl Iterator<Item = (Task, Attempt, WorkerId)> {
        self.tasks
            .iter()
            .filter_map(|(task, known)| known.winner.map(|(attempt, worker)| (*task, attempt, worker)))
    }

    /// Did a worker carry this attempt out?
    pub fn was_carried_out(&self, task: Task, attempt: Attempt) -> bool {
        self.carried_out.contains(&(task, attempt))
    }

    /// When the coordinator last heard of a worker, on its monotonic clock of this start.
    pub fn heard(&self, worker: WorkerId) -> Option<Duration> {
        self.heard.get(&worker).copied()
    }

    /// The addresses of the workers that were declared dead, as often as they were.
    pub fn buried(&self) -> &[String] {
        &self.buried
    }

    /// How often things happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn remember(&mut self, seen: Observation) {
        match seen {
            Observation::Expects(expected) => self.expected = Some(expected),
            Observation::Started { job, maps, reduces, backups, dead_after, memory } => {
                self.job = Some(job);
                (self.maps, self.reduces, self.backups, self.dead_after) =
                    (maps, reduces, backups, dead_after);
                self.counts.started += 1;
                self.heard.clear();
                // What was durable but not yet announced when the coordinator crashed is first seen here.
                self.tasks.clear();
                for (task, attempt, worker) in memory.winners {
                    self.tasks.entry(task).or_default().winner = Some((attempt, worker));
                }
                for (task, attempt, worker) in memory.running {
                    self.tasks.entry(task).or_default().running.push((attempt, worker));
                }
            }
            Observation::Recorded(record) => self.remember_record(record),
            Observation::Heard { worker, at } => _ = self.heard.insert(worker, at),
            Observation::GivenUp { .. } | Observation::Located { .. } => {}
            Observation::CarriedOut { task, attempt, output, .. } => {
                self.carried_out.insert((task, attempt));
                if let Task::Reduce(reduce) = task {
                    self.outputs.insert((reduce, output));
                }
            }
            Observation::Committing { reduce } => _ = self.committing.insert(reduce),
            Observation::Visible { reduce, content } => match content {
                Some(content) => _ = self.visible.insert(reduce, content),
                None => _ = self.visible.remove(&reduce),
            },
            Observation::JobDone { .. } => self.counts.done += 1,
        }
    }

    fn remember_record(&mut self, record: Log) {
        match record {
            Log::Started { .. } => {}
            Log::Joined { worker, address } => _ = self.addresses.insert(worker, address),
            Log::Assigned { task, attempt, worker } => {
                let known = self.tasks.entry(task).or_default();
                self.counts.backups += u64::from(!known.running.is_empty());
                self.counts.assigned += 1;
                self.counts.maps += u64::from(matches!(task, Task::Map(_)));
                known.running.push((attempt, worker));
            }
            Log::Completed { task, attempt, worker, .. } => {
                let known = self.tasks.entry(task).or_default();
                *known = Known { running: Vec::new(), winner: Some((attempt, worker)) };
            }
            Log::Failed { task, attempt, .. } => {
                self.counts.failed += 1;
                self.tasks.entry(task).or_default().running.retain(|(running, _)| *running != attempt);
            }
            Log::Revoked { task, attempt } => {
                self.tasks.entry(task).or_default().running.retain(|(running, _)| *running != attempt);
            }
            Log::Buried { worker, .. } => {
                self.counts.buried += 1;
                self.buried.extend(self.addresses.get(&worker).cloned());
                for (task, known) in &mut self.tasks {
                    known.running.retain(|(_, by)| *by != worker);
                    if matches!(task, Task::Map(_)) && known.winner.is_some_and(|(_, by)| by == worker) {
                        known.winner = None;
                        self.counts.voided += 1;
                    }
                }
            }
        }
    }
}

impl probe::Ghost for Ghost {
    type Observation = Observation;
    type Op = Infallible;
    type Outcome = Infallible;

    fn observe(&mut self, seen: Observation) -> Result<(), Broken> {
        if matches!(seen, Observation::CarriedOut { job, .. } if Some(job) != self.job) {
            return Ok(());
        }
        let judged = super::ALL.iter().find_map(|(clause, property)| {
            property(self, &seen).err().map(|detail| Broken { clause, detail })
        });
        self.remember(seen);
        judged.map_or(Ok(()), Err)
    }

    fn returned(op: &Infallible, _: &Infallible) -> Observation {
        match *op {}
    }
}
