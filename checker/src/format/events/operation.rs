//! A call and its end, in the fields of our own lines.

use super::line::Kind;
use super::pairs::Ended;
use crate::format::edn::Value;
use crate::format::fields::{Expected, Fields, Lines};
use crate::format::jsonl::{self, OperationOf};
use serde_json::{Value as Json, json};

/// The one object of a history without keys.
const ONLY_KEY: &str = "x";

/// The operation, unless it certainly had no effect and saw nothing.
pub(crate) fn operation<M: Lines>(ended: &Ended) -> Result<Option<OperationOf<M>>, Expected> {
    let f = ended.invoke.f.as_str();
    if f == "txn" {
        return Err(Expected(jsonl::A_TRANSACTION.to_owned()));
    }
    let failed = matches!(ended.end, Some((Kind::Fail, _)));
    if failed && !(f == "cas" && compared(ended.error.as_ref())) {
        return Ok(None);
    }
    let (key, asked) = match &ended.invoke.key {
        Some(key) => (Some(key), &ended.invoke.value),
        None => keyed(f, &ended.invoke.value),
    };
    let (answer, done) = answered(ended, key, asked)?;
    let mut fields = json!({
        "client": ended.client,
        "op": f,
        "key": key.and_then(Value::text).unwrap_or_else(|| ONLY_KEY.to_owned()),
        "call": ended.call,
    });
    match f {
        "cas" => {
            let (from, to) = pair(asked).ok_or_else(|| {
                Expected(format!(":value of the cas to be [from to]; it is {}", asked.shown()))
            })?;
            fields["from"] = written(from);
            fields["value"] = written(to);
        }
        _ if matches!(asked.untagged(), Value::Map(_)) => operands(&mut fields, asked),
        _ if *asked != Value::Nil => fields["value"] = written(asked),
        _ => {}
    }
    if let Some((_, at)) = ended.end {
        fields["return"] = at.into();
        match f {
            "read" | "get" | "dequeue" | "pop" => {
                // A read's own argument is not an operand.
                fields.as_object_mut().map(|fields| fields.remove("value"));
                fields["output"] = written(answer);
            }
            "cas" | "transfer" => fields["ok"] = done.into(),
            // What is done needs no word.
            "acquire" | "release" if !done => fields["ok"] = false.into(),
            "contains" => {
                let Value::Bool(is_in) = answer.untagged() else {
                    let (line, shown) = (ended.ended_on, answer.shown());
                    let what =
                        format!("the end of the contains (line {line}) to have the value true or false");
                    return Err(Expected(format!("{what}; it is {shown}")));
                };
                fields["ok"] = (*is_in).into();
            }
            _ => {}
        }
    }
    let fields: Fields = serde_json::from_value(fields).map_err(|error| {
        Expected(format!("an operation of the model; {f} {} is not: {error}", ended.invoke.value.shown()))
    })?;
    jsonl::operation::<M>(&fields).map(Some)
}

/// These answer nothing of their own: their end has no value, or the one that was asked.
const ANSWER_THEIR_VALUE: [&str; 10] =
    ["write", "put", "append", "add", "inc", "remove", "enqueue", "push", "delete", "deposit"];

/// These can be refused: their end may also say `true` or `false`.
const ANSWER_WHETHER: [&str; 4] = ["cas", "transfer", "acquire", "release"];

/// What was answered, which must be to what was asked, and whether it was done.
fn answered<'a>(ended: &'a Ended, key: Option<&Value>, asked: &Value) -> Result<(&'a Value, bool), Expected> {
    let (f, line) = (ended.invoke.f.as_str(), ended.ended_on);
    // What an unknown outcome shows in place of a value is anything at all.
    let Some((kind, _)) = ended.end else { return Ok((&ended.answer, false)) };
    let done = kind != Kind::Fail;
    let (answer_key, answer) = match ended.invoke.key {
        None if key.is_some() => match pair(&ended.answer) {
            Some((key, whether @ Value::Bool(_))) => (Some(key), whether),
            _ => keyed(f, &ended.answer),
        },
        _ => (ended.answer_key.as_ref(), &ended.answer),
    };
    if let (Some(key), Some(other)) = (key, answer_key)
        && key.text() != other.text()
    {
        let (key, other) = (key.shown(), other.shown());
        return Err(Expected(format!(
            "the end of the {f} (line {line}) to be of key {key}; it is of {other}"
        )));
    }
    let whether = ANSWER_WHETHER.contains(&f);
    if !whether && !ANSWER_THEIR_VALUE.contains(&f) || *answer == Value::Nil || alike(answer, asked) {
        return Ok((answer, done));
    }
    match answer.untagged() {
        Value::Bool(is_done) if whether && (done || !is_done) => Ok((answer, *is_done)),
        _ => {
            let its_own = if *asked == Value::Nil { "none" } else { &asked.shown() };
            let or_else = if whether { ", or true or false" } else { "" };
            Err(Expected(format!(
                "the end of the {f} (line {line}) to have its value, {its_own}{or_else}; it is {}",
                answer.shown()
            )))
        }
    }
}

/// Whether two values are one to a model: the number 1 and the string "1" are.
fn alike(one: &Value, other: &Value) -> bool {
    match (one.untagged(), other.untagged()) {
        (Value::Map(one), Value::Map(other)) => {
            let has = |(key, value): &(Value, Value)| {
                other.iter().any(|(name, other)| name.spelled() == key.spelled() && alike(value, other))
            };
            one.len() == other.len() && one.iter().all(has)
        }
        _ => match (one.items(), other.items()) {
            (Some(one), Some(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
            }
            _ => one.text() == other.text(),
        },
    }
}

/// Whether a failed compare-and-set failed because the value was another: says so, or says nothing else.
fn compared(error: Option<&Value>) -> bool {
    error.is_none_or(|error| error.to_string().contains("precondition-failed"))
}

/// The key of an independent object, if the value is a pair that begins with one. A compare-and-set without a key
/// is asked `[from to]`, one with a key `[key [from to]]`.
fn keyed<'a>(f: &str, value: &'a Value) -> (Option<&'a Value>, &'a Value) {
    match pair(value) {
        Some((key, rest)) if tuple(value) || f != "cas" || pair(rest).is_some() => (Some(key), rest),
        _ => (None, value),
    }
}

fn tuple(value: &Value) -> bool {
    matches!(value, Value::Tagged(tag, _) if tag.ends_with("Tuple") || tag.ends_with("MapEntry"))
}

fn pair(value: &Value) -> Option<(&Value, &Value)> {
    match value.untagged() {
        Value::List(items) => match &items[..] {
            [first, second] => Some((first, second)),
            _ => None,
        },
        _ => None,
    }
}

/// `{:from a, :to b, :amount 5}`: each operand in a field of its name.
fn operands(fields: &mut Json, asked: &Value) {
    for name in ["from", "to", "amount", "priority", "version", "value"] {
        let Some(operand) = asked.get(name) else { continue };
        // An account is a name, also one that looks like a number.
        fields[name] = if name == "to" { operand.text().into() } else { written(operand) };
    }
}

/// As our own lines write it: whole numbers and texts, lists of them and objects.
fn written(value: &Value) -> Json {
    match value.untagged() {
        Value::Int(number) => (*number).into(),
        Value::Map(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.text().unwrap_or_else(|| name.to_string()), written(value)));
            Json::Object(pairs.collect())
        }
        value => match value.items() {
            Some(items) => items.iter().map(written).collect(),
            None => value.text().map_or(Json::Null, Json::String),
        },
    }
}
