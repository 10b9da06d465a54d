//! Distributed sort (§2.3, §5.3): the framework sorts, the partition function does the rest.

use super::{Application, Emit, Record};
use crate::mapreduce::message::Bytes;

/// Output: every line; each output file is sorted, and all of one come before those of the next.
#[derive(Debug, Clone)]
pub struct Sort {
    /// The first key of each part but the first, sorted.
    boundaries: Vec<Vec<u8>>,
}

impl Sort {
    /// Parts that begin at these keys. What is right for a job, [`boundaries`] tells from a sample.
    pub fn new(boundaries: &[Bytes]) -> Sort {
        let mut boundaries: Vec<Vec<u8>> = boundaries.iter().map(|Bytes(key)| key.clone()).collect();
        boundaries.sort_unstable();
        Sort { boundaries }
    }
}

/// Where parts of about equal size begin, by a sample of the keys: "a pre-pass MapReduce operation will collect a sample
/// of the keys" (§5.3).
pub fn boundaries(mut sample: Vec<Vec<u8>>, parts: u32) -> Vec<Bytes> {
    sample.sort_unstable();
    let parts = parts as usize;
    let mut found: Vec<Vec<u8>> =
        (1..parts).filter_map(|part| sample.get(part * sample.len() / parts).cloned()).collect();
    found.dedup();
    found.into_iter().map(Bytes).collect()
}

impl Application for Sort {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        out.emit(record.line, b"");
    }

    fn reduce(&self, key: &[u8], _value: &[u8], _state: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(key);
        out.push(b'\n');
    }

    fn partition(&self, key: &[u8], parts: u32) -> u32 {
        let part = self.boundaries.partition_point(|boundary| boundary.as_slice() <= key);
        u32::try_from(part).unwrap_or(u32::MAX).min(parts - 1)
    }
}
