//! The serialization graph (Adya 1999, §3.1): transactions, and what puts one before another.
//!
//! Where every one of many transactions stands before every one of many others, the edges pass a *joint*: readers of
//! a version and those who overwrote it, returns and later calls. That keeps the graph linear in the history. An edge
//! that leaves a joint belongs to the one that entered it, and counts for nothing in the length of a cycle.

use super::anomaly::{Beyond, Dependency};
use super::facts::{At, Facts, Key, sessions};
use super::faults::Fault;
use super::level::{Cycles, Level};
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashSet;

/// Why an edge was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) dependency: Dependency,
    /// The micro-operation of the transaction that it leaves; of none if it leaves a joint.
    pub(super) from: usize,
    /// The micro-operation of the transaction that it enters; of none if it enters a joint.
    pub(super) to: usize,
    /// Not read off the history, but drawn because the opposite would close a cycle.
    pub(super) inferred: bool,
}

/// Transactions are the nodes `0..transactions`, joints are beyond.
pub(super) struct Graph {
    pub(super) edges: DiGraph<(), Edge, u32>,
    pub(super) transactions: usize,
}

impl Graph {
    /// All that the level has to respect.
    pub(super) fn new(facts: &Facts<'_>, level: Level) -> Self {
        let transactions = facts.history.len();
        let mut graph = Self { edges: DiGraph::default(), transactions };
        (0..transactions).for_each(|_| {
            graph.edges.add_node(());
        });
        for key in &facts.keys {
            graph.order_versions(key);
            graph.reads_of_versions(facts, key, level.cycles() > Cycles::OfDependencies);
        }
        if level.beyond() >= Beyond::Process && facts.fault != Fault::ProcessForgotten {
            graph.order_sessions(facts);
        }
        if level.beyond() == Beyond::RealTime && facts.fault != Fault::RealTimeForgotten {
            graph.order_real_time(facts);
        }
        graph
    }

    pub(super) fn is_joint(&self, node: NodeIndex) -> bool {
        node.index() >= self.transactions
    }

    fn joint(&mut self) -> NodeIndex {
        self.edges.add_node(())
    }

    fn link(&mut self, from: NodeIndex, to: NodeIndex, dependency: Dependency, ops: (usize, usize)) {
        self.edges.add_edge(from, to, Edge { dependency, from: ops.0, to: ops.1, inferred: false });
    }

    fn between(&mut self, from: At, to: At, dependency: Dependency) {
        if from.txn != to.txn {
            self.link(node(from), node(to), dependency, (from.op, to.op));
        }
    }

    /// Each of `from` stands before each of `to`; no transaction is in both.
    fn all_between(&mut self, from: &[At], to: &[At], dependency: Dependency) {
        if from.is_empty() || to.is_empty() {
            return;
        }
        let joint = self.joint();
        from.iter().for_each(|at| self.link(node(*at), joint, dependency, (at.op, 0)));
        to.iter().for_each(|at| self.link(joint, node(*at), dependency, (0, at.op)));
    }

    /// The appends that somebody saw follow each other; those that nobody saw follow all of them.
    fn order_versions(&mut self, key: &Key) {
        for pair in key.order.windows(2) {
            self.between(pair[0], pair[1], Dependency::WriteWrite);
        }
        if let Some(last) = key.order.last() {
            let unseen: Vec<At> = unseen(key).into_iter().filter(|at| at.txn != last.txn).collect();
            self.all_between(&[*last], &unseen, Dependency::WriteWrite);
        }
    }

    /// Who read a version stands after its writer, and if `anti` before those who overwrote it.
    fn reads_of_versions(&mut self, facts: &Facts<'_>, key: &Key, anti: bool) {
        for sight in &key.sights {
            if let Some(version) = sight.version {
                self.between(version, sight.at, Dependency::WriteRead);
            }
        }
        if !anti || facts.fault == Fault::AntiDependenciesForgotten {
            return;
        }
        if key.is_list {
            for sight in &key.sights {
                let newer = key.order[sight.seen..].iter();
                let mut newer = newer.filter(|at| sight.version.is_none_or(|version| version.txn != at.txn));
                if let Some(next) = newer.next() {
                    self.between(sight.at, *next, Dependency::ReadWrite);
                }
            }
            let readers = key.sights.iter().filter(|sight| sight.seen == key.order.len());
            let readers: Vec<At> = readers.map(|sight| sight.at).collect();
            self.overwritten(&readers, &unseen(key));
            return;
        }
        let readers = key.sights.iter().filter(|sight| sight.version.is_none());
        let readers: Vec<At> = readers.map(|sight| sight.at).collect();
        self.overwritten(&readers, &key.writes);
        let mut seen: Vec<_> =
            key.sights.iter().filter_map(|sight| Some((sight.version?, sight.at))).collect();
        seen.sort_by_key(|(version, at)| (version.txn, version.op, at.txn));
        for group in seen.chunk_by(|(one, _), (other, _)| one == other) {
            let readers: Vec<At> = group.iter().map(|(_, at)| *at).collect();
            let wrote = |at: &At| key.writes.binary_search_by_key(&at.txn, |write| write.txn).ok();
            let mut writes: Vec<At> =
                readers.iter().filter_map(wrote).map(|write| key.writes[write]).collect();
            writes.dedup_by_key(|at| at.txn);
            self.overwritten(&readers, &writes);
        }
    }

    /// `readers` saw a version, and each of `writers` wrote a later one.
    ///
    /// A writer who is among the readers wrote the very next version, for it would have seen any in between, and
    /// so stands before all the other writers; this needs snapshots at least. Of two such writers, each
    /// should be the next: the first is drawn as the next, and the others close a cycle with it.
    fn overwritten(&mut self, readers: &[At], writers: &[At]) {
        let reading: FxHashSet<usize> = readers.iter().map(|at| at.txn).collect();
        let Some(next) = writers.iter().find(|at| reading.contains(&at.txn)) else {
            return self.all_between(readers, writers, Dependency::ReadWrite);
        };
        let others: Vec<At> = writers.iter().filter(|at| at.txn != next.txn).copied().collect();
        readers.iter().for_each(|at| self.between(*at, *next, Dependency::ReadWrite));
        self.all_between(&[*next], &others, Dependency::WriteWrite);
    }

    /// An unknown outcome may come about after its client went on, so nothing stands after it.
    fn order_sessions(&mut self, facts: &Facts<'_>) {
        for session in sessions(facts.history).into_values() {
            let mut before: Option<usize> = None;
            for txn in session.into_iter().filter(|txn| facts.committed[*txn]) {
                if let Some(before) = before {
                    self.between(At { txn: before, op: 0 }, At { txn, op: 0 }, Dependency::Process);
                }
                before = facts.history[txn].end().map(|_| txn).or(before);
            }
        }
    }

    /// A chain of joints, one for each instant at which something returned; a transaction hangs behind the last
    /// instant before its call.
    fn order_real_time(&mut self, facts: &Facts<'_>) {
        let committed = || (0..self.transactions).filter(|txn| facts.committed[*txn]);
        let mut ends: Vec<(u64, usize)> =
            committed().filter_map(|txn| Some((facts.history[txn].end()?, txn))).collect();
        let mut calls: Vec<(u64, usize)> = committed().map(|txn| (facts.history[txn].call, txn)).collect();
        ends.sort_unstable();
        calls.sort_unstable();
        let mut calls = calls.into_iter().peekable();
        let mut last: Option<NodeIndex> = None;
        let touches = |call: u64, end: u64| match facts.fault {
            Fault::OpenIntervals => call < end,
            _ => call <= end,
        };
        for group in ends.chunk_by(|(one, _), (other, _)| one == other) {
            while let Some((_, txn)) = calls.next_if(|(call, _)| touches(*call, group[0].0)) {
                last.iter().for_each(|joint| self.real_time(*joint, NodeIndex::new(txn)));
            }
            let joint = self.joint();
            last.iter().for_each(|before| self.real_time(*before, joint));
            group.iter().for_each(|(_, txn)| self.real_time(NodeIndex::new(*txn), joint));
            last = Some(joint);
        }
        for (_, txn) in calls {
            last.iter().for_each(|joint| self.real_time(*joint, NodeIndex::new(txn)));
        }
    }

    fn real_time(&mut self, from: NodeIndex, to: NodeIndex) {
        self.link(from, to, Dependency::RealTime, (0, 0));
    }
}

fn node(at: At) -> NodeIndex {
    NodeIndex::new(at.txn)
}

/// Appends of committed transactions that no read saw.
fn unseen(key: &Key) -> Vec<At> {
    if !key.is_list {
        return Vec::new();
    }
    let seen: FxHashSet<At> = key.order.iter().copied().collect();
    key.writes.iter().filter(|at| !seen.contains(at)).copied().collect()
}
