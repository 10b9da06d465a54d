//! What `stormglass mapreduce wc` is measured against: one process, one hash map, no framework.
//!
//! `word_count_baseline FILE…` prints `word count` lines, sorted.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use rustc_hash::FxHashMap;

fn main() -> io::Result<()> {
    let mut counts: FxHashMap<Vec<u8>, u64> = FxHashMap::default();
    let mut buffer = vec![0; 1 << 20];
    for path in std::env::args().skip(1) {
        let mut file = File::open(path)?;
        // The word that the last read has cut.
        let mut cut = Vec::new();
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            let mut start = 0;
            for (at, byte) in buffer[..length].iter().enumerate() {
                if !byte.is_ascii_alphabetic() {
                    if start < at || !cut.is_empty() {
                        count(&mut counts, &mut cut, &buffer[start..at]);
                    }
                    start = at + 1;
                }
            }
            cut.extend_from_slice(&buffer[start..length]);
        }
        if !cut.is_empty() {
            count(&mut counts, &mut cut, b"");
        }
    }
    let mut sorted: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
    sorted.sort_unstable();
    let mut out = BufWriter::new(io::stdout().lock());
    for (word, times) in sorted {
        out.write_all(&word)?;
        writeln!(out, " {times}")?;
    }
    out.flush()
}

fn count(counts: &mut FxHashMap<Vec<u8>, u64>, cut: &mut Vec<u8>, rest: &[u8]) {
    if cut.is_empty() {
        match counts.get_mut(rest) {
            Some(times) => *times += 1,
            None => _ = counts.insert(rest.to_vec(), 1),
        }
        return;
    }
    cut.extend_from_slice(rest);
    *counts.entry(std::mem::take(cut)).or_default() += 1;
}
