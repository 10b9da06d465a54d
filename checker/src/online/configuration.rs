//! What the replies so far leave possible, and which of two such configurations is worth keeping.

use super::Fault;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// One way in which all that returned fits.
#[derive(Clone)]
pub(super) struct Configuration<S> {
    pub(super) state: S,
    /// Operations placed ahead of their replies, by id, with the step that each took.
    pub(super) taken: Vec<(u64, S, S)>,
    /// Open operations that were not placed, by id, with the states that each could have met.
    pub(super) met: Vec<(u64, Vec<S>)>,
    /// Lost operations that took effect, by id.
    pub(super) used: Vec<u64>,
}

impl<S: Clone + Eq> Configuration<S> {
    pub(super) fn first(state: S) -> Self {
        Self { state, taken: Vec::new(), met: Vec::new(), used: Vec::new() }
    }

    /// The step of an operation placed ahead of its reply.
    pub(super) fn step_of(&self, id: u64) -> Option<&(u64, S, S)> {
        self.taken.iter().find(|(taken, ..)| *taken == id)
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.step_of(id).is_some() || self.used.contains(&id)
    }

    /// Goes on to a state, which every open operation meets.
    pub(super) fn moved(mut self, state: S) -> Self {
        for (_, met) in &mut self.met {
            if !met.contains(&state) {
                met.push(state.clone());
            }
        }
        self.state = state;
        self
    }

    pub(super) fn without(mut self, id: u64) -> Self {
        self.taken.retain(|(taken, ..)| *taken != id);
        self.met.retain(|(met, _)| *met != id);
        self
    }

    /// An operation placed ahead of its reply, in the order of ids.
    pub(super) fn with_step(mut self, id: u64, from: S) -> Self {
        let at = self.taken.partition_point(|(taken, ..)| *taken < id);
        let to = self.state.clone();
        self.taken.insert(at, (id, from, to));
        self
    }

    pub(super) fn using(mut self, id: u64) -> Self {
        let at = self.used.partition_point(|used| *used < id);
        self.used.insert(at, id);
        self
    }

    /// With equal state and steps: whatever is possible from `other` is possible from here.
    fn dominates(&self, other: &Self, fault: Fault) -> bool {
        let (fewer, more) = match fault {
            Fault::DominationReversed => (other, self),
            _ => (self, other),
        };
        fewer.used.iter().all(|id| more.used.contains(id))
            && self.met.len() == other.met.len()
            && self.met.iter().zip(&other.met).all(|((one, mine), (two, theirs))| {
                one == two && theirs.iter().all(|state| mine.contains(state))
            })
    }
}

/// Configurations of which none dominates another.
pub(super) struct Antichain<S> {
    fault: Fault,
    /// In the order of admission; `None` where one was dominated later.
    members: Vec<Option<Configuration<S>>>,
    /// Where those of equal state and steps are.
    groups: FxHashMap<Group<S>, Vec<usize>>,
    /// Of those that are not dominated.
    held: usize,
}

/// A state, and the steps taken ahead of replies.
type Group<S> = (S, Vec<(u64, S, S)>);

impl<S: Clone + Eq + Hash> Antichain<S> {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, members: Vec::new(), groups: FxHashMap::default(), held: 0 }
    }

    /// The place that it was given, unless something dominates it.
    pub(super) fn admit(&mut self, new: Configuration<S>) -> Option<usize> {
        let group = self.groups.entry((new.state.clone(), new.taken.clone())).or_default();
        let (members, fault) = (&mut self.members, self.fault);
        if group.iter().any(|at| members[*at].as_ref().is_some_and(|known| known.dominates(&new, fault))) {
            return None;
        }
        let held = &mut self.held;
        group.retain(|at| {
            let dominated = members[*at].as_ref().is_some_and(|known| new.dominates(known, fault));
            if dominated {
                members[*at] = None;
                *held -= 1;
            }
            !dominated
        });
        group.push(members.len());
        members.push(Some(new));
        self.held += 1;
        Some(self.members.len() - 1)
    }

    /// `None` if it was dominated since.
    pub(super) fn get(&self, place: usize) -> Option<&Configuration<S>> {
        self.members[place].as_ref()
    }

    /// How many there are.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn into_vec(self) -> Vec<Configuration<S>> {
        self.members.into_iter().flatten().collect()
    }
}
