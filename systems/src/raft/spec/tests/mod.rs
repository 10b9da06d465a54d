//! Each property holds over right sequences, and falls at the first observation that breaks it.

mod elections;
mod logs;
mod states;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::message::{Configuration, Entry, Index, Payload, ServerId, Term};
use super::{Ghost, Mark, Observation};
use crate::probe::Ghost as _;

pub(super) fn config(voters: &[ServerId]) -> Configuration {
    Configuration { voters: voters.iter().copied().collect(), ..Configuration::default() }
}

pub(super) fn joint(voters: &[ServerId], outgoing: &[ServerId]) -> Configuration {
    Configuration { outgoing: outgoing.iter().copied().collect::<BTreeSet<_>>(), ..config(voters) }
}

/// A command, the same whenever index and term are.
pub(super) fn mark(index: Index, term: Term) -> Mark {
    Mark::of(&Entry { index, term, payload: Payload::Command(vec![index as u8, term as u8].into()) })
}

pub(super) fn change(index: Index, term: Term, config: Configuration) -> Mark {
    Mark { config: Some(Rc::new(config)), ..mark(index, term) }
}

/// A run told observation by observation: every one of them is right, unless said otherwise.
pub(super) struct Play(Ghost);

impl Play {
    /// Servers 1 to `size` start empty.
    pub(super) fn of(size: ServerId) -> Play {
        let mut play = Play(Ghost::default());
        let all: Vec<ServerId> = (1..=size).collect();
        for id in 1..=size {
            play.see(booted(id, 0, &[], config(&all)));
        }
        play
    }

    /// Three servers; s1 leads in term 1 by its own vote and that of s2.
    pub(super) fn led() -> Play {
        let mut play = Play::of(3);
        play.elect(1, 1, &[1, 2]);
        play
    }

    /// Then entries 1 to 3 are everywhere, on disk, and s1 has committed them.
    pub(super) fn committed() -> Play {
        let mut play = Play::led();
        for id in 1..=3 {
            play.log(id, 1, &[mark(1, 1), mark(2, 1), mark(3, 1)]);
        }
        play.commit(1, 1, 3);
        play
    }

    #[track_caller]
    pub(super) fn see(&mut self, seen: Observation) -> &mut Play {
        if let Err(broken) = self.0.observe(seen) {
            panic!("{broken}");
        }
        self
    }

    /// The next observation breaks the property whose name begins so, and no other one before it.
    #[track_caller]
    pub(super) fn breaks(&mut self, clause: &str, seen: Observation) {
        let told = format!("{seen:?}");
        let broken = self.0.observe(seen).expect_err(&told);
        assert_eq!(broken.clause.split(' ').next(), Some(clause), "{broken}");
    }

    pub(super) fn elect(&mut self, server: ServerId, term: Term, votes: &[ServerId]) {
        for &voter in votes {
            self.see(Observation::Voted { server: voter, term, candidate: server });
        }
        self.see(leads(server, term, votes));
    }

    pub(super) fn log(&mut self, server: ServerId, from: Index, marks: &[Mark]) {
        self.see(grew(server, from, marks));
        self.see(synced(server, from + marks.len() as u64 - 1));
    }

    pub(super) fn commit(&mut self, server: ServerId, term: Term, index: Index) {
        self.see(Observation::Committed { server, term, leads: true, index });
    }

    pub(super) fn apply(&mut self, server: ServerId, marks: &[Mark]) {
        for mark in marks {
            self.see(Observation::Applied { server, mark: mark.clone() });
        }
    }

    pub(super) fn ghost(&self) -> &Ghost {
        &self.0
    }
}

pub(super) fn booted(server: ServerId, term: Term, log: &[Mark], config: Configuration) -> Observation {
    Observation::Booted {
        server,
        term,
        voted_for: None,
        snapshot: (0, 0),
        snapshot_digest: 0,
        log: log.to_vec(),
        config,
    }
}

pub(super) fn leads(server: ServerId, term: Term, votes: &[ServerId]) -> Observation {
    Observation::Leads { server, term, votes: votes.to_vec() }
}

pub(super) fn grew(server: ServerId, from: Index, marks: &[Mark]) -> Observation {
    Observation::Log { server, from, marks: marks.to_vec() }
}

pub(super) fn synced(server: ServerId, index: Index) -> Observation {
    Observation::Synced { server, index }
}

pub(super) fn told(server: ServerId, term: Term, index: Index) -> Observation {
    Observation::Committed { server, term, leads: false, index }
}

pub(super) fn gone(server: ServerId) -> Observation {
    Observation::Gone { server }
}
