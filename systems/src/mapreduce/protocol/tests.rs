//! The data path against the plainest code that does the same.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::super::app::{Application, Emit, WordCount};
use super::*;

/// All lines of a text with their offsets, as splits of this size and reads of this size find them, so many at a time.
fn lines_of(text: &[u8], split: u64, read: usize, at_once: usize) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    for (offset, length) in splits(text.len() as u64, split) {
        let mut lines = Lines::new(offset, length);
        while let Some(at) = lines.wants() {
            let rest = &text[text.len().min(at as usize)..];
            let mut read = &rest[..rest.len().min(read)];
            loop {
                let mut left = at_once;
                let each = |offset, line: &[u8]| {
                    found.push((offset, line.to_vec()));
                    left -= 1;
                    if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                let taken = lines.feed(read, each).unwrap();
                read = &read[taken..];
                if read.is_empty() || lines.wants().is_none() {
                    break;
                }
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn every_line_is_in_one_split(
        text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), any::<u8>()], 0..80),
        split in 1_u64..40,
        read in 1_usize..20,
        at_once in 1_usize..4,
    ) {
        let mut offset = 0;
        let mut expected = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            expected.push((offset, line.strip_suffix(b"\n").unwrap_or(line).to_vec()));
            offset += line.len() as u64;
        }
        prop_assert_eq!(lines_of(&text, split, read, at_once), expected);
    }

    #[test]
    fn splits_cover_a_file(length in 0_u64..10_000, size in 1_u64..500) {
        let mut next = 0;
        for (offset, bytes) in splits(length, size) {
            prop_assert!(offset == next && bytes > 0 && bytes <= size + size / 10);
            next += bytes;
        }
        prop_assert_eq!(next, length);
    }

    #[test]
    fn what_is_gathered_comes_out_sorted_and_whole(
        keys in prop::collection::vec("[a-c]{0,3}", 0..60),
        combines in any::<bool>(),
        parts in 1_u32..4,
        room in 1_usize..40,
    ) {
        let mut gather = Gather::new(combines, 1 << 20);
        for key in &keys {
            gather.of(&WordCount).emit(key.as_bytes(), &1_u64.to_le_bytes());
        }
        let mut sorted = gather.sort(parts, |_, key| WordCount.partition(key, parts));
        let (mut bytes, mut more) = (Vec::new(), true);
        while more {
            let mut piece = Vec::new();
            more = gather.encode(&mut sorted, &mut piece, room);
            bytes.extend(piece);
        }
        gather.clear();
        prop_assert!(gather.is_empty() && sorted.ends.len() == parts as usize);
        let (mut found, mut start) = (BTreeMap::new(), 0);
        for (part, end) in (0..).zip(&sorted.ends) {
            let pairs = pairs(vec![bytes[start..*end as usize].to_vec()]);
            prop_assert!(pairs.is_sorted_by_key(|(key, _)| key.clone()));
            for (key, value) in pairs {
                prop_assert_eq!(WordCount.partition(&key, parts), part);
                let count = found.entry(key).or_insert((0, 0));
                *count = (count.0 + 1, count.1 + u64::from_le_bytes(*value.first_chunk().unwrap()));
            }
            start = *end as usize;
        }
        for (key, (times, sum)) in &found {
            prop_assert_eq!(*sum, keys.iter().filter(|known| known.as_bytes() == key).count() as u64);
            prop_assert!(!combines || *times == 1);
        }
        prop_assert_eq!(found.values().map(|(_, sum)| *sum).sum::<u64>(), keys.len() as u64);
    }

    #[test]
    fn merged_runs_are_one_sorted_run(runs in prop::collection::vec(prop::collection::vec("[a-d]{0,2}", 0..12), 0..6)) {
        let mut all: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut encoded = Vec::new();
        for (number, run) in (0_u8..).zip(&runs) {
            let (mut run, mut bytes) = (run.clone(), Vec::new());
            run.sort();
            run.iter().for_each(|key| encode(&mut bytes, key.as_bytes(), &[number]));
            all.extend(run.into_iter().map(|key| (key.into_bytes(), vec![number])));
            encoded.push(bytes);
        }
        // Equal keys in the order of the runs.
        all.sort();
        prop_assert_eq!(pairs(encoded), all);
    }

    #[test]
    fn a_damaged_run_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), cut in 1_usize..9) {
        let mut cursor = Cursor::default();
        let mut rest = bytes.as_slice();
        for _ in 0..200 {
            match cursor.advance() {
                Err(_) => break,
                Ok(true) if cursor.pair().is_none() => break,
                Ok(true) => {}
                Ok(false) => {
                    let (now, later) = rest.split_at(rest.len().min(cut));
                    cursor.push(now);
                    rest = later;
                }
            }
        }
    }
}

fn pairs(runs: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut merge = Merge::default();
    for run in runs {
        let mut cursor = Cursor::whole(run);
        assert!(cursor.advance().unwrap());
        merge.add(cursor);
    }
    let mut pairs = Vec::new();
    while let Some((key, value)) = merge.pair() {
        pairs.push((key.to_vec(), value.to_vec()));
        assert!(merge.top().unwrap().1.advance().unwrap());
        merge.settle();
    }
    pairs
}

#[test]
fn a_line_without_end_is_refused() {
    let mut lines = Lines::new(0, 1);
    let mebibyte = vec![b'x'; 1 << 20];
    let fed = (0..65).map(|_| lines.feed(&mebibyte, |_, _| ControlFlow::Continue(()))).find(Result::is_err);
    assert_eq!(fed, Some(Err(TooLong(0))));
}

#[test]
fn the_hash_is_the_labs() {
    assert_eq!([hash(b""), hash(b"a"), hash(b"foobar")], [0x011c_9dc5, 0x640c_292c, 0x3f9c_f968]);
}
