//! A map with versioned puts: the KV server of MIT 6.5840 since 2025.
//!
//! A put names the version that it replaces: 0 creates a missing key at version 1, a matching version installs
//! the value and counts on. `NoKey` answers a put of another version than 0 to a missing key, `Version` one that
//! does not match. `Maybe` is a client's answer when a put that it sent again met another version: the first one
//! may have taken effect, or not. Unlike the labs' own model this one checks the version and the error that a
//! get answers, too, and accepts `NoKey` from a put where it is due.

use super::{Text, shown};
use crate::direct::{Answer, Role};
use crate::model::{Model, Next, Phrase, Seen};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Replaces version `version` of the key. Answered by any output but [`Output::Value`].
    Put {
        /// The key.
        key: Text,
        /// Its new value.
        value: Text,
        /// The version it must have; 0 if it must be missing.
        version: u64,
    },
    /// Asks for value and version. Answered by [`Output::Value`] or [`Output::NoKey`].
    Get {
        /// The key.
        key: Text,
    },
}

/// What the map answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The put took effect.
    Ok,
    /// The put had no effect: the key has another version.
    Version,
    /// The key is missing; a put had no effect.
    NoKey,
    /// The put took effect, or it had none.
    Maybe,
    /// What was read.
    Value {
        /// The value.
        value: Text,
        /// Its version, at least 1.
        version: u64,
    },
}

/// The map. The state of a key is its value and version, if it is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionedKv;

impl Model for VersionedKv {
    type State = Option<(Text, u64)>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        let current = state.as_ref().map_or(0, |(_, version)| *version);
        match (input, output) {
            (Input::Put { value, version, .. }, output) => {
                // Nothing can follow the last version.
                let matches = *version == current && current < u64::MAX;
                let installed = || Some((value.clone(), version + 1));
                match output {
                    None | Some(Output::Ok) => Next::when(matches, installed),
                    Some(Output::Version) => Next::when(!matches && current > 0, || state.clone()),
                    Some(Output::NoKey) => Next::when(!matches && current == 0, || state.clone()),
                    Some(Output::Maybe) if matches => Next::Any(vec![state.clone(), installed()]),
                    Some(Output::Maybe) => Next::One(state.clone()),
                    Some(Output::Value { .. }) => Next::Nowhere,
                }
            }
            (Input::Get { .. }, None) => Next::One(state.clone()),
            (Input::Get { .. }, Some(Output::Value { value, version })) => {
                Next::when(state.as_ref().is_some_and(|(v, at)| v == value && at == version), || {
                    state.clone()
                })
            }
            (Input::Get { .. }, Some(Output::NoKey)) => Next::when(state.is_none(), || None),
            (Input::Get { .. }, Some(_)) => Next::Nowhere,
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Put { key, .. } | Input::Get { key }) = input;
        Some(key)
    }

    fn read_only(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!(input, Input::Get { .. }) || matches!(output, Some(Output::Version | Output::NoKey))
    }

    fn settles(&self, _: &Input, output: &Output) -> bool {
        !matches!(output, Output::Version | Output::Maybe)
    }

    /// One after which nobody saw a version as high as it would have made: versions only grow, so whatever else
    /// took effect after it was of unknown outcome as well, and can be taken out together with it.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let highest = others.iter().filter_map(|(input, output)| match (input, output) {
            (_, Some(Output::Value { version, .. })) => Some(*version),
            (Input::Put { version, .. }, Some(Output::Ok)) => Some(*version),
            (Input::Put { .. }, Some(Output::Version)) => Some(u64::MAX),
            _ => None,
        });
        let highest = highest.max().unwrap_or(0);
        let needed = |input: &&Input| matches!(input, Input::Put { version, .. } if *version < highest);
        unknown.iter().map(needed).collect()
    }

    /// Versions only grow.
    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        let seen = |output: &Option<&Output>| !matches!(output, None | Some(Output::Version | Output::Maybe));
        others.iter().map(|(_, output)| seen(output)).collect()
    }

    fn outgrown(&self, state: &Self::State, input: &Input, output: &Output) -> bool {
        let current = state.as_ref().map_or(0, |(_, version)| *version);
        match (input, output) {
            (Input::Put { version, .. }, Output::Ok) => current > *version,
            (_, Output::Value { version, .. }) => current > *version,
            (_, Output::NoKey) => current > 0,
            _ => false,
        }
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Put { value, version, .. }, output) => {
                let answer = match output {
                    None => Answer::Unknown,
                    Some(Output::Ok) => Answer::Ok,
                    Some(Output::Maybe) => Answer::Maybe,
                    Some(Output::Version) => Answer::Version,
                    Some(Output::NoKey) => Answer::Missing,
                    Some(Output::Value { .. }) => return Role::Other,
                };
                Role::VersionedPut { version: *version, value, answer }
            }
            (Input::Get { .. }, None) => Role::Look,
            (Input::Get { .. }, Some(Output::Value { value, version })) => {
                Role::VersionedRead(Some((value, *version)))
            }
            (Input::Get { .. }, Some(Output::NoKey)) => Role::VersionedRead(None),
            (Input::Get { .. }, Some(_)) => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match input {
            Input::Put { key, value, version } => {
                let rest = format!("{key} = {} over version {version}", shown(Some(value)));
                let (verb, past, why) = match output {
                    Some(Output::Version) => ("failed put", "failed to put", " (version)"),
                    Some(Output::NoKey) => ("failed put", "failed to put", " (no key)"),
                    Some(Output::Maybe) => ("possible put", "may have put", ""),
                    _ => ("put", "put", ""),
                };
                Phrase { verb, past, rest: format!("{rest}{why}") }
            }
            Input::Get { key } => {
                let seen = match output {
                    Some(Output::Value { value, version }) => {
                        format!(" = {} at version {version}", shown(Some(value)))
                    }
                    Some(Output::NoKey) => " = no key".to_owned(),
                    _ => String::new(),
                };
                Phrase { verb: "read", past: "read", rest: format!("{key}{seen}") }
            }
        }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        let key = key.unwrap_or("value");
        match state {
            Some((value, version)) => format!("{key} = {} at version {version}", shown(Some(value))),
            None => format!("{key} = no key"),
        }
    }
}
