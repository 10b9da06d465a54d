//! Commitment: when an entry is decided, and what is handed to the state machine (§5.3, §5.4.2).

use super::super::bugs::Bug;
use super::super::message::Index;
use super::super::spec::Observation;
use super::quorum;
use super::raft::Raft;

impl Raft {
    /// Commits what a quorum has on disk, if it is of the leader's own term (Figure 2, last rule for leaders; Figure 8).
    pub(super) fn advance_commit(&mut self) {
        let (id, bugs) = (self.config.id, self.config.bugs);
        let Some(leading) = self.leading.as_deref() else { return };
        let own = if bugs.has(Bug::CountsUnsyncedSelf) { self.log.last_index() } else { self.durable };
        let matched = |peer| if peer == id { own } else { leading.peers.get(&peer).map_or(0, |p| p.matched) };
        let decided = quorum::reached(self.configuration(), bugs, matched).min(self.log.last_index());
        if decided <= self.commit {
            return;
        }
        let is_own = |index| self.log.term_at(index) == Some(self.hard.term);
        if !is_own(decided) && !bugs.has(Bug::CommitsOldTerms) {
            return;
        }
        if bugs.has(Bug::CommitScanStops) && !is_own(self.commit.saturating_add(1)) {
            return;
        }
        self.set_commit(decided);
        self.release_early_reads();
        self.settle_membership();
    }

    pub(super) fn set_commit(&mut self, index: Index) {
        let config_at = self.members.at(self.commit).0;
        self.commit = index;
        self.see(|server, raft| Observation::Committed {
            server,
            term: raft.hard.term,
            leads: raft.leading.is_some(),
            index,
        });
        if self.config.bugs.has(Bug::ConfigAtCommit) && self.members.at(index).0 != config_at {
            self.configured();
        }
    }

    /// Whether an entry of the leader's own term has committed: only then it knows what has (§8; thesis §6.4).
    pub(super) fn knows_commit(&self) -> bool {
        self.log.term_at(self.commit) == Some(self.hard.term)
    }

    /// Hands out what is committed and was not handed out before, each entry once.
    pub(super) fn hand_out(&mut self) {
        let last = self.commit.min(self.log.last_index());
        let first = self.handed.max(self.log.base_index());
        if first >= last {
            return;
        }
        let entries = (first + 1..=last).filter_map(|index| self.log.get(index).cloned());
        self.out.apply.extend(entries);
        self.handed = last;
    }
}
