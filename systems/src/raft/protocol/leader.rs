//! Leading: what a leader remembers, takes on and takes for granted, its rounds, and what it learns from silence (§5.2, §8).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::super::bugs::Bug;
use super::super::message::{Entry, Index, Payload, Request, ServerId, TimeoutNow};
use super::super::spec::{Mark, Observation};
use super::effects::{Answer, Effects, Persist, Refusal};
use super::progress::Progress;
use super::quorum;
use super::raft::{Raft, Role};
use super::reads::Reads;
use super::transfer::Transfer;

/// What a leader remembers while it leads.
#[derive(Debug)]
pub(super) struct Leading {
    /// The others: all who get the log.
    pub(super) peers: BTreeMap<ServerId, Progress>,
    /// The current round of heartbeats: the leader's clock when it began, in nanoseconds, or one more than the round
    /// before. So a round tells its own age, and rounds only grow.
    pub(super) round: u64,
    /// The latest round that a quorum answered.
    pub(super) confirmed: u64,
    /// When the next round is due.
    pub(super) heartbeat_due: Duration,
    /// When it was elected.
    pub(super) since: Duration,
    /// Its last entry then: what is not its own does not count as its own that is uncommitted, or without a no-op it
    /// could never take the command that would commit it.
    inherited: Index,
    pub(super) reads: Reads,
    pub(super) transfer: Option<Transfer>,
    /// It has told somebody to campaign at once: from then on no promise of a vote refused holds (thesis §6.4.1).
    pub(super) lease_void: bool,
    /// Who waits for the second half of a joint change, and where its first half is.
    pub(super) joint: Option<(u64, Index)>,
}

impl Leading {
    /// When it last was in contact with a quorum: when that round began, or when it was elected.
    pub(super) fn contact(&self) -> Duration {
        self.since.max(Duration::from_nanos(self.confirmed))
    }

    pub(super) fn deadline(&self) -> Duration {
        self.transfer.as_ref().map_or(self.heartbeat_due, |transfer| transfer.until.min(self.heartbeat_due))
    }

    /// It no longer leads: everybody who waits is told what can be told.
    pub(super) fn release(&self, term: u64, out: &mut Effects) {
        let lost = |ticket| Answer::Refused { ticket, why: Refusal::NotLeader(None) };
        out.answers.extend(self.reads.tickets().map(lost));
        // Whoever leads next and has this entry committed, completes the change.
        out.answers.extend(self.joint.map(|(ticket, index)| Answer::Proposed { ticket, index, term }));
        out.answers
            .extend(self.transfer.iter().map(|transfer| Answer::Transferred { ticket: transfer.ticket }));
    }
}

impl Raft {
    /// Elected: takes over, with a first entry of its own (§5.2; §8).
    pub(super) fn lead(&mut self, votes: Vec<ServerId>) {
        self.role = Role::Leader;
        self.leader = Some(self.config.id);
        self.see(|server, raft| Observation::Leads { server, term: raft.term(), votes });
        self.leading = Some(Box::new(Leading {
            peers: BTreeMap::new(),
            round: 0,
            confirmed: 0,
            heartbeat_due: self.now,
            since: self.now,
            inherited: self.log.last_index(),
            reads: Reads::default(),
            transfer: None,
            lease_void: false,
            joint: None,
        }));
        self.enroll();
        if self.config.noop {
            self.append(Payload::Noop);
        }
        self.begin_round();
    }

    /// Opens the books for everybody who is in the configuration and not yet in them.
    pub(super) fn enroll(&mut self) {
        let (next, config) = (self.log.next_index(), self.configuration());
        let everyone = config.voters.iter().chain(&config.outgoing).chain(&config.learners).copied();
        let others: Vec<ServerId> = everyone.filter(|&id| id != self.config.id).collect();
        let Some(leading) = self.leading.as_deref_mut() else { return };
        for id in others {
            leading.peers.entry(id).or_insert_with(|| {
                let matched = self.old_matches.get(&id).copied().unwrap_or(0);
                Progress { matched, ..Progress::new(next) }
            });
        }
    }

    pub(super) fn propose(&mut self, ticket: u64, command: Bytes) {
        match self.refusal() {
            Some(why) => self.out.answers.push(Answer::Refused { ticket, why }),
            None => {
                let index = self.append(Payload::Command(command));
                self.out.answers.push(Answer::Proposed { ticket, index, term: self.hard.term });
                self.replicate_to_all();
            }
        }
    }

    /// Why it cannot take a command now.
    fn refusal(&self) -> Option<Refusal> {
        let Some(leading) = &self.leading else { return Some(Refusal::NotLeader(self.leader)) };
        if leading.transfer.is_some() {
            return Some(Refusal::Transferring);
        }
        let uncommitted = self.log.last_index().saturating_sub(self.commit.max(leading.inherited));
        (uncommitted >= self.config.uncommitted as u64).then_some(Refusal::Busy)
    }

    /// Appends one entry of its own to the leader's log (Leader Append-Only, §5.3). Returns where.
    pub(super) fn append(&mut self, payload: Payload) -> Index {
        let entry = Entry { index: self.log.next_index(), term: self.hard.term, payload };
        let index = entry.index;
        self.out.persist.push(Persist::Append(vec![entry.clone()]));
        self.see(|server, _| Observation::Log { server, from: index, marks: vec![Mark::of(&entry)] });
        let config = if let Payload::Config(config) = &entry.payload { Some(config.clone()) } else { None };
        self.log.push(entry);
        if let Some(config) = config {
            self.members.push(index, config);
            self.configured();
        }
        index
    }

    /// A leader's timer came due.
    pub(super) fn leader_tick(&mut self) {
        self.nudge_transfer();
        let Some(leading) = &self.leading else { return };
        if self.now < leading.heartbeat_due {
            return;
        }
        let quiet = self.now.saturating_sub(leading.contact());
        let checks = self.config.check_quorum && !self.config.bugs.has(Bug::NoCheckQuorum);
        if checks && quiet > *self.config.election.end() {
            self.follow(self.hard.term, None);
            return;
        }
        self.begin_round();
    }

    /// A round of heartbeats: to everybody whatever is to be sent anyway, and at least a sign of life.
    pub(super) fn begin_round(&mut self) {
        let now = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let Some(leading) = self.leading.as_deref_mut() else { return };
        leading.round = now.max(leading.round.saturating_add(1));
        let often = if self.config.bugs.has(Bug::ExtraHeartbeats) { 2 } else { 1 };
        leading.heartbeat_due = self.now.saturating_add(self.config.heartbeat / often);
        leading.reads.begin(leading.round, self.commit);
        let patience = *self.config.election.end();
        let stalled =
            |progress: &Progress| progress.is_waiting() && self.now > progress.sent.saturating_add(patience);
        for progress in leading.peers.values_mut().filter(|progress| stalled(progress)) {
            progress.lost(self.config.bugs);
        }
        let peers: Vec<ServerId> = leading.peers.keys().copied().collect();
        for to in peers {
            if !self.replicate(to) {
                self.heartbeat(to);
            }
        }
        self.confirm();
    }

    /// An answer to a round: at its beginning the follower had not turned to another leader (thesis §6.4).
    pub(super) fn acknowledged(&mut self, from: ServerId, round: u64) {
        let bugs = self.config.bugs;
        let now = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(progress) = leading.peers.get_mut(&from).filter(|_| round <= leading.round) else { return };
        let round = if bugs.has(Bug::ReadTrustsOldRound) { leading.round } else { round };
        progress.silences = 0;
        if round > progress.acked {
            progress.acked = round;
            progress.lease_from = if bugs.has(Bug::LeaseFromReply) { now } else { round };
            self.confirm();
        }
    }

    /// The latest round that a quorum has answered, itself included; with it the reads that waited for it.
    pub(super) fn confirm(&mut self) {
        let (id, bugs) = (self.config.id, self.config.bugs);
        let Some(leading) = self.leading.as_deref() else { return };
        let acked =
            |peer| if peer == id { leading.round } else { leading.peers.get(&peer).map_or(0, |p| p.acked) };
        let confirmed = quorum::reached(self.configuration(), bugs, acked);
        let Some(leading) = self.leading.as_deref_mut() else { return };
        leading.confirmed = leading.confirmed.max(confirmed);
        self.confirm_reads();
    }

    /// Whatever was under way to `from` is lost, perhaps.
    pub(super) fn on_silence(&mut self, from: ServerId) {
        let heartbeat = self.config.heartbeat;
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(progress) = leading.peers.get_mut(&from) else { return };
        if self.now < progress.sent {
            // It was a heartbeat, whose answer comes behind that of a large entry.
            return;
        }
        progress.silences = progress.silences.saturating_add(1);
        progress.lost(self.config.bugs);
        // A peer that refuses connections is silent at once: it is tried again no sooner than with the next round.
        if self.now >= progress.sent.saturating_add(heartbeat) {
            self.replicate(from);
        }
    }

    /// Tells `to` to campaign at once (thesis §3.10).
    pub(super) fn send_timeout_now(&mut self, to: ServerId) {
        self.out.send_early.push((to, Request::TimeoutNow(TimeoutNow { term: self.hard.term })));
    }
}
