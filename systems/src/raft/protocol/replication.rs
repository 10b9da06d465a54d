//! What a leader sends to bring others' logs up to its own, and what their answers tell it (§5.3).

use super::super::bugs::Bug;
use super::super::message::{AppendEntries, Appended, Index, Outcome, Request, ServerId};
use super::effects::SendChunk;
use super::progress::Mode;
use super::raft::Raft;

impl Raft {
    pub(super) fn replicate_to_all(&mut self) {
        let Some(leading) = &self.leading else { return };
        let peers: Vec<ServerId> = leading.peers.keys().copied().collect();
        for to in peers {
            self.replicate(to);
        }
    }

    /// Sends to a follower what it lacks, as far as the state of their talk allows. Returns whether anything went.
    pub(super) fn replicate(&mut self, to: ServerId) -> bool {
        let Some(leading) = self.leading.as_deref_mut() else { return false };
        let Some(progress) = leading.peers.get_mut(&to) else { return false };
        let mut sent = false;
        loop {
            if progress.next <= self.log.base_index() {
                progress.need_snapshot(self.snapshot.last_index);
            }
            let most = match &mut progress.mode {
                Mode::Probe { waiting: true } | Mode::Snapshot { waiting: true, .. } => return sent,
                Mode::Replicate { inflight } => {
                    if progress.next > self.log.last_index() || inflight.len() >= self.config.pipeline.max(1)
                    {
                        return sent;
                    }
                    self.config.batch_entries.max(1)
                }
                Mode::Probe { waiting } => {
                    *waiting = true;
                    // Who was silent twice is down, perhaps: a probe without entries does.
                    if progress.silences < 2 { self.config.batch_entries.max(1) } else { 0 }
                }
                Mode::Snapshot { offset, waiting, .. } => {
                    *waiting = true;
                    progress.sent = self.now;
                    let (meta, offset) = (self.snapshot.clone(), *offset);
                    let (term, round) = (self.hard.term, leading.round);
                    self.out.send_chunk.push(SendChunk { to, term, meta, offset, round });
                    return true;
                }
            };
            let prev_index = progress.next.saturating_sub(1);
            let (most, bytes) = match self.config.bugs {
                bugs if bugs.has(Bug::SmallBatches) => (most.min(1), 1),
                bugs if bugs.has(Bug::LargeBatches) && most > 0 => (usize::MAX, usize::MAX),
                _ => (most, self.config.batch_bytes),
            };
            let entries = self.log.batch(progress.next, most, bytes);
            if let (Mode::Replicate { inflight }, Some(last)) = (&mut progress.mode, entries.last()) {
                inflight.push_back(last.index);
                progress.next = last.index.saturating_add(1);
            }
            sent = true;
            let request = AppendEntries {
                term: self.hard.term,
                prev_index,
                prev_term: self.log.term_at(prev_index).unwrap_or(0),
                entries,
                commit: self.commit,
                round: leading.round,
            };
            progress.sent = self.now.saturating_add(request.transfer());
            let late = self.config.bugs.has(Bug::WritesBeforeSending);
            let out = if late { &mut self.out.send } else { &mut self.out.send_early };
            out.push((to, Request::AppendEntries(request)));
            if matches!(progress.mode, Mode::Probe { .. }) {
                return sent;
            }
        }
    }

    /// A sign of life: nothing that has to be answered for the log's sake.
    ///
    /// It rests on what the follower is known to have, so that it is not refused for what is still under way.
    pub(super) fn heartbeat(&mut self, to: ServerId) {
        let Some(leading) = self.leading.as_deref() else { return };
        let Some(progress) = leading.peers.get(&to) else { return };
        let rest = match progress.mode {
            Mode::Probe { .. } => progress.next.saturating_sub(1),
            Mode::Replicate { .. } | Mode::Snapshot { .. } => progress.matched,
        };
        let (prev_index, prev_term) = self.log.term_at(rest).map_or((0, 0), |term| (rest, term));
        let request = AppendEntries {
            term: self.hard.term,
            prev_index,
            prev_term,
            entries: Vec::new(),
            commit: self.commit,
            round: leading.round,
        };
        self.out.send_early.push((to, Request::AppendEntries(request)));
    }

    pub(super) fn on_appended(&mut self, from: ServerId, reply: &Appended) {
        if reply.term < self.hard.term && !self.config.bugs.has(Bug::StaleReplyCounted) {
            return;
        }
        match reply.outcome {
            Outcome::Stale => return,
            Outcome::Matched(index) => self.on_matched(from, index),
            Outcome::Conflict { term, first, refused } => self.on_conflict(from, term, first, refused),
        }
        self.acknowledged(from, reply.round);
        self.replicate(from);
    }

    /// The follower's log equals this one up to `index`, on its disk.
    fn on_matched(&mut self, from: ServerId, index: Index) {
        let bugs = self.config.bugs;
        let last = self.log.last_index();
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(progress) = leading.peers.get_mut(&from).filter(|_| index <= last) else { return };
        let index = if bugs.has(Bug::MatchIsLastIndex) { last } else { index };
        let risen = index > progress.matched;
        progress.matched = if bugs.has(Bug::MatchGoesBack) { index } else { index.max(progress.matched) };
        progress.next = progress.next.max(progress.matched.saturating_add(1));
        match &mut progress.mode {
            Mode::Probe { .. } if index.saturating_add(1) >= progress.next => progress.replicate(),
            Mode::Snapshot { last_index, .. } if index >= *last_index => progress.replicate(),
            Mode::Replicate { inflight } => {
                while inflight.front().is_some_and(|&last| last <= index) {
                    inflight.pop_front();
                }
            }
            Mode::Probe { .. } | Mode::Snapshot { .. } => {}
        }
        if risen {
            self.advance_commit();
            self.hasten_transfer(from);
        }
    }

    /// The follower has not what `refused` rests on. It says how far back to go (§5.3, last paragraphs).
    fn on_conflict(&mut self, from: ServerId, term: Option<u64>, first: Index, refused: Index) {
        let bugs = self.config.bugs;
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(progress) = leading.peers.get_mut(&from) else { return };
        let current = match progress.mode {
            Mode::Probe { .. } => refused == progress.next.saturating_sub(1),
            Mode::Replicate { .. } => refused < progress.next,
            Mode::Snapshot { .. } => false,
        };
        if !current || refused <= progress.matched {
            return;
        }
        let hint =
            term.and_then(|term| self.log.last_of_term(term)).map_or(first, |last| last.saturating_add(1));
        let hint = if bugs.has(Bug::NoConflictHints) { refused } else { hint };
        progress.probe(hint.min(refused), bugs);
        if bugs.has(Bug::ConflictHintOffByOne) {
            progress.next = hint.saturating_add(1).min(self.log.next_index());
        }
        if progress.next > refused {
            // It would be refused again: not before the next round.
            progress.mode = Mode::Probe { waiting: true };
        }
    }
}
