//! The lines of the models that hold elements.

use super::{nullable, text, unknown_op, written};
use crate::format::fields::{Expected, Fields, Lines};
use crate::format::value::Value;
use crate::models::Text;
use crate::models::append_list::{self, AppendList};
use crate::models::priority_queue::{self, PriorityQueue};
use crate::models::queue::{self, Queue};
use crate::models::set::{self, Set};
use crate::models::stack::{self, Stack};

fn list<'a>(elements: impl IntoIterator<Item = &'a Text>) -> Option<Value> {
    Some(Value::List(elements.into_iter().map(|element| Value::from(&**element)).collect()))
}

/// `append` with `"value"`, `read` (or `get`) with a list for `"output"`.
impl Lines for AppendList {
    fn decode(fields: &Fields) -> Result<(append_list::Input, Option<append_list::Output>), Expected> {
        use append_list::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "append" => (Input::Append { key, value: fields.value()? }, fields.done(Output::Done)?),
            "read" | "get" => (
                Input::Read { key },
                fields.answer(&["output"], || fields.output_list().map(Output::Elements))?,
            ),
            _ => return Err(unknown_op(fields, "append, read")),
        })
    }

    fn encode(fields: &mut Fields, input: &append_list::Input, output: Option<&append_list::Output>) {
        use append_list::{Input, Output};
        match input {
            Input::Append { key, value } => {
                (fields.op, fields.key, fields.value) = ("append".into(), text(key), written(value));
            }
            Input::Read { key } => (fields.op, fields.key) = ("read".into(), text(key)),
        }
        if let Some(Output::Elements(elements)) = output {
            fields.output = list(elements);
        }
    }
}

/// `add`, `remove` and `contains` with `"value"`, `contains` with `"ok"`, `read` with a list for `"output"`.
impl Lines for Set {
    fn decode(fields: &Fields) -> Result<(set::Input, Option<set::Output>), Expected> {
        use set::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "add" => (Input::Add { key, value: fields.value()? }, fields.done(Output::Done)?),
            "remove" => (Input::Remove { key, value: fields.value()? }, fields.done(Output::Done)?),
            "contains" => (
                Input::Contains { key, value: fields.value()? },
                fields.answer(&["ok"], || fields.ok().map(Output::Contains))?,
            ),
            "read" => (
                Input::Read { key },
                fields.answer(&["output"], || fields.output_list().map(Output::Elements))?,
            ),
            _ => return Err(unknown_op(fields, "add, remove, contains, read")),
        })
    }

    fn encode(fields: &mut Fields, input: &set::Input, output: Option<&set::Output>) {
        use set::{Input, Output};
        let (op, key, value) = match input {
            Input::Add { key, value } => ("add", key, written(value)),
            Input::Remove { key, value } => ("remove", key, written(value)),
            Input::Contains { key, value } => ("contains", key, written(value)),
            Input::Read { key } => ("read", key, None),
        };
        (fields.op, fields.key, fields.value) = (op.into(), text(key), value);
        match output {
            Some(Output::Contains(is_in)) => fields.ok = Some(*is_in),
            Some(Output::Elements(elements)) => fields.output = list(elements),
            Some(Output::Done) | None => {}
        }
    }
}

/// `enqueue` with `"value"`, `dequeue` with `"output"`, null when empty.
impl Lines for Queue {
    fn decode(fields: &Fields) -> Result<(queue::Input, Option<queue::Output>), Expected> {
        use queue::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "enqueue" => (Input::Enqueue { key, value: fields.value()? }, fields.done(Output::Done)?),
            "dequeue" => {
                (Input::Dequeue { key }, fields.answer(&["output"], || fields.output().map(Output::Taken))?)
            }
            _ => return Err(unknown_op(fields, "enqueue, dequeue")),
        })
    }

    fn encode(fields: &mut Fields, input: &queue::Input, output: Option<&queue::Output>) {
        use queue::{Input, Output};
        match input {
            Input::Enqueue { key, value } => {
                (fields.op, fields.key, fields.value) = ("enqueue".into(), text(key), written(value));
            }
            Input::Dequeue { key } => (fields.op, fields.key) = ("dequeue".into(), text(key)),
        }
        if let Some(Output::Taken(taken)) = output {
            fields.output = nullable(taken);
        }
    }
}

/// `push` with `"value"`, `pop` with `"output"`, null when empty.
impl Lines for Stack {
    fn decode(fields: &Fields) -> Result<(stack::Input, Option<stack::Output>), Expected> {
        use stack::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "push" => (Input::Push { key, value: fields.value()? }, fields.done(Output::Done)?),
            "pop" => (Input::Pop { key }, fields.answer(&["output"], || fields.output().map(Output::Taken))?),
            _ => return Err(unknown_op(fields, "push, pop")),
        })
    }

    fn encode(fields: &mut Fields, input: &stack::Input, output: Option<&stack::Output>) {
        use stack::{Input, Output};
        match input {
            Input::Push { key, value } => {
                (fields.op, fields.key, fields.value) = ("push".into(), text(key), written(value));
            }
            Input::Pop { key } => (fields.op, fields.key) = ("pop".into(), text(key)),
        }
        if let Some(Output::Taken(taken)) = output {
            fields.output = nullable(taken);
        }
    }
}

/// `push` with `"value"` and `"priority"` (a number, the least comes out first), `pop` with `"output"`, null when
/// empty.
impl Lines for PriorityQueue {
    fn decode(fields: &Fields) -> Result<(priority_queue::Input, Option<priority_queue::Output>), Expected> {
        use priority_queue::{Input, Output};
        let key = fields.key()?;
        Ok(match fields.op.as_str() {
            "push" => (
                Input::Push { key, value: fields.value()?, priority: fields.priority()? },
                fields.done(Output::Done)?,
            ),
            "pop" => (Input::Pop { key }, fields.answer(&["output"], || fields.output().map(Output::Taken))?),
            _ => return Err(unknown_op(fields, "push, pop")),
        })
    }

    fn encode(fields: &mut Fields, input: &priority_queue::Input, output: Option<&priority_queue::Output>) {
        use priority_queue::{Input, Output};
        match input {
            Input::Push { key, value, priority } => {
                (fields.op, fields.key, fields.value) = ("push".into(), text(key), written(value));
                fields.priority = Some(*priority);
            }
            Input::Pop { key } => (fields.op, fields.key) = ("pop".into(), text(key)),
        }
        if let Some(Output::Taken(taken)) = output {
            fields.output = nullable(taken);
        }
    }
}
