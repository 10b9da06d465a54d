//! Registers with compare-and-set, by name. A register starts as `null`; a compare-and-set that finds another
//! value than it expects fails, says so, and changes nothing.

use super::{Text, shown};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Makes `value` the value. Answered by [`Output::Done`].
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
    /// Makes `value` the value if it is `from`. Answered by [`Output::Swapped`].
    Cas {
        /// Which register.
        register: Text,
        /// The value it must have; `None`: never written.
        from: Option<Text>,
        /// Its new value.
        value: Text,
    },
}

impl Input {
    /// The register that is asked.
    pub fn register(&self) -> &Text {
        match self {
            Input::Write { register, .. } | Input::Read { register } | Input::Cas { register, .. } => {
                register
            }
        }
    }
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The write took effect.
    Done,
    /// The value read; `None` if nothing was ever written.
    Value(Option<Text>),
    /// Whether the value was as expected, and was replaced.
    Swapped(bool),
}

/// Any number of independent registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct CasRegister;

impl Model for CasRegister {
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
            (Input::Cas { from, value, .. }, None | Some(Output::Swapped(true))) => {
                Next::when(from == state, || Some(value.clone()))
            }
            (Input::Cas { from, .. }, Some(Output::Swapped(false))) => {
                Next::when(from != state, || state.clone())
            }
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        Some(input.register())
    }

    fn read_only(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!(input, Input::Read { .. }) || matches!(output, Some(Output::Swapped(false)))
    }

    fn settles(&self, _: &Input, output: &Output) -> bool {
        !matches!(output, Output::Swapped(false))
    }

    /// One whose value nobody read or swapped away, and no failure saw: a failed compare-and-set says that the
    /// value was another, and any write may have made it so.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let (failed, found) = (failed(others), found(others));
        let needed = |input: &&Input| match input {
            Input::Write { value, .. } | Input::Cas { value, .. } => failed || found.contains(value),
            Input::Read { .. } => false,
        };
        unknown.iter().map(needed).collect()
    }

    /// What wrote a value that was found. What did not may still be why a compare-and-set failed.
    fn likely(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Option<Vec<bool>> {
        let found = failed(others).then(|| found(others))?;
        let likely = |input: &&Input| match input {
            Input::Write { value, .. } | Input::Cas { value, .. } => found.contains(value),
            Input::Read { .. } => false,
        };
        Some(unknown.iter().map(likely).collect())
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Write { value, .. }, None | Some(Output::Done)) => Role::Write(Some(value)),
            (Input::Read { .. }, None) => Role::Look,
            (Input::Read { .. }, Some(Output::Value(seen))) => Role::Read(seen.as_deref()),
            (Input::Cas { from, value, .. }, None | Some(Output::Swapped(true))) => {
                Role::Swap { from: from.as_deref(), to: Some(value) }
            }
            (Input::Cas { from, .. }, Some(Output::Swapped(false))) => {
                Role::NotSwapped { from: from.as_deref() }
            }
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
            Input::Cas { register, from, value } => {
                let swap = format!("{register} {} -> {}", shown(from.as_ref()), shown(Some(value)));
                match output {
                    Some(Output::Swapped(false)) => {
                        Phrase { verb: "failed swap", past: "failed to swap", rest: swap }
                    }
                    _ => Phrase { verb: "swap", past: "swapped", rest: swap },
                }
            }
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("register"), shown(state.as_ref()))
    }
}

fn failed(others: &[Seen<'_, CasRegister>]) -> bool {
    others.iter().any(|(_, output)| *output == Some(&Output::Swapped(false)))
}

/// The values that somebody read, or expected.
fn found<'a>(others: &[Seen<'a, CasRegister>]) -> FxHashSet<&'a Text> {
    let found = others.iter().filter_map(|(input, output)| match (input, output) {
        (_, Some(Output::Value(seen))) => seen.as_ref(),
        (Input::Cas { from, .. }, _) => from.as_ref(),
        _ => None,
    });
    found.collect()
}
