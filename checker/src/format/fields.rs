//! The fields of one line, and how a model finds its operation in them.

use crate::model::Model;
use crate::models::Text;
use serde::{Deserialize, Deserializer, Serialize};

/// A model whose operations can be read from and written to lines of fields.
pub trait Lines: Model {
    /// Whether values are numbers, as a counter's are, and not texts.
    const NUMBERS: bool = false;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value expected by a compare-and-set; inner `None`: `null`, that is, missing.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub from: Option<Option<String>>,
    /// The value written, appended, added …
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The version that a versioned put replaces, or that a versioned get saw.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What was answered; inner `None`: `null`, that is, missing.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub output: Option<Option<String>>,
    /// Whether a compare-and-set swapped.
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

impl Fields {
    /// Whether the reply was seen.
    pub fn completed(&self) -> bool {
        self.ret.is_some()
    }

    /// The key.
    pub fn key(&self) -> Result<Text, Expected> {
        self.key.as_deref().map(Text::from).ok_or_else(|| Expected::field("key", "a string"))
    }

    /// The value.
    pub fn value(&self) -> Result<Text, Expected> {
        self.value.as_deref().map(Text::from).ok_or_else(|| Expected::field("value", "a string"))
    }

    /// The expected value of a compare-and-set.
    pub fn from(&self) -> Result<Option<Text>, Expected> {
        let from =
            self.from.as_ref().ok_or_else(|| Expected::field("from", "a string, or null if missing"))?;
        Ok(from.as_deref().map(Text::from))
    }

    /// The version.
    pub fn version(&self) -> Result<u64, Expected> {
        self.version.ok_or_else(|| Expected::field("version", "a number"))
    }

    /// What was answered.
    pub fn output(&self) -> Result<Option<Text>, Expected> {
        let kind = "a string, or null if missing, since the operation returned";
        let output = self.output.as_ref().ok_or_else(|| Expected::field("output", kind))?;
        Ok(output.as_deref().map(Text::from))
    }

    /// Whether a compare-and-set swapped.
    pub fn ok(&self) -> Result<bool, Expected> {
        self.ok.ok_or_else(|| Expected::field("ok", "true or false, since the operation returned"))
    }

    /// The answer of a completed operation: `output` is asked only if the reply was seen.
    pub fn answer<O>(&self, output: impl FnOnce() -> Result<O, Expected>) -> Result<Option<O>, Expected> {
        self.completed().then(output).transpose()
    }
}
