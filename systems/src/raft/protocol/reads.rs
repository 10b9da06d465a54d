//! Linearizable reads without the log: by a round of heartbeats, or by lease (§8; thesis §6.4).

use std::collections::VecDeque;
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::Index;
use super::effects::{Answer, ReadProof, Refusal};
use super::quorum;
use super::raft::Raft;

/// Reads that wait for a proof.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// For the first entry of the leader's own term to commit.
    early: Vec<(u64, ReadProof)>,
    /// For the next round to begin.
    waiting: Vec<u64>,
    /// For a quorum to answer this round, or a later one; then they may be executed at this index.
    asked: VecDeque<(u64, Index, Vec<u64>)>,
}

impl Reads {
    /// All of them.
    pub(super) fn tickets(&self) -> impl Iterator<Item = u64> {
        let asked = self.asked.iter().flat_map(|(_, _, tickets)| tickets);
        self.early.iter().map(|(ticket, _)| ticket).chain(&self.waiting).chain(asked).copied()
    }

    /// A round begins: it speaks for all reads that have arrived before.
    pub(super) fn begin(&mut self, round: u64, commit: Index) {
        if !self.waiting.is_empty() {
            self.asked.push_back((round, commit, std::mem::take(&mut self.waiting)));
        }
    }
}

impl Raft {
    pub(super) fn read(&mut self, ticket: u64, proof: ReadProof) {
        let bugs = self.config.bugs;
        let knows = self.knows_commit() || bugs.has(Bug::ReadsBeforeNoop);
        let (index, lease) = (self.commit, proof == ReadProof::Lease && self.has_lease());
        let Some(leading) = self.leading.as_deref_mut() else {
            let why = Refusal::NotLeader(self.leader);
            return self.out.answers.push(Answer::Refused { ticket, why });
        };
        if bugs.has(Bug::ReadsLocally) {
            return self.out.answers.push(Answer::ReadAt { ticket, index });
        }
        if !knows {
            return leading.reads.early.push((ticket, proof));
        }
        if lease {
            return self.out.answers.push(Answer::ReadAt { ticket, index });
        }
        leading.reads.waiting.push(ticket);
        // One round at a time, for all that came meanwhile.
        if leading.reads.asked.is_empty() {
            self.begin_round();
        }
    }

    /// The leader's commit index rose; if to an entry of its own term, it now is known to be the cluster's.
    pub(super) fn release_early_reads(&mut self) {
        if !self.knows_commit() {
            return;
        }
        let Some(leading) = self.leading.as_deref_mut() else { return };
        for (ticket, proof) in std::mem::take(&mut leading.reads.early) {
            self.read(ticket, proof);
        }
    }

    /// Rounds were answered: the reads that waited for them may be executed, and the next ones begin theirs.
    pub(super) fn confirm_reads(&mut self) {
        let confirmed = self.confirmed_for_reads();
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let reads = &mut leading.reads;
        while reads.asked.front().is_some_and(|(round, ..)| *round <= confirmed) {
            if let Some((_, index, tickets)) = reads.asked.pop_front() {
                self.out.answers.extend(tickets.into_iter().map(|ticket| Answer::ReadAt { ticket, index }));
            }
        }
        if reads.asked.is_empty() && !reads.waiting.is_empty() {
            self.begin_round();
        }
    }

    /// The latest round by which a read is proved.
    fn confirmed_for_reads(&self) -> u64 {
        let Some(leading) = self.leading.as_deref() else { return 0 };
        if self.config.bugs.has(Bug::ReadQuorumShort) {
            return leading.peers.values().map(|progress| progress.acked).max().unwrap_or(leading.round);
        }
        leading.confirmed
    }

    /// A quorum has promised, by its answers, to vote for nobody else until a minimal election timeout after the round
    /// that it answered *began*; by the leader's clock that is over sooner, as far as clocks may differ (thesis §6.4.1).
    fn has_lease(&self) -> bool {
        let (id, bugs) = (self.config.id, self.config.bugs);
        let Some(leading) = self.leading.as_deref().filter(|leading| !leading.lease_void) else {
            return false;
        };
        if bugs.has(Bug::NeverLeases) {
            return false;
        }
        let now = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let from = |peer| if peer == id { now } else { leading.peers.get(&peer).map_or(0, |p| p.lease_from) };
        let begun = quorum::reached(self.configuration(), bugs, from);
        let drift = if bugs.has(Bug::LeaseIgnoresDrift) { 0 } else { self.config.drift_ppm.min(1_000_000) };
        let promised = self.config.election.start().as_nanos();
        let lasts = promised * u128::from(1_000_000 - drift) / 1_000_000;
        begun > 0
            && self.now
                < Duration::from_nanos(begun) + Duration::from_nanos(u64::try_from(lasts).unwrap_or(0))
    }
}
