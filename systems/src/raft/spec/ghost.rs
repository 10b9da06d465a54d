//! What the observer remembers. It survives every crash.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::super::message::{Configuration, Index, ServerId, Term};
use super::mirror::Mirror;
use super::{Mark, Observation, Op, Outcome};
use crate::probe::{self, Broken};

/// How often things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each counts the observation of its name")]
pub struct Counts {
    pub booted: u64,
    pub elected: u64,
    pub stepped_down: u64,
    pub truncated: u64,
    pub compacted: u64,
    pub installed: u64,
    pub changed: u64,
    pub read: u64,
    pub acknowledged: u64,
}

/// An entry that some log has held: by its index and term it is one entry for ever (§5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub digest: u64,
    /// The term of the entry before it.
    pub before: Term,
}

/// All that was seen so far.
#[derive(Debug, Default)]
pub struct Ghost {
    servers: BTreeMap<ServerId, Mirror>,
    leaders: FxHashMap<Term, ServerId>,
    votes: FxHashMap<(ServerId, Term), ServerId>,
    links: FxHashMap<(Index, Term), Link>,
    /// Term and digest of every committed entry; entry 1 is the first.
    committed: Vec<(Term, u64)>,
    /// Up to which index leaders of each term have decided, in the order of decision.
    decided: Vec<(Term, Index)>,
    /// The term and configuration of the last decision, in the order of terms, and of the last about entries.
    decisions: [Option<(Term, Rc<Configuration>)>; 2],
    /// The committed configurations, the first being the initial one.
    configs: Vec<(Index, Rc<Configuration>)>,
    snapshots: FxHashMap<Index, u64>,
    counts: Counts,
}

impl Ghost {
    /// The server, if it has ever started.
    pub fn server(&self, id: ServerId) -> Option<&Mirror> {
        self.servers.get(&id)
    }

    /// All servers that have ever started.
    pub fn servers(&self) -> impl Iterator<Item = (ServerId, &Mirror)> {
        self.servers.iter().map(|(&id, server)| (id, server))
    }

    /// Who led in this term.
    pub fn leader_of(&self, term: Term) -> Option<ServerId> {
        self.leaders.get(&term).copied()
    }

    /// Whom the server voted for in the term.
    pub fn vote(&self, server: ServerId, term: Term) -> Option<ServerId> {
        self.votes.get(&(server, term)).copied()
    }

    /// The entry of this index and term, if any log has held it.
    pub fn link(&self, index: Index, term: Term) -> Option<Link> {
        self.links.get(&(index, term)).copied()
    }

    /// How many entries are committed: the index of the last of them.
    pub fn committed(&self) -> Index {
        self.committed.len() as u64
    }

    /// Term and digest of a committed entry. Index 0, before the first, has term 0.
    pub fn committed_at(&self, index: Index) -> Option<(Term, u64)> {
        match index.checked_sub(1) {
            None => Some((0, 0)),
            Some(place) => self.committed.get(usize::try_from(place).ok()?).copied(),
        }
    }

    /// Up to which index leaders of terms before this one have decided.
    pub fn decided_before(&self, term: Term) -> Index {
        let earlier = self.decided.iter().filter(|&&(decided, _)| decided < term);
        earlier.map(|&(_, index)| index).max().unwrap_or(0)
    }

    /// Term and configuration of the last decision, in the order of terms, and of the last that was about entries.
    pub fn decisions(&self) -> impl Iterator<Item = &(Term, Rc<Configuration>)> {
        self.decisions.iter().flatten()
    }

    /// The committed configuration as of an index; `None` before any server has started.
    pub fn config_as_of(&self, index: Index) -> Option<&(Index, Rc<Configuration>)> {
        self.configs.iter().rev().find(|&&(at, _)| at <= index)
    }

    /// Hash of the snapshot that was made of everything up to here.
    pub fn snapshot(&self, index: Index) -> Option<u64> {
        self.snapshots.get(&index).copied()
    }

    /// The last committed entry that the server has on disk.
    pub fn durable(&self, server: &Mirror) -> Index {
        let most = server.synced.min(self.committed());
        let held = |&index: &Index| self.committed_at(index).is_some_and(|(term, _)| server.has(index, term));
        (0..=most).rev().find(held).unwrap_or(0)
    }

    /// How often things happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn at(&mut self, id: ServerId) -> &mut Mirror {
        self.servers.entry(id).or_default()
    }

    fn remember(&mut self, seen: Observation) {
        match seen {
            Observation::Booted { .. } => self.boot(seen),
            Observation::Gone { server } => {
                let server = self.at(server);
                (server.up, server.leads) = (false, None);
            }
            Observation::Voted { server, term, candidate } => {
                self.votes.entry((server, term)).or_insert(candidate);
                let server = self.at(server);
                server.term = server.term.max(term);
                server.durable_term = server.durable_term.max(term);
            }
            Observation::TermRose { server, term } => self.at(server).term = term,
            Observation::Leads { server, term, .. } => {
                self.counts.elected += 1;
                self.leaders.entry(term).or_insert(server);
                self.decide(server, term, 1);
                self.at(server).leads = Some(term);
            }
            Observation::SteppedDown { server, .. } => {
                self.counts.stepped_down += 1;
                self.at(server).leads = None;
            }
            Observation::Synced { server, index } => {
                let server = self.at(server);
                server.synced = index.min(server.last().0);
                server.durable_term = server.durable_term.max(server.term);
            }
            Observation::Configured { server, config, .. } => {
                let differs = *self.at(server).told != config;
                self.counts.changed += u64::from(differs);
                self.at(server).told = Rc::new(config);
            }
            Observation::Log { server, from, marks } => self.grow(server, from, &marks),
            Observation::Committed { server, term, leads, index } => {
                if leads {
                    self.commit(server, term, index);
                }
                self.at(server).commit = index;
            }
            Observation::Applied { server, mark } => self.at(server).applied = mark.index,
            Observation::Snapshot { index, digest, .. } => {
                self.snapshots.entry(index).or_insert(digest);
            }
            Observation::Compacted { server, index } => {
                self.counts.compacted += 1;
                self.at(server).compact(index);
            }
            Observation::Installed { server, index, term, keep_suffix } => {
                self.counts.installed += 1;
                let before = self.config_as_of(index).cloned().unwrap_or_default();
                let durable = self.servers.get(&server).map_or(0, |server| self.durable(server));
                self.at(server).install((index, term), keep_suffix, durable, before);
            }
            Observation::Restored { server, index, digest } => {
                self.snapshots.entry(index).or_insert(digest);
                self.at(server).applied = index;
            }
            Observation::ReadBegins { server, ticket } => {
                let committed = self.committed();
                self.at(server).reads.insert(ticket, committed);
            }
            Observation::ReadServed { server, ticket, .. } => {
                self.counts.read += 1;
                self.at(server).reads.remove(&ticket);
            }
            Observation::Acknowledged { .. } => self.counts.acknowledged += 1,
            Observation::Unreadable { .. } | Observation::Returned { .. } => {}
        }
    }

    fn boot(&mut self, seen: Observation) {
        let Observation::Booted { server, term, voted_for, snapshot, snapshot_digest, log, config } = seen
        else {
            return;
        };
        self.counts.booted += 1;
        // A vote that was on disk before anybody saw it given may be given again.
        if let Some(candidate) = voted_for {
            self.votes.entry((server, term)).or_insert(candidate);
        }
        let config = Rc::new(config);
        // Who waits to be added knows of no members.
        if self.configs.is_empty() && !config.voters.is_empty() {
            self.configs.push((0, config.clone()));
        }
        if snapshot.0 > 0 {
            self.snapshots.entry(snapshot.0).or_insert(snapshot_digest);
        }
        self.link_all(snapshot.1, &log);
        let before = self.config_before_log(server, snapshot.0, &config);
        let server = self.at(server);
        server.boot(snapshot, &log, before);
        (server.term, server.told) = (term, config);
        server.durable_term = server.durable_term.max(term);
    }

    /// The configuration in force at a server just before its log begins. Without a snapshot that is what it was given
    /// when it first started: a server that joins later was given another one than the first.
    pub fn config_before_log(
        &self,
        server: ServerId,
        snapshot: Index,
        told: &Rc<Configuration>,
    ) -> (Index, Rc<Configuration>) {
        match self.servers.get(&server).and_then(|server| server.initial.clone()) {
            Some(initial) if snapshot == 0 => (0, initial),
            None if snapshot == 0 => (0, told.clone()),
            _ => self.config_as_of(snapshot).cloned().unwrap_or_else(|| (0, told.clone())),
        }
    }

    fn grow(&mut self, server: ServerId, from: Index, marks: &[Mark]) {
        let mirror = self.servers.entry(server).or_default();
        if from <= mirror.last().0 {
            self.counts.truncated += 1;
        }
        mirror.replace(from, &[]);
        let before = mirror.last().1;
        mirror.replace(from, marks);
        self.link_all(before, marks);
    }

    fn link_all(&mut self, mut before: Term, marks: &[Mark]) {
        for mark in marks {
            self.links.entry((mark.index, mark.term)).or_insert(Link { digest: mark.digest, before });
            before = mark.term;
        }
    }

    /// A leader of `term` decides that everything up to `index` is committed.
    fn commit(&mut self, server: ServerId, term: Term, index: Index) {
        let Some(leader) = self.servers.get(&server) else { return };
        for at in self.committed.len() as u64 + 1..=index {
            // What it has compacted was committed before, or it could not have been.
            let Some(entry) = leader.entry(at) else { break };
            self.committed.push(entry);
            if let Some(config) = leader.config_at(at) {
                self.configs.push((at, config.clone()));
            }
        }
        match self.decided.last_mut() {
            Some(last) if last.0 == term => last.1 = last.1.max(index),
            _ => self.decided.push((term, index)),
        }
        self.decide(server, term, 2);
    }

    /// An election is the last decision; one about entries is both.
    fn decide(&mut self, server: ServerId, term: Term, both: usize) {
        let Some((_, config)) = self.servers.get(&server).and_then(Mirror::config) else { return };
        for last in &mut self.decisions[..both] {
            if last.as_ref().is_none_or(|&(last, _)| last <= term) {
                *last = Some((term, config.clone()));
            }
        }
    }
}

impl probe::Ghost for Ghost {
    type Observation = Observation;
    type Op = Op;
    type Outcome = Outcome;

    fn observe(&mut self, seen: Observation) -> Result<(), Broken> {
        let judged = super::ALL.iter().find_map(|(clause, property)| {
            property(self, &seen).err().map(|detail| Broken { clause, detail })
        });
        self.remember(seen);
        judged.map_or(Ok(()), Err)
    }

    fn returned(op: &Op, outcome: &Outcome) -> Observation {
        Observation::Returned { op: op.clone(), outcome: outcome.clone() }
    }
}
