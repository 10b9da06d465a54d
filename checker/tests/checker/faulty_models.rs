//! Wrong turns of a model, each noticed by the comparison with brute force: steps that mean something else, and
//! promises that are not kept.

use crate::cases::{Banks, Case, Counters, Lists, Locks, Maps, PriorityQueues, Queues, Sets, Stacks};
use crate::histories;
use crate::oracle::linearizable;
use stormglass_checker::models::append_list::{self, AppendList};
use stormglass_checker::models::bank::{self, Bank};
use stormglass_checker::models::counter::{self, Counter};
use stormglass_checker::models::lock::{self, Lock};
use stormglass_checker::models::priority_queue::{self, PriorityQueue};
use stormglass_checker::models::queue::{self, Queue};
use stormglass_checker::models::set::{self, Set};
use stormglass_checker::models::stack::{self, Stack};
use stormglass_checker::models::{Chain, Fifo, Text};
use stormglass_checker::{Budget, Fault, Model, Next, Role, Seen, decide};

type Step<M> = fn(
    &M,
    &<M as Model>::State,
    &<M as Model>::Input,
    Option<&<M as Model>::Output>,
) -> Next<<M as Model>::State>;

/// What is wrong.
enum Wrong<M: Model> {
    Nothing,
    /// Another meaning of the operations.
    Step(Step<M>),
    /// "Nothing of unknown outcome is ever needed."
    NothingNeeded,
    /// "Every operation settles the state."
    AllSettles,
    /// "Nothing ever changes a state."
    AllReadOnly,
    /// "States only grow, whatever the operations are."
    AllGrows,
}

struct Faulty<M: Model> {
    right: M,
    wrong: Wrong<M>,
}

impl<M: Model> Model for Faulty<M> {
    type State = M::State;
    type Input = M::Input;
    type Output = M::Output;

    fn init(&self) -> M::State {
        self.right.init()
    }

    fn step(&self, state: &M::State, input: &M::Input, output: Option<&M::Output>) -> Next<M::State> {
        match self.wrong {
            Wrong::Step(step) => step(&self.right, state, input, output),
            _ => self.right.step(state, input, output),
        }
    }

    fn key<'a>(&self, input: &'a M::Input) -> Option<&'a str> {
        self.right.key(input)
    }

    fn read_only(&self, input: &M::Input, output: Option<&M::Output>) -> bool {
        matches!(self.wrong, Wrong::AllReadOnly) || self.right.read_only(input, output)
    }

    fn settles(&self, input: &M::Input, output: &M::Output) -> bool {
        matches!(self.wrong, Wrong::AllSettles) || self.right.settles(input, output)
    }

    fn role<'a>(&self, input: &'a M::Input, output: Option<&'a M::Output>) -> Role<'a> {
        match self.wrong {
            Wrong::Step(_) => Role::Other,
            _ => self.right.role(input, output),
        }
    }

    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        match self.wrong {
            Wrong::AllGrows => others.iter().map(|(_, output)| output.is_some()).collect(),
            _ => self.right.bounds(others),
        }
    }

    fn outgrown(&self, state: &M::State, input: &M::Input, output: &M::Output) -> bool {
        self.right.outgrown(state, input, output)
    }

    fn needed(&self, unknown: &[&M::Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        match self.wrong {
            Wrong::NothingNeeded => vec![false; unknown.len()],
            _ => self.right.needed(unknown, others),
        }
    }
}

fn noticed<C: Case>(wrong: Wrong<C::Model>) -> Option<usize> {
    let model = Faulty { right: C::model(), wrong };
    let mut rng = histories::Rng(21);
    (0..4000).find(|at| {
        let history = histories::random::<C>(&mut rng, 4 + *at as u64 % 4);
        decide(&model, &history, Budget::default(), Fault::None) != Some(linearizable::<C>(&history))
    })
}

fn all_noticed<C: Case>(faults: Vec<(&str, Wrong<C::Model>)>) {
    for (name, wrong) in faults {
        let by = noticed::<C>(wrong);
        println!("{}: {name} is noticed after {by:?} histories", C::NAME);
        assert!(by.is_some(), "{}: {name} went unnoticed", C::NAME);
    }
    assert_eq!(noticed::<C>(Wrong::Nothing), None);
}

fn chain(elements: &[Text]) -> Chain {
    elements.iter().fold(Chain::default(), |chain, element| chain.push(element.clone()))
}

#[test]
fn of_maps() {
    all_noticed::<Maps>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        ("grows in spite of puts", Wrong::AllGrows),
    ]);
}

#[test]
fn of_lists() {
    use append_list::{Input, Output};
    all_noticed::<Lists>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        ("appends settle", Wrong::AllSettles),
        (
            "appends at the front",
            Wrong::<AppendList>::Step(|right, state, input, output| match input {
                Input::Append { value, .. } => {
                    Next::One(chain(&[std::slice::from_ref(value), &state.to_vec()].concat()))
                }
                Input::Read { .. } => right.step(state, input, output),
            }),
        ),
        (
            "a read may see less",
            Wrong::<AppendList>::Step(|right, state, input, output| match output {
                Some(Output::Elements(seen)) => {
                    Next::when(state.to_vec().starts_with(seen), || state.clone())
                }
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_sets() {
    use set::{Input, Output};
    all_noticed::<Sets>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        ("adding what is there taken as a read", Wrong::AllReadOnly),
        ("grows in spite of removals", Wrong::AllGrows),
        (
            "removes nothing",
            Wrong::<Set>::Step(|right, state, input, output| match input {
                Input::Remove { .. } => Next::One(state.clone()),
                _ => right.step(state, input, output),
            }),
        ),
        (
            "a read may see less",
            Wrong::<Set>::Step(|right, state, input, output| match output {
                Some(Output::Elements(seen)) => Next::when(seen.is_subset(state), || state.clone()),
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_queues() {
    use queue::{Input, Output};
    all_noticed::<Queues>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        ("enqueues settle", Wrong::AllSettles),
        (
            "takes the last",
            Wrong::<Queue>::Step(|right, state, input, output| match (input, output) {
                (Input::Dequeue { .. }, Some(Output::Taken(Some(taken)))) => {
                    let mut all = state.to_vec();
                    let last = all.pop();
                    Next::when(last.as_ref() == Some(taken), || {
                        all.into_iter().fold(Fifo::default(), |queue, text| queue.push(text))
                    })
                }
                _ => right.step(state, input, output),
            }),
        ),
        (
            "may seem empty",
            Wrong::<Queue>::Step(|right, state, input, output| match output {
                Some(Output::Taken(None)) => Next::One(state.clone()),
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_stacks() {
    use stack::{Input, Output};
    all_noticed::<Stacks>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        (
            "takes the first",
            Wrong::<Stack>::Step(|right, state, input, output| match (input, output) {
                (Input::Pop { .. }, Some(Output::Taken(Some(taken)))) => {
                    let all = state.to_vec();
                    Next::when(all.first() == Some(taken), || chain(&all[1..]))
                }
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_priority_queues() {
    use priority_queue::{Input, Output};
    all_noticed::<PriorityQueues>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        (
            "takes anything",
            Wrong::<PriorityQueue>::Step(|right, state, input, output| match (input, output) {
                (Input::Pop { .. }, Some(Output::Taken(Some(taken)))) => {
                    let at = state.iter().position(|(_, value)| value == taken);
                    at.map_or(Next::Nowhere, |at| Next::One([&state[..at], &state[at + 1..]].concat()))
                }
                _ => right.step(state, input, output),
            }),
        ),
        (
            "takes the greatest",
            Wrong::<PriorityQueue>::Step(|right, state, input, output| match (input, output) {
                (Input::Pop { .. }, Some(Output::Taken(Some(taken)))) => {
                    let fits = state.last().is_some_and(|(_, value)| value == taken);
                    Next::when(fits, || state[..state.len() - 1].to_vec())
                }
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_counters() {
    use counter::Input;
    all_noticed::<Counters>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        ("grows in spite of decrements", Wrong::AllGrows),
        (
            "counts operations",
            Wrong::<Counter>::Step(|right, state, input, output| match input {
                Input::Inc { .. } => Next::One(state + 1),
                Input::Read { .. } => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_locks() {
    use lock::{Input, Output};
    all_noticed::<Locks>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        (
            "reentrant",
            Wrong::<Lock>::Step(|right, state, input, output| match (input, output) {
                (Input::Acquire { owner, .. }, Some(Output::Done)) if *state == Some(*owner) => {
                    Next::One(*state)
                }
                _ => right.step(state, input, output),
            }),
        ),
        (
            "anyone may release",
            Wrong::<Lock>::Step(|right, state, input, output| match (input, output) {
                (Input::Release { .. }, Some(Output::Done)) => Next::One(None),
                _ => right.step(state, input, output),
            }),
        ),
        (
            "refuses at will",
            Wrong::<Lock>::Step(|right, state, input, output| match output {
                Some(Output::Refused) => Next::One(*state),
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}

#[test]
fn of_banks() {
    use bank::{Input, Output};
    all_noticed::<Banks>(vec![
        ("unknown taken as never", Wrong::NothingNeeded),
        (
            "balances below zero",
            Wrong::<Bank>::Step(|right, state, input, output| match (input, output) {
                (Input::Transfer { from, to, amount }, Some(Output::Transferred(true))) => {
                    let mut next = state.clone();
                    *next.entry(from.clone()).or_default() -= i128::from(*amount);
                    *next.entry(to.clone()).or_default() += i128::from(*amount);
                    next.retain(|_, balance| *balance != 0);
                    Next::One(next)
                }
                _ => right.step(state, input, output),
            }),
        ),
        (
            "fails at will",
            Wrong::<Bank>::Step(|right, state, input, output| match output {
                Some(Output::Transferred(false)) => Next::One(state.clone()),
                _ => right.step(state, input, output),
            }),
        ),
    ]);
}
