//! The history a story records: what clients asked and were answered, in the world's true time.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::{self as checker, Budget, Model, Operation, Verdict as Judgement};
use stormglass_sim::World;

use crate::outcome::{Fall, Verdict};
use crate::report::span;

/// A history under recording; clones record into the same one. Made by [`Stage::history`](crate::Stage::history).
pub struct History<M: Model>(Rc<Shared<M>>);

struct Shared<M: Model> {
    world: World,
    model: M,
    records: RefCell<Vec<Operation<M::Input, M::Output>>>,
    names: RefCell<Vec<String>>,
}

impl<M: Model> Clone for History<M> {
    fn clone(&self) -> Self {
        History(self.0.clone())
    }
}

/// An operation that was called and may still return.
#[derive(Debug)]
#[must_use = "without it the reply cannot be recorded"]
pub struct Call(usize);

impl<M: Model> History<M> {
    pub(crate) fn new(world: World, model: M) -> Self {
        let shared = Shared { world, model, records: RefCell::default(), names: RefCell::default() };
        History(Rc::new(shared))
    }

    /// Records that `client` asks `input` now.
    pub fn call(&self, client: &str, input: M::Input) -> Call {
        let mut names = self.0.names.borrow_mut();
        let number = names.iter().position(|name| name == client).unwrap_or_else(|| {
            names.push(client.into());
            names.len() - 1
        });
        let mut records = self.0.records.borrow_mut();
        records.push(Operation::pending(number as u64, input, nanos(self.0.world.now())));
        Call(records.len() - 1)
    }

    /// Records the answer. A call without one is of unknown outcome: it may take effect at any time, or never.
    pub fn returned(&self, call: Call, output: M::Output) {
        let at = nanos(self.0.world.now());
        self.0.records.borrow_mut()[call.0].returned = Some(checker::Returned { at, output });
    }

    /// Records a whole operation; `None` is an unknown outcome.
    pub async fn record(
        &self,
        client: &str,
        input: M::Input,
        operation: impl Future<Output = Option<M::Output>>,
    ) where
        M::Output: Clone,
    {
        let call = self.call(client, input);
        if let Some(output) = operation.await {
            self.returned(call, output);
        }
    }

    /// How many operations have been answered.
    pub fn answered(&self) -> usize {
        self.0.records.borrow().iter().filter(|operation| operation.returned.is_some()).count()
    }

    pub(crate) fn judge(&self) -> Option<(Verdict, Fall)> {
        linearizable(&self.0.model, &self.0.records.borrow())
    }

    /// What `client` waits for and since when, if it does.
    pub(crate) fn waits_for(&self, client: &str) -> Option<String> {
        let number = self.0.names.borrow().iter().position(|name| name == client)? as u64;
        let records = self.0.records.borrow();
        let waiting = records.iter().rfind(|operation| operation.client == number)?;
        if waiting.returned.is_some() {
            return None;
        }
        let since = nanos(self.0.world.now()).saturating_sub(waiting.call);
        let asked = self.0.model.describe(&waiting.input, None);
        Some(format!("{client} has waited {} for its {asked}", span(Duration::from_nanos(since))))
    }
}

/// What falls when a history is judged, if anything does.
pub fn linearizable<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
) -> Option<(Verdict, Fall)> {
    fell(checker::check(model, history, Budget::default()))
}

/// The judge's word, as an outcome has it.
pub(crate) fn fell(judgement: Judgement) -> Option<(Verdict, Fall)> {
    match judgement {
        Judgement::Linearizable { .. } => None,
        Judgement::NotLinearizable(counterexample) => {
            let claim = "the history is linearizable";
            Some((Verdict::Safety, Fall::new("linearizable", claim, counterexample.sentence)))
        }
        Judgement::Undecided { explored, why } => {
            let witness = format!("{why} ({explored} states explored)");
            Some((Verdict::Undecided, Fall::new("linearizable", "the history can be judged", witness)))
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
