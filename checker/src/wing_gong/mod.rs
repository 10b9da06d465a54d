//! The general search: Wing & Gong 1993, with the memoisation of Lowe 2017.
//!
//! A history is linearizable if its operations can be put into one legal sequence that respects real-time order
//! (Herlihy & Wing 1990, §2.3). Wing and Gong build that sequence from the front: place any operation that no
//! unplaced one precedes and that is legal in the state so far; back up when nothing fits. Lowe remembers the
//! configurations, what is placed and the state, and enters none twice. Here besides:
//!
//! - A configuration is a window on the history and not a set as long as it (`window`).
//! - Operations of unknown outcome are *optional*: the search ends when all completed ones are placed. Of two
//!   configurations that differ in the optional operations used, the frugal one dominates (`memo`).
//! - **Greedy reads.** A completed read-only operation that may be placed and is legal now is placed now,
//!   and nothing else is tried. By exchange: take any completion of this configuration. The read is in it
//!   somewhere; move it to the front. No unplaced operation precedes it, the state allows it, and since it
//!   changes no state whatsoever, every other operation meets the state it met before. The argument needs all
//!   three words: an *optional* operation need not be in the completion, an operation that is a no-op only
//!   *here* may be needed later for its effect, and one with several outcomes may choose another.
//! - **Twins.** Of operations that do the same, only one is tried (`twins`).
//! - **Lost values.** Whoever leaves the value of a register for good while it is still needed is not followed
//!   (`values`).
//! - **Bounds.** Where states only grow, a configuration whose state has outgrown an operation still to be
//!   placed is hopeless and is not entered (`Model::outgrown`).
//! - **Luck.** What hardly happened is left out at first (`guess`).
//! - A place that every way passes lets the search forget all behind it (`Window::cuts_after`).
//!
//! The order of trials is fixed by the history, and limits count configurations: a verdict depends on neither
//! clock nor load.

mod bits;
mod depth;
mod faults;
mod guess;
mod memo;
mod resets;
mod states;
mod twins;
mod values;
mod window;

pub(crate) use depth::Stuck;
pub use faults::Fault;

use crate::model::Model;
use bits::Bits;
use depth::Deepest;
use guess::Guess;
use memo::{Memo, Place};
use resets::Resets;
use states::{States, Step};
use values::Values;
use window::Window;

/// One operation as the search sees it.
pub(crate) struct View<'a, M: Model> {
    pub(crate) input: &'a M::Input,
    pub(crate) output: Option<&'a M::Output>,
    pub(crate) call: u64,
    /// `None`: may take effect at any time after the call, or never.
    pub(crate) ret: Option<u64>,
    /// Its place in the whole history.
    pub(crate) index: usize,
}

impl<M: Model> Clone for View<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Model> Copy for View<'_, M> {}

/// What one run of the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// A linearization was found.
    Found,
    /// There is none.
    Refuted,
    /// The allowance of states was used up; running again continues.
    Paused,
    /// The memo is full. What was found out is kept, but the search cannot go on.
    MemoFull,
}

/// A search of either width.
pub(crate) trait Search {
    /// Goes on until done, or `states` more configurations, or a memo of `memo` entries.
    fn run(&mut self, states: u64, memo: usize) -> Status;
    /// Configurations entered so far, by their weight.
    fn explored(&self) -> u64;
    /// Entries of the memo now, by their weight.
    fn remembered(&self) -> usize;
    /// After [`Status::Found`]: the order found, as indices into the history.
    fn witness(&self) -> Vec<usize>;
    /// After [`Status::Refuted`]: how far it came.
    fn stuck(&mut self, key: Option<&str>) -> Stuck;
}

/// As many hopeless configurations cost as much as one that is entered.
const GLANCES: u64 = 16;

/// As many comparisons of sets of optional operations cost as much as one configuration that is entered.
const COMPARISONS: u64 = 64;

/// What a configuration of `N` words costs, in time and in memory, beside one of a single word: about as much as five of
/// those where more than 64 operations are in flight, or budgets would be worth minutes and gigabytes there.
const fn weight<const N: usize>() -> u64 {
    1 + N as u64 / 4
}

/// More operations in flight at once than the widest search can hold.
pub(crate) struct TooWide(pub(crate) usize);

/// The search over one partition.
pub(crate) fn search<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
    fault: Fault,
) -> Result<Box<dyn Search + 'a>, TooWide> {
    let search = |views: &[View<'a, M>]| {
        let window = Window::new(model, views, fault);
        let values = Values::of(model, &window.operations);
        walk(model, window, values, fault)
    };
    let all = search(views)?;
    match guess::likely(model, views).filter(|_| matches!(fault, Fault::None | Fault::GuessBelieved)) {
        Some(likely) => Ok(Box::new(Guess::new(search(&likely)?, all, fault))),
        None => Ok(all),
    }
}

/// The same, without bounds: slower, and sure to come to the deepest place.
pub(crate) fn plain_search<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
) -> Result<Box<dyn Search + 'a>, TooWide> {
    let mut window = Window::new(model, views, Fault::None);
    window.forget_bounds();
    walk(model, window, None, Fault::None)
}

fn walk<'a, M: Model>(
    model: &'a M,
    window: Window<'a, M>,
    values: Option<Values>,
    fault: Fault,
) -> Result<Box<dyn Search + 'a>, TooWide> {
    let width = window.width.max(window.operations.len() - window.completed);
    if width <= Bits::<1>::WIDTH {
        Ok(Box::new(Walk::<M, 1>::new(model, window, values, fault)))
    } else if width <= Bits::<16>::WIDTH {
        Ok(Box::new(Walk::<M, 16>::new(model, window, values, fault)))
    } else {
        Err(TooWide(width))
    }
}

/// For each view: is it of unknown outcome, and can it make a difference?
pub(crate) fn needed<M: Model>(model: &M, views: &[View<'_, M>]) -> Vec<bool> {
    let changes = |view: &View<'_, M>| view.ret.is_none() && !model.read_only(view.input, None);
    let mut needed: Vec<bool> = views.iter().map(changes).collect();
    let at: Vec<usize> = (0..views.len()).filter(|at| needed[*at]).collect();
    if !at.is_empty() {
        let unknown: Vec<&M::Input> = at.iter().map(|at| views[*at].input).collect();
        let others: Vec<_> = views.iter().map(|view| (view.input, view.output)).collect();
        let answers = model.needed(&unknown, &others);
        at.into_iter().zip(answers).for_each(|(at, answer)| needed[at] = answer);
    }
    needed
}

/// Where the search stands: what is placed and the state that follows.
#[derive(Clone, Copy)]
struct Configuration<const N: usize> {
    place: Place<N>,
    /// The optional operations used.
    used: Bits<N>,
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
struct Walk<'a, M: Model, const N: usize> {
    window: Window<'a, M>,
    /// Where all operations are a register's.
    values: Option<Values>,
    /// Where there are bounds.
    resets: Resets,
    states: States<'a, M>,
    memo: Memo<N>,
    stack: Vec<Frame<N>>,
    /// Ids placed, in order.
    trail: Vec<u32>,
    started: bool,
    explored: u64,
    /// Configurations that were seen to be hopeless.
    glances: u64,
    deepest: Deepest,
    /// The latest return of a bound that was found outgrown.
    foreseen: Option<u64>,
    fault: Fault,
}

enum Entered {
    Done,
    Pruned,
    Pushed,
}

impl<'a, M: Model, const N: usize> Walk<'a, M, N> {
    fn new(model: &'a M, window: Window<'a, M>, values: Option<Values>, fault: Fault) -> Self {
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

    fn indices(&self, ids: &[u32]) -> Vec<usize> {
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
        self.memo.len().saturating_mul(weight::<N>() as usize)
    }

    fn witness(&self) -> Vec<usize> {
        self.indices(&self.trail)
    }

    fn stuck(&mut self, key: Option<&str>) -> Stuck {
        self.tell(key)
    }
}
