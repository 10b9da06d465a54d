//! Bounds, where writes may begin anew.
//!
//! A state that has outgrown a read is hopeless before it, unless a write is left whose text the read begins with.

use super::faults::Fault;
use super::walk::{Configuration, Walk};
use super::window::Window;
use crate::direct::Role;
use crate::model::Model;

const NONE: u32 = u32::MAX;

/// The texts that are written, sorted, each with its operation and with the longest other that it begins with.
pub(super) struct Resets(Vec<Reset>);

struct Reset {
    text: String,
    id: u32,
    within: u32,
}

impl Resets {
    pub(super) fn of<M: Model>(model: &M, window: &Window<'_, M>) -> Self {
        if !window.bounded() {
            return Self(Vec::new());
        }
        let mut resets: Vec<Reset> = Vec::new();
        for (id, view) in window.operations.iter().enumerate() {
            if let Role::Write(text) = model.role(view.input, view.output) {
                let text = text.unwrap_or_default().to_owned();
                resets.push(Reset { text, id: id as u32, within: NONE });
            }
        }
        resets.sort_by(|one, other| one.text.cmp(&other.text));
        for at in 1..resets.len() {
            resets[at].within = Self::begin(&resets, at as u32 - 1, &resets[at].text);
        }
        Self(resets)
    }

    /// From `at` on, the longest that `text` begins with. What `text` begins with, all between the two begin with.
    fn begin(resets: &[Reset], mut at: u32, text: &str) -> u32 {
        while let Some(reset) = resets.get(at as usize).filter(|reset| !text.starts_with(&*reset.text)) {
            at = reset.within;
        }
        at
    }

    /// The writes of a text that `text` begins with.
    fn of_text(&self, text: &str) -> impl Iterator<Item = u32> {
        let after = self.0.partition_point(|reset| *reset.text <= *text);
        let first = after.checked_sub(1).map_or(NONE, |at| Self::begin(&self.0, at as u32, text));
        let all =
            std::iter::successors(self.0.get(first as usize), |reset| self.0.get(reset.within as usize));
        all.map(|reset| reset.id)
    }
}

impl<M: Model, const N: usize> Walk<'_, M, N> {
    /// Whether the first bound that is not placed yet can never be.
    pub(super) fn hopeless(&mut self, at: &Configuration<N>) -> bool {
        let place = &at.place;
        let now = self.window.operations[place.base as usize].ret;
        let mut from = place.base;
        while let Some(bound) = self.window.bound(from) {
            let operation = self.window.operations[bound as usize];
            let placed = Some(operation.call) <= now && place.ahead.has(self.window.slot(bound));
            if !placed {
                let outgrown = self.states.outgrown(place.state, bound, &operation);
                let text = match self.states.model().role(operation.input, operation.output) {
                    Role::Read(text) => text.unwrap_or_default(),
                    _ => "",
                };
                if !outgrown || self.resets.of_text(text).any(|id| self.is_left(id, at)) {
                    return false;
                }
                self.foreseen = self.foreseen.max(operation.ret);
                return true;
            }
            from = bound + 1;
        }
        false
    }

    /// Whether an operation is still to be placed, or may be.
    fn is_left(&self, id: u32, Configuration { place, used }: &Configuration<N>) -> bool {
        let Some(optional) = (id as usize).checked_sub(self.window.completed) else {
            let now = self.window.operations[place.base as usize].ret;
            let called = Some(self.window.operations[id as usize].call) <= now;
            return id >= place.base && !(called && place.ahead.has(self.window.slot(id)));
        };
        !used.has(optional) && self.fault != Fault::UnknownMakesNothing
    }
}
