//! Depth first over configurations.

use super::bits::Bits;
use super::depth::Deepest;
use super::memo::{Memo, Place};
use super::resets::Resets;
use super::states::{States, Step};
use super::values::Values;
use super::window::Window;
use super::{Fault, Search, Status, Stuck};
use crate::model::Model;

/// As many hopeless configurations cost as much as one that is entered.
const GLANCES: u64 = 16;

/// As many comparisons of sets of optional operations cost as much as one configuration that is entered.
const COMPARISONS: u64 = 64;

/// What a configuration of `N` words costs, in time and in memory, beside one of a single word: about as much as five of
/// those where more than 64 operations are in flight, or budgets would be worth minutes and gigabytes there.
const fn weight<const N: usize>() -> u64 {
    1 + N as u64 / 4
}

/// Where the search stands: what is placed and the state that follows.
#[derive(Clone, Copy)]
pub(super) struct Configuration<const N: usize> {
    pub(super) place: Place<N>,
    /// The optional operations used.
    pub(super) used: Bits<N>,
}

/// A configuration that was entered, and what was tried there.
struct Frame<const N: usize> {
    at: Configuration<N>,
    /// Length of the trail before the operation that led here.
    mark: u32,
    /// The next operation to try: first the completed ones in flight, then the optional ones.
    next: u32,
    /// The next of several states that one operation may lead to.
    branch: u32,
}

/// Depth first over configurations, with an explicit stack so that it can pause.
pub(super) struct Walk<'a, M: Model, const N: usize> {
    pub(super) window: Window<'a, M>,
    /// Where all operations are a register's.
    pub(super) values: Option<Values>,
    /// Where there are bounds.
    pub(super) resets: Resets,
    pub(super) states: States<'a, M>,
    memo: Memo<N>,
    stack: Vec<Frame<N>>,
    /// Ids placed, in order.
    pub(super) trail: Vec<u32>,
    started: bool,
    explored: u64,
    /// Configurations that were seen to be hopeless.
    glances: u64,
    pub(super) deepest: Deepest,
    /// The latest return of a bound that was found outgrown.
    pub(super) foreseen: Option<u64>,
    pub(super) fault: Fault,
}

enum Entered {
    Done,
    Pruned,
    Pushed,
}

impl<'a, M: Model, const N: usize> Walk<'a, M, N> {
    pub(super) fn new(model: &'a M, window: Window<'a, M>, values: Option<Values>, fault: Fault) -> Self {
        let optional = window.operations.len() > window.completed;
        Self {
            states: States::new(model, window.operations.len()),
            memo: Memo::new(optional, fault),
            stack: Vec::new(),
            trail: Vec::with_capacity(window.operations.len()),
            started: false,
            explored: 0,
            glances: 0,
            deepest: Deepest::default(),
            foreseen: None,
            resets: Resets::of(model, &window),
            window,
            values,
            fault,
        }
    }

    fn truncate(&mut self, mark: u32) {
        self.trail.truncate(mark as usize);
        self.deepest.shared = self.deepest.shared.min(mark as usize);
    }

    /// Counts completed operations into the base as long as they are placed.
    fn advance(&mut self, at: &mut Configuration<N>) {
        while (at.place.base as usize) < self.window.completed {
            let slot = self.window.slot(at.place.base);
            if !at.place.ahead.has(slot) {
                return;
            }
            at.place.ahead.remove(slot);
            if self.window.cuts_after(at.place.base) && at.used.is_empty() {
                self.stack.clear();
                self.memo.clear();
                // Values are known by the numbers of states.
                if self.values.is_none() {
                    let numbers = self.deepest.state().into_iter().chain([&mut at.place.state]);
                    self.states.keep_only(numbers, self.fault);
                }
            }
            at.place.base += 1;
        }
    }

    /// Places every read that can be placed; see "greedy reads" above.
    fn place_reads(&mut self, at: &mut Configuration<N>) {
        loop {
            self.advance(at);
            let base = at.place.base;
            if base as usize == self.window.completed {
                return;
            }
            let state = at.place.state;
            for id in self.window.reads(base) {
                let slot = self.window.slot(*id);
                if !at.place.ahead.has(slot)
                    && self.states.step(state, *id, &self.window.operations[*id as usize]) == Step::One(state)
                {
                    at.place.ahead.insert(slot);
                    self.trail.push(*id);
                }
            }
            if self.fault == Fault::GreedyWherever {
                self.place_no_ops(at);
            }
            if !at.place.ahead.has(self.window.slot(base)) {
                return;
            }
        }
    }

    /// The planted fault: what changes nothing here is placed as if it never changed anything.
    fn place_no_ops(&mut self, at: &mut Configuration<N>) {
        let state = at.place.state;
        for id in self.window.writes(at.place.base) {
            let slot = self.window.slot(*id);
            let leads_back = match self.states.step(state, *id, &self.window.operations[*id as usize]) {
                Step::Nowhere => false,
                Step::One(next) => next == state,
                Step::Any(list) => self.states.any(list).contains(&state),
            };
            if leads_back && !at.place.ahead.has(slot) {
                at.place.ahead.insert(slot);
                self.trail.push(*id);
            }
        }
    }

    fn enter(&mut self, mut at: Configuration<N>, mark: u32) -> Entered {
        self.place_reads(&mut at);
        if at.place.base as usize == self.window.completed {
            self.explored += weight::<N>();
            return Entered::Done;
        }
        if self.window.bounded() && self.hopeless(&at) {
            self.note_depth(&at.place);
            self.glance();
            return Entered::Pruned;
        }
        let before = self.memo.compared();
        let new = self.memo.enter(at.place, at.used);
        // A place entered with very many sets would make a budget of states take hours.
        self.explored += weight::<N>() * (1 + (self.memo.compared() - before) / COMPARISONS);
        if !new {
            return Entered::Pruned;
        }
        self.stack.push(Frame { at, mark, next: 0, branch: 0 });
        Entered::Pushed
    }

    fn glance(&mut self) {
        self.glances += 1;
        self.explored += u64::from(self.glances.is_multiple_of(GLANCES));
    }

    /// The next configuration to enter from the top of the stack, and the operation that leads there.
    fn next_child(&mut self) -> Option<(u32, Configuration<N>)> {
        while let Some((from, id, child)) = self.next_step() {
            if !self.loses(from, id, &child) {
                return Some((id, child));
            }
            self.glance();
        }
        None
    }

    /// The next operation to place on the top of the stack, after the state that it is placed in.
    fn next_step(&mut self) -> Option<(u32, u32, Configuration<N>)> {
        let frame = self.stack.last_mut()?;
        let place = frame.at.place;
        let writes = self.window.writes(place.base);
        let optional = match self.fault {
            Fault::PendingDropped if place.base > 0 => {
                self.window.optional(place.base - 1)..self.window.optional(place.base)
            }
            _ => 0..self.window.optional(place.base),
        };
        let end = writes.len() + optional.len();
        while (frame.next as usize) < end {
            let trial = frame.next as usize;
            let mut child = frame.at;
            let id = if let Some(id) = writes.get(trial) {
                let slot = self.window.slot(*id);
                if place.ahead.has(slot) || self.window.yields(*id, &frame.at, self.fault) {
                    frame.next += 1;
                    continue;
                }
                child.place.ahead.insert(slot);
                *id
            } else {
                let which = optional.start + trial - writes.len();
                let id = (self.window.completed + which) as u32;
                if child.used.has(which) || self.window.yields(id, &frame.at, self.fault) {
                    frame.next += 1;
                    continue;
                }
                child.used.insert(which);
                id
            };
            match self.states.step(place.state, id, &self.window.operations[id as usize]) {
                Step::Nowhere => frame.next += 1,
                Step::One(state) => {
                    frame.next += 1;
                    child.place.state = state;
                    return Some((place.state, id, child));
                }
                Step::Any(list) => {
                    if let Some(state) = self.states.any(list).get(frame.branch as usize) {
                        frame.branch += 1;
                        child.place.state = *state;
                        return Some((place.state, id, child));
                    }
                    frame.branch = 0;
                    frame.next += 1;
                }
            }
        }
        None
    }

    /// Nothing more to try on the top of the stack.
    fn back_up(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        self.note_depth(&frame.at.place);
        self.truncate(frame.mark);
    }

    pub(super) fn indices(&self, ids: &[u32]) -> Vec<usize> {
        ids.iter().map(|id| self.window.operations[*id as usize].index).collect()
    }
}

impl<M: Model, const N: usize> Search for Walk<'_, M, N> {
    fn run(&mut self, states: u64, memo: usize) -> Status {
        let until = self.explored.saturating_add(states);
        if !self.started {
            self.started = true;
            let place = Place { base: 0, state: States::<M>::INIT, ahead: Bits::EMPTY };
            if let Entered::Done = self.enter(Configuration { place, used: Bits::EMPTY }, 0) {
                return Status::Found;
            }
        }
        while !self.stack.is_empty() {
            if self.explored >= until {
                return Status::Paused;
            }
            if self.remembered() >= memo {
                return Status::MemoFull;
            }
            let Some((id, child)) = self.next_child() else {
                self.back_up();
                continue;
            };
            let mark = self.trail.len() as u32;
            self.trail.push(id);
            match self.enter(child, mark) {
                Entered::Done => return Status::Found,
                Entered::Pruned => self.truncate(mark),
                Entered::Pushed => {}
            }
        }
        Status::Refuted
    }

    fn explored(&self) -> u64 {
        self.explored
    }

    fn remembered(&self) -> usize {
        self.memo.len().saturating_mul(weight::<N>() as usize).saturating_add(self.states.entries())
    }

    fn witness(&self) -> Vec<usize> {
        self.indices(&self.trail)
    }

    fn stuck(&mut self, key: Option<&str>) -> Stuck {
        self.tell(key)
    }
}
