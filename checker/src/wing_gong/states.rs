//! States as numbers, and what each operation does to each.

use super::View;
use crate::model::{Model, Next};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;

/// What a step leads to, with states as numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Nowhere,
    One(u32),
    /// Index into the lists of [`States::any`].
    Any(u32),
}

/// Hash-consed states and a cache of the transitions between them.
///
/// A window of `c` concurrent operations has about `c` states but `c * 2^c` configurations, so nearly every
/// step was taken before: the model is asked once, and a step costs one load. The cache is direct-mapped: a
/// collision forgets, it never lies.
pub(super) struct States<'a, M: Model> {
    model: &'a M,
    /// The last state with each hash.
    numbers: FxHashMap<u64, u32>,
    /// Each state, and the one before it with the same hash.
    states: Vec<(M::State, u32)>,
    lists: Vec<Vec<u32>>,
    cache: Vec<(u64, Step)>,
}

const UNUSED: u64 = u64::MAX;
const NONE: u32 = u32::MAX;
/// Set in the number of an operation that is asked about and not taken.
const QUESTION: u32 = 1 << 31;

impl<'a, M: Model> States<'a, M> {
    pub(super) fn new(model: &'a M, operations: usize) -> Self {
        let slots = (operations * 8).next_power_of_two().clamp(64, 1 << 16);
        let mut states = Self {
            model,
            numbers: FxHashMap::default(),
            states: Vec::new(),
            lists: Vec::new(),
            cache: vec![(UNUSED, Step::Nowhere); slots],
        };
        states.number(model.init());
        states
    }

    pub(super) fn model(&self) -> &'a M {
        self.model
    }

    /// The number of the initial state.
    pub(super) const INIT: u32 = 0;

    /// A state in the model's words.
    pub(super) fn show(&self, key: Option<&str>, number: u32) -> String {
        self.model.show(key, &self.states[number as usize].0)
    }

    pub(super) fn any(&self, list: u32) -> &[u32] {
        &self.lists[list as usize]
    }

    fn number(&mut self, state: M::State) -> u32 {
        let hash = FxBuildHasher.hash_one(&state);
        let head = self.numbers.entry(hash).or_insert(NONE);
        let mut at = *head;
        while at != NONE {
            let (known, before) = &self.states[at as usize];
            if *known == state {
                return at;
            }
            at = *before;
        }
        let number = self.states.len() as u32;
        self.states.push((state, *head));
        *head = number;
        number
    }

    /// What `operation`, the `id`-th of its search, does in `state`.
    pub(super) fn step(&mut self, state: u32, id: u32, operation: &View<'a, M>) -> Step {
        let key = u64::from(state) << 32 | u64::from(id);
        let slot = self.slot(key);
        if self.cache[slot].0 == key {
            return self.cache[slot].1;
        }
        let next = self.model.step(&self.states[state as usize].0, operation.input, operation.output);
        let step = match next {
            Next::Nowhere => Step::Nowhere,
            Next::One(state) => Step::One(self.number(state)),
            Next::Any(states) => {
                let mut list: Vec<u32> = Vec::with_capacity(states.len());
                for state in states {
                    let number = self.number(state);
                    if !list.contains(&number) {
                        list.push(number);
                    }
                }
                match list[..] {
                    [] => Step::Nowhere,
                    [one] => Step::One(one),
                    _ => {
                        self.lists.push(list);
                        Step::Any((self.lists.len() - 1) as u32)
                    }
                }
            }
        };
        self.cache[slot] = (key, step);
        step
    }

    /// Whether `state` has outgrown the completed `operation`, the `id`-th of its search.
    pub(super) fn outgrown(&mut self, state: u32, id: u32, operation: &View<'a, M>) -> bool {
        let Some(output) = operation.output else { return false };
        let key = u64::from(state) << 32 | u64::from(id | QUESTION);
        let slot = self.slot(key);
        if self.cache[slot].0 != key {
            let outgrown = self.model.outgrown(&self.states[state as usize].0, operation.input, output);
            self.cache[slot] = (key, if outgrown { Step::Nowhere } else { Step::One(state) });
        }
        self.cache[slot].1 == Step::Nowhere
    }

    /// Fibonacci hashing; the high bits are the mixed ones.
    fn slot(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & (self.cache.len() - 1)
    }
}
