//! A follower's side of replication: the receiver of AppendEntries (Figure 2; §5.3).

use super::super::bugs::Bug;
use super::super::message::{AppendEntries, Appended, Entry, Index, Outcome, Payload, ServerId, Term};
use super::super::spec::{Mark, Observation};
use super::effects::Persist;
use super::raft::{Raft, Role};

impl Raft {
    pub(super) fn on_append_entries(&mut self, from: ServerId, request: AppendEntries) -> Appended {
        let round = request.round;
        let outcome = if self.obeys(from, request.term) { self.accept(request) } else { Outcome::Stale };
        Appended { term: self.hard.term, outcome, round }
    }

    /// Whether `from` is the leader of this server's term. A newer one is followed at once (§5.1, §5.2).
    pub(super) fn obeys(&mut self, from: ServerId, term: Term) -> bool {
        let bugs = self.config.bugs;
        if term < self.hard.term && !bugs.has(Bug::AcceptsStaleTerm) {
            return false;
        }
        if term > self.hard.term {
            self.follow(term, None);
        }
        match self.role {
            // Two leaders in one term: never. Nothing that a message says can be trusted then.
            Role::Leader => return false,
            Role::Candidate | Role::PreCandidate if bugs.has(Bug::CandidateIgnoresLeader) => return false,
            Role::Candidate | Role::PreCandidate => self.follow(self.hard.term, None),
            Role::Follower => {}
        }
        self.hear_leader(from);
        true
    }

    fn accept(&mut self, request: AppendEntries) -> Outcome {
        let bugs = self.config.bugs;
        let prev = request.prev_index;
        if !is_whole(&request) {
            return Outcome::Stale;
        }
        if prev == 0 && !request.entries.is_empty() && bugs.has(Bug::PrevZeroAppends) {
            return self.append_blindly(request);
        }
        let carried = prev.saturating_add(request.entries.len() as u64);
        let mut verified = carried;
        if request.entries.is_empty() && bugs.has(Bug::HeartbeatSkipsCheck) {
            verified = carried.min(self.log.last_index());
        } else if let Some(conflict) = self.conflict(prev, request.prev_term) {
            return conflict;
        }
        self.merge(prev, request.entries);
        if bugs.has(Bug::CommitBeyondVerified) {
            verified = self.log.last_index();
        }
        let commit = request.commit.min(verified);
        if commit > self.commit || commit < self.commit && bugs.has(Bug::CommitGoesBack) {
            self.set_commit(commit);
        }
        Outcome::Matched(carried)
    }

    /// Why entries cannot follow `prev` here: Figure 2's consistency check, with a hint where to go on.
    fn conflict(&mut self, prev: Index, prev_term: Term) -> Option<Outcome> {
        let base = self.log.base_index();
        if prev < base {
            // A snapshot stands for it: it is committed, and the leader's log has it.
            if !self.config.bugs.has(Bug::CompactedPrevIsConflict) {
                return None;
            }
            self.cut(base.saturating_add(1));
            return Some(Outcome::Conflict { term: None, first: self.log.next_index(), refused: prev });
        }
        match self.log.term_at(prev) {
            Some(term) if term == prev_term => None,
            Some(term) => {
                let first = self.log.first_of_its_term(prev);
                Some(Outcome::Conflict { term: Some(term), first, refused: prev })
            }
            None => Some(Outcome::Conflict { term: None, first: self.log.next_index(), refused: prev }),
        }
    }

    /// Appends what is new, after removing what conflicts with it and all that follows that; what agrees stays, and so
    /// does what follows it: the message may be an old one (Figure 2, receiver's 3 and 4).
    fn merge(&mut self, prev: Index, mut entries: Vec<Entry>) {
        let base = self.log.base_index();
        let differs = |entry: &Entry| entry.index > base && self.log.term_at(entry.index) != Some(entry.term);
        let mut from = entries.iter().position(differs);
        if self.config.bugs.has(Bug::TruncatesMatching) {
            from = entries.iter().position(|entry| entry.index > base);
        }
        let Some(from) = from else { return };
        let fresh = entries.split_off(from);
        self.cut(prev.saturating_add(from as u64).saturating_add(1));
        self.extend(fresh);
    }

    /// Removes the entry at `from` and all after it, and the configurations that were in force by them (§6). What is
    /// committed no leader of this cluster has removed (Leader Completeness, §5.4).
    fn cut(&mut self, from: Index) {
        if from > self.log.last_index() {
            return;
        }
        if from <= self.commit {
            let (leader, term) = (self.leader.unwrap_or_default(), self.hard.term);
            self.out.broken = Some(format!(
                "server {leader}, which leads in term {term}, has it remove its entries from {from} on, and knew those up \
                 to {} to be committed",
                self.commit
            ));
        }
        self.out.persist.push(Persist::Truncate(from));
        self.log.truncate(from);
        self.durable = self.durable.min(self.log.last_index());
        self.see(|server, _| Observation::Log { server, from, marks: Vec::new() });
        if !self.config.bugs.has(Bug::ConfigNotRolledBack) && self.members.truncate(from) {
            self.configured();
        }
    }

    fn extend(&mut self, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        let from = first.index;
        if self.config.observed {
            let (server, marks) = (self.config.id, entries.iter().map(Mark::of).collect());
            self.out.seen.push(Observation::Log { server, from, marks });
        }
        for entry in &entries {
            self.log.push(entry.clone());
            if let Payload::Config(config) = &entry.payload {
                self.members.push(entry.index, config.clone());
                self.configured();
            }
        }
        self.out.persist.push(Persist::Append(entries));
    }

    /// [`Bug::PrevZeroAppends`]: everything goes to the end, wherever that is.
    fn append_blindly(&mut self, request: AppendEntries) -> Outcome {
        let mut entries = request.entries;
        for (place, entry) in entries.iter_mut().enumerate() {
            entry.index = self.log.next_index().saturating_add(place as u64);
        }
        self.extend(entries);
        Outcome::Matched(self.log.last_index())
    }
}

/// The entries follow prev without gaps, and their terms neither fall nor exceed the leader's.
fn is_whole(request: &AppendEntries) -> bool {
    let AppendEntries { term, prev_index, entries, .. } = request;
    let mut places = (1..).zip(entries);
    places.all(|(offset, entry)| prev_index.checked_add(offset) == Some(entry.index))
        && entries.is_sorted_by_key(|entry| entry.term)
        && entries.last().is_none_or(|entry| entry.term <= *term)
}
