//! What each session did, and which write comes before which by that alone.

use super::{Guarantee, MOST_WRITES, SessionFault, SessionsOpen};
use crate::consistency::programs::programs;
use crate::direct::Role;
use crate::history::Operation;
use crate::model::Model;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// One operation of a session. Writes and registers are numbered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Read {
        at: usize,
        register: usize,
        saw: Option<usize>,
    },
    Write(usize),
    /// One of unknown outcome, whose value was seen: nothing has to come after it.
    Loose(usize),
}

/// The sessions of a history.
pub(super) struct Program {
    /// Of each write, its index in the history and its register.
    pub(super) writes: Vec<(usize, usize)>,
    pub(super) sessions: Vec<Vec<Event>>,
    /// A read of a value that nobody wrote.
    pub(super) unwritten: Option<usize>,
}

impl Program {
    pub(super) fn of<M: Model>(
        model: &M,
        history: &[Operation<M::Input, M::Output>],
        fault: SessionFault,
    ) -> Result<Self, SessionsOpen> {
        let mut registers: FxHashMap<Option<&str>, usize> = FxHashMap::default();
        let mut writers: FxHashMap<(usize, &str), usize> = FxHashMap::default();
        let mut reads: Vec<(usize, usize, Option<&str>)> = Vec::new();
        let mut register_of = Vec::with_capacity(history.len());
        for (at, operation) in history.iter().enumerate() {
            if operation.returned_at().is_some_and(|ret| ret < operation.call) {
                return Err(SessionsOpen::Malformed { operation: at });
            }
            let count = registers.len();
            let register = *registers.entry(model.key(&operation.input)).or_insert(count);
            register_of.push(register);
            match model.role(&operation.input, operation.output()) {
                Role::Look => {}
                Role::Read(seen) => reads.push((at, register, seen)),
                Role::Write(Some(value)) => {
                    if let Some(other) = writers.insert((register, value), at) {
                        return Err(SessionsOpen::Repeated { operations: [other, at] });
                    }
                }
                _ => return Err(SessionsOpen::NotAReadOrWrite { operation: at }),
            }
        }
        let mut saw: FxHashMap<usize, Option<usize>> = FxHashMap::default();
        let mut unwritten = None;
        for (at, register, seen) in reads {
            let writer = seen.and_then(|seen| writers.get(&(register, seen)).copied());
            if seen.is_some() && writer.is_none() {
                unwritten = unwritten.or(Some(at));
            }
            saw.insert(at, writer);
        }
        let was_seen: BTreeSet<usize> = saw.values().copied().flatten().collect();
        let happened = |at: &usize| {
            history[*at].returned.is_some()
                || was_seen.contains(at)
                || fault == SessionFault::UnknownTakenAsDone
        };
        let mut at_writes: Vec<usize> = writers.into_values().filter(happened).collect();
        at_writes.sort_unstable();
        if at_writes.len() > MOST_WRITES {
            return Err(SessionsOpen::TooMany { writes: at_writes.len() });
        }
        let number: FxHashMap<usize, usize> = at_writes.iter().copied().zip(0..).collect();
        let sessions = programs(history).map_err(|operations| SessionsOpen::Overlapping { operations })?;
        let event = |at: usize| match (number.get(&at), saw.get(&at)) {
            (Some(write), _)
                if history[at].returned.is_some() || fault == SessionFault::UnknownTakenAsDone =>
            {
                Some(Event::Write(*write))
            }
            (Some(write), _) => Some(Event::Loose(*write)),
            (None, Some(saw)) => {
                let saw = saw.and_then(|saw| number.get(&saw).copied());
                Some(Event::Read { at, register: register_of[at], saw })
            }
            (None, None) => None,
        };
        let session = |all: Vec<usize>| all.into_iter().filter_map(event).collect();
        let writes = at_writes.iter().map(|at| (*at, register_of[*at])).collect();
        Ok(Self { writes, sessions: sessions.into_values().map(session).collect(), unwritten })
    }

    /// Which write comes before which by the sessions alone. The first nodes are the writes. The others are the places in
    /// the sessions, and what leads to one comes before all writes behind it. The edges say which operation shows it.
    pub(super) fn order(&self, asked: &BTreeSet<Guarantee>) -> DiGraph<(), Edge> {
        let mut graph = DiGraph::new();
        let writes: Vec<NodeIndex> = self.writes.iter().map(|_| graph.add_node(())).collect();
        for session in &self.sessions {
            let mut place = graph.add_node(());
            for event in session {
                let next = graph.add_node(());
                graph.add_edge(place, next, Edge::Along);
                match *event {
                    Event::Read { at, saw: Some(write), .. }
                        if asked.contains(&Guarantee::WritesFollowReads) =>
                    {
                        graph.add_edge(writes[write], next, Edge::ReadBy(at));
                    }
                    Event::Read { .. } => {}
                    Event::Write(write) | Event::Loose(write) => {
                        graph.add_edge(place, writes[write], Edge::Along);
                        if matches!(event, Event::Write(_)) && asked.contains(&Guarantee::MonotonicWrites) {
                            graph.add_edge(writes[write], next, Edge::Wrote);
                        }
                    }
                }
                place = next;
            }
        }
        graph
    }
}

/// Why a node comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// It is the next place in the session.
    Along,
    /// This operation read it there.
    ReadBy(usize),
    /// The session wrote it there.
    Wrote,
    /// The replica of this read, of this session and at this place, holds the one, and it saw the other.
    Held { session: usize, place: usize },
}
