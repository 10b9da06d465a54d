//! The states of a model that a search has met, by number.

use crate::model::{Model, Next};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Each state once, in the order in which they were met; number 0 is the initial one.
pub(super) struct States<'a, M: Model> {
    model: &'a M,
    met: Vec<Rc<M::State>>,
    numbers: FxHashMap<Rc<M::State>, u32>,
    /// Of all of them, in bytes, by the model's word.
    weight: usize,
}

impl<'a, M: Model> States<'a, M> {
    pub(super) fn new(model: &'a M) -> Self {
        let init = Rc::new(model.init());
        States { model, met: vec![init.clone()], numbers: FxHashMap::from_iter([(init, 0)]), weight: 0 }
    }

    /// In bytes, beyond the size of a state.
    pub(super) fn weight(&self) -> usize {
        self.weight
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
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let (number, state) = (self.met.len() as u32, Rc::new(state));
        self.weight += self.model.weight(&state);
        self.met.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}
