//! What must never be seen (Figure 3), judged from outside.

use std::collections::BTreeMap;

use super::super::super::message::{Configuration, Entry, Index, Payload, ServerId, Term};
use super::super::super::spec::{self, Observation};
use super::disk::Disk;

#[derive(Debug, Default)]
pub(super) struct Ghost {
    /// Who led a term, in which of its incarnations.
    leaders: BTreeMap<Term, (ServerId, u64)>,
    votes: BTreeMap<(Term, ServerId), ServerId>,
    /// What was decided: term and hash.
    pub(super) decided: BTreeMap<Index, (Term, u64)>,
}

/// Whether those of `has` are a quorum, by the book.
pub(super) fn is_quorum(config: &Configuration, has: impl Fn(ServerId) -> bool) -> bool {
    let most = |set: &std::collections::BTreeSet<ServerId>| {
        2 * set.iter().filter(|&&id| has(id)).count() > set.len()
    };
    most(&config.voters) && (config.outgoing.is_empty() || most(&config.outgoing))
}

impl Ghost {
    pub(super) fn see(&mut self, seen: &Observation, incarnation: u64) -> Result<(), String> {
        match seen {
            Observation::Leads { server, term, .. } => {
                let first = *self.leaders.entry(*term).or_insert((*server, incarnation));
                if first != (*server, incarnation) {
                    return Err(format!("election safety: {first:?} and {server} lead term {term}"));
                }
            }
            Observation::Voted { server, term, candidate } => {
                let first = *self.votes.entry((*term, *server)).or_insert(*candidate);
                if first != *candidate {
                    return Err(format!("{server} votes for {first} and {candidate} in term {term}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Leader completeness: a new leader has whatever was decided. `term_at` tells its log; `None` where a snapshot is.
    pub(super) fn leads(
        &self,
        base: Index,
        term_at: impl Fn(Index) -> Option<Term>,
        id: ServerId,
    ) -> Result<(), String> {
        for (&index, &(term, _)) in self.decided.range(base + 1..) {
            if term_at(index) != Some(term) {
                return Err(format!("leader completeness: {id} lacks {index} of term {term}"));
            }
        }
        Ok(())
    }

    /// State machine safety.
    pub(super) fn applied(&mut self, id: ServerId, entry: &Entry) -> Result<(), String> {
        let mark = (entry.term, spec::digest(&entry.payload));
        let first = *self.decided.entry(entry.index).or_insert(mark);
        if first != mark {
            return Err(format!("state machine safety: {id} applies another entry at {}", entry.index));
        }
        Ok(())
    }
}

/// Log matching: an entry of the same index and term is the same, and so is all before it.
pub(super) fn log_matching(a: &Disk, b: &Disk) -> Result<(), String> {
    let at = |disk: &Disk, index: Index| {
        disk.log.iter().find(|entry| entry.index == index).map(|entry| (entry.term, entry.payload.clone()))
    };
    let mut agreed = false;
    let last = a.log.iter().chain(&b.log).map(|entry| entry.index).max().unwrap_or(0);
    for index in (1..=last).rev() {
        let (Some(x), Some(y)) = (at(a, index), at(b, index)) else { continue };
        if x.0 == y.0 {
            agreed = true;
        }
        if agreed && x != y {
            return Err(format!("log matching: two entries at {index}: {x:?} and {y:?}"));
        }
    }
    Ok(())
}

/// The log on a disk has neither gaps nor falling terms.
pub(super) fn is_sound(disk: &Disk) -> Result<(), String> {
    let mut before = (disk.meta.last_index, disk.meta.last_term);
    for entry in &disk.log {
        let config = if let Payload::Config(config) = &entry.payload { config.voters.len() } else { 1 };
        if entry.index != before.0 + 1 || entry.term < before.1 || config == 0 {
            return Err(format!("{:?} after {before:?} on a disk", (entry.index, entry.term)));
        }
        before = (entry.index, entry.term);
    }
    Ok(())
}
