//! Membership: which configuration is in force, and how it changes (§6; thesis §4; Ongaro, raft-dev, 2015).

use super::super::bugs::Bug;
use super::super::message::{Configuration, Entry, Index, Payload, ServerId};
use super::super::spec::Observation;
use super::effects::{Answer, Change, Refusal};
use super::progress::Mode;
use super::raft::Raft;

/// The configurations of the snapshot and of the log, by their index; the last is in force. Never empty.
#[derive(Debug, Clone)]
pub(super) struct Membership(Vec<(Index, Configuration)>);

impl Membership {
    pub(super) fn new(base: (Index, Configuration), entries: &[Entry]) -> Membership {
        let mut all = vec![base];
        for entry in entries {
            if let Payload::Config(config) = &entry.payload {
                all.push((entry.index, config.clone()));
            }
        }
        Membership(all)
    }

    pub(super) fn latest(&self) -> &(Index, Configuration) {
        &self.0[self.0.len() - 1]
    }

    /// The one before the latest, if the log still has it.
    pub(super) fn previous(&self) -> Option<&Configuration> {
        let before = self.0.len().checked_sub(2)?;
        self.0.get(before).map(|(_, config)| config)
    }

    /// The one that was in force as of the entry at `index`.
    pub(super) fn at(&self, index: Index) -> &(Index, Configuration) {
        self.0.iter().rev().find(|(at, _)| *at <= index).unwrap_or(&self.0[0])
    }

    pub(super) fn push(&mut self, index: Index, config: Configuration) {
        self.0.push((index, config));
    }

    /// The log was cut at `from`: what was in force by it no longer is. Returns whether that changed anything.
    pub(super) fn truncate(&mut self, from: Index) -> bool {
        let before = self.0.len();
        while self.0.len() > 1 && self.latest().0 >= from {
            self.0.pop();
        }
        self.0.len() < before
    }

    /// The log up to `index` is gone: the configuration as of there becomes the base.
    pub(super) fn compact(&mut self, index: Index) {
        let keep = self.0.iter().rposition(|(at, _)| *at <= index).unwrap_or(0);
        self.0.drain(..keep);
    }

    /// The log up to `index` is gone: a snapshot says what is in force as of there; what follows stays.
    pub(super) fn install(&mut self, index: Index, config: Configuration) {
        self.0.retain(|(at, _)| *at > index);
        self.0.insert(0, (index, config));
    }

    /// Everything is gone; a snapshot says what is in force.
    pub(super) fn reset(&mut self, index: Index, config: Configuration) {
        self.0 = vec![(index, config)];
    }

    /// The oldest that is known.
    pub(super) fn oldest(&self) -> &Configuration {
        &self.0[0].1
    }
}

impl Raft {
    /// The configuration in force: the latest in its log, committed or not (§6).
    pub fn configuration(&self) -> &Configuration {
        if self.config.bugs.has(Bug::ConfigAtCommit) {
            return &self.members.at(self.commit).1;
        }
        &self.members.latest().1
    }

    /// The configuration in force has changed, perhaps: tells the observer, and opens books for whoever is new.
    pub(super) fn configured(&mut self) {
        self.see(|server, raft| {
            let at_commit = raft.config.bugs.has(Bug::ConfigAtCommit);
            let (index, config) =
                if at_commit { raft.members.at(raft.commit) } else { raft.members.latest() };
            Observation::Configured { server, index: *index, config: config.clone() }
        });
        self.enroll();
    }

    pub(super) fn change(&mut self, ticket: u64, change: &Change) {
        match self.next_configuration(change) {
            Err(why) => self.out.answers.push(Answer::Refused { ticket, why }),
            Ok(config) => {
                let joint = !config.outgoing.is_empty();
                let (index, term) = (self.append(Payload::Config(config)), self.hard.term);
                match self.leading.as_deref_mut() {
                    Some(leading) if joint => leading.joint = Some((ticket, index)),
                    _ => self.out.answers.push(Answer::Proposed { ticket, index, term }),
                }
                self.replicate_to_all();
            }
        }
    }

    /// What the configuration would be after `change`, or why it must not be made.
    fn next_configuration(&self, change: &Change) -> Result<Configuration, Refusal> {
        let bugs = self.config.bugs;
        let Some(leading) = &self.leading else { return Err(Refusal::NotLeader(self.leader)) };
        if leading.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        let (index, config) = self.members.latest();
        let settled = *index <= self.commit && config.outgoing.is_empty();
        if !settled && !bugs.has(Bug::TwoChangesInFlight) {
            return Err(Refusal::ChangeInProgress);
        }
        if !self.knows_commit() && !bugs.has(Bug::ChangesBeforeOwnTerm) {
            return Err(Refusal::ChangeInProgress);
        }
        let pointless = |why: String| Err(Refusal::Pointless(why));
        let mut next = config.clone();
        match change {
            Change::AddLearner(id) => {
                if config.voters.contains(id) || !next.learners.insert(*id) {
                    return pointless(format!("server {id} is a member already"));
                }
            }
            Change::Promote(id) => {
                if !next.learners.remove(id) {
                    return pointless(format!("server {id} is not a learner: add it as one first"));
                }
                if !self.has_caught_up(*id) {
                    return pointless(format!("learner {id} has not caught up yet: try again later"));
                }
                next.voters.insert(*id);
            }
            Change::Remove(id) => {
                if !next.voters.remove(id) & !next.learners.remove(id) {
                    return pointless(format!("server {id} is not a member"));
                }
                if next.voters.is_empty() {
                    return pointless(format!("server {id} is the last voter"));
                }
            }
            Change::Replace(voters) => {
                if voters.is_empty() || *voters == config.voters {
                    return pointless(format!("the voters cannot be changed to {voters:?}"));
                }
                next.learners.retain(|id| !voters.contains(id));
                next.outgoing = std::mem::replace(&mut next.voters, voters.clone());
            }
        }
        Ok(next)
    }

    /// A learner whose lack fits into one request does not hold up commitment when it votes (thesis §4.2.1).
    fn has_caught_up(&self, id: ServerId) -> bool {
        let progress = self.leading.as_deref().and_then(|leading| leading.peers.get(&id));
        progress.is_some_and(|progress| {
            let lack = self.log.last_index().saturating_sub(progress.matched);
            matches!(progress.mode, Mode::Replicate { .. }) && lack <= self.config.batch_entries.max(1) as u64
        })
    }

    /// The leader's commit index rose. A joint configuration that is committed is followed by the new one alone; a new
    /// one that is committed ends the talk to those it leaves out, and the leader's own time if it is one of them (§6).
    pub(super) fn settle_membership(&mut self) {
        let (index, config) = self.members.latest();
        if *index > self.commit {
            return;
        }
        if !config.outgoing.is_empty() {
            let next = Configuration { outgoing: [].into(), ..config.clone() };
            let (index, term) = (self.append(Payload::Config(next)), self.hard.term);
            let waiting = self.leading.as_deref_mut().and_then(|leading| leading.joint.take());
            self.out.answers.extend(waiting.map(|(ticket, _)| Answer::Proposed { ticket, index, term }));
            self.replicate_to_all();
            return;
        }
        let is_member = |id: &ServerId| config.voters.contains(id) || config.learners.contains(id);
        let Some(leading) = self.leading.as_deref() else { return };
        let left: Vec<ServerId> = leading.peers.keys().filter(|id| !is_member(id)).copied().collect();
        let leaves = !config.voters.contains(&self.config.id);
        if leaves || !left.is_empty() {
            // Those who are left out learn of it, if they are there to hear it.
            self.begin_round();
        }
        if let Some(leading) = self.leading.as_deref_mut() {
            leading.peers.retain(|id, _| !left.contains(id));
        }
        if leaves {
            self.follow(self.hard.term, None);
        }
    }
}
