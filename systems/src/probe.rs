//! What an observer outside the nodes sees: a ghost that judges, and the history of the clients.
//!
//! A node's memory dies with it, so what is remembered *about* nodes must live elsewhere. A story makes one
//! [`Probe`], gives clones of it to the servers and clerks it starts, and asks it for the verdict after every
//! event. The default probe is blind and costs nothing; that is what a real program uses.
//!
//! Time here is the observer's own, given by the story as a function. A node's clock may be skewed, and a
//! history stamped with skewed clocks proves nothing.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A system's ghost state: what has been seen so far, and what must never be seen next.
pub trait Ghost: Default + 'static {
    /// One thing seen.
    type Observation;
    /// What a client asked for.
    type Op: Clone;
    /// What the client was told.
    type Outcome: Clone;

    /// Judges one observation against all that was seen before, then remembers it.
    fn observe(&mut self, seen: Self::Observation) -> Result<(), Broken>;

    /// The observation that a client was told `outcome`.
    fn returned(op: &Self::Op, outcome: &Self::Outcome) -> Self::Observation;
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The property, by its name in `spec`.
    pub clause: &'static str,
    /// What was seen that must not be.
    pub detail: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.clause, self.detail)
    }
}

/// One operation of a client, from call to return. All resends of one call are this one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<Op, Outcome> {
    /// The clerk that called.
    pub client: u64,
    /// What it asked for.
    pub op: Op,
    /// When, in the observer's time.
    pub call: Duration,
    /// When it returned and with what; `None`: never, so that it may have taken effect or may yet.
    pub ret: Option<(Duration, Outcome)>,
}

/// Time as the checker counts it.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("a run is shorter than 584 years")
}

/// Names a call in progress, so that its return finds it.
#[derive(Debug)]
#[must_use = "a call that is never returned counts as open: hand it to `Probe::ret`"]
pub struct Ticket(Option<usize>);

/// A history as the ghost's clients made it.
pub type History<G> = Vec<Operation<<G as Ghost>::Op, <G as Ghost>::Outcome>>;

struct State<G: Ghost> {
    ghost: G,
    history: History<G>,
    broken: Option<(Duration, Broken)>,
}

struct Shared<G: Ghost> {
    clock: Box<dyn Fn() -> Duration>,
    state: RefCell<State<G>>,
}

/// A handle on the observer; clones see the same.
pub struct Probe<G: Ghost>(Option<Rc<Shared<G>>>);

impl<G: Ghost> Probe<G> {
    /// An observer whose time is `clock`: a world's true time, or that since the start of a real run.
    pub fn new(clock: impl Fn() -> Duration + 'static) -> Self {
        let state = State { ghost: G::default(), history: Vec::new(), broken: None };
        Probe(Some(Rc::new(Shared { clock: Box::new(clock), state: RefCell::new(state) })))
    }

    /// An observer that sees nothing.
    pub fn blind() -> Self {
        Probe(None)
    }

    /// Shows the ghost one thing. A blind probe does not even ask what.
    pub fn observe(&self, seen: impl FnOnce() -> G::Observation) {
        if let Some(shared) = &self.0 {
            shared.judge(seen());
        }
    }

    /// A client begins an operation.
    pub fn call(&self, client: u64, op: impl FnOnce() -> G::Op) -> Ticket {
        Ticket(self.0.as_ref().map(|shared| {
            let call = (shared.clock)();
            let history = &mut shared.state.borrow_mut().history;
            history.push(Operation { client, op: op(), call, ret: None });
            history.len() - 1
        }))
    }

    /// The client has its answer. An operation whose fate is unknown is never returned.
    pub fn ret(&self, ticket: Ticket, outcome: impl FnOnce() -> G::Outcome) {
        let (Some(shared), Some(index)) = (&self.0, ticket.0) else { return };
        let outcome = outcome();
        let seen = {
            let operation = &mut shared.state.borrow_mut().history[index];
            let seen = G::returned(&operation.op, &outcome);
            operation.ret = Some(((shared.clock)(), outcome));
            seen
        };
        shared.judge(seen);
    }

    /// The first promise that was broken, if any. Cheap: made to be asked after every event.
    pub fn verdict(&self) -> Result<(), String> {
        match self.0.as_ref().and_then(|shared| shared.state.borrow().broken.clone()) {
            None => Ok(()),
            Some((at, broken)) => Err(format!("{broken} (at {at:?})")),
        }
    }

    /// The first promise that was broken, and when.
    pub fn broken(&self) -> Option<(Duration, Broken)> {
        self.0.as_ref().and_then(|shared| shared.state.borrow().broken.clone())
    }

    /// All operations so far, in the order of their calls.
    pub fn history(&self) -> History<G> {
        self.0.as_ref().map_or_else(Vec::new, |shared| shared.state.borrow().history.clone())
    }

    /// Looks at the ghost. `None` when blind.
    pub fn ghost<T>(&self, look: impl FnOnce(&G) -> T) -> Option<T> {
        self.0.as_ref().map(|shared| look(&shared.state.borrow().ghost))
    }
}

impl<G: Ghost> Shared<G> {
    fn judge(&self, seen: G::Observation) {
        let state = &mut *self.state.borrow_mut();
        if let Err(broken) = state.ghost.observe(seen) {
            state.broken.get_or_insert_with(|| ((self.clock)(), broken));
        }
    }
}

impl<G: Ghost> Clone for Probe<G> {
    fn clone(&self) -> Self {
        Probe(self.0.clone())
    }
}

impl<G: Ghost> Default for Probe<G> {
    fn default() -> Self {
        Self::blind()
    }
}

impl<G: Ghost> fmt::Debug for Probe<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Probe" } else { "Probe(blind)" })
    }
}
