//! The history a story records: what clients asked and were answered, in the world's true time.
//!
//! No two of its times are equal, as many things may happen at one instant: what is recorded first is first, and the
//! judge, to whom equal times are concurrent, knows it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
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
    /// Each client and its number.
    names: RefCell<Vec<(String, u64)>>,
    /// The last time in it.
    stamped: Cell<u64>,
}

impl<M: Model> Shared<M> {
    /// The number by which the judge calls a client: of `c3` it is 3, of others the first that is free.
    fn number(&self, client: &str) -> u64 {
        let mut names = self.names.borrow_mut();
        if let Some((_, number)) = names.iter().find(|(name, _)| name == client) {
            return *number;
        }
        let is_free = |number: &u64| names.iter().all(|(_, taken)| taken != number);
        let own = client.strip_prefix('c').and_then(|digits| digits.parse().ok());
        let own = own.filter(|number| format!("c{number}") == client && is_free(number));
        let number = own.or_else(|| (0..).find(is_free)).expect("there are more numbers than clients");
        names.push((client.to_owned(), number));
        number
    }

    /// Who is meant by `c0` in a sentence, where it is not its name.
    fn legend(&self, sentence: &str) -> String {
        let names = self.names.borrow();
        let called: BTreeSet<&str> = sentence.split(|c: char| !c.is_alphanumeric()).collect();
        let told = names.iter().map(|(name, number)| (format!("c{number}"), name));
        let told = told.filter(|(number, name)| number != *name && called.contains(number.as_str()));
        let told: Vec<String> = told.map(|(number, name)| format!("{number} is {name}")).collect();
        if told.is_empty() { String::new() } else { format!("\n{}", told.join(", ")) }
    }

    fn stamp(&self) -> u64 {
        self.stamped.set(nanos(self.world.now()).max(self.stamped.get() + 1));
        self.stamped.get()
    }
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
        let (records, names, stamped) = (RefCell::default(), RefCell::default(), Cell::default());
        let shared = Shared { world, model, records, names, stamped };
        History(Rc::new(shared))
    }

    /// Records that `client`, by its node's name, asks `input` now.
    pub fn call(&self, client: &str, input: M::Input) -> Call {
        let number = self.0.number(client);
        self.0.world.client_event(number, "call", &self.0.model.describe(&input, None).to_string());
        let mut records = self.0.records.borrow_mut();
        records.push(Operation::pending(number, input, self.0.stamp()));
        Call(records.len() - 1)
    }

    /// Records the answer. A call without one is of unknown outcome: it may take effect at any time, or never.
    pub fn returned(&self, call: Call, output: M::Output) {
        let at = self.0.stamp();
        let operation = &mut self.0.records.borrow_mut()[call.0];
        let told = self.0.model.describe(&operation.input, Some(&output)).to_string();
        self.0.world.client_event(operation.client, "return", &told);
        operation.returned = Some(checker::Returned { at, output });
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
        let mut judged = linearizable(&self.0.model, &self.0.records.borrow());
        if let Some((_, fall)) = &mut judged {
            fall.witness.push_str(&self.0.legend(&fall.witness));
        }
        judged
    }

    /// What `client` waits for and since when, if it does.
    pub(crate) fn waits_for(&self, client: &str) -> Option<String> {
        let number = self.0.names.borrow().iter().find(|(name, _)| name == client)?.1;
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

#[cfg(test)]
mod tests {
    use stormglass_checker::models::register::{Input, Output, Register};
    use stormglass_sim::{Seed, Sim};

    use super::*;

    /// The judge says c0, c1, …: who is called so keeps the number, and of others it is said who they are.
    #[test]
    fn clients_are_called_by_their_names() {
        let witness = |names: [&'static str; 2]| {
            let outcome = Sim::new(Seed(1)).run(move |world| async move {
                let history = History::new(world, Register);
                let [writer, reader] = names;
                history.record(writer, Input::write("x", "1"), async { Some(Output::Done) }).await;
                history.record(reader, Input::read("x"), async { Some(Output::Value(None)) }).await;
                history.judge()
            });
            outcome.unwrap().expect("it reads the past").1.witness
        };
        let [own, others, mixed] = [["c7", "c3"], ["gate", "clerk"], ["gate", "c0"]].map(witness);
        assert!(own.starts_with("c3 read x") && own.contains("c7's write") && !own.contains(" is "), "{own}");
        assert!(others.starts_with("c1 read x") && others.ends_with("\nc0 is gate, c1 is clerk"), "{others}");
        assert!(mixed.starts_with("c1 read x") && mixed.ends_with("\nc0 is gate, c1 is c0"), "{mixed}");
    }

    /// A client that reads what it has overwritten, all of it at one instant.
    #[test]
    fn what_follows_at_the_same_instant_is_not_concurrent() {
        let judged = |seen: &'static str| {
            let outcome = Sim::new(Seed(1)).run(|world| async move {
                let history = History::new(world, Register);
                let done = || async { Some(Output::Done) };
                history.record("c0", Input::write("x", "1"), done()).await;
                history.record("c0", Input::write("x", "2"), done()).await;
                history
                    .record("c0", Input::read("x"), async { Some(Output::Value(Some(seen.into()))) })
                    .await;
                history.judge()
            });
            outcome.unwrap().map(|(verdict, _)| verdict)
        };
        assert_eq!([judged("2"), judged("1")], [None, Some(Verdict::Safety)]);
    }
}
