//! The lines of the built-in models.

mod collections;
mod numbers;

use super::fields::{Expected, Fields, Lines};
use super::value::Value;
use crate::models::Text;
use crate::models::cas_register::{self, CasRegister};
use crate::models::kv::{self, Kv};
use crate::models::register::{self, Register};
use crate::models::versioned_kv::{self, VersionedKv};

fn unknown_op(fields: &Fields, known: &str) -> Expected {
    Expected(format!("\"op\" to be one of {known}; it is {:?}", fields.op))
}

fn text(value: &Text) -> Option<String> {
    Some(value.to_string())
}

fn written(value: &Text) -> Option<Value> {
    Some(Value::from(&**value))
}

fn nullable(value: &Option<Text>) -> Option<Value> {
    Some(value.as_deref().map_or(Value::Null, Value::from))
}

/// `put` (or `write`) and `get` (or `read`).
impl Lines for Register {
    fn decode(fields: &Fields) -> Result<(register::Input, Option<register::Output>), Expected> {
        use register::{Input, Output};
        let register = fields.key()?;
        Ok(match fields.op.as_str() {
            "put" | "write" => {
                (Input::Write { register, value: fields.value()? }, fields.done(Output::Done)?)
            }
            "get" | "read" => {
                (Input::Read { register }, fields.answer(&["output"], || fields.output().map(Output::Value))?)
            }
            _ => return Err(unknown_op(fields, "put, get")),
        })
    }

    fn encode(fields: &mut Fields, input: &register::Input, output: Option<&register::Output>) {
        use register::{Input, Output};
        match input {
            Input::Write { register, value } => {
                (fields.op, fields.key, fields.value) = ("put".into(), text(register), written(value));
            }
            Input::Read { register } => (fields.op, fields.key) = ("get".into(), text(register)),
        }
        if let Some(Output::Value(value)) = output {
            fields.output = nullable(value);
        }
    }
}

/// `put` (or `write`), `get` (or `read`) and `cas`.
impl Lines for CasRegister {
    fn decode(fields: &Fields) -> Result<(cas_register::Input, Option<cas_register::Output>), Expected> {
        use cas_register::{Input, Output};
        let register = fields.key()?;
        Ok(match fields.op.as_str() {
            "put" | "write" => {
                (Input::Write { register, value: fields.value()? }, fields.done(Output::Done)?)
            }
            "get" | "read" => {
                (Input::Read { register }, fields.answer(&["output"], || fields.output().map(Output::Value))?)
            }
            "cas" => (
                Input::Cas { register, from: fields.from()?, value: fields.value()? },
                fields.answer(&["ok"], || fields.ok().map(Output::Swapped))?,
            ),
            _ => return Err(unknown_op(fields, "put, get, cas")),
        })
    }

    fn encode(fields: &mut Fields, input: &cas_register::Input, output: Option<&cas_register::Output>) {
        use cas_register::{Input, Output};
        fields.key = text(input.register());
        match input {
            Input::Write { value, .. } => (fields.op, fields.value) = ("put".into(), written(value)),
            Input::Read { .. } => fields.op = "get".into(),
            Input::Cas { from, value, .. } => {
                (fields.op, fields.from, fields.value) = ("cas".into(), nullable(from), written(value));
            }
        }
        match output {
            Some(Output::Value(value)) => fields.output = nullable(value),
            Some(Output::Swapped(ok)) => fields.ok = Some(*ok),
            Some(Output::Done) | None => {}
        }
    }
}

/// `put` (or `write`), `get` (or `read`), `append` (with `"output"` if it answered the value from before), `cas`, `delete`.
impl Lines for Kv {
    fn decode(fields: &Fields) -> Result<(kv::Input, Option<kv::Output>), Expected> {
        use kv::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "put" | "write" => (Input::Put { key, value: fields.value()? }, fields.done(Output::Done)?),
            "get" | "read" => {
                (Input::Get { key }, fields.answer(&["output"], || fields.output().map(Output::Value))?)
            }
            "append" => (
                Input::Append { key, value: fields.value()? },
                fields.answer(&["output"], || match fields.output {
                    Some(_) => fields.output().map(Output::Value),
                    None => Ok(Output::Done),
                })?,
            ),
            "cas" => (
                Input::Cas { key, from: fields.from()?, value: fields.value()? },
                fields.answer(&["ok"], || fields.ok().map(Output::Swapped))?,
            ),
            "delete" => (Input::Delete { key }, fields.done(Output::Done)?),
            _ => return Err(unknown_op(fields, "put, get, append, cas, delete")),
        })
    }

    fn encode(fields: &mut Fields, input: &kv::Input, output: Option<&kv::Output>) {
        use kv::{Input, Output};
        fields.key = text(input.key());
        match input {
            Input::Put { value, .. } => (fields.op, fields.value) = ("put".into(), written(value)),
            Input::Get { .. } => fields.op = "get".into(),
            Input::Append { value, .. } => (fields.op, fields.value) = ("append".into(), written(value)),
            Input::Cas { from, value, .. } => {
                (fields.op, fields.from, fields.value) = ("cas".into(), nullable(from), written(value));
            }
            Input::Delete { .. } => fields.op = "delete".into(),
        }
        match output {
            Some(Output::Value(value)) => fields.output = nullable(value),
            Some(Output::Swapped(ok)) => fields.ok = Some(*ok),
            Some(Output::Done) | None => {}
        }
    }
}

/// `put` with `"version"` and, once returned, `"result"`; `get` with `"output"` and its `"version"`.
impl Lines for VersionedKv {
    fn decode(fields: &Fields) -> Result<(versioned_kv::Input, Option<versioned_kv::Output>), Expected> {
        use versioned_kv::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "put" => (
                Input::Put { key, value: fields.value()?, version: fields.version()? },
                fields.answer(&["result", "version"], || match fields.result.as_deref() {
                    Some("ok") => Ok(Output::Ok),
                    Some("version") => Ok(Output::Version),
                    Some("no-key") => Ok(Output::NoKey),
                    Some("maybe") => Ok(Output::Maybe),
                    _ => Err(Expected::field("result", "ok, version, no-key or maybe")),
                })?,
            ),
            "get" if fields.version.is_some() && !fields.completed() => {
                return Err(Fields::no_return("version"));
            }
            "get" => (
                Input::Get { key },
                fields.answer(&["output", "version"], || match fields.output()? {
                    Some(value) => Ok(Output::Value { value, version: fields.version()? }),
                    None if fields.version.is_some() => {
                        Err(Expected("no \"version\", for what is missing (null) has none".to_owned()))
                    }
                    None => Ok(Output::NoKey),
                })?,
            ),
            _ => return Err(unknown_op(fields, "put, get")),
        })
    }

    fn encode(fields: &mut Fields, input: &versioned_kv::Input, output: Option<&versioned_kv::Output>) {
        use versioned_kv::{Input, Output};
        match input {
            Input::Put { key, value, version } => {
                (fields.op, fields.key, fields.value) = ("put".into(), text(key), written(value));
                fields.version = Some(*version);
                let result = output.and_then(|output| match output {
                    Output::Ok => Some("ok"),
                    Output::Version => Some("version"),
                    Output::NoKey => Some("no-key"),
                    Output::Maybe => Some("maybe"),
                    Output::Value { .. } => None,
                });
                fields.result = result.map(str::to_owned);
            }
            Input::Get { key } => {
                (fields.op, fields.key) = ("get".into(), text(key));
                match output {
                    Some(Output::Value { value, version }) => {
                        (fields.output, fields.version) = (written(value), Some(*version));
                    }
                    Some(_) => fields.output = Some(Value::Null),
                    None => {}
                }
            }
        }
    }
}
