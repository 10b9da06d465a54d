//! Counters by name. A counter starts at 0; an increment may be negative.

use super::Text;
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};

/// What a client asks of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Adds `by`. Answered by [`Output::Done`].
    Inc {
        /// Which counter.
        key: Text,
        /// How much.
        by: i64,
    },
    /// Asks for the sum of all increments. Answered by [`Output::Value`].
    Read {
        /// Which counter.
        key: Text,
    },
}

/// What a counter answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The increment took effect.
    Done,
    /// The sum.
    Value(i64),
}

/// Any number of independent counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Model for Counter {
    /// Wide enough for any sum of a history that fits in memory.
    type State = i128;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        0
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Inc { by, .. }, None | Some(Output::Done)) => Next::One(state + i128::from(*by)),
            (Input::Read { .. }, None) => Next::One(*state),
            (Input::Read { .. }, Some(Output::Value(seen))) => {
                Next::when(i128::from(*seen) == *state, || *state)
            }
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Inc { key, .. } | Input::Read { key }) = input;
        Some(key)
    }

    fn read_only(&self, input: &Input, _: Option<&Output>) -> bool {
        matches!(input, Input::Read { .. } | Input::Inc { by: 0, .. })
    }

    fn settles(&self, input: &Input, _: &Output) -> bool {
        matches!(input, Input::Read { .. })
    }

    /// Every increment moves every later read; without a read nothing is ever seen.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let read = others.iter().any(|(_, output)| matches!(output, Some(Output::Value(_))));
        unknown.iter().map(|input| read && matches!(input, Input::Inc { .. })).collect()
    }

    /// The reads, unless something counts down.
    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        let grows = others.iter().all(|(input, _)| !matches!(input, Input::Inc { by: ..0, .. }));
        others.iter().map(|(input, _)| grows && matches!(input, Input::Read { .. })).collect()
    }

    fn outgrown(&self, state: &i128, _: &Input, output: &Output) -> bool {
        matches!(output, Output::Value(seen) if *state > i128::from(*seen))
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Inc { by, .. }, None | Some(Output::Done)) => Role::Increment(*by),
            (Input::Read { .. }, None) => Role::Look,
            (Input::Read { .. }, Some(Output::Value(seen))) => Role::Count(*seen),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match (input, output) {
            (Input::Inc { key, by }, _) => {
                Phrase { verb: "increment", past: "incremented", rest: format!("{key} by {by}") }
            }
            (Input::Read { key }, Some(Output::Value(seen))) => {
                Phrase { verb: "read", past: "read", rest: format!("{key} = {seen}") }
            }
            (Input::Read { key }, _) => Phrase { verb: "read", past: "read", rest: key.to_string() },
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {state}", key.unwrap_or("counter"))
    }
}
