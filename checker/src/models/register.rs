//! Read/write registers, by name. A register starts as `null`.

use super::{Text, shown};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Makes `value` the value of `register`. Answered by [`Output::Done`].
    Write {
        /// Which register.
        register: Text,
        /// Its new value.
        value: Text,
    },
    /// Asks for the value. Answered by [`Output::Value`].
    Read {
        /// Which register.
        register: Text,
    },
}

impl Input {
    /// A write.
    pub fn write(register: &str, value: &str) -> Self {
        Input::Write { register: register.into(), value: value.into() }
    }

    /// A read.
    pub fn read(register: &str) -> Self {
        Input::Read { register: register.into() }
    }
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The write took effect.
    Done,
    /// The value read; `None` if nothing was ever written.
    Value(Option<Text>),
}

/// Any number of independent registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

impl Model for Register {
    type State = Option<Text>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Write { value, .. }, None | Some(Output::Done)) => Next::One(Some(value.clone())),
            (Input::Read { .. }, None) => Next::One(state.clone()),
            (Input::Read { .. }, Some(Output::Value(seen))) => Next::when(seen == state, || state.clone()),
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Write { register, .. } | Input::Read { register }) = input;
        Some(register)
    }

    fn read_only(&self, input: &Input, _: Option<&Output>) -> bool {
        matches!(input, Input::Read { .. })
    }

    fn settles(&self, _: &Input, _: &Output) -> bool {
        true
    }

    /// A write whose value nobody read: what stands between it and the next write are unseen writes at most.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let read: FxHashSet<&Text> = others
            .iter()
            .filter_map(|(_, output)| match output {
                Some(Output::Value(value)) => value.as_ref(),
                _ => None,
            })
            .collect();
        let needed = |input: &&Input| matches!(input, Input::Write { value, .. } if read.contains(value));
        unknown.iter().map(needed).collect()
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Write { value, .. }, None | Some(Output::Done)) => Role::Write(Some(value)),
            (Input::Read { .. }, None) => Role::Look,
            (Input::Read { .. }, Some(Output::Value(seen))) => Role::Read(seen.as_deref()),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match input {
            Input::Write { register, value } => {
                Phrase { verb: "write", past: "wrote", rest: format!("{register} = {}", shown(Some(value))) }
            }
            Input::Read { register } => {
                let seen = match output {
                    Some(Output::Value(value)) => format!(" = {}", shown(value.as_ref())),
                    _ => String::new(),
                };
                Phrase { verb: "read", past: "read", rest: format!("{register}{seen}") }
            }
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("register"), shown(state.as_ref()))
    }
}
