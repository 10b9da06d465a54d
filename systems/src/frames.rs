//! How a log looks on disk: frames with a length and a checksum, and what can be said of a damaged one.
//!
//! ```text
//! | length u32 | checksum u32 | synced u64 | payload |        little-endian; length is the payload's
//! ```
//! The checksum (CRC-32C) covers the frame's own offset, its length, `synced` and the payload: a frame is valid
//! only where it was written, so that a write that landed elsewhere is not taken for one.
//!
//! `synced` is the length of the file that was known to be on stable storage when the frame was written. It
//! answers the question that a checksum alone cannot (Alagappan et al., "Protocol-Aware Recovery", FAST 2018):
//! is a bad frame the tail of a write that a power loss cut short, or damage to what had been promised?
//! A bad frame at offset `p` is damage when some later frame says that more than `p` bytes had been synced.
//! Otherwise nothing at or after `p` was promised, and the tail may go. What stays undecidable is damage to the
//! last synced group, as long as nothing was written after it.

use crc32c::crc32c_append;

/// Bytes before the payload.
pub const HEADER: usize = 16;

/// The longest payload: 64 MiB, so that a damaged length does not swallow a file.
pub const PAYLOAD_MAX: usize = 64 << 20;

/// A payload that no frame can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of {0} bytes does not fit in a frame: between 1 and {PAYLOAD_MAX} do")]
pub struct Unframable(pub usize);

/// Damage to what had been promised: the file must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the frame at byte {at} is damaged, and the one at byte {witness} shows that it had been synced: \
     this disk lost acknowledged data, restore the file from a copy"
)]
pub struct Damaged {
    /// Offset of the first bad frame.
    pub at: u64,
    /// Offset of a later frame that proves the first had been synced.
    pub witness: u64,
}

/// The good part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// Payloads, in the order in which they were written.
    pub payloads: Vec<&'a [u8]>,
    /// Length of the good part in bytes; what follows is a torn tail.
    pub length: usize,
}

/// Appends a frame for `payload` to `out`; it will lie at offset `at` of a file of which `synced` bytes are stable.
pub fn encode(out: &mut Vec<u8>, at: u64, synced: u64, payload: &[u8]) -> Result<(), Unframable> {
    if payload.is_empty() || payload.len() > PAYLOAD_MAX {
        return Err(Unframable(payload.len()));
    }
    let length = u32::try_from(payload.len()).expect("PAYLOAD_MAX fits in 32 bits");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(at, synced, payload).to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// Reads a file from its beginning: its frames up to the first bad one, or an error where that one is damage.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Damaged> {
    let mut payloads = Vec::new();
    let mut length = 0;
    while let Some((_, payload)) = frame_at(bytes, length) {
        payloads.push(payload);
        length += HEADER + payload.len();
    }
    let promised = |at: &usize| frame_at(bytes, *at).is_some_and(|(synced, _)| synced > length as u64);
    match (length + 1..bytes.len()).find(promised) {
        Some(witness) => Err(Damaged { at: length as u64, witness: witness as u64 }),
        None => Ok(Decoded { payloads, length }),
    }
}

/// The valid frame at offset `at`: its `synced` and its payload.
fn frame_at(bytes: &[u8], at: usize) -> Option<(u64, &[u8])> {
    let (header, rest) = bytes.get(at..)?.split_at_checked(HEADER)?;
    let word = |i: usize| u32::from_le_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]);
    let synced = u64::from(word(8)) | u64::from(word(12)) << 32;
    let length = word(0) as usize;
    if length == 0 || length > PAYLOAD_MAX || synced > at as u64 {
        return None;
    }
    let payload = rest.get(..length)?;
    (checksum(at as u64, synced, payload) == word(4)).then_some((synced, payload))
}

/// CRC-32C, without the inversion at its end.
fn checksum(at: u64, synced: u64, payload: &[u8]) -> u32 {
    let length = payload.len() as u64;
    let parts = [&at.to_le_bytes()[..], &length.to_le_bytes(), &synced.to_le_bytes(), payload];
    !parts.iter().fold(0, |crc, part| crc32c_append(crc, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of earlier versions stay readable; the value was computed apart from this code, by the definition in RFC 3720, B.4.
    #[test]
    fn a_frame_looks_as_it_always_has() {
        let mut file = vec![];
        encode(&mut file, 32, 16, b"123456789").unwrap();
        assert_eq!(file[4..8], 0xec5e_9a1c_u32.to_le_bytes());
    }

    #[test]
    fn damage_below_a_synced_length_is_told_from_a_torn_tail() {
        let mut file = Vec::new();
        encode(&mut file, 0, 0, b"first").unwrap();
        let second = file.len();
        encode(&mut file, second as u64, second as u64, b"second").unwrap();

        let mut damaged = file.clone();
        damaged[HEADER] ^= 1;
        assert_eq!(decode(&damaged), Err(Damaged { at: 0, witness: second as u64 }));

        let mut torn = file.clone();
        torn[second + HEADER] ^= 1;
        assert_eq!(decode(&torn), Ok(Decoded { payloads: vec![b"first".as_slice()], length: second }));
    }

    #[test]
    fn a_hole_in_an_unsynced_group_is_a_torn_tail() {
        let mut file = Vec::new();
        encode(&mut file, 0, 0, b"first").unwrap();
        let second = file.len() as u64;
        encode(&mut file, second, 0, b"second").unwrap();
        file[HEADER] ^= 1;
        assert_eq!(decode(&file), Ok(Decoded { payloads: vec![], length: 0 }));
    }

    #[test]
    fn a_frame_is_valid_only_where_it_was_written() {
        let mut file = vec![];
        encode(&mut file, 0, 0, b"first").unwrap();
        let moved = [file.clone(), file.clone()].concat();
        assert_eq!(decode(&moved).unwrap().payloads, [b"first"]);
    }

    #[test]
    fn a_payload_must_fit() {
        assert_eq!(encode(&mut vec![], 0, 0, b""), Err(Unframable(0)));
        assert!(decode(&[0; 4096]).unwrap().payloads.is_empty(), "a hole of zeros is no frame");
    }
}
