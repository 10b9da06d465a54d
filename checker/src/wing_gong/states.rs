//! States as numbers, and what each operation does to each.

use super::{Fault, View};
use crate::model::{Model, Next};
use crate::verdict::Budget;
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
    /// The number of the first of them.
    first: u32,
    /// Of all of them, in bytes, by the model's word.
    weight: usize,
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
            first: 0,
            weight: 0,
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
        self.model.show(key, self.state(number))
    }

    pub(super) fn any(&self, list: u32) -> &[u32] {
        &self.lists[list as usize]
    }

    fn state(&self, number: u32) -> &M::State {
        &self.states[(number - self.first) as usize].0
    }

    /// As many entries of the memo take as much memory.
    pub(super) fn entries(&self) -> usize {
        self.weight / Budget::ENTRY as usize
    }

    /// Forgets all states but these, unless all weigh nothing, and renumbers them. Numbers are not used again, for the cache
    /// knows what was.
    pub(super) fn keep_only<'n>(&mut self, numbers: impl Iterator<Item = &'n mut u32>, fault: Fault) {
        if self.weight == 0 {
            return;
        }
        let kept: Vec<_> = numbers.map(|number| (self.state(*number).clone(), number)).collect();
        if fault != Fault::NumbersUsedAgain {
            self.first += self.states.len() as u32;
        }
        (self.numbers, self.weight) = (FxHashMap::default(), 0);
        self.states.clear();
        self.lists.clear();
        for (state, number) in kept {
            *number = self.number(state);
        }
    }

    fn number(&mut self, state: M::State) -> u32 {
        let hash = FxBuildHasher.hash_one(&state);
        let head = self.numbers.entry(hash).or_insert(NONE);
        let mut at = *head;
        while at != NONE {
            let (known, before) = &self.states[(at - self.first) as usize];
            if *known == state {
                return at;
            }
            at = *before;
        }
        let number = self.first + self.states.len() as u32;
        self.weight += self.model.weight(&state);
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
        let next = self.model.step(self.state(state), operation.input, operation.output);
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
            let outgrown = self.model.outgrown(self.state(state), operation.input, output);
            self.cache[slot] = (key, if outgrown { Step::Nowhere } else { Step::One(state) });
        }
        self.cache[slot].1 == Step::Nowhere
    }

    /// Fibonacci hashing; the high bits are the mixed ones.
    fn slot(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & (self.cache.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::bank::{Bank, Input, Output};

    fn step<'a>(states: &mut States<'a, Bank>, from: u32, id: u32, deposit: &View<'a, Bank>) -> u32 {
        match states.step(from, id, deposit) {
            Step::One(to) => to,
            _ => panic!("a deposit leads to one state"),
        }
    }

    /// What two deposits come to: the first after another one, the second after that and with all else forgotten.
    fn balances(fault: Fault) -> [String; 2] {
        let deposit = |to: &str| Input::Deposit { to: to.into(), amount: 1 };
        let (done, model) = (Output::Done, Bank::default());
        let inputs = [deposit("a"), deposit("b"), deposit("c")];
        let view =
            |id: usize| View { input: &inputs[id], output: Some(&done), call: 0, ret: Some(1), index: id };
        let mut states = States::new(&model, inputs.len());
        let mut at = step(&mut states, States::<Bank>::INIT, 0, &view(0));
        let before = step(&mut states, at, 1, &view(1));
        let shown = states.show(None, before);
        states.keep_only([&mut at].into_iter(), fault);
        step(&mut states, at, 2, &view(2));
        let after = step(&mut states, at, 0, &view(0));
        [shown, states.show(None, after)]
    }

    #[test]
    fn what_is_forgotten_is_not_met_again() {
        let right = balances(Fault::None);
        assert!(right[0].contains("a") && right[0].contains("b") && !right[0].contains("c"), "{right:?}");
        assert!(!right[1].contains("b") && !right[1].contains("c") && right[1].contains("2"), "{right:?}");
        assert_ne!(balances(Fault::NumbersUsedAgain), right);
    }
}
