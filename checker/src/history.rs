//! What clients saw: operations with the time of their call and, if it came, of their reply.
//!
//! **Intervals are closed.** An operation occupies every instant from its call to its return, both ends
//! included, so two operations that touch at one instant are concurrent. A clock of finite resolution demands
//! it. Let the true order be `write x = 1` takes effect, its client sees the reply at 9.6 µs, and another
//! client's read, called at 9.2 µs, had already returned `null`. Recorded in whole microseconds:
//!
//! ```text
//! c0  write x = 1     [0 ───── 9]
//! c1  read x = null            [9 ── 12]
//! ```
//!
//! Nothing is wrong with the system, yet open intervals would put the write before the read and reject the
//! history. Closed intervals can only miss an order that the clock was too coarse to record.

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<I, O> {
    /// Who called. Order comes from time alone; what is known of a client's own order at equal times is made time by
    /// [`refine`](crate::refine).
    pub client: u64,
    /// What was asked.
    pub input: I,
    /// Time of the call in nanoseconds.
    pub call: u64,
    /// The reply; `None` if it was never seen. Such an operation may take effect at any time after its call,
    /// or never.
    pub returned: Option<Returned<O>>,
}

/// The reply to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned<O> {
    /// Time of the reply in nanoseconds, not before the call.
    pub at: u64,
    /// What was answered.
    pub output: O,
}

impl<I, O> Operation<I, O> {
    /// An operation whose reply was seen at `at`.
    pub fn completed(client: u64, input: I, call: u64, output: O, at: u64) -> Self {
        Self { client, input, call, returned: Some(Returned { at, output }) }
    }

    /// An operation whose reply was never seen.
    pub fn pending(client: u64, input: I, call: u64) -> Self {
        Self { client, input, call, returned: None }
    }

    /// What was answered, if it was seen.
    pub fn output(&self) -> Option<&O> {
        self.returned.as_ref().map(|returned| &returned.output)
    }

    /// When the reply was seen, if it was.
    pub fn returned_at(&self) -> Option<u64> {
        self.returned.as_ref().map(|returned| returned.at)
    }

    /// Real-time order (Herlihy & Wing 1990, §2.2): `self` returned strictly before `other` was called.
    pub fn precedes(&self, other: &Self) -> bool {
        self.returned_at().is_some_and(|at| at < other.call)
    }
}

/// The handle of an operation that was called and may still return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "without it the reply cannot be recorded"]
pub struct Called(usize);

/// A history under recording, in the order of the calls. It dereferences to the operations, which is what
/// [`check`](crate::check) takes.
///
/// ```
/// use stormglass_checker::{History, check, models::register::{Input, Output, Register}};
///
/// let mut history = History::new();
/// let write = history.call(0, Input::write("x", "1"), 10);
/// history.returned(write, Output::Done, 20);
/// let _lost = history.call(1, Input::write("x", "2"), 30);
/// assert!(check(&Register, &history, Default::default()).is_linearizable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<I, O> {
    operations: Vec<Operation<I, O>>,
    /// Where the operation of each handle stands; `None` once withdrawn. Increasing.
    places: Vec<Option<usize>>,
}

impl<I, O> History<I, O> {
    /// An empty history.
    pub fn new() -> Self {
        Self { operations: Vec::new(), places: Vec::new() }
    }

    /// Records a call at `now` nanoseconds.
    pub fn call(&mut self, client: u64, input: I, now: u64) -> Called {
        self.push(Operation::pending(client, input, now));
        Called(self.places.len() - 1)
    }

    /// Records the reply to a call. An operation without this stays of unknown outcome.
    pub fn returned(&mut self, called: Called, output: O, now: u64) {
        if let Some(at) = self.places[called.0] {
            self.operations[at].returned = Some(Returned { at: now, output });
        }
    }

    /// Takes back a call that certainly had no effect, as though it had never been made.
    pub fn withdraw(&mut self, called: Called) {
        let Some(at) = self.places[called.0].take() else { return };
        self.operations.remove(at);
        for place in self.places[called.0 + 1..].iter_mut().flatten() {
            *place -= 1;
        }
    }

    /// Adds an operation that is already whole.
    pub fn push(&mut self, operation: Operation<I, O>) {
        self.places.push(Some(self.operations.len()));
        self.operations.push(operation);
    }
}

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, O> std::ops::Deref for History<I, O> {
    type Target = [Operation<I, O>];

    fn deref(&self) -> &Self::Target {
        &self.operations
    }
}

impl<I, O> FromIterator<Operation<I, O>> for History<I, O> {
    fn from_iter<T: IntoIterator<Item = Operation<I, O>>>(operations: T) -> Self {
        let mut history = Self::new();
        operations.into_iter().for_each(|operation| history.push(operation));
        history
    }
}
