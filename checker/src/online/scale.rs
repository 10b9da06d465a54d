//! States that configurations share, and what all of them weigh together.

use crate::model::{Model, Next};
use crate::verdict::Budget;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A state that some configuration has, in one copy.
pub(super) type Shared<S> = Arc<Weighed<S>>;

/// A state that is on the scale until it is dropped. Equal if the states are.
pub(super) struct Weighed<S> {
    pub(super) state: S,
    weight: usize,
    total: Arc<AtomicUsize>,
}

/// What all states weigh that are held, in bytes and by the model's word.
#[derive(Default)]
pub(super) struct Scale(Arc<AtomicUsize>);

impl Scale {
    pub(super) fn put<M: Model>(&self, model: &M, state: M::State) -> Shared<M::State> {
        let weight = model.weight(&state);
        self.0.fetch_add(weight, Ordering::Relaxed);
        Arc::new(Weighed { state, weight, total: self.0.clone() })
    }

    pub(super) fn put_all<M: Model>(&self, model: &M, next: Next<M::State>) -> Vec<Shared<M::State>> {
        states(next).into_iter().map(|state| self.put(model, state)).collect()
    }

    /// As many entries of a memo take as much memory.
    pub(super) fn entries(&self) -> usize {
        self.0.load(Ordering::Relaxed) / Budget::ENTRY as usize
    }
}

pub(super) fn states<S>(next: Next<S>) -> Vec<S> {
    match next {
        Next::Nowhere => Vec::new(),
        Next::One(state) => vec![state],
        Next::Any(states) => states,
    }
}

impl<S> Drop for Weighed<S> {
    fn drop(&mut self) {
        self.total.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

impl<S: PartialEq> PartialEq for Weighed<S> {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl<S: Eq> Eq for Weighed<S> {}

impl<S: Hash> Hash for Weighed<S> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state.hash(hasher);
    }
}
