//! Last-in, first-out stacks by name. A stack starts empty; a pop from an empty one answers `None` and does not wait.

use super::{Chain, Text, shown, shown_list};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Puts `value` on top. Answered by [`Output::Done`].
    Push {
        /// Which stack.
        key: Text,
        /// The element.
        value: Text,
    },
    /// Takes the element on top. Answered by [`Output::Taken`].
    Pop {
        /// Which stack.
        key: Text,
    },
}

/// What a stack answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The element is in.
    Done,
    /// What was taken out; `None` if there was nothing.
    Taken(Option<Text>),
}

/// Any number of independent stacks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

impl Model for Stack {
    /// The top last.
    type State = Chain;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        Chain::default()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Push { value, .. }, None | Some(Output::Done)) => Next::One(state.push(value.clone())),
            (Input::Pop { .. }, None | Some(Output::Taken(_))) => {
                let (taken, rest) = match state.pop() {
                    Some((taken, rest)) => (Some(taken), rest),
                    None => (None, state),
                };
                let fits = match output {
                    Some(Output::Taken(seen)) => seen.as_ref() == taken,
                    _ => true,
                };
                Next::when(fits, || rest.clone())
            }
            _ => Next::Nowhere,
        }
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

    /// An element that nobody saw taken out stays for ever, with everything below it,
    /// or went to a pop of unknown outcome, which is then not needed either. Without an answered pop
    /// nothing is seen at all.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let answers = others.iter().filter_map(|(_, output)| match output {
            Some(Output::Taken(taken)) => Some(taken),
            _ => None,
        });
        let answers: FxHashSet<&Option<Text>> = answers.collect();
        let needed = |input: &&Input| match input {
            Input::Push { value, .. } => answers.contains(&Some(value.clone())),
            Input::Pop { .. } => !answers.is_empty(),
        };
        unknown.iter().map(needed).collect()
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Push { value, .. }, None | Some(Output::Done)) => Role::Push(value),
            (Input::Pop { .. }, None) => Role::Pop(None),
            (Input::Pop { .. }, Some(Output::Taken(taken))) => Role::Pop(Some(taken.as_deref())),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match (input, output) {
            (Input::Push { key, value }, _) => {
                let rest = format!("{} to {key}", shown(Some(value)));
                Phrase { verb: "push", past: "pushed", rest }
            }
            (Input::Pop { key }, Some(Output::Taken(taken))) => {
                let rest = format!("{} from {key}", shown(taken.as_ref()));
                Phrase { verb: "pop", past: "popped", rest }
            }
            (Input::Pop { key }, _) => Phrase { verb: "pop", past: "popped", rest: format!("from {key}") },
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("stack"), shown_list(&state.to_vec()))
    }
}
