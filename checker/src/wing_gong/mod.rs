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
mod walk;
mod window;

pub(crate) use depth::Stuck;
pub use faults::Fault;

use crate::model::Model;
use crate::verdict::Budget;
use bits::Bits;
use guess::Guess;
use values::Values;
use walk::Walk;
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

/// Why there is no search.
pub(crate) enum Unfit {
    /// So many operations in flight at once that not even the widest holds them.
    TooWide(usize),
    /// What is in flight when takes more room than there is.
    TooMuch,
}

/// How many operations in flight the widest search holds.
const WIDEST: usize = Bits::<16>::WIDTH;
/// Ids of operations in flight that may be listed for each operation, whatever the memo is allowed: they take about the
/// room of the operation itself.
const LISTED: usize = 16;

/// The search over one partition, with lists of what is in flight that take no more room than a memo of `memo` entries
/// besides the history's own.
pub(crate) fn search<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
    fault: Fault,
    memo: usize,
) -> Result<Box<dyn Search + 'a>, Unfit> {
    let all = search_of_all(model, views, fault, memo)?;
    match guess::likely(model, views).filter(|_| matches!(fault, Fault::None | Fault::GuessBelieved)) {
        Some(likely) => Ok(Box::new(Guess::new(search_of_all(model, &likely, fault, memo)?, all, fault))),
        None => Ok(all),
    }
}

/// The same without luck: for what is more likely to be wrong.
pub(crate) fn search_of_all<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
    fault: Fault,
    memo: usize,
) -> Result<Box<dyn Search + 'a>, Unfit> {
    let ids_of_entry = Budget::ENTRY as usize / size_of::<u32>();
    let room = (LISTED * views.len()).saturating_add(memo.saturating_mul(ids_of_entry));
    let window = Window::new(model, views, fault, room)?;
    let values = Values::of(model, &window.operations);
    Ok(walk(model, window, values, fault))
}

/// The same, without bounds: slower, and sure to come to the deepest place.
pub(crate) fn plain_search<'a, M: Model>(
    model: &'a M,
    views: &[View<'a, M>],
) -> Result<Box<dyn Search + 'a>, Unfit> {
    let mut window = Window::new(model, views, Fault::None, usize::MAX)?;
    window.forget_bounds();
    Ok(walk(model, window, None, Fault::None))
}

fn walk<'a, M: Model>(
    model: &'a M,
    window: Window<'a, M>,
    values: Option<Values>,
    fault: Fault,
) -> Box<dyn Search + 'a> {
    match window.width <= Bits::<1>::WIDTH {
        true => Box::new(Walk::<M, 1>::new(model, window, values, fault)),
        false => Box::new(Walk::<M, 16>::new(model, window, values, fault)),
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
