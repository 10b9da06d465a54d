//! The sending half of a connection: what to send next, and what to send again.

use std::collections::VecDeque;
use std::ops::Range;

use super::pace::Pace;
use super::{BUFFER, SEGMENT};

/// The congestion window at the start (RFC 6928).
const INITIAL_WINDOW: u64 = 10 * SEGMENT;

#[derive(Debug)]
pub(super) struct Sending {
    /// From the first number that is not acknowledged.
    buffer: VecDeque<u8>,
    acknowledged: u64,
    /// What to send next. It falls back to what is not acknowledged when that has timed out.
    next: u64,
    /// The end of what was ever sent.
    top: u64,
    /// The first number that the peer has no room for.
    edge: u64,
    /// The number of the FIN, once nothing more may be written.
    fin: Option<u64>,
    congestion: u64,
    threshold: u64,
    pub(super) pace: Pace,
    /// Whether small pieces are sent at once, and do not wait for what is under way (Nagle, RFC 896).
    pub(super) nodelay: bool,
    /// There is no room, and nothing to learn by asking.
    dormant: bool,
}

/// Something to send.
pub(super) struct Piece {
    pub(super) seq: u64,
    /// Which bytes of the buffer.
    pub(super) bytes: Range<usize>,
    pub(super) fin: bool,
}

impl Sending {
    pub(super) fn new(start: u64) -> Sending {
        Sending {
            buffer: VecDeque::new(),
            acknowledged: start,
            next: start,
            top: start,
            edge: start,
            fin: None,
            congestion: INITIAL_WINDOW,
            threshold: u64::MAX,
            pace: Pace::new(),
            nodelay: false,
            dormant: false,
        }
    }

    pub(super) fn room(&self) -> usize {
        BUFFER as usize - self.buffer.len()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// Nothing more will be written.
    pub(super) fn close(&mut self) {
        self.fin.get_or_insert(self.acknowledged + self.buffer.len() as u64);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.fin.is_some()
    }

    /// Whether everything has arrived, the FIN too.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.acknowledged > fin)
    }

    pub(super) fn top(&self) -> u64 {
        self.top
    }

    pub(super) fn edge(&self) -> u64 {
        self.edge
    }

    /// The end of what was written.
    fn end(&self) -> u64 {
        self.acknowledged + self.buffer.len() as u64
    }

    /// Whether there is something to send, nothing under way, and no room at the peer.
    pub(super) fn is_stalled(&self) -> bool {
        self.acknowledged == self.next && self.next < self.end() && self.edge <= self.next
    }

    /// The bytes of a piece, in at most two slices.
    pub(super) fn bytes(&self, range: Range<usize>) -> [&[u8]; 2] {
        let (one, two) = self.buffer.as_slices();
        let split = one.len();
        let clamp = |at: usize, length: usize| at.min(length);
        [
            &one[clamp(range.start, split)..clamp(range.end, split)],
            &two[range.start.saturating_sub(split)..range.end.saturating_sub(split)],
        ]
    }

    /// What to send now, if anything.
    pub(super) fn piece(&mut self, now: u64) -> Option<Piece> {
        let limit = self.edge.min(self.acknowledged + self.congestion);
        let length = self.end().min(limit).saturating_sub(self.next).min(SEGMENT);
        let under_way = self.next > self.acknowledged;
        let waits = length < SEGMENT && under_way && !self.nodelay && self.fin.is_none();
        let (seq, from) = (self.next, (self.next - self.acknowledged) as usize);
        let fin = if length > 0 && (!waits || self.next < self.top) {
            self.next += length;
            false
        } else if self.fin == Some(self.next) {
            self.next += 1;
            true
        } else {
            if !self.is_stalled() {
                self.dormant = false;
            } else if !self.dormant {
                self.pace.start(now);
            }
            return None;
        };
        if seq >= self.top {
            self.pace.time(seq, now);
        }
        self.top = self.top.max(self.next);
        self.pace.start(now);
        let to = if fin { from } else { from + length as usize };
        Some(Piece { seq, bytes: from..to, fin })
    }

    /// The peer has everything below `ack`, and room up to `edge`.
    pub(super) fn acknowledge(&mut self, ack: u64, edge: u64, now: u64) {
        self.edge = self.edge.max(edge);
        if self.acknowledged == self.next {
            self.pace.heard(now);
            if self.pace.is_running() && !self.is_stalled() {
                self.pace.acknowledged(ack, false, now);
            }
        }
        if ack <= self.acknowledged {
            return;
        }
        let gained = ack - self.acknowledged;
        self.buffer.drain(..gained.min(self.buffer.len() as u64) as usize);
        self.acknowledged = ack;
        self.next = self.next.max(ack);
        self.congestion += if self.congestion < self.threshold {
            gained.min(SEGMENT)
        } else {
            (SEGMENT * SEGMENT / self.congestion).max(1)
        };
        self.pace.acknowledged(ack, self.next > ack, now);
    }

    /// There may be something to learn: wakes a stalled sender's timer.
    pub(super) fn nudge(&mut self, now: u64) {
        if self.is_stalled() {
            self.dormant = false;
            self.pace.start(now);
        }
    }

    /// There is nothing to learn for a stalled sender; it stops asking.
    pub(super) fn rest(&mut self) {
        self.dormant = true;
        self.pace.stop();
    }

    /// The timer was due: what is not acknowledged is sent again from its start. `false`: it is time to give up.
    pub(super) fn expire(&mut self, now: u64) -> bool {
        if self.next > self.acknowledged {
            self.threshold = ((self.top - self.acknowledged) / 2).max(2 * SEGMENT);
            self.congestion = SEGMENT;
            self.next = self.acknowledged;
        }
        self.pace.expire(now)
    }
}
