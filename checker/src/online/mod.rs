//! The search while a history still grows: events come one by one, and the first reply that nothing can explain is named
//! at once.
//!
//! ```
//! use stormglass_checker::models::register::{Input, Output, Register};
//! use stormglass_checker::online::{Online, Standing};
//!
//! let mut online = Online::new(Register, Default::default());
//! let write = online.call(0, Input::write("x", "1"));
//! let read = online.call(1, Input::read("x"));
//! online.returned(read, Output::Value(Some("1".into()))); // the write is under way, and has been seen
//! let late = online.call(2, Input::read("x"));
//! assert_eq!(online.standing(), Standing::Explained);
//! online.returned(late, Output::Value(None));
//! let Standing::Refuted(why) = online.standing() else { panic!("nobody may look back") };
//! assert_eq!(why.sentence, "c2 read x = null, which fits none of the orders that explain what came before; \
//!                           they lead to x = 1");
//! online.lost(write);
//! ```
//!
//! # How
//!
//! Just-in-time linearization, breadth first (Lowe 2017, §4): what is kept is every *configuration* that the replies so far
//! leave possible, a state and what was placed ahead of its reply. An operation is placed no sooner than a reply needs
//! it: at a return, every order of operations still open that ends with the one that returned is tried. Calls cost next
//! to nothing, and what lies behind the frontier is forgotten.
//!
//! - Outputs are not known before the return. An operation placed early keeps the step that it took, from one state to
//!   another, and when its reply comes the configurations in which it took a step of another reply go.
//! - For each operation that is open and not placed, a configuration keeps the states that it could have met since its
//!   call. A reply that changes nothing in one of them is placed there in hindsight, and so no read is ever placed ahead. If
//!   it is one that never changes anything, nothing else is tried, by the exchange argument of the offline search.
//! - What is [lost](Online::lost) is optional for ever. Of two configurations that differ in the lost operations used, or
//!   in what open reads could have met, one may dominate; the other goes.
//!
//! # What it costs
//!
//! Memory is that of the configurations, of the operations that are open or lost, and one state a key; it does not grow
//! with the length of the history. A return costs as many configurations as there are, times the orders of what is open
//! in its key. [`Budget::states`] bounds the configurations entered for one return, [`Budget::memo`] those held at once. A
//! key that exceeds them is left undecided for good, and says so; the other keys go on.
//!
//! Unlike the offline search, which looks for one order, this one keeps all of them apart, and their number grows with what
//! is in flight in one key at once. Of compare-and-sets, writes and reads of five values by clients that never pause, two
//! clients need at most 8 configurations at a time, five 740, eight 10,000, ten 100,000. Beyond that, more keys help.
//!
//! Lost operations that could still matter stay: a history in which many replies are lost grows in width.

mod configuration;
mod frontier;
mod scale;

use crate::model::Model;
use crate::verdict::{Budget, Why};
use frontier::{Event, Frontier};
use std::collections::BTreeMap;

/// The handle of an operation that was called and may still return.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "without it the reply cannot be told"]
pub struct Ticket(u64);

/// Why no order explains the history any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The partition that is wrong, if the model splits by key.
    pub key: Option<String>,
    /// The operation whose reply cannot be explained, counted from 0 in the order of the calls.
    pub operation: u64,
    /// What is wrong, in words.
    pub sentence: String,
}

/// What can be said so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Some order explains every reply so far.
    Explained,
    /// None does, whatever comes.
    Refuted(&'a Refusal),
    /// The budget ran out for a key, and no other key is wrong. This is not a pass.
    Undecided(Why),
}

/// Known wrong turns, chosen at run time, for the checker's own tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// As it should be.
    #[default]
    None,
    /// Believes that an operation whose reply was lost had no effect.
    LostTakenAsFailed,
    /// Believes the step of an operation that was placed early, whatever its reply says.
    EarlyStepsBelieved,
    /// Lets a read see only the state at its return.
    ReadsSeeTheLastState,
    /// Places nothing but what returns.
    NothingAhead,
    /// Takes a configuration that used more lost operations for one that dominates.
    DominationReversed,
}

/// Judges a history while it grows.
///
/// Events are told in the order of real time. Intervals are closed: of events at one instant, calls come first.
pub struct Online<M: Model> {
    model: M,
    budget: Budget,
    fault: Fault,
    /// Operations called so far.
    called: u64,
    /// The key of every operation that is open.
    open: BTreeMap<u64, Option<String>>,
    keys: BTreeMap<Option<String>, Frontier<M>>,
    /// Configurations of all keys.
    held: usize,
    refusal: Option<Refusal>,
    undecided: Option<Why>,
}

impl<M: Model> Online<M> {
    /// Nothing has been called yet.
    pub fn new(model: M, budget: Budget) -> Self {
        Self::with_fault(model, budget, Fault::None)
    }

    /// With a planted fault.
    #[doc(hidden)]
    pub fn with_fault(model: M, budget: Budget, fault: Fault) -> Self {
        Self {
            model,
            budget,
            fault,
            called: 0,
            open: BTreeMap::new(),
            keys: BTreeMap::new(),
            held: 0,
            refusal: None,
            undecided: None,
        }
    }

    /// `client` calls. The client is used in sentences only.
    pub fn call(&mut self, client: u64, input: M::Input) -> Ticket {
        let id = self.called;
        self.called += 1;
        if self.refusal.is_none() {
            let key = self.model.key(&input).map(str::to_owned);
            let frontier = self.keys.entry(key.clone()).or_insert_with(|| {
                let frontier = Frontier::new(&self.model);
                self.held += frontier.held();
                frontier
            });
            frontier.call(&self.model, id, client, input);
            self.open.insert(id, key);
        }
        Ticket(id)
    }

    /// An operation returned.
    pub fn returned(&mut self, ticket: Ticket, output: M::Output) -> Standing<'_> {
        self.end(ticket, Event::Returned(output))
    }

    /// The reply to an operation will never come: it may take effect at any time from its call on, or never. An operation
    /// of which nothing is told is treated alike, but may still return.
    pub fn lost(&mut self, ticket: Ticket) -> Standing<'_> {
        self.end(ticket, Event::Lost)
    }

    /// An operation certainly had no effect.
    pub fn withdrawn(&mut self, ticket: Ticket) -> Standing<'_> {
        self.end(ticket, Event::Withdrawn)
    }

    fn end(&mut self, Ticket(id): Ticket, event: Event<M::Output>) -> Standing<'_> {
        let key = if self.refusal.is_some() { None } else { self.open.remove(&id) };
        if let Some((key, frontier)) = key.and_then(|key| Some((key.clone(), self.keys.get_mut(&key)?))) {
            let before = frontier.held();
            let room = self.budget.memo.saturating_sub(self.held - before);
            let budget = Budget { memo: room, ..self.budget };
            match frontier.end(&self.model, key.as_deref(), id, event, budget, self.fault) {
                Ok(()) => {}
                Err(frontier::Halt::Refuted(sentence)) => {
                    self.refusal = Some(Refusal { key, operation: id, sentence });
                    (self.held, self.keys, self.open) = (0, BTreeMap::new(), BTreeMap::new());
                    return self.standing();
                }
                Err(frontier::Halt::Exhausted(why)) => _ = self.undecided.get_or_insert(why),
            }
            self.held = self.held - before + frontier.held();
        }
        self.standing()
    }

    /// What can be said so far.
    pub fn standing(&self) -> Standing<'_> {
        match (&self.refusal, self.undecided) {
            (Some(refusal), _) => Standing::Refuted(refusal),
            (None, Some(why)) => Standing::Undecided(why),
            (None, None) => Standing::Explained,
        }
    }

    /// How many configurations are held: what memory is proportional to, beside the operations that are open or lost.
    pub fn configurations(&self) -> usize {
        self.held
    }
}
