//! The algorithm, pure: values in, effects out. No I/O, no clock, no `async`.
//!
//! [`Coordinator`] is the master of §3: which worker does what, whose work counts, and what of it is lost with whom.
//! Its memory is a fold over [`Log`] records, so that a checkpoint is nothing but these records.
//! The data path is made of [`Lines`] (a split's records), [`Gather`] (§4.1 to §4.3: combine, partition, sort) and
//! [`Merge`] (sorted runs into one).

mod answers;
mod coordinator;
mod gather;
mod job;
mod lines;
mod record;
mod run;
mod table;

#[cfg(test)]
mod coordinator_tests;
#[cfg(test)]
mod tests;

pub use coordinator::Coordinator;
pub use gather::{Gather, Sorted};
pub use job::{Backups, Effects, Job, Memory, Now, Policy, Progress};
pub use lines::{LINE_MAX, Lines, TooLong};
pub use record::Log;
pub use run::{Cursor, Damaged, Merge, encode};

/// FNV-1a over 32 bits, as the labs have it: the same on every machine and in every process, which a partition function
/// must be.
pub fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        & 0x7fff_ffff
}

/// How a file of `length` bytes is cut into splits of about `size` bytes (at least 1): offset and length of each. An
/// empty file has none.
pub fn splits(length: u64, size: u64) -> impl Iterator<Item = (u64, u64)> {
    let size = size.max(1);
    // A last split that is short costs a task; up to a tenth more in the one before costs less.
    let count = if length == 0 { 0 } else { (length - length.min(size / 10)).div_ceil(size).max(1) };
    (0..count).map(move |n| (n * size, if n + 1 == count { length - n * size } else { size }))
}
