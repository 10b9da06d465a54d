//! A segment's bytes: a checksum, the ports, what it says, and the data.

/// How long a header is.
pub(super) const HEADER: usize = 33;

pub(super) const SYN: u8 = 1;
pub(super) const ACK: u8 = 2;
pub(super) const FIN: u8 = 4;
pub(super) const RST: u8 = 8;
/// Asks for an acknowledgement: a writer that waits for room.
pub(super) const PROBE: u8 = 16;

/// What a segment says besides its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) source: u16,
    pub(super) target: u16,
    pub(super) flags: u8,
    /// How many bytes after `ack` the sender has room for.
    pub(super) window: u32,
    /// The number of the first byte of data, or of the SYN or FIN.
    pub(super) seq: u64,
    /// The number that is expected next.
    pub(super) ack: u64,
}

impl Header {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Appends the segment to an empty buffer.
    pub(super) fn encode<'a>(&self, buffer: &mut Vec<u8>, data: impl IntoIterator<Item = &'a [u8]>) {
        debug_assert!(buffer.is_empty());
        buffer.extend_from_slice(&[0; 8]);
        buffer.extend_from_slice(&self.source.to_le_bytes());
        buffer.extend_from_slice(&self.target.to_le_bytes());
        buffer.push(self.flags);
        buffer.extend_from_slice(&self.window.to_le_bytes());
        buffer.extend_from_slice(&self.seq.to_le_bytes());
        buffer.extend_from_slice(&self.ack.to_le_bytes());
        data.into_iter().for_each(|slice| buffer.extend_from_slice(slice));
        let sum = checksum(&buffer[8..]);
        buffer[..8].copy_from_slice(&sum.to_le_bytes());
    }

    /// The header of a segment; `None` when it is damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let (sum, rest) = bytes.split_first_chunk()?;
        if u64::from_le_bytes(*sum) != checksum(rest) {
            return None;
        }
        let (source, rest) = rest.split_first_chunk()?;
        let (target, rest) = rest.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let (window, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (ack, _) = rest.split_first_chunk()?;
        Some(Header {
            source: u16::from_le_bytes(*source),
            target: u16::from_le_bytes(*target),
            flags: *flags,
            window: u32::from_le_bytes(*window),
            seq: u64::from_le_bytes(*seq),
            ack: u64::from_le_bytes(*ack),
        })
    }

    /// How counters, rules and traces name it.
    pub(super) fn kind(&self, data: u64) -> &'static str {
        match self.flags & !ACK {
            RST => "tcp rst",
            SYN if self.has(ACK) => "tcp syn-ack",
            SYN => "tcp syn",
            FIN => "tcp fin",
            PROBE => "tcp probe",
            _ if data > 0 => "tcp data",
            _ => "tcp ack",
        }
    }
}

/// Each step is a bijection of the sum and of the word, so a fault within one word never goes unseen.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_no_flipped_bit_goes_unseen() {
        let header =
            Header { source: 7, target: 0xfff9, flags: ACK, window: 65_536, seq: 1 << 41, ack: u64::MAX - 5 };
        let mut bytes = Vec::new();
        header.encode(&mut bytes, [&b"some "[..], b"data"]);
        assert_eq!(bytes.len(), HEADER + 9);
        assert_eq!(Header::decode(&bytes), Some(header));
        assert_eq!(&bytes[HEADER..], b"some data");
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(Header::decode(&bytes[..HEADER - 1]), None);
        assert_eq!(Header::decode(&[]), None);
    }
}
