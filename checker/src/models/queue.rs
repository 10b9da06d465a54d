//! First-in, first-out queues by name. A queue starts empty; a dequeue from an empty one answers `None` and does
//! not wait.

use super::{Fifo, Text, shown, shown_list};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Adds `value` at the back. Answered by [`Output::Done`].
    Enqueue {
        /// Which queue.
        key: Text,
        /// The element.
        value: Text,
    },
    /// Takes the element at the front. Answered by [`Output::Taken`].
    Dequeue {
        /// Which queue.
        key: Text,
    },
}

/// What a queue answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The element is in.
    Done,
    /// What was taken out; `None` if there was nothing.
    Taken(Option<Text>),
}

/// Any number of independent queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue;

impl Model for Queue {
    /// The front first.
    type State = Fifo;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        Fifo::default()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Enqueue { value, .. }, None | Some(Output::Done)) => Next::One(state.push(value.clone())),
            (Input::Dequeue { .. }, None | Some(Output::Taken(_))) => {
                let fits = match output {
                    Some(Output::Taken(seen)) => seen.as_ref() == state.first(),
                    _ => true,
                };
                Next::when(fits, || state.pop().map_or_else(|| state.clone(), |(_, rest)| rest))
            }
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Enqueue { key, .. } | Input::Dequeue { key }) = input;
        Some(key)
    }

    fn read_only(&self, _: &Input, output: Option<&Output>) -> bool {
        output == Some(&Output::Taken(None))
    }

    fn settles(&self, _: &Input, output: &Output) -> bool {
        *output == Output::Taken(None)
    }

    /// An element that nobody saw taken out stands at the front for ever, with everything behind it,
    /// or went to a dequeue of unknown outcome, which is then not needed either. Without an answered dequeue
    /// nothing is seen at all.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let answers = others.iter().filter_map(|(_, output)| match output {
            Some(Output::Taken(taken)) => Some(taken),
            _ => None,
        });
        let answers: FxHashSet<&Option<Text>> = answers.collect();
        let needed = |input: &&Input| match input {
            Input::Enqueue { value, .. } => answers.contains(&Some(value.clone())),
            Input::Dequeue { .. } => !answers.is_empty(),
        };
        unknown.iter().map(needed).collect()
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Enqueue { value, .. }, None | Some(Output::Done)) => Role::Enqueue(value),
            (Input::Dequeue { .. }, None) => Role::Dequeue(None),
            (Input::Dequeue { .. }, Some(Output::Taken(taken))) => Role::Dequeue(Some(taken.as_deref())),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match (input, output) {
            (Input::Enqueue { key, value }, _) => {
                let rest = format!("{} to {key}", shown(Some(value)));
                Phrase { verb: "enqueue", past: "enqueued", rest }
            }
            (Input::Dequeue { key }, Some(Output::Taken(taken))) => {
                let rest = format!("{} from {key}", shown(taken.as_ref()));
                Phrase { verb: "dequeue", past: "dequeued", rest }
            }
            (Input::Dequeue { key }, _) => {
                Phrase { verb: "dequeue", past: "dequeued", rest: format!("from {key}") }
            }
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("queue"), shown_list(&state.to_vec()))
    }
}
