//! What the log's files hold: records, in frames.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::super::message::{Entry, Index, Payload};
use super::super::protocol::HardState;
use crate::frames::{self, Unframable};

/// How many bytes of commands a record holds, unless a single one is longer.
const RECORD: usize = 1 << 20;

/// One change of what is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// The first of each segment.
    Opening {
        /// Whether everything before this segment is void.
        fresh: bool,
        /// How long the segment before it is. It was on disk, all of it, when this one was begun.
        previous: u64,
        /// The entry after which it goes on.
        base: Index,
        /// Term and vote by then, so that the segments before may be deleted.
        hard: HardState,
    },
    /// Term and vote.
    Hard(HardState),
    /// Entries from this one on are void.
    Truncate(Index),
    /// Entries after the last one.
    Append(Cow<'a, [Entry]>),
    /// All entries are void; the log goes on after this one, which a snapshot stands for.
    Base(Index),
}

/// Records that append `entries`, each of a size that fits in a frame.
pub(super) fn appends(entries: &[Entry]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let mut fits = |entry: &&Entry| {
            bytes += if let Payload::Command(command) = &entry.payload { command.len() } else { 0 };
            bytes <= RECORD
        };
        // One at least, however long it is.
        let count = rest.iter().take_while(&mut fits).count().max(1).min(rest.len());
        let (now, later) = rest.split_at(count);
        rest = later;
        (!now.is_empty()).then(|| Record::Append(now.into()))
    })
}

/// Appends frames for `records` to `out`, which will lie at offset `at` of a file of which `synced` bytes are stable.
pub(super) fn encode<'a>(
    out: &mut Vec<u8>,
    records: impl IntoIterator<Item = &'a Record<'a>>,
    at: u64,
    synced: u64,
) -> Result<(), Unframable> {
    for record in records {
        let payload = postcard::to_stdvec(record).expect("a record is plain data and memory has no end");
        let at = at + out.len() as u64;
        frames::encode(out, at, synced, &payload)?;
    }
    Ok(())
}

/// A segment's records, and where they end in bytes: what follows is a torn tail, of which nothing was promised.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) records: Vec<Record<'static>>,
    pub(super) length: u64,
}

/// Reads a segment; an error says why it must not be used.
pub(super) fn decode(bytes: &[u8]) -> Result<Content, String> {
    let frames::Decoded { payloads, length } =
        frames::decode(bytes).map_err(|damaged| damaged.to_string())?;
    let record = |(number, payload)| {
        postcard::from_bytes(payload)
            .map_err(|error| format!("record {number} has a good checksum but is none of ours: {error}"))
    };
    let records = payloads.into_iter().enumerate().map(record).collect::<Result<_, String>>()?;
    Ok(Content { records, length: length as u64 })
}

/// What a sequence of records leads to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Replay {
    /// The entry before the first one.
    pub(super) base: Index,
    pub(super) entries: Vec<Entry>,
    pub(super) hard: HardState,
}

impl Replay {
    /// The last entry.
    pub(super) fn last(&self) -> Index {
        self.base + self.entries.len() as u64
    }

    /// Follows one record; `Err`: it does not follow those before it.
    pub(super) fn follow(&mut self, record: Record<'_>) -> Result<(), String> {
        match record {
            Record::Opening { fresh: true, base, hard, .. } => {
                *self = Replay { base, entries: Vec::new(), hard };
            }
            Record::Opening { fresh: false, base, hard, .. } => {
                if base != self.last() {
                    return Err(format!(
                        "it goes on after entry {base}, but the log ends with {}",
                        self.last()
                    ));
                }
                self.hard = hard;
            }
            Record::Hard(hard) => self.hard = hard,
            Record::Truncate(from) => {
                // The segments that had entries from there on may have been deleted.
                self.base = self.base.min(from.saturating_sub(1));
                let keep = from.saturating_sub(self.base + 1);
                self.entries.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
            }
            Record::Append(entries) => {
                let next = self.last() + 1;
                if let Some((entry, index)) =
                    entries.iter().zip(next..).find(|(entry, index)| entry.index != *index)
                {
                    return Err(format!("entry {} lies where {index} belongs", entry.index));
                }
                self.entries.extend(entries.into_owned());
            }
            Record::Base(base) => *self = Replay { base, entries: Vec::new(), hard: self.hard },
        }
        Ok(())
    }

    /// Drops what a snapshot stands for, and all entries if they do not follow it: they follow it if the log has the
    /// snapshot's last entry with the snapshot's term (Figure 13, 6 and 7). `Err`: entries between them are missing.
    pub(super) fn after_snapshot(&mut self, index: Index, term: u64) -> Result<(), String> {
        if index < self.base {
            let base = self.base;
            return Err(format!(
                "the log goes on after entry {base}, and the latest snapshot ends with entry {index}: what lies \
                 between is lost; restore the directory from a copy, or remove the server from the cluster"
            ));
        }
        let dropped = usize::try_from(index - self.base).unwrap_or(usize::MAX);
        let follows = dropped == 0 || self.entries.get(dropped - 1).is_some_and(|entry| entry.term == term);
        if follows {
            self.entries.drain(..dropped);
        } else {
            self.entries.clear();
        }
        self.base = index;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn entry(index: Index, term: u64, command: Vec<u8>) -> Entry {
        Entry { index, term, payload: Payload::Command(Bytes::from(command)) }
    }

    fn record() -> impl Strategy<Value = Record<'static>> {
        let entries = prop::collection::vec(
            (any::<u64>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..40)),
            0..3,
        );
        prop_oneof![
            entries.prop_map(|entries| {
                Record::Append(
                    entries.into_iter().map(|(index, term, command)| entry(index, term, command)).collect(),
                )
            }),
            any::<u64>().prop_map(Record::Truncate),
            any::<u64>().prop_map(Record::Base),
            (any::<u64>(), any::<Option<u64>>())
                .prop_map(|(term, voted_for)| Record::Hard(HardState { term, voted_for })),
        ]
    }

    /// A segment written in synced groups.
    fn segment(groups: &[Vec<Record<'static>>]) -> (Vec<u8>, Vec<Record<'static>>) {
        let mut bytes = Vec::new();
        for group in groups {
            let (at, mut more) = (bytes.len() as u64, Vec::new());
            encode(&mut more, group, at, at).unwrap();
            bytes.extend(more);
        }
        (bytes, groups.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Every truncation point: a prefix of the records, all of those that lie before it, and where they end.
        #[test]
        fn a_cut_segment_is_a_prefix(groups in prop::collection::vec(prop::collection::vec(record(), 0..3), 0..4)) {
            let (bytes, records) = segment(&groups);
            for cut in 0..=bytes.len() {
                let found = decode(&bytes[..cut]).unwrap();
                prop_assert!(records.starts_with(&found.records), "cut at {}", cut);
                prop_assert!(found.length <= cut as u64);
                let next = decode(&bytes[..(cut + 1).min(bytes.len())]).unwrap();
                prop_assert!(next.records.len() <= found.records.len() + 1);
                prop_assert_eq!(decode(&bytes[..found.length as usize]).unwrap(), found);
            }
            prop_assert_eq!(decode(&bytes).unwrap().records, records);
        }

        /// Every flipped bit: no record that was not written, and none lost silently that a later group knows synced.
        #[test]
        fn a_flipped_bit_invents_nothing(groups in prop::collection::vec(prop::collection::vec(record(), 1..3), 1..3)) {
            let (bytes, records) = segment(&groups);
            let promised = records.len() - groups.last().map_or(0, Vec::len);
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                if let Ok(found) = decode(&damaged) {
                    prop_assert!(records.starts_with(&found.records), "bit {} invented a record", bit);
                    prop_assert!(found.records.len() >= promised, "bit {} lost synced records silently", bit);
                }
            }
        }
    }

    #[test]
    fn a_truncation_may_reach_below_what_is_left_of_the_log() {
        let mut replay = Replay::default();
        let opening = Record::Opening { fresh: true, previous: 0, base: 10, hard: HardState::default() };
        for record in [opening, Record::Truncate(8), Record::Append(vec![entry(8, 2, vec![])].into())] {
            replay.follow(record).unwrap();
        }
        assert_eq!((replay.base, replay.last()), (7, 8));
        assert!(
            replay
                .follow(Record::Append(vec![entry(11, 2, vec![])].into()))
                .unwrap_err()
                .contains("entry 11")
        );
    }

    #[test]
    fn a_snapshot_keeps_only_what_follows_it() {
        let log = || Replay {
            base: 2,
            entries: (3..=5).map(|index| entry(index, 1, vec![])).collect(),
            ..Replay::default()
        };
        for (snapshot, left) in [((2, 1), 3), ((4, 1), 1), ((4, 2), 0), ((5, 1), 0), ((9, 1), 0)] {
            let mut replay = log();
            replay.after_snapshot(snapshot.0, snapshot.1).unwrap();
            assert_eq!((replay.base, replay.entries.len()), (snapshot.0, left), "{snapshot:?}");
        }
        assert!(log().after_snapshot(1, 1).unwrap_err().contains("goes on after entry 2"));
    }

    #[test]
    fn long_logs_take_several_records() {
        let entries: Vec<Entry> = (1..=5).map(|index| entry(index, 1, vec![0; RECORD / 2])).collect();
        let sizes: Vec<usize> = appends(&entries)
            .map(|record| if let Record::Append(entries) = record { entries.len() } else { 0 })
            .collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert_eq!(appends(&[entry(1, 1, vec![0; 2 * RECORD])]).count(), 1);
    }
}
