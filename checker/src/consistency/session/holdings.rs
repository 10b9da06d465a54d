//! What the replica of each read holds at least, and whether any order of the writes agrees.

use super::graph::{Edge, Event, Program};
use super::{Guarantee, SessionFault, SessionStep};
use petgraph::Direction;
use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashMap;
use std::collections::{BTreeSet, VecDeque};

/// A set of writes.
#[derive(Clone, Default)]
struct Writes(Vec<u64>);

impl Writes {
    fn add(&mut self, write: usize) {
        let word = write / 64;
        self.0.resize(self.0.len().max(word + 1), 0);
        self.0[word] |= 1 << (write % 64);
    }

    fn has(&self, write: usize) -> bool {
        self.0.get(write / 64).is_some_and(|word| word >> (write % 64) & 1 == 1)
    }

    /// Adds all of `other`, and tells those that are new.
    fn join(&mut self, other: &Self, mut is_new: impl FnMut(usize)) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (at, (mine, theirs)) in self.0.iter_mut().zip(&other.0).enumerate() {
            let mut new = theirs & !*mine;
            *mine |= theirs;
            while new != 0 {
                is_new(64 * at + new.trailing_zeros() as usize);
                new &= new - 1;
            }
        }
    }
}

/// A step of a contradiction, and the guarantees that make it.
type Step = (SessionStep, BTreeSet<Guarantee>);

/// Steps that contradict each other, if there are any.
pub(super) fn contradiction(
    program: &Program,
    asked: BTreeSet<Guarantee>,
    fault: SessionFault,
) -> Option<Vec<Step>> {
    let graph = program.order(&asked);
    let held_with = match toposort(&graph, None) {
        Ok(sorted) => held_with(program, &graph, &sorted, &asked, fault),
        // Writes that come before themselves by the sessions alone.
        Err(_) => vec![Writes::default(); program.writes.len()],
    };
    let mut judge = Judge { program, asked, graph, held_with };
    judge.find(fault)
}

/// For each write, those that whoever holds it must hold.
fn held_with(
    program: &Program,
    graph: &DiGraph<(), Edge>,
    sorted: &[NodeIndex],
    asked: &BTreeSet<Guarantee>,
    fault: SessionFault,
) -> Vec<Writes> {
    let count = program.writes.len();
    let closes = asked.contains(&Guarantee::MonotonicWrites) || asked.contains(&Guarantee::WritesFollowReads);
    let mut held = vec![Writes::default(); count];
    if !closes || fault == SessionFault::HoldingsNotClosed {
        return held;
    }
    // Of the places, those that something still follows.
    let mut places: FxHashMap<usize, (usize, Writes)> = FxHashMap::default();
    for node in sorted {
        let mut all = Writes::default();
        for edge in graph.edges_directed(*node, Direction::Incoming) {
            let before = edge.source().index();
            if before < count {
                all.add(before);
                all.join(&held[before], |_| ());
            } else if let Some((left, place)) = places.get_mut(&before) {
                all.join(place, |_| ());
                *left -= 1;
                if *left == 0 {
                    places.remove(&before);
                }
            }
        }
        match held.get_mut(node.index()) {
            Some(held) => *held = all,
            None => _ = places.insert(node.index(), (graph.edges(*node).count(), all)),
        }
    }
    held
}

/// Of one register, the writes that a session's replicas hold, but for those that come before one of these.
#[derive(Default)]
struct Held {
    /// Those that a node of the order stands for, which they come before.
    chained: Vec<usize>,
    chain: Option<NodeIndex>,
    fresh: Vec<usize>,
}

impl Held {
    fn all(&self) -> impl Iterator<Item = usize> {
        self.chained.iter().chain(&self.fresh).copied()
    }

    /// A node that all come before: an edge for each, however many reads see another write.
    fn chain(&mut self, graph: &mut DiGraph<(), Edge>) -> Option<NodeIndex> {
        if !self.fresh.is_empty() {
            let end = graph.add_node(());
            for write in &self.fresh {
                graph.add_edge(NodeIndex::new(*write), end, Edge::Along);
            }
            self.chained.append(&mut self.fresh);
            if let Some(before) = self.chain.replace(end) {
                graph.add_edge(before, end, Edge::Along);
            }
        }
        self.chain
    }
}

struct Judge<'p> {
    program: &'p Program,
    asked: BTreeSet<Guarantee>,
    graph: DiGraph<(), Edge>,
    held_with: Vec<Writes>,
}

impl Judge<'_> {
    fn find(&mut self, fault: SessionFault) -> Option<Vec<Step>> {
        for session in 0..self.program.sessions.len() {
            if let Some(step) = self.follow(session, fault) {
                return Some(vec![step]);
            }
        }
        if fault == SessionFault::CirclesIgnored {
            return None;
        }
        let circle = self.circle()?;
        let is_write = |node: NodeIndex| node.index() < self.program.writes.len();
        // From write to write, over places.
        let begin = circle.iter().position(|(node, _)| is_write(*node))?;
        let mut steps = Vec::new();
        let mut by = Vec::new();
        for (node, edge) in circle[begin..].iter().chain(&circle[..begin]) {
            if is_write(*node) && !by.is_empty() {
                steps.push(std::mem::take(&mut by));
            }
            by.push((*node, *edge));
        }
        steps.push(by);
        let firsts: Vec<usize> = steps.iter().map(|step| step[0].0.index()).collect();
        let step = |(number, step): (usize, &Vec<(NodeIndex, Edge)>)| {
            let edges: Vec<Edge> = step.iter().map(|(_, edge)| *edge).collect();
            self.explain(firsts[number], Some(firsts[(number + 1) % firsts.len()]), &edges)
        };
        Some(steps.iter().enumerate().map(step).collect())
    }

    /// Follows a session and adds what its reads say of the order of the writes; a step is one that cannot be.
    fn follow(&mut self, session: usize, fault: SessionFault) -> Option<Step> {
        let remembers = |guarantee| self.asked.contains(&guarantee);
        let (own, reads) = (remembers(Guarantee::ReadYourWrites), remembers(Guarantee::MonotonicReads));
        let mut known = Writes::default();
        let mut held: FxHashMap<usize, Held> = FxHashMap::default();
        for (place, event) in self.program.sessions[session].iter().enumerate() {
            let learned = match *event {
                Event::Write(write) if own => Some(write),
                Event::Read { saw, .. } if reads => saw,
                _ => None,
            };
            if let Some(write) = learned {
                let mut all = self.held_with[write].clone();
                all.add(write);
                let writes = &self.program.writes;
                known.join(&all, |write| held.entry(writes[write].1).or_default().fresh.push(write));
            }
            let Event::Read { register, saw, .. } = *event else { continue };
            let Some(held) = held.get_mut(&register) else { continue };
            let by = Edge::Held { session, place };
            match saw {
                None if fault == SessionFault::MissingNeverWrong => {}
                None => {
                    if let Some(write) = held.all().next() {
                        return Some(self.explain(write, None, &[by]));
                    }
                }
                Some(saw) => {
                    let to = NodeIndex::new(saw);
                    if !known.has(saw) {
                        // What is read next need not come after this one.
                        if let Some(end) = held.chain(&mut self.graph) {
                            self.graph.add_edge(end, to, by);
                        }
                        continue;
                    }
                    // Whatever must be held with what was seen comes before it anyway.
                    let tells = |write: &usize| *write != saw && !self.held_with[saw].has(*write);
                    for write in held.all().filter(tells) {
                        self.graph.add_edge(NodeIndex::new(write), to, by);
                    }
                    // All others come before this one, and this one before what is read next.
                    *held = Held { fresh: vec![saw], ..Held::default() };
                }
            }
        }
        None
    }

    /// A shortest circle through some node, each node with the edge that leaves it.
    fn circle(&self) -> Option<Vec<(NodeIndex, Edge)>> {
        let part = kosaraju_scc(&self.graph).into_iter().find(|part| part.len() > 1)?;
        let start = *part.iter().min()?;
        let within: BTreeSet<NodeIndex> = part.into_iter().collect();
        let way = self.way(start, start, |node| within.contains(&node))?;
        Some(way)
    }

    /// A shortest way of at least one edge.
    fn way(
        &self,
        from: NodeIndex,
        to: NodeIndex,
        is_open: impl Fn(NodeIndex) -> bool,
    ) -> Option<Vec<(NodeIndex, Edge)>> {
        let mut came: FxHashMap<NodeIndex, (NodeIndex, Edge)> = FxHashMap::default();
        let mut waiting = VecDeque::from([from]);
        while let Some(node) = waiting.pop_front() {
            for edge in self.graph.edges(node).filter(|edge| is_open(edge.target())) {
                let next = edge.target();
                if came.contains_key(&next) {
                    continue;
                }
                came.insert(next, (node, *edge.weight()));
                if next == to {
                    let mut way = Vec::new();
                    let mut at = to;
                    loop {
                        let (before, edge) = came[&at];
                        way.push((before, edge));
                        at = before;
                        if at == from {
                            way.reverse();
                            return Some(way);
                        }
                    }
                }
                waiting.push_back(next);
            }
        }
        None
    }

    /// The step from a write to another, or to a read of nothing, by these edges.
    fn explain(&self, earlier: usize, later: Option<usize>, edges: &[Edge]) -> Step {
        let at = |write: usize| self.program.writes[write].0;
        let (mut shown_by, mut guarantees) = (Vec::new(), BTreeSet::new());
        for edge in edges {
            match *edge {
                Edge::Along => {}
                Edge::Wrote => _ = guarantees.insert(Guarantee::MonotonicWrites),
                Edge::ReadBy(read) => {
                    shown_by.push(read);
                    guarantees.insert(Guarantee::WritesFollowReads);
                }
                Edge::Held { session, place } => {
                    self.why_held(earlier, session, place, &mut shown_by, &mut guarantees)
                }
            }
        }
        (SessionStep { earlier: Some(at(earlier)), later: later.map(at), shown_by }, guarantees)
    }

    /// Why the replica of a read holds a write: the session wrote or read it, or one that whoever holds it must hold.
    fn why_held(
        &self,
        write: usize,
        session: usize,
        place: usize,
        shown_by: &mut Vec<usize>,
        guarantees: &mut BTreeSet<Guarantee>,
    ) {
        let events = &self.program.sessions[session];
        if let Event::Read { at, .. } = events[place] {
            shown_by.push(at);
        }
        let learned = events[..=place].iter().enumerate().filter_map(|(at, event)| match *event {
            Event::Write(base) if self.asked.contains(&Guarantee::ReadYourWrites) => {
                Some((base, None, Guarantee::ReadYourWrites))
            }
            Event::Read { at: read, saw: Some(base), .. }
                if at < place && self.asked.contains(&Guarantee::MonotonicReads) =>
            {
                Some((base, Some(read), Guarantee::MonotonicReads))
            }
            _ => None,
        });
        let bases: Vec<_> = learned.collect();
        let direct = bases.iter().find(|(base, ..)| *base == write);
        let Some((base, read, guarantee)) =
            direct.or_else(|| bases.iter().find(|(base, ..)| self.held_with[*base].has(write)))
        else {
            return;
        };
        guarantees.insert(*guarantee);
        shown_by.extend(read.or(Some(self.program.writes[*base].0)));
        if *base == write {
            return;
        }
        shown_by.push(self.program.writes[*base].0);
        let order = self.program.order(&self.asked);
        let plain =
            Judge { program: self.program, asked: BTreeSet::new(), graph: order, held_with: Vec::new() };
        let way = plain.way(NodeIndex::new(write), NodeIndex::new(*base), |_| true).unwrap_or_default();
        for (node, edge) in way {
            shown_by.extend(self.program.writes.get(node.index()).map(|(at, _)| *at));
            match edge {
                Edge::Wrote => _ = guarantees.insert(Guarantee::MonotonicWrites),
                Edge::ReadBy(read) => {
                    shown_by.push(read);
                    guarantees.insert(Guarantee::WritesFollowReads);
                }
                Edge::Along | Edge::Held { .. } => {}
            }
        }
    }
}
