//! The inverted index (§2.3): for every word the files it is in.

use std::collections::{BTreeMap, BTreeSet};

use super::{Application, Emit, Record, words};
use crate::mapreduce::message::Bytes;

/// Output: `word number-of-files file,file,…`, the files by name and in order.
///
/// A file is called by the last part of its path where that is unique among the inputs, else by all of it.
///
/// A value is a sorted list of names, each ended by a newline, so that lists can be merged on the way.
#[derive(Debug, Clone, Default)]
pub struct Indexer {
    /// The paths of which another has the same last part.
    alike: BTreeSet<Vec<u8>>,
}

impl Indexer {
    /// Calls these files by their whole paths; which they are, [`alike`] tells of a job.
    pub fn new(alike: &[Bytes]) -> Indexer {
        Indexer { alike: alike.iter().map(|Bytes(path)| path.clone()).collect() }
    }
}

/// Those of the paths whose last parts are not unique.
pub fn alike<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Bytes> {
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    paths.for_each(|path| _ = by_name.entry(last_part(path)).or_default().insert(path));
    let several = by_name.values().filter(|paths| paths.len() > 1).flatten();
    several.map(|path| Bytes(path.as_bytes().to_vec())).collect()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Application for Indexer {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        let alike = self.alike.contains(record.file.as_bytes());
        let name = if alike { record.file } else { last_part(record.file) };
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
