//! What is fetched from workers, read from the store and written to it.

use serde::{Deserialize, Serialize};

use super::{Attempt, Bytes, JobId};

/// A reducer fetches one part of several map outputs from the worker that made them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// For which job.
    pub job: JobId,
    /// The part: the number of the reduce task.
    pub part: u32,
    /// Which map outputs, and from which byte of the part on.
    pub wanted: Vec<(u32, Attempt, u64)>,
}

/// The reply to [`Fetch`]: pieces in the order in which they were wanted, as many as fit into a message; always at least
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

/// A piece of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Some of its bytes.
    Bytes {
        /// How long the whole part is.
        of: u64,
        /// The bytes from where they were wanted; fewer than all are no sign of the end.
        bytes: Bytes,
    },
    /// This worker does not have that output: it is another incarnation, or its disk has failed.
    NotHere,
}

/// Reads a piece of an input file from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadInput {
    /// For which job.
    pub job: JobId,
    /// The file, by its place among the job's inputs.
    pub input: u32,
    /// From which byte.
    pub offset: u64,
    /// How many bytes at most.
    pub length: u32,
}

/// What a store answers; an error is a sentence.
pub type Answer<T> = Result<T, String>;

/// Writes a piece of a reduce attempt's output to the store, under a temporary name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOutput {
    /// Of which job.
    pub job: JobId,
    /// The reduce task.
    pub reduce: u32,
    /// Which execution of it.
    pub attempt: Attempt,
    /// Where in the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// Makes a reduce attempt's output the task's, by an atomic rename (§3.3). When there is one already it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitOutput {
    /// Of which job.
    pub job: JobId,
    /// The reduce task.
    pub reduce: u32,
    /// Which execution of it.
    pub attempt: Attempt,
    /// How long the output is.
    pub length: u64,
}
