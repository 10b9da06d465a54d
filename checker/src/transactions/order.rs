//! From a graph without cycles to an order that explains the history, or to the edges that were missing.
//!
//! The graph says what must be; an order of the writes that nobody saw in sequence is still open. So: sort the
//! graph topologically, as close to real time as it allows, and run the transactions in that order. If every read
//! sees what it saw, and under snapshot isolation no two concurrent transactions wrote one key, that order is the
//! answer. If not, each *conflict* has two repairs:
//!
//! ```text
//!   T1 writes x     T2 writes x     T3 reads x of T1       either T2 before T1, or T3 before T2
//! ```
//!
//! A repair whose opposite is implied already closes a cycle, so the other one is *inferred*. If neither is, one is
//! tried, and the other when the first leads nowhere. All orders of a history are lost only if all repairs close
//! cycles: the answer is exact, if the budget suffices (the problem is NP-complete: Papadimitriou 1979 for
//! serializability, Biswas & Enea 2019 for the others). With lists the graph alone decides serializability.

use super::anomaly::Dependency;
use super::facts::{At, Facts};
use super::faults::Fault;
use super::graph::{Edge, Graph};
use super::level::{Cycles, Level};
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What the search came to.
pub(super) enum Outcome {
    /// The transactions in order.
    Order(Vec<usize>),
    /// None is left: with these edges the graph has a cycle.
    Cycle(Vec<Inferred>),
    /// The budget ran out.
    Exhausted(u64),
}

/// An edge that the history does not show, but that every explanation of it needs.
#[derive(Clone, Copy)]
pub(super) struct Inferred {
    pub(super) from: At,
    pub(super) to: At,
    pub(super) dependency: Dependency,
}

impl Inferred {
    pub(super) fn add_to(self, graph: &mut Graph) {
        let edge = Edge { dependency: self.dependency, from: self.from.op, to: self.to.op, inferred: true };
        graph.edges.add_edge(NodeIndex::new(self.from.txn), NodeIndex::new(self.to.txn), edge);
    }
}

/// Two edges of which one must hold.
struct Conflict {
    one: Inferred,
    other: Inferred,
}

/// A repair that was tried, and what to do when it fails.
struct Trial {
    added: usize,
    other: Inferred,
}

pub(super) struct Search<'f, 'a> {
    facts: &'f Facts<'a>,
    /// Whether a transaction reads at one point and commits at another.
    split: bool,
    transactions: usize,
    successors: Vec<Vec<usize>>,
    added: Vec<Inferred>,
    trials: Vec<Trial>,
    /// By transaction: (key, version seen, by which micro-operation).
    reads: Vec<Vec<(usize, Option<At>, At)>>,
    /// By transaction: (key, micro-operation).
    writes: Vec<Vec<(usize, At)>>,
    explored: u64,
}

impl<'f, 'a> Search<'f, 'a> {
    pub(super) fn new(facts: &'f Facts<'a>, graph: &Graph, level: Level) -> Self {
        let transactions = graph.transactions;
        let split = level.cycles() == Cycles::WithoutAdjacentAntiDependencies;
        let mut search = Self {
            facts,
            split,
            transactions,
            successors: vec![Vec::new(); graph.edges.node_count() * if split { 2 } else { 1 }],
            added: Vec::new(),
            trials: Vec::new(),
            reads: vec![Vec::new(); transactions],
            writes: vec![Vec::new(); transactions],
            explored: 0,
        };
        for edge in graph.edges.edge_references() {
            let dependency = edge.weight().dependency;
            search.link(edge.source().index(), edge.target().index(), dependency);
        }
        if split {
            (0..transactions).for_each(|txn| search.successors[2 * txn].push(2 * txn + 1));
        }
        // At read committed a read may be as old as it likes.
        if level.cycles() > Cycles::OfDependencies {
            search.list_accesses();
        }
        search
    }

    fn list_accesses(&mut self) {
        for (number, key) in self.facts.keys.iter().enumerate() {
            for sight in &key.sights {
                self.reads[sight.at.txn].push((number, sight.version, sight.at));
            }
            key.writes.iter().for_each(|at| self.writes[at.txn].push((number, *at)));
        }
    }

    /// Where an edge leaves a node: anti-dependencies leave the point of the reads, all others the commit.
    fn leaves(&self, node: usize, dependency: Dependency) -> usize {
        match self.split {
            true if node < self.transactions && dependency != Dependency::ReadWrite => 2 * node + 1,
            true => 2 * node,
            false => node,
        }
    }

    /// Where an edge enters a node: anti-dependencies enter the commit, all others the point of the reads.
    fn enters(&self, node: usize, dependency: Dependency) -> usize {
        match self.split {
            true if node < self.transactions && dependency == Dependency::ReadWrite => 2 * node + 1,
            true => 2 * node,
            false => node,
        }
    }

    fn link(&mut self, from: usize, to: usize, dependency: Dependency) {
        let (from, to) = (self.leaves(from, dependency), self.enters(to, dependency));
        self.successors[from].push(to);
    }

    fn add(&mut self, edge: Inferred) {
        self.link(edge.from.txn, edge.to.txn, edge.dependency);
        self.added.push(edge);
    }

    fn truncate(&mut self, added: usize) {
        for edge in self.added.split_off(added).into_iter().rev() {
            let from = self.leaves(edge.from.txn, edge.dependency);
            self.successors[from].pop();
        }
    }

    pub(super) fn run(mut self, states: u64) -> Outcome {
        loop {
            if self.explored > states {
                return Outcome::Exhausted(self.explored);
            }
            self.explored += self.successors.len() as u64;
            let Some(order) = self.sorted() else {
                let Some(trial) = self.trials.pop().filter(|_| self.facts.fault != Fault::NeverBacksUp)
                else {
                    return Outcome::Cycle(self.added);
                };
                self.truncate(trial.added);
                self.add(trial.other);
                continue;
            };
            let conflicts = self.replay(&order);
            let Some(first) = conflicts.first() else { return Outcome::Order(self.transactions_of(&order)) };
            let (one, other) = (first.one, first.other);
            if !self.infer(&conflicts, &order, states) {
                self.trials.push(Trial { added: self.added.len(), other });
                self.add(one);
            }
        }
    }

    /// Adds the repairs whose opposite would close a cycle, as far as the budget goes; `false` if there is none.
    fn infer(&mut self, conflicts: &[Conflict], order: &[usize], states: u64) -> bool {
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, node)| position[*node] = at);
        let mut met = vec![usize::MAX; order.len()];
        let mut forced = Vec::new();
        for (number, conflict) in conflicts.iter().enumerate() {
            if self.explored > states {
                break;
            }
            if self.closes(conflict.one, &position, &mut met, 2 * number) {
                forced.push(conflict.other);
            } else if self.closes(conflict.other, &position, &mut met, 2 * number + 1) {
                forced.push(conflict.one);
            }
        }
        forced.iter().for_each(|edge| self.add(*edge));
        !forced.is_empty()
    }

    /// Whether the graph has a way from the end of an edge to its beginning. Ways only go up in the order.
    fn closes(&mut self, edge: Inferred, position: &[usize], met: &mut [usize], round: usize) -> bool {
        let target = self.leaves(edge.from.txn, edge.dependency);
        let mut waiting = vec![self.enters(edge.to.txn, edge.dependency)];
        while let Some(node) = waiting.pop() {
            if node == target {
                return true;
            }
            self.explored += 1;
            for next in &self.successors[node] {
                if met[*next] != round && position[*next] <= position[target] {
                    met[*next] = round;
                    waiting.push(*next);
                }
            }
        }
        false
    }

    /// All nodes in an order that the edges allow, by real time where they allow several; `None` if they close a
    /// cycle.
    fn sorted(&self) -> Option<Vec<usize>> {
        let mut missing = vec![0_u32; self.successors.len()];
        self.successors.iter().flatten().for_each(|to| missing[*to] += 1);
        // Joints hold nobody up. A transaction reads as late as it can, and so overlaps with few others.
        let entry = |node: usize| {
            let (transaction, point) = if self.split { (node / 2, node % 2) } else { (node, 0) };
            let end = self.facts.history.get(transaction).map_or(0, |txn| txn.returned.unwrap_or(u64::MAX));
            Reverse((end, 1 - point, node))
        };
        let free = (0..missing.len()).filter(|node| missing[*node] == 0);
        let mut ready: BinaryHeap<_> = free.map(entry).collect();
        let mut order = Vec::with_capacity(missing.len());
        while let Some(Reverse((.., node))) = ready.pop() {
            order.push(node);
            for to in &self.successors[node] {
                missing[*to] -= 1;
                if missing[*to] == 0 {
                    ready.push(entry(*to));
                }
            }
        }
        (order.len() == missing.len()).then_some(order)
    }

    /// Runs the transactions, and lists what does not fit.
    fn replay(&self, order: &[usize]) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        let mut last: Vec<Option<(usize, At)>> = vec![None; self.facts.keys.len()];
        let mut begun = vec![0; self.transactions];
        for (position, node) in order.iter().enumerate() {
            let (txn, reads, commits) = match self.split {
                true => (node / 2, node % 2 == 0, node % 2 == 1),
                false => (*node, true, true),
            };
            if txn >= self.transactions || !self.facts.committed[txn] {
                continue;
            }
            if reads {
                begun[txn] = position;
                let noticed = self.facts.fault != Fault::AntiDependenciesForgotten;
                for (key, version, at) in self.reads[txn].iter().filter(|_| noticed) {
                    let current = last[*key].map(|(_, at)| at);
                    conflicts.extend(stale(*version, current, *at));
                }
            }
            if commits {
                for (key, at) in &self.writes[txn] {
                    if let Some((when, before)) = last[*key].replace((position, *at))
                        && self.split
                        && when > begun[txn]
                        && self.facts.fault != Fault::WriteConflictsIgnored
                    {
                        let [one, other] = [(before, *at), (*at, before)].map(|(from, to)| Inferred {
                            from,
                            to,
                            dependency: Dependency::WriteWrite,
                        });
                        conflicts.push(Conflict { one, other });
                    }
                }
            }
        }
        conflicts
    }

    fn transactions_of(&self, order: &[usize]) -> Vec<usize> {
        let commits = order.iter().filter(|node| !self.split || *node % 2 == 1);
        let transactions = commits.map(|node| if self.split { node / 2 } else { *node });
        transactions.filter(|txn| *txn < self.transactions && self.facts.committed[*txn]).collect()
    }
}

/// The conflict of a read that saw `version` where `current` is the one to be seen, if they differ.
fn stale(version: Option<At>, current: Option<At>, reader: At) -> Option<Conflict> {
    let between = current?;
    if version.is_some_and(|version| version.txn == between.txn) {
        return None;
    }
    let after = Inferred { from: reader, to: between, dependency: Dependency::ReadWrite };
    let before = version.map_or(after, |version| Inferred {
        from: between,
        to: version,
        dependency: Dependency::WriteWrite,
    });
    Some(Conflict { one: before, other: after })
}
