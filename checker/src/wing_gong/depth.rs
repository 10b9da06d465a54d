//! How far a search came that found no linearization.

use super::memo::Place;
use super::states::Step;
use super::walk::Walk;
use crate::model::Model;

/// The deepest place the search was stuck at.
pub(crate) struct Stuck {
    /// Operations placed, in order, as indices into the history.
    pub(crate) placed: Vec<usize>,
    /// The completed operation whose return the history cannot be explained up to.
    pub(crate) culprit: usize,
    /// The completed operations of which one had to be next, the culprit among them.
    pub(crate) candidates: Vec<usize>,
    /// The state there, in words.
    pub(crate) state: String,
    /// The history up to this instant is wrong already.
    pub(crate) end: u64,
    /// Bounds kept the search from trying all; there may be a deeper place.
    pub(crate) foreseen: bool,
}

/// The dead end with the highest base; among those, with the most placed.
#[derive(Default)]
pub(super) struct Deepest {
    base: u32,
    state: u32,
    trail: Vec<u32>,
    /// How much of `trail` still agrees with the search's own; keeps the copying linear.
    pub(super) shared: usize,
    known: bool,
}

impl Deepest {
    /// The number of its state, if there was a dead end.
    pub(super) fn state(&mut self) -> Option<&mut u32> {
        self.known.then_some(&mut self.state)
    }
}

impl<M: Model, const N: usize> Walk<'_, M, N> {
    /// Keeps the trail if this dead end is the deepest so far.
    pub(super) fn note_depth(&mut self, place: &Place<N>) {
        let deepest = &mut self.deepest;
        let further = (place.base, self.trail.len()) > (deepest.base, deepest.trail.len());
        if further || !deepest.known {
            deepest.trail.truncate(deepest.shared);
            deepest.trail.extend_from_slice(&self.trail[deepest.shared..]);
            (deepest.base, deepest.state, deepest.known) = (place.base, place.state, true);
            deepest.shared = deepest.trail.len();
        }
    }

    /// From where bounds ended the search on to where nothing fits: places whatever does.
    fn go_on(&mut self) {
        let mut trail = std::mem::take(&mut self.deepest.trail);
        let mut placed: Vec<bool> = vec![false; self.window.operations.len()];
        trail.iter().for_each(|id| placed[*id as usize] = true);
        let mut left = placed[..self.window.completed].iter().filter(|placed| !**placed).count();
        while left > 1 {
            let (base, state) = (self.deepest.base, self.deepest.state);
            if placed[base as usize] {
                self.deepest.base += 1;
                continue;
            }
            let in_flight = [self.window.reads(base), self.window.writes(base)].concat();
            let fits = in_flight.into_iter().filter(|id| !placed[*id as usize]).find_map(|id| {
                match self.states.step(state, id, &self.window.operations[id as usize]) {
                    Step::Nowhere => None,
                    Step::One(state) => Some((id, state)),
                    Step::Any(list) => Some((id, self.states.any(list)[0])),
                }
            });
            let Some((id, state)) = fits else { break };
            (placed[id as usize], self.deepest.state) = (true, state);
            trail.push(id);
            left -= 1;
        }
        // One that is completed is left; up to there all are placed.
        while placed.get(self.deepest.base as usize) == Some(&true) {
            self.deepest.base += 1;
        }
        self.deepest.trail = trail;
    }

    /// After a refutation: the deepest place.
    pub(super) fn tell(&mut self, key: Option<&str>) -> Stuck {
        if self.foreseen.is_some() {
            self.go_on();
        }
        let base = self.deepest.base;
        let placed = self.indices(&self.deepest.trail);
        let in_flight = [self.window.reads(base), self.window.writes(base)].concat();
        let mut candidates = self.indices(&in_flight);
        candidates.retain(|index| !placed.contains(index));
        let culprit = self.window.operations[base as usize];
        Stuck {
            culprit: culprit.index,
            end: culprit.ret.max(self.foreseen).unwrap_or(u64::MAX),
            foreseen: self.foreseen.is_some(),
            state: self.states.show(key, self.deepest.state),
            candidates,
            placed,
        }
    }
}
