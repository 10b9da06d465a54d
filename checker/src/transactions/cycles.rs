//! Short cycles, and their names.
//!
//! A walk carries one bit beside its node, which tells the kinds of cycle apart: whether it passed an
//! anti-dependency at all, or with its last step. A shortest closed walk of a kind visits no transaction twice: cut
//! in two at a transaction visited twice, one half would be a shorter walk of the same or of a graver kind.

use super::anomaly::{Anomaly, Beyond, Dependency, Phenomenon, Step};
use super::facts::{At, Facts};
use super::graph::{Edge, Graph};
use super::level::{Cycles, Level};
use super::words::did;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};

/// Which closed walks to look for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Of writes overwriting writes.
    Writes,
    /// Without an anti-dependency.
    Dependencies,
    /// With exactly one.
    One,
    /// With no two next to each other.
    Nonadjacent,
    /// Any.
    Any,
}

/// Edges that a search for the shortest cycle of one kind may follow; beyond, the shortest so far has to do.
const EFFORT: u64 = 20_000_000;

/// One example, the shortest, of every kind of cycle that the level forbids.
pub(super) fn find(facts: &Facts<'_>, graph: &Graph, level: Level) -> Vec<Anomaly> {
    let mut found: BTreeMap<(Phenomenon, Beyond), Anomaly> = BTreeMap::new();
    if components(graph, |_| true).is_empty() {
        return Vec::new();
    }
    for beyond in [Beyond::Nothing, Beyond::Process, Beyond::RealTime] {
        for walk in [Walk::Writes, Walk::Dependencies, Walk::One, Walk::Nonadjacent, Walk::Any] {
            if beyond > level.beyond() || walk.least() > level.cycles() {
                continue;
            }
            let Some(cycle) = shortest(graph, walk, beyond) else { continue };
            let anomaly = name(steps(facts, graph, &cycle));
            found.entry((anomaly.phenomenon, anomaly.beyond)).or_insert(anomaly);
        }
    }
    found.into_values().collect()
}

/// Some cycle that the level forbids, however long, in linear time: for graphs in which [`find`] takes too long.
pub(super) fn any(facts: &Facts<'_>, graph: &Graph, level: Level) -> Option<Anomaly> {
    let walk = match level.cycles() {
        Cycles::OfDependencies => Walk::Dependencies,
        Cycles::WithoutAdjacentAntiDependencies => Walk::Nonadjacent,
        Cycles::Any => Walk::Any,
    };
    // A closed walk is a cycle of the places.
    let mut places: DiGraph<(), EdgeIndex> = DiGraph::new();
    (0..2 * graph.edges.node_count()).for_each(|_| _ = places.add_node(()));
    let place = |node: NodeIndex, bit: bool| NodeIndex::new(2 * node.index() + usize::from(bit));
    for edge in graph.edges.edge_references().filter(|edge| walk.allows(edge.weight(), level.beyond())) {
        for bit in [false, true] {
            let joint = graph.is_joint(edge.source());
            if let Some(after) = if joint { Some(bit) } else { walk.after(bit, edge.weight()) } {
                places.add_edge(place(edge.source(), bit), place(edge.target(), after), edge.id());
            }
        }
    }
    let part = kosaraju_scc(&places).into_iter().find(|part| part.len() > 1)?;
    let transaction = |place: NodeIndex| Some(place.index() / 2).filter(|txn| *txn < graph.transactions);
    let start = part.iter().copied().find(|place| transaction(*place).is_some())?;
    let mut came: FxHashMap<NodeIndex, (NodeIndex, EdgeIndex)> = FxHashMap::default();
    let mut waiting = VecDeque::from([start]);
    while let Some(place) = waiting.pop_front().filter(|_| !came.contains_key(&start)) {
        for edge in places.edges(place) {
            came.entry(edge.target()).or_insert_with(|| {
                waiting.push_back(edge.target());
                (place, *edge.weight())
            });
        }
    }
    let mut way = VecDeque::new();
    let mut at = start;
    while at != start || way.is_empty() {
        let (before, edge) = *came.get(&at)?;
        way.push_front((before, edge));
        at = before;
    }
    let cycle = passing_once(way.into(), transaction);
    let cycle: Vec<EdgeIndex> = cycle.into_iter().map(|(_, edge)| edge).collect();
    Some(name(steps(facts, graph, &cycle)))
}

/// A part of a cycle of places, each with the edge that leaves it, that passes no transaction with either bit: from where
/// one was entered by an anti-dependency to where it was not is a cycle without the rest.
fn passing_once(
    mut cycle: Vec<(NodeIndex, EdgeIndex)>,
    transaction: impl Fn(NodeIndex) -> Option<usize>,
) -> Vec<(NodeIndex, EdgeIndex)> {
    let mut passed: FxHashMap<usize, usize> = FxHashMap::default();
    let mut at = 0;
    while let Some((place, _)) = cycle.get(at).copied() {
        let Some(before) = transaction(place).and_then(|txn| passed.insert(txn, at)) else {
            at += 1;
            continue;
        };
        let (start, length) = match place.index() % 2 == 1 {
            true => (at, cycle.len() - (at - before)),
            false => (before, at - before),
        };
        cycle.rotate_left(start);
        cycle.truncate(length);
        passed.clear();
        at = 0;
    }
    cycle
}

impl Walk {
    /// The weakest levels that forbid such a walk.
    fn least(self) -> Cycles {
        match self {
            Walk::Writes | Walk::Dependencies => Cycles::OfDependencies,
            Walk::One | Walk::Nonadjacent => Cycles::WithoutAdjacentAntiDependencies,
            Walk::Any => Cycles::Any,
        }
    }

    fn allows(self, edge: &Edge, beyond: Beyond) -> bool {
        match edge.dependency {
            Dependency::WriteWrite => true,
            Dependency::WriteRead => self != Walk::Writes,
            Dependency::ReadWrite => !matches!(self, Walk::Writes | Walk::Dependencies),
            Dependency::Process => beyond >= Beyond::Process,
            Dependency::RealTime => beyond == Beyond::RealTime,
        }
    }

    /// The bit after an edge out of a transaction; `None` if the walk may not go on so.
    fn after(self, bit: bool, edge: &Edge) -> Option<bool> {
        let anti = edge.dependency == Dependency::ReadWrite;
        match self {
            Walk::One if bit && anti => None,
            Walk::One => Some(bit || anti),
            Walk::Nonadjacent if bit && anti => None,
            Walk::Nonadjacent => Some(anti),
            Walk::Writes | Walk::Dependencies | Walk::Any => Some(false),
        }
    }

    /// The bit with which a walk that began with `false` is closed.
    fn closed(self) -> bool {
        self == Walk::One
    }
}

/// The strongly connected components with more than one transaction.
fn components(graph: &Graph, allowed: impl Fn(&Edge) -> bool) -> Vec<Vec<NodeIndex>> {
    let filtered = EdgeFiltered::from_fn(&graph.edges, |edge| allowed(edge.weight()));
    let mut components = kosaraju_scc(&filtered);
    components.retain(|nodes| nodes.len() > 1);
    components
}

/// The shortest closed walk of a kind, as edges.
fn shortest(graph: &Graph, walk: Walk, beyond: Beyond) -> Option<Vec<EdgeIndex>> {
    let mut best: Option<Vec<EdgeIndex>> = None;
    let mut length = u32::MAX;
    let mut effort = EFFORT;
    let allowed = |edge: &Edge| walk.allows(edge, beyond);
    let mut component = vec![usize::MAX; graph.edges.node_count()];
    let components = components(graph, allowed);
    for (number, nodes) in components.iter().enumerate() {
        nodes.iter().for_each(|node| component[node.index()] = number);
    }
    for nodes in components {
        for start in nodes.into_iter().filter(|node| !graph.is_joint(*node)) {
            // No cycle has fewer than two steps.
            if length == 2 || effort == 0 {
                return best;
            }
            let inside = |edge: &Edge, to: NodeIndex| {
                allowed(edge) && component[to.index()] == component[start.index()]
            };
            if let Some((found, cycle)) = closed_walk(graph, walk, start, length, &mut effort, inside) {
                (length, best) = (found, Some(cycle));
            }
        }
    }
    best
}

type Place = (NodeIndex, bool);

/// The shortest walk from `start` back to it, if it is shorter than `below`: breadth first, where edges out of joints
/// have no length.
fn closed_walk(
    graph: &Graph,
    walk: Walk,
    start: NodeIndex,
    below: u32,
    effort: &mut u64,
    inside: impl Fn(&Edge, NodeIndex) -> bool,
) -> Option<(u32, Vec<EdgeIndex>)> {
    let mut reached: FxHashMap<Place, (u32, EdgeIndex, Place)> = FxHashMap::default();
    let mut queue: VecDeque<(u32, Place)> = VecDeque::from([(0, (start, false))]);
    let target = (start, walk.closed());
    while let Some((length, place)) = queue.pop_front() {
        if let Some((known, ..)) = reached.get(&place)
            && *known < length
        {
            continue;
        }
        if length > 0 && place == target {
            return Some((length, trace(&reached, target)));
        }
        let joint = graph.is_joint(place.0);
        for edge in graph.edges.edges(place.0) {
            if *effort == 0 {
                return None;
            }
            *effort -= 1;
            let next = if joint { Some(place.1) } else { walk.after(place.1, edge.weight()) };
            let Some(bit) = next.filter(|_| inside(edge.weight(), edge.target())) else { continue };
            let (to, length) = ((edge.target(), bit), length + u32::from(!joint));
            let is_shorter = reached.get(&to).is_none_or(|(known, ..)| length < *known);
            if length < below && is_shorter {
                reached.insert(to, (length, edge.id(), place));
                if joint { queue.push_front((length, to)) } else { queue.push_back((length, to)) }
            }
        }
    }
    None
}

fn trace(reached: &FxHashMap<Place, (u32, EdgeIndex, Place)>, target: Place) -> Vec<EdgeIndex> {
    let mut cycle = Vec::new();
    let mut place = target;
    loop {
        let (_, edge, before) = reached[&place];
        cycle.push(edge);
        place = before;
        if place == (target.0, false) {
            break;
        }
    }
    cycle.reverse();
    cycle
}

/// Edges as steps from transaction to transaction, each with its sentence.
fn steps(facts: &Facts<'_>, graph: &Graph, cycle: &[EdgeIndex]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut open: Option<(NodeIndex, Edge)> = None;
    for id in cycle {
        let (Some((from, to)), edge) = (graph.edges.edge_endpoints(*id), graph.edges[*id]) else { continue };
        let (from, first) = open.take().unwrap_or((from, edge));
        if graph.is_joint(to) {
            open = Some((from, first));
            continue;
        }
        let (from, to) = (At { txn: from.index(), op: first.from }, At { txn: to.index(), op: edge.to });
        steps.push(step(facts, from, to, first));
    }
    steps
}

fn step(facts: &Facts<'_>, from: At, to: At, edge: Edge) -> Step {
    let history = facts.history;
    let dependency = edge.dependency;
    let (one, other) = (&history[from.txn], &history[to.txn]);
    let sentence = match dependency {
        Dependency::Process => format!("c{} ran T{} before T{}", one.client, from.txn, to.txn),
        Dependency::RealTime => {
            let returned = one.returned.unwrap_or(u64::MAX);
            format!("T{} returned at {returned}, before T{} was called at {}", from.txn, to.txn, other.call)
        }
        _ => {
            let because = if edge.inferred { ", since the opposite would close a cycle too" } else { "" };
            format!("{} before {}{because}", did(history, from), did(history, to))
        }
    };
    let of_data = !matches!(dependency, Dependency::Process | Dependency::RealTime);
    let key = of_data.then(|| one.ops[from.op].key().clone());
    Step { from: from.txn, to: to.txn, dependency, key, sentence }
}

fn name(cycle: Vec<Step>) -> Anomaly {
    let has = |dependency| cycle.iter().any(|step| step.dependency == dependency);
    let beyond = if has(Dependency::RealTime) {
        Beyond::RealTime
    } else if has(Dependency::Process) {
        Beyond::Process
    } else {
        Beyond::Nothing
    };
    let sentences: Vec<&str> = cycle.iter().map(|step| step.sentence.as_str()).collect();
    Anomaly {
        phenomenon: phenomenon(&cycle, beyond),
        beyond,
        transactions: cycle.iter().map(|step| step.from).collect(),
        sentence: sentences.join("; "),
        cycle,
    }
}

fn phenomenon(cycle: &[Step], beyond: Beyond) -> Phenomenon {
    let is = |at: usize, dependency| cycle[at % cycle.len()].dependency == dependency;
    let anti = |at: usize| is(at, Dependency::ReadWrite);
    let of_data = beyond == Beyond::Nothing;
    let count = (0..cycle.len()).filter(|at| anti(*at)).count();
    let adjacent = count > 1 && (0..cycle.len()).any(|at| anti(at) && anti(at + 1));
    let reads = (0..cycle.len()).any(|at| is(at, Dependency::WriteRead));
    let overwrites_itself = cycle.iter().all(|step| {
        step.key == cycle[0].key && matches!(step.dependency, Dependency::ReadWrite | Dependency::WriteWrite)
    });
    match count {
        0 if reads => Phenomenon::G1c,
        0 => Phenomenon::G0,
        1 if overwrites_itself => Phenomenon::LostUpdate,
        1 => Phenomenon::GSingle,
        2 if adjacent && of_data && cycle.len() == 2 => Phenomenon::WriteSkew,
        _ if adjacent => Phenomenon::G2Item,
        2 if of_data && cycle.len() == 4 && (0..4).all(|at| anti(at) || is(at, Dependency::WriteRead)) => {
            Phenomenon::LongFork
        }
        _ => Phenomenon::GNonadjacent,
    }
}
