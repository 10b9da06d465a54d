//! One server as the observer sees it: what is in its memory, and how much of that is on its disk.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::super::message::{Configuration, Index, ServerId, Term};
use super::Mark;

/// A server, up or down. While it is down, what was on its disk is what counts.
#[derive(Debug, Default)]
pub struct Mirror {
    /// It runs.
    pub up: bool,
    /// currentTerm in memory.
    pub term: Term,
    /// A term that is on its disk: no later incarnation may have a lower one.
    pub durable_term: Term,
    /// The term in which it leads.
    pub leads: Option<Term>,
    /// Everything up to here is on disk as it is in memory.
    pub synced: Index,
    /// commitIndex.
    pub commit: Index,
    /// lastApplied.
    pub applied: Index,
    /// The configuration that it says is in force.
    pub told: Rc<Configuration>,
    /// The configuration that it was given when it first started, before any log.
    pub initial: Option<Rc<Configuration>>,
    /// What was committed when each of its reads in progress began.
    pub reads: FxHashMap<u64, Index>,
    /// The entry before the first of `log`: the end of the snapshot that stands for what came before.
    base: (Index, Term),
    log: VecDeque<(Term, u64)>,
    /// The configurations of its log, the oldest being as of `base` or before. Never empty once it has started.
    configs: Vec<(Index, Rc<Configuration>)>,
}

impl Mirror {
    /// The last entry: index and term.
    pub fn last(&self) -> (Index, Term) {
        let (index, term) = self.base;
        (index + self.log.len() as u64, self.log.back().map_or(term, |last| last.0))
    }

    /// The end of what its snapshot stands for.
    pub fn base(&self) -> (Index, Term) {
        self.base
    }

    /// The term of an entry; `None` for one that was compacted away or is not there. Of the base it is known.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.0 {
            return Some(self.base.1);
        }
        self.entry(index).map(|entry| entry.0)
    }

    /// Term and digest of an entry of the log.
    pub fn entry(&self, index: Index) -> Option<(Term, u64)> {
        let place = index.checked_sub(self.base.0 + 1)?;
        self.log.get(usize::try_from(place).ok()?).copied()
    }

    /// Is the committed entry of this index and term in its memory, as an entry or behind a snapshot?
    pub fn has(&self, index: Index, term: Term) -> bool {
        index < self.base.0 || self.term_at(index) == Some(term)
    }

    /// Is it on its disk?
    pub fn has_on_disk(&self, index: Index, term: Term) -> bool {
        index <= self.synced && self.has(index, term)
    }

    /// The latest configuration in its log, with the index of its entry.
    pub fn config(&self) -> Option<&(Index, Rc<Configuration>)> {
        self.configs.last()
    }

    /// The configuration that the entry at this index is, if it is one.
    pub fn config_at(&self, index: Index) -> Option<&Rc<Configuration>> {
        self.configs.iter().rev().find(|&&(at, _)| at == index).map(|(_, config)| config)
    }

    /// Starts anew from what was on disk; `before` is the configuration as of the snapshot.
    pub fn boot(&mut self, snapshot: (Index, Term), log: &[Mark], before: (Index, Rc<Configuration>)) {
        if snapshot.0 == 0 {
            self.initial.get_or_insert_with(|| before.1.clone());
        }
        self.base = snapshot;
        self.log = log.iter().map(|mark| (mark.term, mark.digest)).collect();
        self.configs = vec![before];
        self.configs.extend(log.iter().filter_map(config_of));
        (self.up, self.leads, self.commit, self.applied) = (true, None, snapshot.0, 0);
        self.synced = self.last().0;
        self.reads.clear();
    }

    /// Cuts the log before `from`, then adds the entries. What lies behind the base is not there to be cut.
    pub fn replace(&mut self, from: Index, marks: &[Mark]) {
        let keep = from.saturating_sub(self.base.0 + 1);
        self.log.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        while self.configs.len() > 1 && self.configs.last().is_some_and(|&(index, _)| index >= from) {
            self.configs.pop();
        }
        self.synced = self.synced.min(from.saturating_sub(1));
        self.log.extend(marks.iter().map(|mark| (mark.term, mark.digest)));
        self.configs.extend(marks.iter().filter_map(config_of));
    }

    /// A snapshot stands for everything up to here, and the entries up to there are gone.
    pub fn compact(&mut self, index: Index) {
        let Some(term) = self.term_at(index) else { return };
        self.log.drain(..usize::try_from(index - self.base.0).unwrap_or(usize::MAX).min(self.log.len()));
        self.base = (index, term);
    }

    /// A leader's snapshot takes the place of the log, or of its beginning; `before` is the configuration as of it.
    /// That it is on disk is seen later; of what was there, everything up to `durable` counts until then.
    pub fn install(
        &mut self,
        snapshot: (Index, Term),
        keep: bool,
        durable: Index,
        before: (Index, Rc<Configuration>),
    ) {
        if keep {
            let gone = snapshot.0.saturating_sub(self.base.0);
            self.log.drain(..usize::try_from(gone).unwrap_or(usize::MAX).min(self.log.len()));
        } else {
            self.log.clear();
            self.synced = durable;
        }
        self.configs.retain(|&(index, _)| keep && index > snapshot.0);
        self.configs.insert(0, before);
        self.base = snapshot;
        self.commit = self.commit.max(snapshot.0);
    }
}

fn config_of(mark: &Mark) -> Option<(Index, Rc<Configuration>)> {
    mark.config.clone().map(|config| (mark.index, config))
}

/// Does everybody for whom `is_in` holds decide under this configuration: a majority of its voters, and while it is
/// joint, of the outgoing ones too (§6)?
pub fn decides(config: &Configuration, is_in: impl Fn(ServerId) -> bool) -> bool {
    let majority =
        |voters: &BTreeSet<ServerId>| 2 * voters.iter().filter(|&&voter| is_in(voter)).count() > voters.len();
    majority(&config.voters) && (config.outgoing.is_empty() || majority(&config.outgoing))
}

/// Has every set of servers that decides under one a server in common with every set that decides under the other?
pub fn overlap(one: &Configuration, other: &Configuration) -> bool {
    let all: BTreeSet<ServerId> =
        [&one.voters, &one.outgoing, &other.voters, &other.outgoing].into_iter().flatten().copied().collect();
    let all: Vec<ServerId> = all.into_iter().collect();
    // Twenty servers and more are beyond what a story has; they are taken on trust.
    let sets = 1_u32.checked_shl(all.len() as u32).filter(|_| all.len() < 20).unwrap_or(0);
    (0..sets).all(|set| {
        let is_in = |id: ServerId| all.iter().position(|&one| one == id).is_some_and(|at| set >> at & 1 == 1);
        !(decides(one, is_in) && decides(other, |id| !is_in(id)))
    })
}
