//! The receiving half of a connection: puts in order what arrives, and says how much room there is.

use std::collections::{BTreeMap, VecDeque};

use super::BUFFER;

#[derive(Debug)]
pub(super) struct Receiving {
    /// The number of the peer's first byte.
    start: u64,
    /// The number that is expected next.
    next: u64,
    /// In order, and not read yet.
    ready: VecDeque<u8>,
    /// What overtook something that is missing, by its first number.
    early: BTreeMap<u64, Vec<u8>>,
    /// The number of the peer's FIN, once one has come.
    fin: Option<u64>,
    /// The furthest right edge of the window that the peer was told.
    told: u64,
}

impl Receiving {
    pub(super) fn new(start: u64) -> Receiving {
        let (ready, early) = (VecDeque::new(), BTreeMap::new());
        Receiving { start, next: start, ready, early, fin: None, told: start }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The first number that there is no room for. It never moves back.
    pub(super) fn edge(&self) -> u64 {
        self.next + (BUFFER - self.ready.len() as u64)
    }

    /// The window to tell the peer, who is told now.
    pub(super) fn tell(&mut self) -> u32 {
        self.told = self.edge();
        (self.told - self.next) as u32
    }

    /// Whether a number can be of this connection's peer, and not of an earlier one at the same port.
    pub(super) fn is_plausible(&self, seq: u64) -> bool {
        (self.start..=self.next + BUFFER + 1).contains(&seq)
    }

    /// Whether everything has come that ever will.
    pub(super) fn is_at_end(&self) -> bool {
        self.fin.is_some_and(|fin| self.next > fin)
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.ready.is_empty() || !self.early.is_empty()
    }

    pub(super) fn available(&self) -> usize {
        self.ready.len()
    }

    /// Takes what a segment carries.
    pub(super) fn accept(&mut self, seq: u64, data: &[u8], fin: bool) {
        if fin {
            self.fin = Some(seq + data.len() as u64);
        }
        // A segment in two halves: nothing of it is older than `next` or beyond the edge.
        let edge = self.edge();
        let skip = self.next.saturating_sub(seq).min(data.len() as u64) as usize;
        let keep = edge.saturating_sub(seq).min(data.len() as u64) as usize;
        if skip < keep {
            let (seq, data) = (seq + skip as u64, &data[skip..keep]);
            if seq == self.next {
                self.append(data);
            } else {
                // Of two that begin alike the first stays; what the second had more is sent again.
                self.early.entry(seq).or_insert_with(|| data.to_vec());
            }
        }
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() <= self.next) {
            let (seq, data) = entry.remove_entry();
            let skip = (self.next - seq).min(data.len() as u64) as usize;
            self.append(&data[skip..]);
        }
        if self.fin == Some(self.next) {
            self.next += 1;
        }
    }

    fn append(&mut self, data: &[u8]) {
        self.ready.extend(data);
        self.next += data.len() as u64;
    }

    /// The first unread bytes, in at most two pieces.
    pub(super) fn unread(&self) -> (&[u8], &[u8]) {
        self.ready.as_slices()
    }

    /// Forgets the first bytes: they were read. Returns whether the peer should be told of the room: once half the
    /// buffer has been gained since it was last told (against silly windows, RFC 1122 §4.2.3.3).
    pub(super) fn consume(&mut self, count: usize) -> bool {
        self.ready.drain(..count);
        !self.is_at_end() && self.edge() - self.told >= BUFFER / 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any pieces, overlapping, in any order and any number of times: if together they cover the whole, the whole
        /// is read, and the end is seen at its end and not before.
        #[test]
        fn pieces_in_any_order_make_the_whole(
            length in 1_usize..400,
            pieces in prop::collection::vec((0_usize..400, 1_usize..60), 0..60),
            fin_first: bool,
        ) {
            let whole: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            let start = 1000;
            let mut receiving = Receiving::new(start);
            if fin_first {
                receiving.accept(start + length as u64, &[], true);
            }
            let cover = (0..length).step_by(50).map(|from| (from, 50));
            for (from, size) in pieces.into_iter().chain(cover) {
                prop_assert_eq!(receiving.is_at_end(), fin_first && receiving.available() == length);
                let (from, to) = (from.min(length), (from + size).min(length));
                receiving.accept(start + from as u64, &whole[from..to], false);
            }
            receiving.accept(start + length as u64, &[], true);
            prop_assert!(receiving.is_at_end());
            let (one, two) = receiving.unread();
            prop_assert_eq!([one, two].concat(), whole);
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_the_window_opens_by_halves() {
        let mut receiving = Receiving::new(0);
        receiving.tell();
        receiving.accept(0, &vec![1; BUFFER as usize + 100], false);
        assert_eq!((receiving.available() as u64, receiving.tell()), (BUFFER, 0));
        assert!(!receiving.consume(BUFFER as usize / 2 - 1));
        assert!(receiving.consume(1));
        assert_eq!(u64::from(receiving.tell()), BUFFER / 2);
    }
}
