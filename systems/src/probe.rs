//! What an observer outside the nodes sees: a ghost that judges, and the history of the clients.
//!
//! A node's memory dies with it, so what is remembered *about* nodes must live elsewhere. A story makes one
//! [`Probe`], gives clones of it to the servers and clerks it starts, and asks it for the verdict after every
//! event. The default probe is blind and costs nothing; that is what a real program uses.
//!
//! Time here is the observer's own, given by the story as a function. A node's clock may be skewed, and a
//! history stamped with skewed clocks proves nothing. No two stamps are equal, as many things may happen at one instant
//! of a world: what the observer sees first is first, and the judge, to whom equal times are concurrent, knows it.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHasher;
use stormglass_sim::coverage;

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
    /// When, in the observer's time. Later than whatever the observer saw before, if by a nanosecond.
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
    /// The last stamp in the history.
    stamped: Cell<Duration>,
    state: RefCell<State<G>>,
}

/// A handle on the observer; clones see the same.
pub struct Probe<G: Ghost>(Option<Rc<Shared<G>>>);

impl<G: Ghost> Probe<G> {
    /// An observer whose time is `clock`: a world's true time, or that since the start of a real run.
    pub fn new(clock: impl Fn() -> Duration + 'static) -> Self {
        let state = State { ghost: G::default(), history: Vec::new(), broken: None };
        let (clock, stamped) = (Box::new(clock), Cell::default());
        Probe(Some(Rc::new(Shared { clock, stamped, state: RefCell::new(state) })))
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
            let call = shared.stamp();
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
            operation.ret = Some((shared.stamp(), outcome));
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
    fn stamp(&self) -> Duration {
        let next = self.stamped.get() + Duration::from_nanos(1);
        self.stamped.set(next.max((self.clock)()));
        self.stamped.get()
    }

    fn judge(&self, seen: G::Observation) {
        coverage::passed(type_name::<G>(), kind(&seen));
        // Also where nothing is broken: who reads the time is known to a search for one who sees the order of nodes.
        let now = (self.clock)();
        let state = &mut *self.state.borrow_mut();
        if let Err(broken) = state.ghost.observe(seen) {
            state.broken.get_or_insert((now, broken));
        }
    }
}

/// Which variant it is, for whoever looks for new orders of them.
fn kind<T>(seen: &T) -> u64 {
    let mut hasher = FxHasher::default();
    discriminant(seen).hash(&mut hasher);
    hasher.finish()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Nobody;

    impl Ghost for Nobody {
        type Observation = ();
        type Op = ();
        type Outcome = ();

        fn observe(&mut self, (): ()) -> Result<(), Broken> {
            Ok(())
        }

        fn returned((): &(), (): &()) {}
    }

    #[test]
    fn what_is_seen_first_is_first_at_one_instant_too() {
        let now = Rc::new(Cell::new(Duration::from_secs(1)));
        let clock = now.clone();
        let probe: Probe<Nobody> = Probe::new(move || clock.get());
        for client in 0..3 {
            let ticket = probe.call(client, || ());
            probe.ret(ticket, || ());
        }
        now.set(Duration::from_secs(2));
        drop(probe.call(0, || ()));
        let stamps =
            probe.history().into_iter().flat_map(|seen| [Some(seen.call), seen.ret.map(|(at, ())| at)]);
        let stamps: Vec<u128> = stamps.flatten().map(|stamp| stamp.as_nanos()).collect();
        let second = 1_000_000_000;
        let expected = (0..6).map(|n| second + n).chain([2 * second]);
        assert_eq!(stamps, expected.collect::<Vec<_>>());
    }
}
