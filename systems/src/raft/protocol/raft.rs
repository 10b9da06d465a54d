//! The server: its state, its one step, and the changes of term and role that everything else rests on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::{Index, Reply, Request, ServerId, SnapshotMeta, Term, Vote};
use super::super::spec::Observation;
use super::effects::{Config, Effects, HardState, Input, Persist, Recovered};
use super::election::Campaign;
use super::leader::Leading;
use super::log::Log;
use super::membership::Membership;
use super::snapshot::Incoming;

/// What a server takes itself for (§5.1; thesis §9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Listens.
    Follower,
    /// Asks whether it would be voted for.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// One server of a cluster: pure state, driven by [`Raft::step`].
pub struct Raft {
    pub(super) config: Config,
    dice: Box<dyn FnMut(u64) -> u64>,
    pub(super) now: Duration,

    pub(super) hard: HardState,
    /// `hard` as it was when it was last handed out to be persisted.
    saved: HardState,
    pub(super) log: Log,
    /// The last entry known to be on disk, as far as that was told in this term.
    pub(super) durable: Index,
    pub(super) members: Membership,
    pub(super) snapshot: SnapshotMeta,
    pub(super) snapshot_length: u64,
    pub(super) incoming: Option<Incoming>,

    pub(super) role: Role,
    pub(super) leader: Option<ServerId>,
    pub(super) campaign: Campaign,
    /// Some while it leads, and only then.
    pub(super) leading: Option<Box<Leading>>,
    /// The match indexes of when it last led, for [`Bug::DeposedLeaderCounts`]; otherwise empty.
    pub(super) old_matches: BTreeMap<ServerId, Index>,

    /// In which terms it voted and for whom, until that, or a later term, is on disk: then the observer is told.
    pub(super) unseen_votes: Vec<(Term, ServerId)>,

    pub(super) commit: Index,
    pub(super) handed: Index,
    pub(super) applied: Index,

    pub(super) timeout: Duration,
    pub(super) election_due: Duration,
    pub(super) sticky_until: Duration,

    pub(super) out: Effects,
}

impl Raft {
    /// A server that starts at `now` with what was on its disk. `dice(n)` draws uniformly from `0..n`.
    pub fn new(
        config: Config,
        recovered: Recovered,
        now: Duration,
        dice: Box<dyn FnMut(u64) -> u64>,
    ) -> Raft {
        let Recovered { hard, snapshot, snapshot_length, entries } = recovered;
        let members = Membership::new((snapshot.last_index, snapshot.config.clone()), &entries);
        let mut raft = Raft {
            dice,
            now,
            hard,
            saved: hard,
            log: Log::new((snapshot.last_index, snapshot.last_term), entries),
            durable: 0,
            members,
            snapshot_length,
            incoming: None,
            role: Role::Follower,
            leader: None,
            campaign: Campaign::default(),
            leading: None,
            old_matches: BTreeMap::new(),
            unseen_votes: Vec::new(),
            commit: snapshot.last_index,
            handed: snapshot.last_index,
            applied: snapshot.last_index,
            timeout: Duration::ZERO,
            election_due: Duration::ZERO,
            // It may have heard from a leader just before it went down, and that one may hold a lease.
            sticky_until: if hard.term == 0 { now } else { now.saturating_add(*config.election.start()) },
            out: Effects::default(),
            snapshot,
            config,
        };
        raft.rearm();
        raft
    }

    /// One thing happens. `now` is the server's own monotonic clock.
    pub fn step(&mut self, now: Duration, input: Input) -> Effects {
        self.now = self.now.max(now);
        match input {
            Input::Tick => self.tick(),
            Input::Request(from, request) => self.out.reply = self.on_request(from, request),
            Input::Reply(from, reply) => self.on_reply(from, reply),
            Input::Silence(from) => self.on_silence(from),
            Input::Propose { ticket, command } => self.propose(ticket, command),
            Input::Read { ticket, proof } => self.read(ticket, proof),
            Input::Change { ticket, change } => self.change(ticket, &change),
            Input::Transfer { ticket, to } => self.transfer(ticket, to),
            Input::Persisted { term, index } => self.persisted(term, index),
            Input::Snapshotted { meta, length } => self.snapshotted(meta, length),
            Input::Applied(index) => self.applied = self.applied.max(index.min(self.handed)),
        }
        self.finish()
    }

    /// When [`Input::Tick`] is due. Earlier ones do no harm.
    pub fn deadline(&self) -> Duration {
        match (&self.leading, self.role) {
            (Some(leading), _) => leading.deadline(),
            (None, Role::Follower) => self.election_due,
            (None, _) => self.election_due.min(self.campaign.retry_due()),
        }
    }

    fn tick(&mut self) {
        if self.leading.is_some() {
            self.leader_tick();
        } else {
            self.election_tick();
        }
    }

    fn on_request(&mut self, from: ServerId, request: Request) -> Option<Reply> {
        if from == self.config.id {
            return None;
        }
        if self.config.bugs.has(Bug::AnyRpcResetsTimer) {
            self.put_off_election();
        }
        let term = self.hard.term;
        if self.config.bugs.has(Bug::CheckQuorumIgnoresLowerTerm) && request.term() < term {
            return None;
        }
        match request {
            Request::PreVote(request) => Some(Reply::PreVote(self.on_pre_vote(from, &request))),
            Request::RequestVote(request) => Some(Reply::Vote(self.on_request_vote(from, &request))),
            Request::AppendEntries(request) => Some(Reply::Appended(self.on_append_entries(from, request))),
            Request::InstallSnapshot(request) => {
                Some(Reply::Installed(self.on_install_snapshot(from, request)))
            }
            Request::TimeoutNow(request) => {
                self.on_timeout_now(from, &request);
                None
            }
        }
    }

    fn on_reply(&mut self, from: ServerId, reply: Reply) {
        let promised = matches!(&reply, Reply::PreVote(Vote { granted: true, .. }));
        if reply.term() > self.hard.term && !promised {
            if !self.config.bugs.has(Bug::IgnoresTermInReplies) {
                self.follow(reply.term(), None);
            }
            return;
        }
        match reply {
            Reply::PreVote(vote) => self.on_pre_vote_reply(from, &vote),
            Reply::Vote(vote) => self.on_vote_reply(from, &vote),
            Reply::Appended(appended) => self.on_appended(from, &appended),
            Reply::Installed(installed) => self.on_installed(from, &installed),
        }
    }

    /// Becomes a follower in `term`, which is not lower than its own, of `leader` if that is known.
    pub(super) fn follow(&mut self, term: Term, leader: Option<ServerId>) {
        self.step_down();
        if term > self.hard.term {
            self.raise_term(HardState { term, voted_for: None });
            self.draw_timeout();
        }
        self.role = Role::Follower;
        self.campaign = Campaign::default();
        self.leader = leader;
    }

    /// Leaves leadership, if it has it, with an answer to all who wait for it.
    fn step_down(&mut self) {
        let Some(leading) = self.leading.take() else { return };
        self.see(|id, raft| Observation::SteppedDown { server: id, term: raft.hard.term });
        leading.release(self.hard.term, &mut self.out);
        self.rearm();
        if self.config.bugs.has(Bug::DeposedLeaderCounts) {
            self.old_matches = leading.peers.iter().map(|(&id, progress)| (id, progress.matched)).collect();
        }
    }

    /// A new term. What was durable in the log must be told anew: only then it is known not to be of an older log.
    pub(super) fn raise_term(&mut self, hard: HardState) {
        self.hard = hard;
        self.durable = 0;
        self.see(|id, raft| Observation::TermRose { server: id, term: raft.hard.term });
    }

    /// The disk has everything up to `index` of the log as it was in `term`.
    fn persisted(&mut self, term: Term, index: Index) {
        for (term, candidate) in std::mem::take(&mut self.unseen_votes) {
            self.see(|server, _| Observation::Voted { server, term, candidate });
        }
        if term != self.hard.term {
            return;
        }
        self.durable = self.durable.max(index.min(self.log.last_index()));
        match self.role {
            Role::Candidate => self.count_own_vote(),
            Role::Leader => self.advance_commit(),
            Role::Follower | Role::PreCandidate => {}
        }
    }

    fn finish(&mut self) -> Effects {
        self.hand_out();
        if self.hard != self.saved {
            self.saved = self.hard;
            // Never later than an entry of that term, nor than a vote in it.
            self.out.persist.insert(0, Persist::HardState(self.hard));
        }
        std::mem::take(&mut self.out)
    }

    /// Uniform below `n`.
    pub(super) fn draw(&mut self, n: u64) -> u64 {
        (self.dice)(n)
    }

    /// Shows the observer something, if there is one.
    pub(super) fn see(&mut self, what: impl FnOnce(ServerId, &Raft) -> Observation) {
        if self.config.observed {
            let seen = what(self.config.id, self);
            self.out.seen.push(seen);
        }
    }
}
