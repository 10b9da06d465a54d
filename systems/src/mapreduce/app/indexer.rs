//! The inverted index (§2.3): for every word the files it is in.

use super::{Application, Emit, Record, words};

/// Output: `word number-of-files file,file,…`, the files by name and in order.
///
/// A value is a sorted list of names, each ended by a newline, so that lists can be merged on the way.
#[derive(Debug, Clone, Copy)]
pub struct Indexer;

impl Application for Indexer {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        let name = record.file.rsplit('/').next().unwrap_or(record.file);
        let mut list = name.replace('\n', " ").into_bytes();
        list.push(b'\n');
        words(record.line, |word| out.emit(word, &list));
    }

    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, _out: &mut Vec<u8>) {
        self.combine(key, state, value);
    }

    fn finish(&self, key: &[u8], state: &[u8], out: &mut Vec<u8>) {
        let names: Vec<&[u8]> = names(state).collect();
        out.extend_from_slice(key);
        out.extend_from_slice(format!(" {} ", names.len()).as_bytes());
        out.extend_from_slice(&names.join(&b','));
        out.push(b'\n');
    }

    fn combines(&self) -> bool {
        true
    }

    fn combine(&self, _key: &[u8], sum: &mut Vec<u8>, value: &[u8]) {
        if sum == value {
            return;
        }
        let mut all: Vec<&[u8]> = names(sum).chain(names(value)).collect();
        all.sort_unstable();
        all.dedup();
        let mut merged = all.join(&b'\n');
        if !merged.is_empty() {
            merged.push(b'\n');
        }
        *sum = merged;
    }
}

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b'\n').filter(|name| !name.is_empty())
}
