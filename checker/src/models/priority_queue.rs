//! Priority queues by name: the least priority number comes out first, and among equal ones any may. A queue
//! starts empty; a pop from an empty one answers `None` and does not wait.

use super::{Text, shown};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a priority queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Puts `value` in. Answered by [`Output::Done`].
    Push {
        /// Which queue.
        key: Text,
        /// The element.
        value: Text,
        /// The least is taken first.
        priority: i64,
    },
    /// Takes out an element of the least priority. Answered by [`Output::Taken`].
    Pop {
        /// Which queue.
        key: Text,
    },
}

/// What a priority queue answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The element is in.
    Done,
    /// What was taken out; `None` if there was nothing.
    Taken(Option<Text>),
}

/// Any number of independent priority queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

impl Model for PriorityQueue {
    /// Sorted: equal contents are equal states.
    type State = Vec<(i64, Text)>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        Vec::new()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        let least = || state.iter().take_while(|element| element.0 == state[0].0);
        let without = |at: usize| [&state[..at], &state[at + 1..]].concat();
        match (input, output) {
            (Input::Push { value, priority, .. }, None | Some(Output::Done)) => {
                let element = (*priority, value.clone());
                let (before, after) = state.split_at(state.partition_point(|other| *other < element));
                Next::One([before, &[element], after].concat())
            }
            (Input::Pop { .. }, None) if state.is_empty() => Next::One(Vec::new()),
            (Input::Pop { .. }, None) => Next::Any((0..least().count()).map(without).collect()),
            (Input::Pop { .. }, Some(Output::Taken(None))) => Next::when(state.is_empty(), Vec::new),
            (Input::Pop { .. }, Some(Output::Taken(Some(taken)))) => least()
                .position(|(_, value)| value == taken)
                .map_or(Next::Nowhere, |at| Next::One(without(at))),
            _ => Next::Nowhere,
        }
    }

    fn weight(&self, state: &Self::State) -> usize {
        size_of_val(&state[..])
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Push { key, .. } | Input::Pop { key }) = input;
        Some(key)
    }

    fn read_only(&self, _: &Input, output: Option<&Output>) -> bool {
        output == Some(&Output::Taken(None))
    }

    fn settles(&self, _: &Input, output: &Output) -> bool {
        *output == Output::Taken(None)
    }

    /// An element that nobody saw taken out stays for ever, which only keeps others from coming out, or went to
    /// a pop of unknown outcome, which is then not needed either. Without an answered pop nothing is seen at
    /// all.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let answers = others.iter().filter_map(|(_, output)| match output {
            Some(Output::Taken(taken)) => Some(taken.as_ref()),
            _ => None,
        });
        let answers: FxHashSet<Option<&Text>> = answers.collect();
        let needed = |input: &&Input| match input {
            Input::Push { value, .. } => answers.contains(&Some(value)),
            Input::Pop { .. } => !answers.is_empty(),
        };
        unknown.iter().map(needed).collect()
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Push { value, priority, .. }, None | Some(Output::Done)) => {
                Role::Insert { value, priority: *priority }
            }
            (Input::Pop { .. }, None) => Role::TakeLeast(None),
            (Input::Pop { .. }, Some(Output::Taken(taken))) => Role::TakeLeast(Some(taken.as_deref())),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        let (verb, past, rest) = match (input, output) {
            (Input::Push { key, value, priority }, _) => {
                ("push", "pushed", format!("{} to {key} at {priority}", shown(Some(value))))
            }
            (Input::Pop { key }, Some(Output::Taken(taken))) => {
                ("pop", "popped", format!("{} from {key}", shown(taken.as_ref())))
            }
            (Input::Pop { key }, _) => ("pop", "popped", format!("from {key}")),
        };
        Phrase { verb, past, rest }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        let elements = state.iter().map(|(priority, value)| format!("{} at {priority}", shown(Some(value))));
        format!("{} = [{}]", key.unwrap_or("queue"), elements.collect::<Vec<_>>().join(", "))
    }
}
