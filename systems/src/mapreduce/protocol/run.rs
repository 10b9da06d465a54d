//! Sorted runs: how pairs lie in a file, and how several runs become one.
//!
//! A pair is the length of the key, the length of the value (both LEB128), the key, the value.

use std::cmp::Ordering;

/// Bytes that are no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run of pairs is damaged at byte {0}")]
pub struct Damaged(pub usize);

/// Appends a pair.
pub fn encode(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    for length in [key.len(), value.len()] {
        let mut left = length;
        while left >= 0x80 {
            out.push(left as u8 | 0x80);
            left >>= 7;
        }
        out.push(left as u8);
    }
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Reads a run pair by pair, from bytes that may arrive bit by bit.
#[derive(Debug, Default)]
pub struct Cursor {
    buffer: Vec<u8>,
    at: usize,
    /// The current pair: where its key begins, its value, and the next pair.
    pair: Option<(usize, usize, usize)>,
    whole: bool,
}

/// What [`Cursor::advance`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Pair,
    NeedsMore,
    End,
}

impl Cursor {
    /// A run of which all bytes are there.
    pub fn whole(buffer: Vec<u8>) -> Cursor {
        Cursor { buffer, whole: true, ..Cursor::default() }
    }

    /// Goes to the next pair. `false`: bytes are missing, [`push`](Cursor::push) some and try again.
    ///
    /// # Errors
    /// The bytes are no run.
    pub fn advance(&mut self) -> Result<bool, Damaged> {
        if let Some((.., next)) = self.pair.take() {
            self.at = next;
        }
        Ok(self.step()? != Step::NeedsMore)
    }

    /// The current pair; `None` at the end.
    pub fn pair(&self) -> Option<(&[u8], &[u8])> {
        let (key, value, next) = self.pair?;
        Some((&self.buffer[key..value], &self.buffer[value..next]))
    }

    /// More of the run; nothing: that was all.
    pub fn push(&mut self, bytes: &[u8]) {
        self.whole |= bytes.is_empty();
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    fn step(&mut self) -> Result<Step, Damaged> {
        if self.at == self.buffer.len() && self.whole {
            return Ok(Step::End);
        }
        let missing = if self.whole { Err(Damaged(self.at)) } else { Ok(Step::NeedsMore) };
        let Some((key, after)) = length(&self.buffer, self.at)? else { return missing };
        let Some((value, start)) = length(&self.buffer, after)? else { return missing };
        let ends = start.checked_add(key).and_then(|middle| Some((middle, middle.checked_add(value)?)));
        let (middle, next) = ends.ok_or(Damaged(self.at))?;
        if next > self.buffer.len() {
            return missing;
        }
        self.pair = Some((start, middle, next));
        Ok(Step::Pair)
    }
}

/// The length at `at` and what follows it; `None` when it is cut short.
fn length(bytes: &[u8], at: usize) -> Result<Option<(usize, usize)>, Damaged> {
    let mut length = 0_usize;
    for (place, byte) in bytes[at..].iter().enumerate() {
        if place > 8 {
            return Err(Damaged(at));
        }
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + place + 1)));
        }
    }
    Ok(None)
}

/// Several cursors in the order of their keys; of equal keys, the one added first comes first.
///
/// A heap of places: the least is on top. The caller moves the top's cursor on and calls [`settle`](Merge::settle).
#[derive(Debug, Default)]
pub struct Merge {
    cursors: Vec<Cursor>,
    heap: Vec<usize>,
}

impl Merge {
    /// Adds a cursor that stands on its first pair, or at its end. Its place, from 0.
    pub fn add(&mut self, cursor: Cursor) -> usize {
        let place = self.cursors.len();
        if cursor.pair().is_some() {
            self.heap.push(place);
        }
        self.cursors.push(cursor);
        let mut at = self.heap.len().saturating_sub(1);
        while at > 0 && self.before(at, (at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
        place
    }

    /// The cursor with the least key, and its place.
    pub fn top(&mut self) -> Option<(usize, &mut Cursor)> {
        let place = *self.heap.first()?;
        Some((place, &mut self.cursors[place]))
    }

    /// The least pair.
    pub fn pair(&self) -> Option<(&[u8], &[u8])> {
        self.cursors[*self.heap.first()?].pair()
    }

    /// Puts the top where it belongs after it moved on.
    pub fn settle(&mut self) {
        let Some(&top) = self.heap.first() else { return };
        if self.cursors[top].pair().is_none() {
            self.heap.swap_remove(0);
        }
        let mut at = 0;
        loop {
            let children = [2 * at + 1, 2 * at + 2];
            let below = children.into_iter().filter(|child| *child < self.heap.len());
            let Some(least) = below.reduce(|a, b| if self.before(b, a) { b } else { a }) else { return };
            if !self.before(least, at) {
                return;
            }
            self.heap.swap(least, at);
            at = least;
        }
    }

    fn before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.heap[a], self.heap[b]);
        let key = |place: usize| self.cursors[place].pair().map(|(key, _)| key);
        match key(a).cmp(&key(b)) {
            Ordering::Less => true,
            Ordering::Equal => a < b,
            Ordering::Greater => false,
        }
    }
}
