//! The fields of one line, and how a model finds its operation in them.

use super::value::Value;
use crate::model::Model;
use crate::models::Text;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A model whose operations can be read from and written to lines of fields.
pub trait Lines: Model {
    /// The operation of a line, and its answer if the line has a `return`.
    fn decode(fields: &Fields) -> Result<(Self::Input, Option<Self::Output>), Expected>;

    /// Fills in everything but client and times.
    fn encode(fields: &mut Fields, input: &Self::Input, output: Option<&Self::Output>);
}

/// What a line should have held, in words: `"value" (a string)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(pub String);

impl Expected {
    /// A field of a kind.
    pub fn field(name: &str, kind: &str) -> Self {
        Self(format!("{name:?} ({kind})"))
    }
}

/// One line: one operation. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// Who called.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub client: Option<u64>,
    /// The operation's name.
    pub op: String,
    /// The key or the register.
    #[serde(deserialize_with = "name", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value expected by a compare-and-set, `null` for missing; the account that a transfer takes from.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The account that a transfer or a deposit goes to.
    #[serde(deserialize_with = "name", skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How much a transfer or a deposit moves.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// The value written, appended, added …
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The priority of what is put into a priority queue.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// The version that a versioned put replaces, or that a versioned get saw.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What was answered; `null` for missing, or empty.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Whether a compare-and-set swapped, a transfer was possible, an element was there …
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// How a versioned put ended.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Time of the call in nanoseconds.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// Time of the return in nanoseconds; absent: outcome unknown.
    #[serde(rename = "return", deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub ret: Option<u64>,
}

/// A field that is there, even if it is `null`: an absent one and a `null` are different things.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}

/// A string or a number, as a string; `null` is none.
fn name<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(field)? {
        Value::Null => Ok(None),
        value => match value.text() {
            Some(text) => Ok(Some(text)),
            None => {
                Err(D::Error::invalid_type(Unexpected::Other("a list or an object"), &"a string or a number"))
            }
        },
    }
}

/// A text; `None` if it is none.
fn shared(value: &Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(Text::from(text.as_str())),
        value => value.text().map(Text::from),
    }
}

/// A text or nothing; `None` if it is neither.
fn nullable(value: Option<&Value>) -> Option<Option<Text>> {
    match value? {
        Value::Null => Some(None),
        value => shared(value).map(Some),
    }
}

impl Fields {
    /// Whether the reply was seen.
    pub fn completed(&self) -> bool {
        self.ret.is_some()
    }

    /// The key.
    pub fn key(&self) -> Result<Text, Expected> {
        self.key.as_deref().map(Text::from).ok_or_else(|| Expected::field("key", "a string"))
    }

    /// The value, a text.
    pub fn value(&self) -> Result<Text, Expected> {
        self.value.as_ref().and_then(shared).ok_or_else(|| Expected::field("value", "a string"))
    }

    /// The value, a number.
    pub fn number(&self) -> Result<i64, Expected> {
        match self.value {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(Expected::field("value", "a whole number")),
        }
    }

    /// The priority.
    pub fn priority(&self) -> Result<i64, Expected> {
        self.priority.ok_or_else(|| Expected::field("priority", "a whole number"))
    }

    /// The expected value of a compare-and-set.
    pub fn from(&self) -> Result<Option<Text>, Expected> {
        nullable(self.from.as_ref()).ok_or_else(|| Expected::field("from", "a string, or null if missing"))
    }

    /// The account that a transfer takes from.
    pub fn source(&self) -> Result<Text, Expected> {
        let text = self.from.as_ref().and_then(Value::text);
        text.map(Text::from).ok_or_else(|| Expected::field("from", "an account, a string"))
    }

    /// The account that money goes to.
    pub fn target(&self) -> Result<Text, Expected> {
        self.to.as_deref().map(Text::from).ok_or_else(|| Expected::field("to", "an account, a string"))
    }

    /// How much money.
    pub fn amount(&self) -> Result<u64, Expected> {
        self.amount.ok_or_else(|| Expected::field("amount", "a whole number, not negative"))
    }

    /// The version.
    pub fn version(&self) -> Result<u64, Expected> {
        self.version.ok_or_else(|| Expected::field("version", "a number"))
    }

    /// What was answered, a text or nothing.
    pub fn output(&self) -> Result<Option<Text>, Expected> {
        let kind = "a string, or null if missing, since the operation returned";
        nullable(self.output.as_ref()).ok_or_else(|| Expected::field("output", kind))
    }

    /// What was answered, a number.
    pub fn output_number(&self) -> Result<i64, Expected> {
        match self.output {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(Expected::field("output", "a whole number, since the operation returned")),
        }
    }

    /// What was answered, a list of texts; `null` is the empty one.
    pub fn output_list<L: FromIterator<Text>>(&self) -> Result<L, Expected> {
        let texts = match &self.output {
            Some(Value::Null) => Some(L::from_iter([])),
            Some(Value::List(items)) => items.iter().map(|item| item.text().map(Text::from)).collect(),
            _ => None,
        };
        texts.ok_or_else(|| Expected::field("output", "a list of strings, since the operation returned"))
    }

    /// What was answered, a number for each of some names.
    pub fn output_map(&self) -> Result<BTreeMap<Text, i64>, Expected> {
        let entry = |(name, value): (&String, &Value)| match value {
            Value::Number(number) => Some((Text::from(name.as_str()), *number)),
            _ => None,
        };
        let entries = match &self.output {
            Some(Value::Map(items)) => items.iter().map(entry).collect(),
            _ => None,
        };
        entries.ok_or_else(|| Expected::field("output", "an object of numbers, since the operation returned"))
    }

    /// Whether it was so, or could be done.
    pub fn ok(&self) -> Result<bool, Expected> {
        self.ok.ok_or_else(|| Expected::field("ok", "true or false, since the operation returned"))
    }

    /// The answer of an operation that answers nothing but that it was done.
    pub fn done<O>(&self, output: O) -> Result<Option<O>, Expected> {
        self.answer(&[], || Ok(output))
    }

    /// The answer of a completed operation: `output` is asked only if the reply was seen. It is in the fields `reply`,
    /// and in no other: what nobody judges would pass for right.
    pub fn answer<O>(
        &self,
        reply: &[&str],
        output: impl FnOnce() -> Result<O, Expected>,
    ) -> Result<Option<O>, Expected> {
        let there = [
            ("ok", self.ok == Some(false)),
            ("version", self.version.is_some()),
            ("result", self.result.is_some()),
            ("output", self.output.is_some()),
        ];
        match there.into_iter().find(|(field, is_there)| *is_there && !reply.contains(field)) {
            Some((field, _)) => Err(self.unjudged(field, reply)),
            None => self.completed().then(output).transpose(),
        }
    }

    /// What was expected in place of a `field` that is not of the `reply`.
    fn unjudged(&self, field: &str, reply: &[&str]) -> Expected {
        let op = &self.op;
        if field == "ok" {
            return Expected(format!(
                "no \"ok\":false, for {op} is not refused: if it certainly had no effect, leave the line out; if \
                 nobody knows, leave out \"return\" and \"ok\""
            ));
        }
        let reply = match reply.first() {
            None => "nothing but that it was done".to_owned(),
            Some(field) => format!("by {field:?}"),
        };
        let other = match field {
            "output" => "",
            _ => "; operations on versions are judged by the model versioned-kv",
        };
        Expected(format!("no {field:?}, which nobody would judge here: {op} answers {reply}{other}"))
    }

    /// Nothing that came back where it is not said when: an unknown outcome is none, and explains itself.
    pub(super) fn unanswered(&self) -> Result<(), Expected> {
        let answers =
            [("output", self.output.is_some()), ("ok", self.ok.is_some()), ("result", self.result.is_some())];
        match answers.into_iter().find(|(_, is_there)| *is_there && !self.completed()) {
            Some((field, _)) => Err(Self::no_return(field)),
            None => Ok(()),
        }
    }

    /// A field of the reply on a line without a return.
    pub(super) fn no_return(field: &str) -> Expected {
        Expected(format!(
            "\"return\" (nanoseconds), since there is {field:?}; if nobody knows the outcome, leave out {field:?}"
        ))
    }
}
