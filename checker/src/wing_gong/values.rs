//! Values that are lost.
//!
//! Where all operations are those of a register, each needs a value, makes one, or both. Whatever leaves a value
//! that a completed operation still needs, while nothing is left that could make it again, is hopeless: it is not
//! even entered. Only the value that is left must be looked at, for nothing is ever taken from the others.

use super::View;
use super::faults::Fault;
use super::walk::{Configuration, Walk};
use super::window::Lists;
use crate::direct::Role;
use crate::model::Model;
use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;

/// Who needs and who makes which value.
pub(super) struct Values {
    /// The value that each operation makes.
    makes: Vec<u32>,
    /// Per value, those completed that need it, by return.
    needed_by: Lists,
    /// Per value, those that make it: completed ones by return, then optional ones.
    made_by: Lists,
    /// The value of each state that was met.
    of_state: Vec<u32>,
}

impl Values {
    /// `operations` are those of a window; `None` if one is not a register's, or no value is both needed and made.
    pub(super) fn of<M: Model>(model: &M, operations: &[View<'_, M>]) -> Option<Self> {
        let mut numbers = FxHashMap::default();
        numbers.insert(None, 0_u32);
        let mut uses = Vec::with_capacity(operations.len());
        for view in operations {
            let (needs, makes) = match model.role(view.input, view.output) {
                Role::Look | Role::NotSwapped { .. } => (None, None),
                Role::Read(value) => (Some(value), None),
                Role::Write(value) => (None, Some(value)),
                Role::Swap { from, to } => (Some(from), Some(to)),
                _ => return None,
            };
            let mut number = |value| {
                let next = numbers.len() as u32;
                *numbers.entry(value).or_insert(next)
            };
            uses.push((needs.map_or(NONE, &mut number), makes.map_or(NONE, &mut number)));
        }
        let needs =
            |(view, (needs, _)): (&View<'_, M>, &(u32, u32))| if view.ret.is_some() { *needs } else { NONE };
        let needed_by = Lists::by(numbers.len(), operations.iter().zip(&uses).map(needs));
        let made_by = Lists::by(numbers.len(), uses.iter().map(|(_, makes)| *makes));
        let makes = uses.into_iter().map(|(_, makes)| makes).collect();
        Some(Self { makes, needed_by, made_by, of_state: vec![0] })
    }

    /// That `id` leads to the state of this number.
    pub(super) fn leads(&mut self, id: u32, state: u32) {
        if self.of_state.len() <= state as usize {
            self.of_state.resize(state as usize + 1, NONE);
        }
        self.of_state[state as usize] = self.makes[id as usize];
    }
}

impl<M: Model, const N: usize> Walk<'_, M, N> {
    /// Whether a value is lost on the way from `state` to `to`, where the last operation is placed already.
    pub(super) fn loses(&mut self, state: u32, id: u32, to: &Configuration<N>) -> bool {
        let Some(values) = &mut self.values else { return false };
        if values.makes[id as usize] == NONE {
            return false;
        }
        values.leads(id, to.place.state);
        if state == to.place.state {
            return false;
        }
        let (base, completed) = (to.place.base, self.window.completed as u32);
        let now = self.window.operations[base as usize].ret;
        let is_left = |id: u32| {
            let view = &self.window.operations[id as usize];
            match id < completed {
                true => id >= base && (Some(view.call) > now || !to.place.ahead.has(self.window.slot(id))),
                false => !to.used.has((id - completed) as usize) && self.fault != Fault::UnknownMakesNothing,
            }
        };
        let left = |all: &[u32]| {
            let rest = &all[all.partition_point(|id| *id < base)..];
            rest.iter().copied().find(|id| is_left(*id))
        };
        let value = values.of_state[state as usize] as usize;
        let Some(needs) = left(values.needed_by.get(value)) else { return false };
        if left(values.made_by.get(value)).is_some() {
            return false;
        }
        self.foreseen = self.foreseen.max(self.window.operations[needs as usize].ret);
        true
    }
}
