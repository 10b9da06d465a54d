//! Extensible data notation, as Clojure's tools write it, and JSON, which is so close to it that one reader takes
//! both.

mod reader;
mod token;

pub use reader::{Dialect, Reader};

use std::borrow::Cow;
use std::fmt::{Display, Formatter, Write};

/// One datum.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `nil`, `null`.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number, as it was written: `1.5`, `2/3`, one of more than 64 bits.
    Number(String),
    /// A string, or a character.
    Text(String),
    /// `:name`, without the colon.
    Keyword(String),
    /// A bare word.
    Symbol(String),
    /// A vector, a list or an array.
    List(Vec<Value>),
    /// `#{…}`, in the order written.
    Set(Vec<Value>),
    /// A map or an object, in the order written.
    Map(Vec<(Value, Value)>),
    /// `#tag value`.
    Tagged(String, Box<Value>),
}

impl Value {
    /// Without tags: `#jepsen.history.Op{…}` is a map.
    pub fn untagged(&self) -> &Value {
        match self {
            Value::Tagged(_, value) => value.untagged(),
            value => value,
        }
    }

    /// The name that a keyword, a word or a string spells.
    pub fn name(&self) -> Option<&str> {
        match self {
            Value::Keyword(name) | Value::Symbol(name) | Value::Text(name) => {
                Some(name.strip_prefix(':').unwrap_or(name))
            }
            _ => None,
        }
    }

    /// As the key of a map: its name, or as it is written.
    pub(crate) fn spelled(&self) -> Cow<'_, str> {
        let key = self.untagged();
        key.name().map_or_else(|| Cow::Owned(key.to_string()), Cow::Borrowed)
    }

    /// The value of a map's `name`, be it a keyword or a string.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.untagged() {
            Value::Map(pairs) => pairs.iter().find(|(key, _)| key.name() == Some(name)).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The items of a list or a set.
    pub fn items(&self) -> Option<&[Value]> {
        match self.untagged() {
            Value::List(items) | Value::Set(items) => Some(items),
            _ => None,
        }
    }

    /// As a key or a value of a history: a string as it is, anything else as it is written. `nil` is none.
    pub fn text(&self) -> Option<String> {
        match self.untagged() {
            Value::Nil => None,
            Value::Text(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    /// What it is, for messages: never more than a few words.
    pub(crate) fn shown(&self) -> String {
        const LONGEST: usize = 40;
        let text = self.to_string();
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    }
}

/// A key that a map has twice. To whoever asks for it, `:a` and `"a"` are the same key, and so are `1` and `"1"`.
fn twice(pairs: &[(Value, Value)]) -> Option<String> {
    let mut keys: Vec<Cow<'_, str>> = pairs.iter().map(|(key, _)| key.spelled()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|keys| keys[0] == keys[1]).map(|keys| keys[0].to_string())
}

/// As EDN.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Number(text) | Value::Symbol(text) => f.write_str(text),
            Value::Text(text) => quoted(f, text),
            Value::Keyword(name) => write!(f, ":{name}"),
            Value::List(items) => all(f, "[", items, "]"),
            Value::Set(items) => all(f, "#{", items, "}"),
            Value::Map(pairs) => {
                f.write_char('{')?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    let gap = if at == 0 { "" } else { ", " };
                    write!(f, "{gap}{key} {value}")?;
                }
                f.write_char('}')
            }
            Value::Tagged(tag, value) => write!(f, "#{tag} {value}"),
        }
    }
}

fn all(f: &mut Formatter<'_>, open: &str, items: &[Value], close: &str) -> std::fmt::Result {
    f.write_str(open)?;
    for (at, item) in items.iter().enumerate() {
        let gap = if at == 0 { "" } else { " " };
        write!(f, "{gap}{item}")?;
    }
    f.write_str(close)
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> std::fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
