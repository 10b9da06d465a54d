//! From what paths and search say of each key to the judgement.

use crate::direct::{self, Entry, Path, Paths, Ruling};
use crate::explain;
use crate::history::Operation;
use crate::model::Model;
use crate::parts::{Parts, merge, view};
use crate::schedule::{Decision, Keyed};
use crate::shrink::{self, Core};
use crate::verdict::{Counterexample, Judgement, Verdict};
use crate::wing_gong::{Fault, Status, Stuck, View, plain_search};

/// The operations of one key.
pub(crate) struct Part<'a, M: Model> {
    pub(crate) key: Option<&'a str>,
    pub(crate) views: Vec<View<'a, M>>,
}

/// What the schedule takes.
pub(crate) fn keyed<'a, M: Model>(parts: &'a [Part<'a, M>]) -> Vec<Keyed<'a, M>> {
    parts.iter().map(|part| (part.key, &part.views[..])).collect()
}

/// Room for the work, to be used again.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) parts: Parts,
    /// Empty; a vector of them is made of this one's room.
    entries: Vec<Entry<'static>>,
    pub(crate) direct: direct::Room,
    /// The orders found, one after the other, and where each ends.
    orders: Vec<u32>,
    ends: Vec<usize>,
    counts: Vec<u32>,
}

impl Room {
    /// What the paths say of a part.
    pub(crate) fn rule<M: Model>(
        &mut self,
        place: usize,
        model: &M,
        history: &[Operation<M::Input, M::Output>],
        paths: Paths,
    ) -> (Path, Ruling) {
        if paths == Paths::SearchOnly {
            return (Path::Search, Ruling::Unsure);
        }
        let mut entries = vacant(std::mem::take(&mut self.entries));
        let views = self.parts.members(place).iter().map(|at| view::<M>(history, *at as usize));
        entries.extend(views.map(|view| Entry::of(model, &view)));
        let ruling = direct::decide(&entries, Fault::None, &mut self.direct);
        self.entries = vacant(entries);
        ruling
    }
}

/// The same room without what it held. Collecting a vector's own elements uses its room again.
fn vacant<'b>(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'b>> {
    entries.clear();
    entries.into_iter().map(|_| -> Entry<'b> { unreachable!("there are none") }).collect()
}

/// From what the paths say of each part, and from a search of the rest, to the judgement. Overwrites the last one.
pub(crate) fn settle<'a, M: Model>(
    room: &mut Room,
    judgement: &mut Judgement,
    model: &'a M,
    history: &'a [Operation<M::Input, M::Output>],
    mut rule: impl FnMut(usize, &mut Room) -> (Path, Ruling),
    search: impl FnOnce(&[Part<'a, M>]) -> Decision,
) {
    let decided_by = &mut judgement.decided_by;
    decided_by.values_mut().for_each(|count| *count = 0);
    room.orders.clear();
    room.ends.clear();
    judgement.refuted_by = None;
    let mut open = Vec::new();
    for place in 0..room.parts.len() {
        let (path, ruling) = rule(place, room);
        let part =
            || Part { key: room.parts.key(place, model, history), views: room.parts.views(place, history) };
        let ruling = match ruling {
            Ruling::Wrong(replies) => {
                Ruling::Wrong(direct::alone(model, &part().views, path, replies, Fault::None))
            }
            ruling => ruling,
        };
        if cfg!(debug_assertions) {
            direct::confirm(model, &part().views, path, &ruling);
        }
        match ruling {
            Ruling::Unsure => open.push(part()),
            Ruling::Holds(order) => {
                *decided_by.entry(path).or_default() += 1;
                let members = room.parts.members(place);
                room.orders.extend(order.iter().map(|at| members[*at]));
                room.ends.push(room.orders.len());
                room.direct.take_back(order);
            }
            Ruling::Wrong(replies) => {
                *decided_by.entry(path).or_default() += 1;
                decided_by.retain(|_, count| *count > 0);
                let part = part();
                let core = shrink::shrink_replies(model, &part.views, &replies);
                let stuck = direct::stuck(model, &part.views, part.key);
                judgement.verdict = refuted(model, history, part.key, core, stuck);
                judgement.refuted_by = Some(path);
                return;
            }
        }
    }
    let found = if open.is_empty() { Decision::Linearizable(Vec::new()) } else { search(&open) };
    match &found {
        Decision::Linearizable(found) if !found.is_empty() => {
            _ = decided_by.insert(Path::Search, found.len())
        }
        Decision::Refuted { .. } => _ = decided_by.insert(Path::Search, 1),
        _ => {}
    }
    decided_by.retain(|_, count| *count > 0);
    judgement.refuted_by = matches!(found, Decision::Refuted { .. }).then_some(Path::Search);
    let witness = match &mut judgement.verdict {
        Verdict::Linearizable { witness } => std::mem::take(witness),
        _ => Vec::new(),
    };
    judgement.verdict = searched(room, model, history, &open, found, witness);
}

/// The verdict where no path has refuted any part; `witness` is room for one.
fn searched<M: Model>(
    room: &mut Room,
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    open: &[Part<'_, M>],
    found: Decision,
    mut witness: Vec<usize>,
) -> Verdict {
    match found {
        Decision::Linearizable(found) => {
            for order in found {
                room.orders.extend(order.iter().map(|index| *index as u32));
                room.ends.push(room.orders.len());
            }
            merge(history, (&room.orders, &room.ends), &mut room.counts, &mut witness);
            Verdict::Linearizable { witness }
        }
        Decision::Undecided { explored, why } => Verdict::Undecided { explored, why },
        Decision::Refuted { part, stuck, explored } => {
            let part = &open[part];
            let mut core = shrink::shrink(model, &part.views, &stuck, explored);
            let stuck = deepest(model, part, stuck, explored);
            // Of a core that was not made smaller, it may be another one than where bounds had ended the search.
            if stuck.placed.contains(&core.culprit) && core.operations.contains(&stuck.culprit) {
                core.culprit = stuck.culprit;
            }
            refuted(model, history, part.key, core, stuck)
        }
    }
}

fn refuted<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    key: Option<&str>,
    core: Core,
    stuck: Stuck,
) -> Verdict {
    let sentence = explain::sentence(model, history, &core, &stuck);
    Verdict::NotLinearizable(Box::new(Counterexample {
        key: key.map(str::to_owned),
        operations: core.operations,
        minimal: core.minimal,
        culprit: core.culprit,
        explained: stuck.placed,
        state: stuck.state,
        candidates: stuck.candidates,
        sentence,
    }))
}

/// The deepest place of a part that is wrong, where the search had foreseen the end before it came there; `known`
/// if that takes too long.
fn deepest<M: Model>(model: &M, part: &Part<'_, M>, known: Stuck, explored: u64) -> Stuck {
    const LEAST: u64 = 2_000;
    if !known.foreseen {
        return known;
    }
    let allowance = (explored / 8).saturating_add(LEAST);
    let Ok(mut hunt) = plain_search(model, &part.views) else { return known };
    match hunt.run(allowance, usize::MAX) {
        Status::Refuted => hunt.stuck(part.key),
        _ => known,
    }
}
