//! What a coordinator is given, and what it says.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::message::{Attempt, Bytes, Input, JobId, Reply, Split, Task, WorkerId};
use super::record::Log;

/// A job: an application, its input and the number of its output files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Drawn for this job alone. One that is resumed from a checkpoint goes on under the id with which it began.
    pub id: JobId,
    /// The application, by name.
    pub app: String,
    /// Its arguments.
    pub args: Vec<Bytes>,
    /// The input files.
    pub inputs: Vec<Input>,
    /// A map task for each.
    pub splits: Vec<Split>,
    /// How many reduce tasks, at least 1.
    pub reduces: u32,
}

impl Job {
    /// What is to be done, in a number: a checkpoint of something else must not be resumed.
    pub fn fingerprint(&self) -> u64 {
        let text = format!("{:?}", Job { id: 0, ..self.clone() });
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}

/// When the coordinator loses patience with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A worker that was silent for so long is declared dead.
    pub dead_after: Duration,
    /// How often a worker pings.
    pub ping_every: Duration,
    /// Whether stragglers get backup tasks (§3.6).
    pub backups: Option<Backups>,
    /// So many failed fetches from a worker, of which two workers tell, and it is declared dead although it answers. When
    /// one alone tells so often, somebody else gets its task. At least 1.
    pub complaints: u32,
    /// A record or key on which so many attempts have failed is skipped (§4.6); `None`: never.
    pub skip_after: Option<u32>,
    /// A task that has failed so often since the coordinator was started, or at which so many workers have fallen silent,
    /// fails the job.
    pub max_failures: u32,
}

impl Policy {
    /// How often at least to look for the silent, so that a gap between two looks tells of the coordinator's own sleep.
    pub fn look_every(&self) -> Duration {
        self.dead_after / 8
    }
}

impl Default for Policy {
    /// Ten seconds for a worker, as in the labs; backups; nothing skipped; a job fails when a task has failed ten times.
    fn default() -> Self {
        Policy {
            dead_after: Duration::from_secs(10),
            ping_every: Duration::from_secs(1),
            backups: Some(Backups::default()),
            complaints: 3,
            skip_after: None,
            max_failures: 10,
        }
    }
}

/// When a running task gets a second attempt: when nothing is left to hand out, and it has run for longer than both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backups {
    /// So long.
    pub least: Duration,
    /// So many percent of what tasks of its kind took on average.
    pub percent_of_mean: u32,
}

impl Default for Backups {
    /// Ten seconds (the labs forbid less), and one and a half times the average.
    fn default() -> Self {
        Backups { least: Duration::from_secs(10), percent_of_mean: 150 }
    }
}

/// The time, on the coordinator's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since some moment; never set back.
    pub monotonic: Duration,
    /// Since 1970, by whoever sets clocks.
    pub wall: Duration,
}

/// What one step obliges the shell to do, in the order of the fields.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "a reply promises what `persist` has yet to make true"]
pub struct Effects {
    /// First: make these records durable, and all before them.
    pub persist: Vec<Log>,
    /// Then: answer.
    pub reply: Option<Reply>,
}

/// What a coordinator believes: what an observer may hold against it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The attempts whose output counts.
    pub winners: Vec<(Task, Attempt, WorkerId)>,
    /// The attempts that are under way.
    pub running: Vec<(Task, Attempt, WorkerId)>,
    /// The workers that were declared dead.
    pub buried: BTreeSet<WorkerId>,
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Map tasks completed, and of how many.
    pub maps: (u32, u32),
    /// Reduce tasks completed, and of how many.
    pub reduces: (u32, u32),
    /// Tasks that are running.
    pub running: u32,
    /// Tasks that run for more than twice the average of their kind, without a backup.
    pub stragglers: u32,
    /// Workers that are alive.
    pub workers: u32,
    /// Backup tasks handed out so far.
    pub backups: u32,
    /// Tasks that had to be done again so far, because they failed or died with a worker.
    pub retries: u32,
    /// Workers that were declared dead so far.
    pub buried: u32,
}
