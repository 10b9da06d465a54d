//! What the coordinator must not forget: its checkpoint is a list of these (§3.3, "periodic checkpoints of the master data
//! structures"; here each change is written as it happens).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::message::{Attempt, Counters, Culprit, JobId, Task, WorkerId};

/// A change of the coordinator's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Log {
    /// A coordinator was started for the job with this fingerprint, for the `epoch`th time.
    Started {
        /// See [`Job::fingerprint`](super::Job::fingerprint).
        job: u64,
        /// Under which id it began.
        id: JobId,
        /// From 1.
        epoch: u32,
    },
    /// A worker joined.
    Joined {
        /// Who.
        worker: WorkerId,
        /// Where its map output can be fetched.
        address: String,
    },
    /// An attempt began.
    Assigned {
        /// What.
        task: Task,
        /// Which execution.
        attempt: Attempt,
        /// By whom.
        worker: WorkerId,
    },
    /// An attempt won: its output is the task's.
    Completed {
        /// What.
        task: Task,
        /// Which execution.
        attempt: Attempt,
        /// By whom.
        worker: WorkerId,
        /// What it counted.
        counters: Counters,
        /// How long it took.
        took: Duration,
    },
    /// An attempt failed.
    Failed {
        /// What.
        task: Task,
        /// Which execution.
        attempt: Attempt,
        /// On what, when it was the user's code.
        culprit: Option<Culprit>,
        /// Why.
        why: String,
    },
    /// An attempt was taken back: its worker is needed elsewhere.
    Revoked {
        /// What.
        task: Task,
        /// Which execution.
        attempt: Attempt,
    },
    /// A worker was declared dead: its attempts are void, and so are the map tasks it completed.
    Buried {
        /// Who.
        worker: WorkerId,
        /// It fell silent at work. Otherwise what it was doing is not to blame: nobody could fetch from it, or it was gone
        /// when the coordinator was started.
        at_work: bool,
    },
}
