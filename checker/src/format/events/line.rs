//! One event.

use crate::format::edn::Value;
use crate::format::fields::Expected;

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It begins.
    Invoke,
    /// It took effect, and this is the answer.
    Ok,
    /// It had no effect.
    Fail,
    /// Nobody knows.
    Info,
}

impl Kind {
    /// `invoke`, `ok`, `fail`, `info`.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "invoke" => Kind::Invoke,
            "ok" => Kind::Ok,
            "fail" => Kind::Fail,
            "info" => Kind::Info,
            _ => return None,
        })
    }
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// As Jepsen counts them.
    Number(u64),
    /// As anybody else may call them.
    Name(String),
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Process::Number(number) => number.fmt(f),
            Process::Name(name) => name.fmt(f),
        }
    }
}

/// One event of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Where it begins in the file, from 1.
    pub line: u64,
    /// Whose.
    pub process: Process,
    /// What it says.
    pub kind: Kind,
    /// The operation's name.
    pub f: String,
    /// `:key`, if there is one.
    pub key: Option<Value>,
    /// What is asked, or what was answered.
    pub value: Value,
    /// Why it failed, if it did.
    pub error: Option<Value>,
    /// Nanoseconds, if the event has a time.
    pub time: Option<u64>,
}

impl Event {
    /// From a map with `:process`, `:type`, `:f` and `:value`; `None` if it is the nemesis's.
    pub fn of(line: u64, value: &Value) -> Result<Option<Self>, Expected> {
        let Value::Map(_) = value.untagged() else {
            let what = format!("a map with :process, :type, :f and :value; it is {}", value.shown());
            return Err(Expected(what));
        };
        let field = |name: &str, kind: &str| {
            value.get(name).ok_or_else(|| Expected(format!(":{name} ({kind}) in the event")))
        };
        let Some(process) = process(field("process", "a number or a name")?)? else { return Ok(None) };
        let kind = field("type", ":invoke, :ok, :fail or :info")?;
        let kind = kind.name().and_then(Kind::of).ok_or_else(|| {
            Expected(format!(":type to be :invoke, :ok, :fail or :info; it is {}", kind.shown()))
        })?;
        let f = field("f", "the operation's name")?;
        let f = f
            .name()
            .ok_or_else(|| Expected(format!(":f to be the operation's name; it is {}", f.shown())))?;
        let time = match value.get("time") {
            None | Some(Value::Nil) => None,
            Some(Value::Int(time)) if *time >= 0 => Some(time.unsigned_abs()),
            Some(time) => {
                let what = ":time to be nanoseconds, a whole number from 0 to 2^63";
                return Err(Expected(format!("{what}; it is {}", time.shown())));
            }
        };
        let given = |name: &str| value.get(name).filter(|value| **value != Value::Nil).cloned();
        Ok(Some(Self {
            line,
            process,
            kind,
            f: f.to_owned(),
            key: given("key"),
            value: value.get("value").cloned().unwrap_or(Value::Nil),
            error: given("error"),
            time,
        }))
    }
}

/// Who breaks things, and is no client.
const NEMESIS: &str = "nemesis";

/// `None` for the nemesis.
pub(super) fn process(value: &Value) -> Result<Option<Process>, Expected> {
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        value => value.name().and_then(|name| name.parse().ok()),
    };
    match (number, value.name()) {
        (Some(number), _) => Ok(Some(Process::Number(number))),
        (None, Some(NEMESIS)) => Ok(None),
        (None, Some(name)) if name.starts_with(char::is_alphabetic) => {
            Ok(Some(Process::Name(name.to_owned())))
        }
        _ => {
            let shown = value.shown();
            Err(Expected(format!(":process to be a number from 0 to 2^63, or a name; it is {shown}")))
        }
    }
}
