//! Locks by name, free to begin with, held by one owner at a time and not reentrant.

use super::Text;
use crate::direct::Role;
use crate::model::{Model, Next, Phrase, Seen};
use rustc_hash::FxHashSet;

/// What a client asks of a lock. Answered by [`Output::Done`], or by [`Output::Refused`] where it does not wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Makes `owner` the holder of a free lock.
    Acquire {
        /// Which lock.
        key: Text,
        /// Who will hold it; in files, the client.
        owner: u64,
    },
    /// Frees the lock that `owner` holds.
    Release {
        /// Which lock.
        key: Text,
        /// Who holds it; in files, the client.
        owner: u64,
    },
}

/// What a lock answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// It took effect.
    Done,
    /// It could not be done: the lock to acquire was held, by whomever; the lock to release was not the owner's.
    Refused,
}

/// Any number of independent locks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock;

impl Model for Lock {
    /// Who holds it.
    type State = Option<u64>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        let (from, to) = match input {
            Input::Acquire { owner, .. } => (None, Some(*owner)),
            Input::Release { owner, .. } => (Some(*owner), None),
        };
        match output {
            None | Some(Output::Done) => Next::when(*state == from, || to),
            Some(Output::Refused) => Next::when(*state != from, || *state),
        }
    }

    fn key<'a>(&self, input: &'a Input) -> Option<&'a str> {
        let (Input::Acquire { key, .. } | Input::Release { key, .. }) = input;
        Some(key)
    }

    fn read_only(&self, _: &Input, output: Option<&Output>) -> bool {
        output == Some(&Output::Refused)
    }

    fn settles(&self, _: &Input, output: &Output) -> bool {
        *output == Output::Done
    }

    /// An owner's acquire and release of unknown outcome go out of a legal sequence as a pair, or the acquire
    /// alone if it is the last of all. Only who was refused, or released what it acquired then, saw that the
    /// lock was held; and what nobody acquired needs no release.
    fn needed(&self, unknown: &[&Input], others: &[Seen<'_, Self>]) -> Vec<bool> {
        let refused = others.iter().any(|(_, output)| *output == Some(&Output::Refused));
        let (mut acquirers, mut certain) = (FxHashSet::default(), FxHashSet::default());
        let mut releasers = FxHashSet::default();
        for (input, output) in others {
            let done = *output == Some(&Output::Done);
            match input {
                Input::Acquire { owner, .. } => {
                    acquirers.insert(owner);
                    _ = done && certain.insert(owner);
                }
                Input::Release { owner, .. } => _ = done && releasers.insert(owner),
            }
        }
        let needed = |input: &&Input| match input {
            Input::Acquire { owner, .. } => refused || releasers.contains(owner),
            Input::Release { owner, .. } => {
                let perhaps = refused || releasers.contains(owner);
                certain.contains(owner) || perhaps && acquirers.contains(owner)
            }
        };
        unknown.iter().map(needed).collect()
    }

    fn role<'a>(&self, input: &'a Input, output: Option<&'a Output>) -> Role<'a> {
        match (input, output) {
            (Input::Acquire { owner, .. }, None | Some(Output::Done)) => Role::Acquire(*owner),
            (Input::Release { owner, .. }, None | Some(Output::Done)) => Role::Release(*owner),
            (Input::Acquire { .. }, Some(Output::Refused)) => Role::NotAcquired,
            (Input::Release { owner, .. }, Some(Output::Refused)) => Role::NotReleased(*owner),
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        let (verb, past, key) = match (input, output) {
            (Input::Acquire { key, .. }, Some(Output::Refused)) => {
                ("failed acquire", "failed to acquire", key)
            }
            (Input::Release { key, .. }, Some(Output::Refused)) => {
                ("failed release", "failed to release", key)
            }
            (Input::Acquire { key, .. }, _) => ("acquire", "acquired", key),
            (Input::Release { key, .. }, _) => ("release", "released", key),
        };
        Phrase { verb, past, rest: key.to_string() }
    }

    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        let key = key.unwrap_or("lock");
        match state {
            Some(owner) => format!("{key} is held by c{owner}"),
            None => format!("{key} is free"),
        }
    }
}
