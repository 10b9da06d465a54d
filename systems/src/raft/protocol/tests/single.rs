//! One server under the hand of a test.

use std::time::Duration;

use bytes::Bytes;

use super::super::super::bugs::Bugs;
use super::super::super::message::{
    AppendEntries, Appended, Configuration, Entry, Index, Outcome, Payload, Reply, Request, ServerId,
    SnapshotMeta, Term, Vote,
};
use super::super::{Config, Effects, HardState, Input, Raft, Recovered, Role};
use super::{Dice, config, ms, voters};

/// A server, its time, and what its last step obliged to.
pub(super) struct Single {
    pub(super) raft: Raft,
    pub(super) now: Duration,
}

/// Entries of these terms, from `first` on. The command tells the place and the term.
pub(super) fn entries(first: Index, terms: &[Term]) -> Vec<Entry> {
    let payload = |index, term| Payload::Command(Bytes::from(format!("{index}/{term}")));
    let places = (first..).zip(terms.iter().copied());
    places.map(|(index, term)| Entry { index, term, payload: payload(index, term) }).collect()
}

pub(super) fn append(term: Term, prev: (Index, Term), terms: &[Term], commit: Index) -> AppendEntries {
    let (prev_index, prev_term) = prev;
    AppendEntries { term, prev_index, prev_term, entries: entries(prev_index + 1, terms), commit, round: 7 }
}

impl Single {
    /// Server 1 of `n` voters in `term`, with a log of these terms.
    pub(super) fn new(n: u64, bugs: Bugs, term: Term, log: &[Term]) -> Single {
        Self::of(config(1, bugs), voters(1..=n), term, entries(1, log))
    }

    pub(super) fn of(config: Config, members: Configuration, term: Term, entries: Vec<Entry>) -> Single {
        let snapshot = SnapshotMeta { config: members, ..SnapshotMeta::default() };
        let hard = HardState { term, voted_for: None };
        let recovered = Recovered { hard, snapshot, snapshot_length: 0, entries };
        let mut dice = Dice(config.id);
        let raft = Raft::new(config, recovered, Duration::ZERO, Box::new(move |n| dice.below(n)));
        Single { raft, now: Duration::ZERO }
    }

    pub(super) fn step(&mut self, input: Input) -> Effects {
        self.raft.step(self.now, input)
    }

    pub(super) fn request(&mut self, from: ServerId, request: Request) -> Effects {
        self.step(Input::Request(from, request))
    }

    pub(super) fn append(&mut self, from: ServerId, request: AppendEntries) -> (Outcome, Effects) {
        let effects = self.request(from, Request::AppendEntries(request));
        match &effects.reply {
            Some(Reply::Appended(Appended { outcome, .. })) => (outcome.clone(), effects),
            other => panic!("no answer to AppendEntries but {other:?}"),
        }
    }

    /// Everything is on disk.
    pub(super) fn sync(&mut self) -> Effects {
        let (term, index) = (self.raft.term(), self.raft.last_index());
        self.step(Input::Persisted { term, index })
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Time passes until a timer is due.
    pub(super) fn tick(&mut self) -> Effects {
        self.now = self.now.max(self.raft.deadline());
        self.step(Input::Tick)
    }

    /// Time passes until the election timeout is over.
    pub(super) fn time_out(&mut self) -> Effects {
        self.now = self.now.max(self.raft.election_due);
        self.step(Input::Tick)
    }

    /// Makes it the leader of the next term, by the votes of `by`. What it sends first.
    pub(super) fn elect(&mut self, by: &[ServerId]) -> Effects {
        self.pass(ms(1000));
        self.tick();
        for &from in by {
            if self.raft.role() == Role::PreCandidate {
                let term = self.raft.term() + 1;
                self.step(Input::Reply(from, Reply::PreVote(Vote { term, granted: true })));
            }
        }
        let mut effects = self.sync();
        for &from in by {
            if self.raft.role() == Role::Candidate {
                let term = self.raft.term();
                effects = self.step(Input::Reply(from, Reply::Vote(Vote { term, granted: true })));
            }
        }
        assert_eq!(self.raft.role(), Role::Leader);
        effects
    }

    /// A follower says how far its log matches, in answer to the current round.
    pub(super) fn matched(&mut self, from: ServerId, index: Index) -> Effects {
        let (term, outcome) = (self.raft.term(), Outcome::Matched(index));
        let round = self.raft.leading.as_ref().unwrap().round;
        self.step(Input::Reply(from, Reply::Appended(Appended { term, outcome, round })))
    }

    pub(super) fn propose(&mut self) -> Effects {
        self.step(Input::Propose { ticket: 1, command: Bytes::from_static(b"x") })
    }

    /// The terms of its log, from the first entry that it has.
    pub(super) fn terms(&self) -> Vec<Term> {
        let log = &self.raft.log;
        (log.base_index() + 1..=log.last_index()).filter_map(|index| log.term_at(index)).collect()
    }
}
