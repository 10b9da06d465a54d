//! Sets by name: add, remove, ask for one element or for all. A set starts empty; adding what is there and
//! removing what is not changes nothing.

use super::{Text, shown, shown_list};
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a client asks of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Puts `value` in. Answered by [`Output::Done`].
    Add {
        /// Which set.
        key: Text,
        /// The element.
        value: Text,
    },
    /// Takes `value` out. Answered by [`Output::Done`].
    Remove {
        /// Which set.
        key: Text,
        /// The element.
        value: Text,
    },
    /// Asks whether `value` is in. Answered by [`Output::Contains`].
    Contains {
        /// Which set.
        key: Text,
        /// The element.
        value: Text,
    },
    /// Asks for all elements. Answered by [`Output::Elements`].
    Read {
        /// Which set.
        key: Text,
    },
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The element is in, or out, as was asked.
    Done,
    /// Whether the element is in.
    Contains(bool),
    /// All elements.
    Elements(BTreeSet<Text>),
}

/// Any number of independent sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

impl Model for Set {
    type State = Arc<BTreeSet<Text>>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        Arc::default()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        let with = |value: &Text, is_in: bool| {
            let mut next = state.clone();
            match is_in {
                _ if state.contains(value) == is_in => {}
                true => _ = Arc::make_mut(&mut next).insert(value.clone()),
                false => _ = Arc::make_mut(&mut next).remove(value),
            }
            Next::One(next)
        };
        match (input, output) {
            (Input::Add { value, .. }, None | Some(Output::Done)) => with(value, true),
            (Input::Remove { value, .. }, None | Some(Output::Done)) => with(value, false),
            (Input::Contains { .. } | Input::Read { .. }, None) => Next::One(state.clone()),
            (Input::Contains { value, .. }, Some(Output::Contains(seen))) => {
                Next::when(state.contains(value) == *seen, || state.clone())
            }
            (Input::Read { .. }, Some(Output::Elements(seen))) => {
                Next::when(*seen == **state, || state.clone())
            }
            _ => Next::Nowhere,
        }
    }

    /// The nodes of a tree are at least half full.
    fn weight(&self, state: &Self::State) -> usize {
        2 * size_of::<Text>() * state.len()
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Add { key, .. }
        | Input::Remove { key, .. }
        | Input::Contains { key, .. }
        | Input::Read { key }) = input;
        Some(key)
    }

    fn read_only(&self, input: &Input, _: Option<&Output>) -> bool {
        matches!(input, Input::Contains { .. } | Input::Read { .. })
    }

    fn settles(&self, input: &Input, _: &Output) -> bool {
        matches!(input, Input::Read { .. })
    }

    /// An add of what nobody saw in, a removal of what nobody saw out: each element is a set of its own.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let (mut seen_in, mut seen_out) = (FxHashSet::default(), FxHashSet::default());
        let mut reads = 0;
        let mut read_in: FxHashMap<&Text, usize> = FxHashMap::default();
        for (input, output) in others {
            match (input, output) {
                (Input::Contains { value, .. }, Some(Output::Contains(true))) => _ = seen_in.insert(value),
                (Input::Contains { value, .. }, Some(Output::Contains(false))) => _ = seen_out.insert(value),
                (_, Some(Output::Elements(seen))) => {
                    reads += 1;
                    seen.iter().for_each(|value| *read_in.entry(value).or_default() += 1);
                }
                _ => {}
            }
        }
        let needed = |input: &&Input| match input {
            Input::Add { value, .. } => seen_in.contains(value) || read_in.contains_key(value),
            Input::Remove { value, .. } => {
                seen_out.contains(value) || read_in.get(value).copied().unwrap_or(0) < reads
            }
            Input::Contains { .. } | Input::Read { .. } => false,
        };
        unknown.iter().map(needed).collect()
    }

    /// The reads, unless something is removed.
    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool> {
        let grows = others.iter().all(|(input, _)| !matches!(input, Input::Remove { .. }));
        others.iter().map(|(input, _)| grows && matches!(input, Input::Read { .. })).collect()
    }

    fn outgrown(&self, state: &Self::State, _: &Input, output: &Output) -> bool {
        matches!(output, Output::Elements(seen) if !state.is_subset(seen))
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Add { value, .. }, None | Some(Output::Done)) => Role::Add(value),
            (Input::Remove { value, .. }, None | Some(Output::Done)) => Role::Remove(value),
            (Input::Contains { .. } | Input::Read { .. }, None) => Role::Look,
            (Input::Contains { value, .. }, Some(Output::Contains(seen))) => Role::Contains(value, *seen),
            (Input::Read { .. }, Some(Output::Elements(seen))) => Role::Members(seen),
            _ => Role::Other,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        let (verb, past, key, value) = match input {
            Input::Add { key, value } => ("add", "added", key, shown(Some(value))),
            Input::Remove { key, value } => ("remove", "removed", key, shown(Some(value))),
            Input::Contains { key, value } => {
                let (verb, past) = match output {
                    Some(Output::Contains(true)) => ("look", "found"),
                    Some(Output::Contains(false)) => ("look", "missed"),
                    _ => ("look", "looked for"),
                };
                (verb, past, key, shown(Some(value)))
            }
            Input::Read { key } => {
                let seen = match output {
                    Some(Output::Elements(seen)) => format!("{key} = {}", shown_list(seen)),
                    _ => key.to_string(),
                };
                return Phrase { verb: "read", past: "read", rest: seen };
            }
        };
        Phrase { verb, past, rest: format!("{value} in {key}") }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        format!("{} = {}", key.unwrap_or("set"), shown_list(&**state))
    }
}
