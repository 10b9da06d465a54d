//! What a leader knows of one follower, and how it talks to it.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::bugs::{Bug, Bugs};
use super::super::message::Index;

/// How entries go to a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Where its log and the leader's part is not known: one request at a time.
    Probe {
        /// One is under way.
        waiting: bool,
    },
    /// Its log follows the leader's: requests leave before the answers to earlier ones are back.
    Replicate {
        /// The last index of each request that is under way.
        inflight: VecDeque<Index>,
    },
    /// It needs entries that are gone: the snapshot goes over, one chunk at a time.
    Snapshot {
        /// Which, by its last index.
        last_index: Index,
        /// How much of it the follower holds.
        offset: u64,
        /// A chunk is under way.
        waiting: bool,
    },
}

/// nextIndex and matchIndex (Figure 2), and what a leader needs beside them.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// matchIndex: the follower's log equals the leader's up to here, on disk.
    pub(super) matched: Index,
    /// nextIndex: the next entry to be sent.
    pub(super) next: Index,
    pub(super) mode: Mode,
    /// The latest round that it answered; 0: none of this term.
    pub(super) acked: u64,
    /// When, by the leader's clock in nanoseconds, the follower was not yet past the beginning of its promise not to vote.
    pub(super) lease_from: u64,
    /// Silences since the last answer.
    pub(super) silences: u32,
    /// When the last request that carries entries, probes or a chunk was sent, and had time to arrive.
    pub(super) sent: Duration,
}

impl Progress {
    pub(super) fn new(next: Index) -> Progress {
        Progress {
            matched: 0,
            next,
            mode: Mode::Probe { waiting: false },
            acked: 0,
            lease_from: 0,
            silences: 0,
            sent: Duration::ZERO,
        }
    }

    /// Goes on asking at `next`, which is never what is known to be there.
    pub(super) fn probe(&mut self, next: Index, bugs: Bugs) {
        if !bugs.has(Bug::NextNotCorrected) {
            self.next = next.max(self.matched.saturating_add(1));
        }
        self.mode = Mode::Probe { waiting: false };
    }

    /// The logs agree up to `matched`: from here on requests may overtake answers.
    pub(super) fn replicate(&mut self) {
        self.next = self.next.max(self.matched.saturating_add(1));
        self.mode = Mode::Replicate { inflight: VecDeque::new() };
    }

    /// What it needs is gone from the log: the snapshot up to `last_index` goes over, from its beginning if it was not
    /// this one already.
    pub(super) fn need_snapshot(&mut self, last_index: Index) {
        if !matches!(self.mode, Mode::Snapshot { last_index: current, .. } if current == last_index) {
            self.mode = Mode::Snapshot { last_index, offset: 0, waiting: false };
        }
    }

    /// Something is under way whose answer is missing.
    pub(super) fn is_waiting(&self) -> bool {
        match &self.mode {
            Mode::Probe { waiting } | Mode::Snapshot { waiting, .. } => *waiting,
            Mode::Replicate { inflight } => !inflight.is_empty(),
        }
    }

    /// The answer to what is under way will not come: it is to be sent again.
    pub(super) fn lost(&mut self, bugs: Bugs) {
        match &mut self.mode {
            Mode::Probe { waiting } | Mode::Snapshot { waiting, .. } => *waiting = false,
            Mode::Replicate { .. } => self.probe(0, bugs),
        }
    }
}
