//! A map from keys to texts: put, get, append, compare-and-set, delete. Keys are independent of each other.
//!
//! - `put` makes a value the key's, `delete` makes the key missing, `get` answers the value or `None` if the key
//!   is missing.
//! - `append` to a missing key puts. It may answer the value from before ([`Output::Value`]), as the KV server of
//!   MIT 6.5840 in 2024 does, or nothing ([`Output::Done`]).
//! - `cas` swaps if the value is the expected one, `None` standing for a missing key.
//!
//! The labs of MIT 6.5840 read a missing key as `""`: [`Kv::lab`] takes the two for one.

mod operations;
mod traces;

pub use operations::{Input, Output};

use super::{Rope, Text, shown};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use traces::Traces;

/// The map. [`Default`] tells a missing key from an empty value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kv {
    missing_is_empty: bool,
}

impl Kv {
    /// The reading of the labs of MIT 6.5840: a missing key and an empty value are the same.
    pub fn lab() -> Self {
        Self { missing_is_empty: true }
    }

    /// One representative for what this model cannot tell apart.
    fn normal<'a>(&self, value: Option<&'a Text>) -> Option<&'a Text> {
        value.filter(|value| !self.missing_is_empty || !value.is_empty())
    }

    fn same(&self, state: &Option<Rope>, seen: &Option<Text>) -> bool {
        match (state, self.normal(seen.as_ref())) {
            (Some(state), Some(seen)) => *state == **seen,
            (state, seen) => state.is_none() && seen.is_none(),
        }
    }
}

impl Model for Kv {
    /// Of one key.
    type State = Option<Rope>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Put { value, .. }, None | Some(Output::Done)) => {
                Next::One(self.normal(Some(value)).map(Rope::from))
            }
            (Input::Delete { .. }, None | Some(Output::Done)) => Next::One(None),
            (Input::Get { .. }, None) => Next::One(state.clone()),
            (Input::Get { .. }, Some(Output::Value(seen))) => {
                Next::when(self.same(state, seen), || state.clone())
            }
            (Input::Append { value, .. }, output) => {
                let legal = match output {
                    None | Some(Output::Done) => true,
                    Some(Output::Value(old)) => self.same(state, old),
                    Some(Output::Swapped(_)) => false,
                };
                Next::when(legal, || match state {
                    Some(state) => Some(state.append(value)),
                    None => self.normal(Some(value)).map(Rope::from),
                })
            }
            (Input::Cas { from, value, .. }, None | Some(Output::Swapped(true))) => {
                Next::when(self.same(state, from), || self.normal(Some(value)).map(Rope::from))
            }
            (Input::Cas { from, .. }, Some(Output::Swapped(false))) => {
                Next::when(!self.same(state, from), || state.clone())
            }
            _ => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        Some(input.key())
    }

    fn read_only(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!(input, Input::Get { .. }) || matches!(output, Some(Output::Swapped(false)))
    }

    fn settles(&self, input: &Input, output: &Output) -> bool {
        match input {
            Input::Put { .. } | Input::Get { .. } | Input::Delete { .. } => true,
            Input::Append { .. } => matches!(output, Output::Value(_)),
            Input::Cas { .. } => *output == Output::Swapped(true),
        }
    }

    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let traces = Traces::of(others);
        unknown.iter().map(|input| traces.may_show(input)).collect()
    }

    /// What left a trace. What did not may still be why a compare-and-set failed.
    fn likely(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Option<Vec<bool>> {
        let failed = others.iter().any(|(_, output)| *output == Some(&Output::Swapped(false)));
        let traces = failed.then(|| Traces::of(others))?;
        Some(unknown.iter().map(|input| traces.shows(input)).collect())
    }

    /// What shows a value, where there are appends, and puts at most besides. Without appends there is no need.
    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        let appends = others.iter().any(|(input, _)| matches!(input, Input::Append { .. }));
        let puts = others.iter().any(|(input, _)| matches!(input, Input::Put { .. }));
        let grows = appends
            && !others.iter().any(|(input, _)| matches!(input, Input::Cas { .. } | Input::Delete { .. }));
        let bounds = |(input, output): &Seen<'_, Self>| match output {
            Some(Output::Value(Some(_))) => grows && (!puts || matches!(input, Input::Get { .. })),
            Some(Output::Value(None)) => grows && !puts,
            _ => false,
        };
        others.iter().map(bounds).collect()
    }

    fn outgrown(&self, state: &Self::State, _: &Input, output: &Output) -> bool {
        let (Some(state), Output::Value(seen)) = (state, output) else { return false };
        !self.normal(seen.as_ref()).is_some_and(|seen| state.begins(seen))
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        let normal = |value: Option<&'a Text>| self.normal(value).map(|value| &**value);
        match (input, output) {
            (Input::Put { value, .. }, None | Some(Output::Done)) => Role::Write(normal(Some(value))),
            (Input::Delete { .. }, None | Some(Output::Done)) => Role::Write(None),
            (Input::Get { .. }, None) => Role::Look,
            (Input::Get { .. }, Some(Output::Value(seen))) => Role::Read(normal(seen.as_ref())),
            (Input::Append { value, .. }, None | Some(Output::Done)) => {
                Role::Append { token: value, old: None }
            }
            (Input::Append { value, .. }, Some(Output::Value(old))) => {
                Role::Append { token: value, old: Some(normal(old.as_ref())) }
            }
            (Input::Cas { from, value, .. }, None | Some(Output::Swapped(true))) => {
                Role::Swap { from: normal(from.as_ref()), to: normal(Some(value)) }
            }
            (Input::Cas { from, .. }, Some(Output::Swapped(false))) => {
                Role::NotSwapped { from: normal(from.as_ref()) }
            }
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        operations::describe(input, output)
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!(
            "{} = {}",
            key.unwrap_or("value"),
            shown(state.as_ref().map(|state| Text::from(state.to_string())).as_ref())
        )
    }
}
