//! Elections: timers, pre-votes, votes (§5.2, §5.4.1; thesis §4.2.2, §4.2.3, §9.6).

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::{Configuration, Index, PreVote, Request, RequestVote, ServerId, Term, Vote};
use super::effects::HardState;
use super::quorum;
use super::raft::{Raft, Role};

/// The votes, or pre-votes, of one election.
#[derive(Debug, Clone, Default)]
pub(super) struct Campaign {
    /// Who said yes.
    votes: BTreeSet<ServerId>,
    /// How often somebody said yes: the same, but for a reply that came twice.
    yeses: usize,
    /// Who has not answered, and is asked again: a message that is lost costs no more than a heartbeat's time.
    unheard: BTreeSet<ServerId>,
    /// When.
    retry: Duration,
    /// The leader wants it.
    transfer: bool,
}

impl Campaign {
    /// When those who did not answer are asked again.
    pub(super) fn retry_due(&self) -> Duration {
        if self.unheard.is_empty() { Duration::MAX } else { self.retry }
    }

    fn yes(&mut self, voter: ServerId) {
        self.votes.insert(voter);
        self.yeses += 1;
    }
}

impl Raft {
    /// Begins a new election timeout of a newly drawn length.
    pub(super) fn rearm(&mut self) {
        self.draw_timeout();
        self.put_off_election();
    }

    /// Draws the length of the next election timeouts; the one that is running stays as it is.
    pub(super) fn draw_timeout(&mut self) {
        let (shortest, longest) = (*self.config.election.start(), *self.config.election.end());
        let spread = u64::try_from(longest.saturating_sub(shortest).as_nanos()).unwrap_or(u64::MAX);
        self.timeout = if self.config.bugs.has(Bug::FixedElectionTimeout) {
            shortest
        } else {
            shortest.saturating_add(Duration::from_nanos(self.draw(spread.saturating_add(1))))
        };
    }

    /// The election timeout begins again.
    pub(super) fn put_off_election(&mut self) {
        self.election_due = self.now.saturating_add(self.timeout);
    }

    /// The leader of this term spoke: for the minimal election timeout no vote against it (§6; thesis §4.2.3, §6.4.1).
    pub(super) fn hear_leader(&mut self, leader: ServerId) {
        self.leader = Some(leader);
        self.put_off_election();
        self.sticky_until = self.now.saturating_add(*self.config.election.start());
    }

    /// Believes in a living leader: it heard from one, or it is one that a quorum answers.
    fn is_loyal(&self) -> bool {
        let until = match &self.leading {
            Some(leading) => leading.contact().saturating_add(*self.config.election.start()),
            None => self.sticky_until,
        };
        self.now < until && !self.config.bugs.has(Bug::NoLeaderStickiness)
    }

    /// May campaign: it votes in the configuration in force; or it did in the one before, and that this one commits is
    /// not known. Without it those who still hold to the one before may lack a majority (thesis §4.2.2, Figure 4.6).
    pub(super) fn is_electable(&self) -> bool {
        let id = self.config.id;
        let votes_in = |config: &Configuration| config.voters.contains(&id) || config.outgoing.contains(&id);
        votes_in(self.configuration())
            || self.members.latest().0 > self.commit && self.members.previous().is_some_and(votes_in)
    }

    /// A timer of a server that does not lead came due.
    pub(super) fn election_tick(&mut self) {
        if self.now < self.election_due {
            if self.now >= self.campaign.retry_due() {
                let unheard = self.campaign.unheard.clone();
                self.ask(unheard.into_iter());
            }
            return;
        }
        self.leader = None;
        if !self.is_electable() {
            self.rearm();
        } else if self.config.pre_vote && !self.config.bugs.has(Bug::NoPreVote) {
            self.canvass();
        } else {
            self.stand(false);
        }
    }

    /// Asks who would vote for it (thesis §9.6). Changes nothing that lasts.
    fn canvass(&mut self) {
        self.role = Role::PreCandidate;
        self.campaign = Campaign::default();
        self.rearm();
        if self.config.bugs.has(Bug::PreVoteBumpsTerm) {
            let term = self.hard.term.saturating_add(1);
            self.raise_term(HardState { term, voted_for: None });
        }
        self.campaign.yes(self.config.id);
        self.ask_all();
        self.count_votes();
    }

    /// Campaigns in a new term (§5.2), which its disk must know before anybody else does.
    pub(super) fn stand(&mut self, transfer: bool) {
        self.rearm();
        let Some(term) = self.hard.term.checked_add(1) else {
            // Nobody is asked again for the term that it has: that would be due at once.
            self.campaign = Campaign::default();
            return;
        };
        let id = self.config.id;
        let voted_for = if self.config.bugs.has(Bug::ForgetsOwnVote) { None } else { Some(id) };
        self.role = Role::Candidate;
        self.leader = None;
        self.campaign = Campaign { transfer, ..Campaign::default() };
        self.raise_term(HardState { term, voted_for });
        self.unseen_votes.push((term, id));
        self.ask_all();
    }

    /// Its own vote counts once it is on disk, and not before; no other can be there earlier.
    pub(super) fn count_own_vote(&mut self) {
        if !self.campaign.votes.contains(&self.config.id) {
            self.campaign.yes(self.config.id);
            self.count_votes();
        }
    }

    fn ask_all(&mut self) {
        let config = self.configuration();
        let all: BTreeSet<ServerId> = config.voters.union(&config.outgoing).copied().collect();
        self.campaign.unheard = all.iter().copied().filter(|&id| id != self.config.id).collect();
        self.ask(all.into_iter());
    }

    fn ask(&mut self, voters: impl Iterator<Item = ServerId>) {
        self.campaign.retry = self.now.saturating_add(self.config.heartbeat);
        let (last_index, last_term) = (self.log.last_index(), self.log.last_term());
        for to in voters.filter(|&voter| voter != self.config.id) {
            if self.role == Role::PreCandidate {
                let term = self.hard.term.saturating_add(1);
                let request = PreVote { term, last_index, last_term };
                self.out.send_early.push((to, Request::PreVote(request)));
            } else {
                let (term, transfer) = (self.hard.term, self.campaign.transfer);
                let request = RequestVote { term, last_index, last_term, transfer };
                self.out.send.push((to, Request::RequestVote(request)));
            }
        }
    }

    /// Whether a candidate's log is at least as up to date as this one (§5.4.1).
    fn is_up_to_date(&self, last_index: Index, last_term: Term) -> bool {
        let bugs = self.config.bugs;
        let own = (self.log.last_term(), self.log.last_index());
        if bugs.has(Bug::VotesWithoutLogCheck) {
            return true;
        }
        if bugs.has(Bug::ComparesBothTermAndIndex) {
            return last_term >= own.0 && last_index >= own.1;
        }
        if bugs.has(Bug::ComparesLengthOnly) {
            return last_index >= own.1;
        }
        (last_term, last_index) >= own
    }

    /// Whether it may vote for `candidate` in `term`, which is not lower than its own.
    fn is_free(&self, term: Term, candidate: ServerId) -> bool {
        term > self.hard.term || self.hard.voted_for.is_none_or(|voted_for| voted_for == candidate)
    }

    pub(super) fn on_pre_vote(&mut self, from: ServerId, request: &PreVote) -> Vote {
        if self.config.bugs.has(Bug::PreVoteBumpsTerm) && request.term > self.hard.term {
            self.follow(request.term, None);
        }
        let granted = request.term >= self.hard.term
            && self.is_free(request.term, from)
            && !self.is_loyal()
            && self.is_up_to_date(request.last_index, request.last_term);
        Vote { term: if granted { request.term } else { self.hard.term }, granted }
    }

    pub(super) fn on_request_vote(&mut self, from: ServerId, request: &RequestVote) -> Vote {
        let refusal = |raft: &Raft| Vote { term: raft.hard.term, granted: false };
        if request.term < self.hard.term || !request.transfer && self.is_loyal() {
            return refusal(self);
        }
        if request.term > self.hard.term {
            self.follow(request.term, None);
        }
        let (bugs, again) = (self.config.bugs, self.hard.voted_for == Some(from));
        let free = self.is_free(request.term, from) || bugs.has(Bug::VotesTwiceInTerm);
        let free = free && !(again && bugs.has(Bug::VotesOnce));
        if !free || !self.is_up_to_date(request.last_index, request.last_term) {
            return refusal(self);
        }
        if self.role == Role::PreCandidate {
            self.follow(request.term, None);
        }
        if self.hard.voted_for != Some(from) {
            self.hard.voted_for = Some(from);
            self.unseen_votes.push((self.hard.term, from));
        }
        self.put_off_election();
        Vote { term: self.hard.term, granted: true }
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: ServerId, vote: &Vote) {
        let current = vote.term == self.hard.term.saturating_add(1);
        if self.role != Role::PreCandidate {
            return;
        }
        // A refusal bears the refuser's own term.
        if current || !vote.granted {
            self.campaign.unheard.remove(&from);
        }
        if vote.granted && current {
            self.campaign.yes(from);
            self.count_votes();
        }
    }

    pub(super) fn on_vote_reply(&mut self, from: ServerId, vote: &Vote) {
        let current = vote.term == self.hard.term || self.config.bugs.has(Bug::StaleVoteCounted);
        if self.role != Role::Candidate || !current {
            return;
        }
        self.campaign.unheard.remove(&from);
        if vote.granted {
            self.campaign.yes(from);
            self.count_votes();
        }
    }

    fn count_votes(&mut self) {
        let (config, bugs, votes) = (self.configuration(), self.config.bugs, &self.campaign.votes);
        let mut won = quorum::reached(config, bugs, |id| u64::from(votes.contains(&id))) == 1;
        if bugs.has(Bug::VotesCounted) {
            won = self.campaign.yeses >= quorum::majority(config.voters.len(), bugs);
        }
        match self.role {
            Role::PreCandidate if won => self.stand(false),
            Role::Candidate if won => {
                let votes = std::mem::take(&mut self.campaign.votes);
                self.lead(votes.into_iter().collect());
            }
            _ => {}
        }
    }
}
