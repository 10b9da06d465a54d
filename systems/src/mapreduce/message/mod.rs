//! What travels between workers, coordinator and store, and from worker to worker.
//!
//! Every message of a worker carries its id, and the id names one *incarnation*: a worker that starts again, or that the
//! coordinator has given up, is another one, and what its predecessor had on disk is gone (§3.3).

mod bytes;
mod data;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::bytes::Bytes;
pub use self::data::{Answer, CommitOutput, Fetch, Fetched, Piece, ReadInput, WriteOutput};

/// One job, drawn at random: not even the same command again has the same. Attempts are numbered alike in all jobs, and
/// whoever worked for the last job at an address may not have heard that there is another now.
pub type JobId = u64;

/// One incarnation of a worker, drawn at random by itself.
pub type WorkerId = u64;

/// A task, by its number within its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Task {
    /// Reads a split, writes a part for each reduce task.
    Map(u32),
    /// Merges one part of every map task, writes one output file.
    Reduce(u32),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Map(map) => write!(f, "map {map}"),
            Task::Reduce(reduce) => write!(f, "reduce {reduce}"),
        }
    }
}

/// One execution of a task; no two of a job have the same, not even across restarts of the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// How often the coordinator had been started, from 1.
    pub epoch: u32,
    /// Numbered by that start, from 0.
    pub number: u32,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its path, on the store and on the workers that have a copy.
    pub path: String,
    /// Its length in bytes.
    pub length: u64,
    /// Tells this content from what the file had before or may have later, as its time of change does; 0 where nothing
    /// does.
    pub version: u64,
    /// Addresses of the workers that have a copy on their own disk (§3.4). The store has one in any case.
    pub copies: Vec<String>,
}

/// A piece of an input file: the lines that begin in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The file, by its place among the job's inputs.
    pub input: u32,
    /// Its first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// A worker offers its service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Who.
    pub worker: WorkerId,
    /// Where other workers fetch its map output.
    pub address: String,
}

/// What became of a [`Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Joined {
    /// Welcome; this is what there is to know of the job.
    Welcome(Brief),
    /// This incarnation was declared dead, and its map tasks are being done again: come back as another one.
    Buried,
}

/// What a worker needs to know of a job besides its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Which job.
    pub job: JobId,
    /// The application, by name.
    pub app: String,
    /// Its arguments.
    pub args: Vec<Bytes>,
    /// How many map tasks there are.
    pub maps: u32,
    /// How many reduce tasks there are.
    pub reduces: u32,
    /// How often a worker shall ping.
    pub ping_every: std::time::Duration,
}

/// A worker without work wants some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who.
    pub worker: WorkerId,
}

/// The reply to [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignment {
    /// Do this map task.
    Map {
        /// Which.
        map: u32,
        /// This execution of it.
        attempt: Attempt,
        /// What to read.
        split: Split,
        /// The file of the split.
        input: Input,
        /// Records to leave out, by their offset in the file (§4.6).
        skip: Vec<u64>,
    },
    /// Do this reduce task.
    Reduce {
        /// Which.
        reduce: u32,
        /// This execution of it.
        attempt: Attempt,
        /// Keys to leave out (§4.6).
        skip: Vec<Bytes>,
    },
    /// There is nothing just now; ask again.
    Wait,
    /// The job is over.
    Exit,
    /// The coordinator does not know this worker: join.
    Stranger,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Who.
    pub worker: WorkerId,
    /// What it is doing.
    pub running: Option<(Task, Attempt)>,
}

/// The reply to [`Ping`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pong {
    /// Go on.
    GoOn,
    /// Nobody wants what you are doing any more: another attempt has won.
    Drop,
    /// The coordinator does not know this worker: join.
    Stranger,
}

/// How often something was counted, by name (§4.9).
pub type Counters = Vec<(String, u64)>;

/// An attempt is complete: its output is where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Who.
    pub worker: WorkerId,
    /// What.
    pub task: Task,
    /// Which execution of it.
    pub attempt: Attempt,
    /// What was counted on the way.
    pub counters: Counters,
}

/// What the user's code choked on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Culprit {
    /// The record at this offset of the file.
    Record(u64),
    /// The values of this key.
    Key(Bytes),
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Culprit::Record(offset) => write!(f, "the record at byte {offset}"),
            Culprit::Key(Bytes(key)) => {
                write!(f, "the key {:?}", String::from_utf8_lossy(&key[..key.len().min(80)]))
            }
        }
    }
}

/// An attempt has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Who.
    pub worker: WorkerId,
    /// What.
    pub task: Task,
    /// Which execution of it.
    pub attempt: Attempt,
    /// On what, when it was the user's code that failed: the "last gasp" of §4.6.
    pub culprit: Option<Culprit>,
    /// Why, for people.
    pub why: String,
}

/// The reply to [`Done`]: whether this attempt is the one that counts. What another has written nobody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept(pub bool);

/// The reply to [`Failed`] and [`Gone`]: the coordinator has taken note, and nothing is left to do.
pub type Noted = ();

/// Whoever worked at this address has ended: whoever started it knows, or it says so itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Under which address it had joined.
    pub address: String,
}

/// A reducer asks where the parts it still needs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locate {
    /// Who.
    pub worker: WorkerId,
    /// For which reduce task.
    pub reduce: u32,
    /// Which execution of it.
    pub attempt: Attempt,
    /// Parts that were where the coordinator said and could not be had (`FetchFailed`): map task and attempt.
    pub lost: Vec<(u32, Attempt)>,
    /// It has fetched all that there was, and can only wait.
    pub waits: bool,
}

/// The reply to [`Locate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Located {
    /// What there is.
    Here {
        /// The output of the completed map tasks, by worker.
        places: Vec<Place>,
        /// How many parts make a whole.
        of: u32,
    },
    /// This attempt is not wanted any more.
    Drop,
}

/// The map outputs that one worker holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where to fetch them.
    pub address: String,
    /// Map tasks, with the attempt whose output it is.
    pub maps: Vec<(u32, Attempt)>,
}

/// Any request to the coordinator, as it queues them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// See [`Join`].
    Join(Join),
    /// See [`Ask`].
    Ask(Ask),
    /// See [`Ping`].
    Ping(Ping),
    /// See [`Done`].
    Done(Done),
    /// See [`Failed`].
    Failed(Failed),
    /// See [`Locate`].
    Locate(Locate),
    /// See [`Gone`].
    Gone(Gone),
}

impl Command {
    /// The worker that sent it.
    pub fn worker(&self) -> Option<WorkerId> {
        match self {
            Command::Join(Join { worker, .. })
            | Command::Ask(Ask { worker })
            | Command::Ping(Ping { worker, .. })
            | Command::Done(Done { worker, .. })
            | Command::Failed(Failed { worker, .. })
            | Command::Locate(Locate { worker, .. }) => Some(*worker),
            Command::Gone(_) => None,
        }
    }
}

/// The reply to a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`Join`].
    Joined(Joined),
    /// To [`Ask`].
    Assignment(Box<Assignment>),
    /// To [`Ping`].
    Pong(Pong),
    /// To [`Done`].
    Kept(Kept),
    /// To [`Failed`] and [`Gone`].
    Noted(Noted),
    /// To [`Locate`].
    Located(Located),
}
