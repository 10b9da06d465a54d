//! Lists by name that only grow: the `list-append` of Jepsen, one operation at a time. A list starts empty.

use super::{Chain, Text, shown, shown_list};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Adds `value` to the end. Answered by [`Output::Done`].
    Append {
        /// Which list.
        key: Text,
        /// The new last element.
        value: Text,
    },
    /// Asks for all elements. Answered by [`Output::Elements`].
    Read {
        /// Which list.
        key: Text,
    },
}

/// What a list answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The append took effect.
    Done,
    /// All elements, the oldest first.
    Elements(Vec<Text>),
}

/// Any number of independent lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppendList;

impl Model for AppendList {
    type State = Chain;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        Chain::default()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Append { value, .. }, None | Some(Output::Done)) => Next::One(state.push(value.clone())),
            (Input::Read { .. }, None) => Next::One(state.clone()),
            (Input::Read { .. }, Some(Output::Elements(seen))) => {
                Next::when(*state == seen[..], || state.clone())
            }
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Append { key, .. } | Input::Read { key }) = input;
        Some(key)
    }

    fn read_only(&self, input: &Input, _: Option<&Output>) -> bool {
        matches!(input, Input::Read { .. })
    }

    fn settles(&self, input: &Input, _: &Output) -> bool {
        matches!(input, Input::Read { .. })
    }

    /// An append whose value nobody read: no read follows it.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let elements = others.iter().filter_map(|(_, output)| match output {
            Some(Output::Elements(seen)) => Some(seen),
            _ => None,
        });
        let read: FxHashSet<&Text> = elements.flatten().collect();
        let needed = |input: &&Input| matches!(input, Input::Append { value, .. } if read.contains(value));
        unknown.iter().map(needed).collect()
    }

    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        others.iter().map(|(input, _)| matches!(input, Input::Read { .. })).collect()
    }

    fn outgrown(&self, state: &Self::State, _: &Input, output: &Output) -> bool {
        matches!(output, Output::Elements(seen) if !state.begins(seen))
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Append { value, .. }, None | Some(Output::Done)) => Role::AppendElement(value),
            (Input::Read { .. }, None) => Role::Look,
            (Input::Read { .. }, Some(Output::Elements(seen))) => Role::Elements(seen),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match (input, output) {
            (Input::Append { key, value }, _) => {
                let rest = format!("{key} += {}", shown(Some(value)));
                Phrase { verb: "append", past: "appended", rest }
            }
            (Input::Read { key }, Some(Output::Elements(seen))) => {
                Phrase { verb: "read", past: "read", rest: format!("{key} = {}", shown_list(seen)) }
            }
            (Input::Read { key }, _) => Phrase { verb: "read", past: "read", rest: key.to_string() },
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("list"), shown_list(&state.to_vec()))
    }
}
