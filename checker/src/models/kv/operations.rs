//! What is asked of the map and what it answers.

use crate::model::Phrase;
use crate::models::{Text, shown};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Makes `value` the key's. Answered by [`Output::Done`].
    Put {
        /// The key.
        key: Text,
        /// Its new value.
        value: Text,
    },
    /// Asks for the value. Answered by [`Output::Value`].
    Get {
        /// The key.
        key: Text,
    },
    /// Adds `value` to the end of the key's. Answered by [`Output::Done`], or by [`Output::Value`] with the
    /// value from before.
    Append {
        /// The key.
        key: Text,
        /// What is added.
        value: Text,
    },
    /// Makes `value` the key's if it is `from`. Answered by [`Output::Swapped`].
    Cas {
        /// The key.
        key: Text,
        /// The value it must have; `None`: the key must be missing.
        from: Option<Text>,
        /// Its new value.
        value: Text,
    },
    /// Makes the key missing, whether or not it was. Answered by [`Output::Done`].
    Delete {
        /// The key.
        key: Text,
    },
}

impl Input {
    /// `put key = value`
    pub fn put(key: &str, value: &str) -> Self {
        Input::Put { key: key.into(), value: value.into() }
    }

    /// `get key`
    pub fn get(key: &str) -> Self {
        Input::Get { key: key.into() }
    }

    /// `append value to key`
    pub fn append(key: &str, value: &str) -> Self {
        Input::Append { key: key.into(), value: value.into() }
    }

    /// `swap key from -> value`
    pub fn cas(key: &str, from: Option<&str>, value: &str) -> Self {
        Input::Cas { key: key.into(), from: from.map(Text::from), value: value.into() }
    }

    /// `delete key`
    pub fn delete(key: &str) -> Self {
        Input::Delete { key: key.into() }
    }

    /// The key that is asked.
    pub fn key(&self) -> &Text {
        match self {
            Input::Put { key, .. }
            | Input::Get { key }
            | Input::Append { key, .. }
            | Input::Cas { key, .. }
            | Input::Delete { key } => key,
        }
    }
}

/// What the map answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// It took effect.
    Done,
    /// The value, for a get; the value from before, for an append. `None`: the key is missing.
    Value(Option<Text>),
    /// Whether the value was as expected, and was replaced.
    Swapped(bool),
}

impl Output {
    /// A value that was found, or `None` for a missing key.
    pub fn value(value: Option<&str>) -> Self {
        Output::Value(value.map(Text::from))
    }
}

pub(super) fn describe(input: &Input, output: Option<&Output>) -> Phrase {
    let seen = match output {
        Some(Output::Value(value)) => Some(shown(value.as_ref())),
        _ => None,
    };
    match input {
        Input::Put { key, value } => {
            Phrase { verb: "put", past: "put", rest: format!("{key} = {}", shown(Some(value))) }
        }
        Input::Get { key } => {
            let seen = seen.map_or_else(String::new, |seen| format!(" = {seen}"));
            Phrase { verb: "read", past: "read", rest: format!("{key}{seen}") }
        }
        Input::Append { key, value } => {
            let seen = seen.map_or_else(String::new, |seen| format!(" (was {seen})"));
            Phrase {
                verb: "append",
                past: "appended",
                rest: format!("{key} += {}{seen}", shown(Some(value))),
            }
        }
        Input::Cas { key, from, value } => {
            let rest = format!("{key} {} -> {}", shown(from.as_ref()), shown(Some(value)));
            match output {
                Some(Output::Swapped(false)) => Phrase { verb: "failed swap", past: "failed to swap", rest },
                _ => Phrase { verb: "swap", past: "swapped", rest },
            }
        }
        Input::Delete { key } => Phrase { verb: "delete", past: "deleted", rest: key.to_string() },
    }
}
