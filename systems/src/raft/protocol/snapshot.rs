//! Snapshots (§7, Figure 13): the server's own, by which the log is compacted, and the leader's, for laggards.

use super::super::bugs::Bug;
use super::super::message::{Index, InstallSnapshot, Installed, ServerId, SnapshotMeta};
use super::super::spec::Observation;
use super::effects::{HardState, Persist, Restore};
use super::progress::Mode;
use super::raft::Raft;

/// A leader's snapshot that is on its way in, as far as it is on disk.
///
/// Two servers may write the snapshots of one and the same state differently, so the chunks of one do not go on where
/// those of another ended.
#[derive(Debug)]
pub(super) struct Incoming {
    from: ServerId,
    meta: SnapshotMeta,
    total: u64,
    /// Where the next chunk begins.
    next: u64,
}

impl Incoming {
    fn is_of(&self, from: ServerId, request: &InstallSnapshot) -> bool {
        self.from == from && self.meta == request.meta && self.total == request.total
    }
}

impl Raft {
    /// What a snapshot of the state machine as of `index` stands for: to be written with it. `None` if the log does not
    /// tell, because that is compacted already or not yet handed out, or because this server joined later and has not yet
    /// come to the first configuration in the log: the founders' is not in there.
    pub fn snapshot_meta(&self, index: Index) -> Option<SnapshotMeta> {
        let last_term = self.log.term_at(index).filter(|_| index <= self.handed)?;
        let told = &self.members.at(index).1;
        if told.voters.is_empty() {
            return None;
        }
        let forgets = self.config.bugs.has(Bug::SnapshotForgetsConfig);
        let config = if forgets { self.members.oldest() } else { told };
        Some(SnapshotMeta { last_index: index, last_term, config: config.clone() })
    }

    /// Its own snapshot is on disk: the log up to it goes.
    pub(super) fn snapshotted(&mut self, meta: SnapshotMeta, length: u64) {
        let index = meta.last_index;
        let known = self.log.term_at(index) == Some(meta.last_term);
        if index <= self.log.base_index() || index > self.handed || !known {
            // A leader's has overtaken it.
            self.out.persist.push(Persist::Overtaken(index));
            return;
        }
        self.log.compact(index, meta.last_term);
        self.members.compact(index);
        (self.snapshot, self.snapshot_length) = (meta, length);
        self.out.persist.push(Persist::Compact(index));
        self.see(|server, _| Observation::Compacted { server, index });
    }

    /// A chunk of a leader's snapshot.
    pub(super) fn on_install_snapshot(&mut self, from: ServerId, request: InstallSnapshot) -> Installed {
        let (round, last_index) = (request.round, request.meta.last_index);
        let next = self.obeys(from, request.term).then(|| self.take_chunk(from, request));
        Installed { term: self.hard.term, last_index, next, round }
    }

    /// Returns where the next chunk shall begin; the total when there is none to come.
    fn take_chunk(&mut self, from: ServerId, request: InstallSnapshot) -> u64 {
        let bugs = self.config.bugs;
        let InstallSnapshot { total, offset, .. } = request;
        if request.meta.last_index <= self.commit && !bugs.has(Bug::StaleSnapshotAccepted) {
            return total;
        }
        let resumes = self
            .incoming
            .as_ref()
            .is_some_and(|incoming| incoming.is_of(from, &request) || bugs.has(Bug::MixesChunks));
        if !resumes {
            if offset != 0 {
                return 0;
            }
            self.incoming = Some(Incoming { from, meta: request.meta, total, next: 0 });
        }
        let Some(incoming) = &mut self.incoming else { return 0 };
        if offset != incoming.next {
            return incoming.next;
        }
        incoming.next = offset.saturating_add(request.chunk.len() as u64);
        let (meta, total, next) = (incoming.meta.clone(), incoming.total, incoming.next);
        let chunk = Persist::Chunk { meta: meta.clone(), total, offset, bytes: request.chunk };
        self.out.persist.push(chunk);
        if next >= total {
            self.incoming = None;
            self.install(meta, total);
        }
        next.min(total)
    }

    /// The snapshot is whole (Figure 13, 5 to 8).
    fn install(&mut self, meta: SnapshotMeta, total: u64) {
        let bugs = self.config.bugs;
        let (index, term) = (meta.last_index, meta.last_term);
        let follows = self.log.term_at(index) == Some(term);
        let keep_suffix = follows || bugs.has(Bug::KeepsConflictingSuffix) && self.log.last_index() > index;
        self.out.persist.push(Persist::Install { meta: meta.clone(), keep_suffix });
        if keep_suffix {
            self.log.compact(index, term);
            self.members.install(index, meta.config.clone());
        } else {
            self.log.reset(index, term);
            self.members.reset(index, meta.config.clone());
        }
        (self.snapshot, self.snapshot_length) = (meta.clone(), total);
        self.durable = self.durable.min(self.log.last_index());
        self.handed = self.handed.max(index);
        self.applied = self.applied.max(index);
        self.out.restore = Some(Restore(meta));
        self.see(|server, _| Observation::Installed { server, index, term, keep_suffix });
        self.configured();
        if index > self.commit {
            self.set_commit(index);
        }
        if bugs.has(Bug::SnapshotLowersTerm) && term < self.hard.term {
            self.hard = HardState { term, voted_for: None };
        }
    }

    /// A follower says how much of the snapshot it holds.
    pub(super) fn on_installed(&mut self, from: ServerId, reply: &Installed) {
        if reply.term < self.hard.term {
            return;
        }
        // A refusal, in this leader's term, is of an earlier time of its own.
        let Some(next) = reply.next else { return };
        let (total, last) = (self.snapshot_length, self.log.last_index());
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(progress) = leading.peers.get_mut(&from) else { return };
        // One that asks for what is under way is a late one.
        if let Mode::Snapshot { last_index, offset, waiting } = &mut progress.mode
            && *last_index == reply.last_index
            && (*offset != next || next >= total)
        {
            (*offset, *waiting) = (next.min(total), false);
            if next >= total {
                let installed = reply.last_index.min(last);
                progress.matched = progress.matched.max(installed);
                progress.replicate();
                self.advance_commit();
                self.hasten_transfer(from);
            }
        }
        self.acknowledged(from, reply.round);
        self.replicate(from);
    }
}
