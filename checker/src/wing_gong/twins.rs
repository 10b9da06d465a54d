//! Operations that are as good as each other.
//!
//! Two operations of one role do the same in every state. **Of two that could be placed now, the one that returns
//! first is placed first.** By exchange: take a completion that places `b` now and its twin `a`, which returns no
//! later, afterwards. Swap them. Every state stays what it was; `a` may be placed now; and what stands before `b`'s
//! new place was called no later than `a` returned, so no later than `b` returns. An operation of unknown outcome
//! returns at the end of time, and of two such the one called first can be used whenever the other can. In the end
//! fewer of them may be used than there are; which ones does not matter.
//!
//! So fifty clients that write five values are five columns and not fifty operations: at most `11^5` subsets of
//! what is in flight, in place of `2^50`.

use super::View;
use super::faults::Fault;
use super::walk::Configuration;
use super::window::Window;
use crate::direct::Role;
use crate::model::Model;
use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;
/// How many elder twins are looked at. To miss one costs time and nothing else.
const LOOKS: usize = 128;

/// Who is whose twin. Empty if nobody has one.
#[derive(Default)]
pub(super) struct Twins {
    /// Twins are those of one class.
    classes: Vec<u32>,
    /// Of a completed operation, the completed twin that returns next before it; of an optional one, the optional
    /// twin that was called next before it.
    elders: Vec<u32>,
}

impl Twins {
    /// `operations` are those of a window: completed ones by return, then optional ones by call.
    pub(super) fn of<M: Model>(model: &M, operations: &[View<'_, M>], completed: usize) -> Self {
        let mut twins = Self::default();
        let mut numbers: FxHashMap<Role<'_>, u32> = FxHashMap::default();
        // Of each class the last that is completed and the last that is optional.
        let mut last: Vec<[u32; 2]> = Vec::new();
        let mut any = false;
        for (id, view) in operations.iter().enumerate() {
            let role = model.role(view.input, view.output);
            let (mut class, mut elder) = (NONE, NONE);
            // Reads are placed at once, all of them.
            if role != Role::Other && !model.read_only(view.input, view.output) {
                class = *numbers.entry(role).or_insert(last.len() as u32);
                if class as usize == last.len() {
                    last.push([NONE; 2]);
                }
                let latest = &mut last[class as usize];
                let optional = id >= completed;
                elder = std::mem::replace(&mut latest[usize::from(optional)], id as u32);
                any |= elder != NONE || optional && latest[0] != NONE;
            }
            twins.classes.push(class);
            twins.elders.push(elder);
        }
        if any { twins } else { Self::default() }
    }
}

impl<M: Model> Window<'_, M> {
    /// Whether a twin of `id` could be placed in its stead, and should be.
    pub(super) fn yields<const N: usize>(&self, id: u32, at: &Configuration<N>, fault: Fault) -> bool {
        let Some(class) = self.twins.classes.get(id as usize) else { return false };
        let unplaced = |id: u32| !at.place.ahead.has(self.slot(id));
        let completed = self.completed as u32;
        if id < completed {
            let now = self.operations[at.place.base as usize].ret;
            let elders = std::iter::successors(Some(id), |id| self.twins.elders.get(*id as usize).copied());
            let mut elders =
                elders.skip(1).take(LOOKS).take_while(|elder| *elder != NONE && *elder >= at.place.base);
            let callable = |elder: u32| {
                fault == Fault::TwinsBeforeTheirCall || Some(self.operations[elder as usize].call) <= now
            };
            return elders.any(|elder| callable(elder) && unplaced(elder));
        }
        let elder = self.twins.elders[id as usize];
        elder != NONE && !at.used.has((elder - completed) as usize)
            || *class != NONE
                && self
                    .writes(at.place.base)
                    .iter()
                    .any(|twin| self.twins.classes[*twin as usize] == *class && unplaced(*twin))
    }
}
