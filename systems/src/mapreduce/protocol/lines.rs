//! The records of a split: the lines that begin in it.
//!
//! Splits are cut at any byte. A line belongs to the split in which its first byte lies, so a split that does not begin
//! its file is read from one byte earlier: when that byte is no newline, the first piece is the end of somebody else's
//! line. And it is read beyond its end until its last line is over.

use std::ops::ControlFlow;

/// The longest line: 64 MiB.
pub const LINE_MAX: usize = 64 << 20;

/// A line longer than [`LINE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the line at byte {0} is longer than 64 MiB: this is no file of lines")]
pub struct TooLong(pub u64);

/// Cuts what is read of a split into its lines.
#[derive(Debug)]
pub struct Lines {
    /// Where the next bytes come from.
    next: u64,
    /// Lines that begin here or later are not ours.
    end: u64,
    /// Where the line in `rest` begins.
    begun: u64,
    rest: Vec<u8>,
    /// The first piece belongs to the split before.
    foreign: bool,
    over: bool,
}

impl Lines {
    /// The lines that begin in `offset .. offset + length`.
    pub fn new(offset: u64, length: u64) -> Lines {
        let first = offset.saturating_sub(1);
        Lines {
            next: first,
            end: offset.saturating_add(length),
            begun: first,
            rest: Vec::new(),
            foreign: offset > 0,
            over: length == 0,
        }
    }

    /// From where to read on; `None` when the last line is over.
    pub fn wants(&self) -> Option<u64> {
        (!self.over).then_some(self.next)
    }

    /// Takes what was read there (nothing: the file has ended) and calls `each` with the offset and bytes of every line
    /// that is whole now, until it breaks off. Returns how many bytes were taken.
    ///
    /// # Errors
    /// A line that is too long.
    pub fn feed(
        &mut self,
        read: &[u8],
        mut each: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<usize, TooLong> {
        if read.is_empty() {
            self.over = true;
            let rest = std::mem::take(&mut self.rest);
            if !rest.is_empty() && !self.foreign && self.begun < self.end {
                _ = each(self.begun, &rest);
            }
            return Ok(0);
        }
        let mut at = 0;
        while let Some(length) = find_newline(&read[at..]) {
            let piece = &read[at..at + length];
            let goes_on = if self.foreign {
                self.foreign = false;
                ControlFlow::Continue(())
            } else if self.rest.is_empty() {
                each(self.begun, piece)
            } else {
                self.rest.extend_from_slice(piece);
                each(self.begun, &self.rest)
            };
            self.rest.clear();
            at += length + 1;
            self.begun = self.next + at as u64;
            if self.begun >= self.end {
                self.over = true;
                return Ok(at);
            }
            if goes_on.is_break() {
                self.next = self.begun;
                return Ok(at);
            }
        }
        self.next += read.len() as u64;
        if self.foreign {
            // Whatever begins after a newline that is yet to come begins too late.
            self.over = self.next >= self.end;
        } else {
            self.rest.extend_from_slice(&read[at..]);
        }
        if self.rest.len() > LINE_MAX { Err(TooLong(self.begun)) } else { Ok(read.len()) }
    }
}

/// The place of the first newline. Looks at eight bytes at a time: a byte that is zero after the newlines are made zero
/// borrows from its neighbour's top bit.
fn find_newline(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let zeroed = u64::from_le_bytes(*word) ^ (ONES * b'\n' as u64);
        let found = zeroed.wrapping_sub(ONES) & !zeroed & TOPS;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let tail = words.len() * 8;
    bytes[tail..].iter().position(|byte| *byte == b'\n').map(|at| tail + at)
}
