//! The states of a model that a search has met, by number.

use crate::model::{Model, Next};
use crate::verdict::Budget;
use rustc_hash::FxHashMap;

/// Each state once, in the order in which they were met; number 0 is the initial one.
pub(super) struct States<'a, M: Model> {
    model: &'a M,
    met: Vec<M::State>,
    numbers: FxHashMap<M::State, u32>,
    /// Of all of them, in bytes, by the model's word.
    weight: usize,
}

impl<'a, M: Model> States<'a, M> {
    pub(super) fn new(model: &'a M) -> Self {
        let init = model.init();
        States { model, met: vec![init.clone()], numbers: FxHashMap::from_iter([(init, 0)]), weight: 0 }
    }

    /// As many remembered configurations take as much memory.
    pub(super) fn entries(&self) -> usize {
        self.weight / Budget::ENTRY as usize
    }

    /// The numbers of the states that an operation may lead to from this one.
    pub(super) fn step(&mut self, from: u32, input: &M::Input, output: Option<&M::Output>) -> Vec<u32> {
        let states = match self.model.step(&self.met[from as usize], input, output) {
            Next::Nowhere => Vec::new(),
            Next::One(state) => vec![state],
            Next::Any(states) => states,
        };
        states.into_iter().map(|state| self.number(state)).collect()
    }

    fn number(&mut self, state: M::State) -> u32 {
        let (model, count) = (self.model, self.met.len() as u32);
        let (met, weight) = (&mut self.met, &mut self.weight);
        *self.numbers.entry(state).or_insert_with_key(|state| {
            // Kept twice, to be found by its number and by what it is.
            *weight += 2 * model.weight(state);
            met.push(state.clone());
            count
        })
    }
}
