//! The content of a log file: records in frames, and what a recovery may believe of it.

use super::Record;
use crate::frames::{self, Damaged, Unframable};

/// A log that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalError {
    /// A record that had been synced is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// A record is too long to be written.
    #[error(transparent)]
    Unframable(#[from] Unframable),
    /// A frame with a good checksum holds no record: somebody else's file, or another version's.
    #[error("record {index} has a good checksum but is none of this server's: {reason}")]
    Foreign {
        /// Which record of the file, from 0.
        index: usize,
        /// What its decoder said.
        reason: String,
    },
}

/// The bytes to append to a file of `at` bytes, of which `synced` are known to be stable.
pub fn encode(records: impl IntoIterator<Item = Record>, at: u64, synced: u64) -> Result<Vec<u8>, WalError> {
    let mut bytes = Vec::new();
    for record in records {
        let payload = postcard::to_stdvec(&record).expect("a record is plain data and memory has no end");
        let at = at + bytes.len() as u64;
        frames::encode(&mut bytes, at, synced, &payload)?;
    }
    Ok(bytes)
}

/// What a file holds, without the tail that a power loss may have torn: nobody was promised it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The records, in the order in which they were written.
    pub records: Vec<Record>,
    /// Where they end, in bytes.
    pub length: u64,
}

/// Reads a file from its beginning.
pub fn decode(bytes: &[u8]) -> Result<Content, WalError> {
    let frames::Decoded { payloads, length } = frames::decode(bytes)?;
    let record = |(index, payload)| {
        postcard::from_bytes(payload).map_err(|error| WalError::Foreign { index, reason: error.to_string() })
    };
    let records = payloads.into_iter().enumerate().map(record).collect::<Result<_, WalError>>()?;
    Ok(Content { records, length: length as u64 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::message::Transmission;
    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let by = (any::<u64>(), any::<u64>(), any::<bool>());
        let by = by.prop_map(|(clerk, number, resend)| Transmission { clerk, number, resend });
        prop_oneof![
            (".{0,8}", ".{0,40}", any::<u64>(), prop::option::of(by.clone()))
                .prop_map(|(key, value, version, by)| Record::Installed { key, value, version, by }),
            by.prop_map(Record::Heard),
        ]
    }

    /// A log written in synced groups, with the end of each record and whether it was synced when the last
    /// group was written.
    fn log(groups: &[Vec<Record>]) -> (Vec<u8>, Vec<Record>) {
        let mut bytes = Vec::new();
        for group in groups {
            let at = bytes.len() as u64;
            bytes.extend(encode(group.clone(), at, at).unwrap());
        }
        (bytes, groups.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn a_whole_log_comes_back(groups in prop::collection::vec(prop::collection::vec(record(), 0..4), 0..5)) {
            let (bytes, records) = log(&groups);
            prop_assert_eq!(decode(&bytes).unwrap().records, records);
        }

        /// Every truncation point: a prefix of the records comes back, and all of those that lie before it.
        #[test]
        fn a_cut_log_is_a_prefix(groups in prop::collection::vec(prop::collection::vec(record(), 0..3), 0..4)) {
            let (bytes, records) = log(&groups);
            let ends: Vec<usize> =
                (0..=records.len()).map(|n| encode(records[..n].to_vec(), 0, 0).unwrap().len()).collect();
            for cut in 0..=bytes.len() {
                let found = decode(&bytes[..cut]).unwrap().records;
                let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
                prop_assert_eq!(&found[..], &records[..whole], "cut at {}", cut);
            }
        }

        /// Every single flipped bit: never a record that was not written, and never a loss of what a later
        /// group knows to be synced without a word.
        #[test]
        fn a_flipped_bit_invents_nothing(groups in prop::collection::vec(prop::collection::vec(record(), 1..3), 1..3)) {
            let (bytes, records) = log(&groups);
            let promised = records.len() - groups.last().map_or(0, Vec::len);
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                match decode(&damaged) {
                    Err(error) => prop_assert!(matches!(error, WalError::Damaged(_)), "{}", error),
                    Ok(Content { records: found, .. }) => {
                        prop_assert!(records.starts_with(&found), "bit {} invented {:?}", bit, found);
                        prop_assert!(found.len() >= promised, "bit {} lost synced records silently", bit);
                    }
                }
            }
        }

        #[test]
        fn noise_after_the_end_is_a_torn_tail(groups in prop::collection::vec(prop::collection::vec(record(), 0..3), 0..3), noise in prop::collection::vec(any::<u8>(), 0..64)) {
            let (mut bytes, records) = log(&groups);
            bytes.extend(noise);
            prop_assert_eq!(decode(&bytes).unwrap().records, records);
        }
    }

    #[test]
    fn a_foreign_record_is_named() {
        let mut bytes =
            encode([Record::Heard(Transmission { clerk: 1, number: 1, resend: false })], 0, 0).unwrap();
        let at = bytes.len() as u64;
        frames::encode(&mut bytes, at, 0, &[9, 9, 9]).unwrap();
        assert!(matches!(decode(&bytes), Err(WalError::Foreign { index: 1, .. })));
    }
}
