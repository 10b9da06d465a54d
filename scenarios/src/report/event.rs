//! A line of a trace, in words.

use std::time::Duration;

use serde_json::Value;

use super::span;

/// What happened, and where: "a sent Put to b".
pub(crate) fn event(line: &Value) -> String {
    let text = |name: &str| match &line[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let node = text("node");
    let kind = || match line["reply"].is_null() {
        true => text("kind"),
        false => format!("its answer to {}", text("kind")),
    };
    match line["event"].as_str().unwrap_or_default() {
        "spawn" => format!("{node} started task {}, at {}", text("task"), text("site")),
        "run" if line["task"] == 0 => "the story went a step further".into(),
        "run" => format!("task {} of {node} ran", text("task")),
        "exit" => format!("task {} of {node} ended", text("task")),
        "timer" => format!("a timer of {node} fired"),
        "send" => format!("{node} sent {} to {}", kind(), text("to")),
        "deliver" => format!("{node} got {} from {}", text("kind"), text("from")),
        "drop" => format!("what {node} sent to {} was lost: {}", text("to"), text("why")),
        "node" => format!("{} of {node}", text("what")),
        "clock" => format!("the clock of {node}: {}", text("what")),
        "link" => format!("the link from {node} to {}: {}", text("to"), text("what")),
        "disk" => {
            let came = if line["error"].is_null() { text("result") } else { text("error") };
            format!("on the disk of {node}: {} of {}: {came}", text("op"), text("path"))
        }
        "finding" | "note" | "log" | "error" => format!("{node}: {}", text("message")),
        other => format!("{node}: {other}"),
    }
}

/// The same, with its time.
pub(crate) fn event_at(line: &Value) -> String {
    format!("at {} {}", span(Duration::from_nanos(line["at"].as_u64().unwrap_or_default())), event(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_as_sentences() {
        for (line, words) in [
            (r#"{"at":5,"node":"a","event":"send","to":"b","kind":"Put"}"#, "at 5 ns a sent Put to b"),
            (
                r#"{"at":5,"node":"b","event":"send","to":"a","kind":"Put","reply":"yes"}"#,
                "at 5 ns b sent its answer to Put to a",
            ),
            (r#"{"at":2000,"node":"world","event":"run","task":0}"#, "at 2 µs the story went a step further"),
            (
                r#"{"at":2000,"node":"a","event":"disk","op":"sync","path":"x","error":"EIO"}"#,
                "at 2 µs on the disk of a: sync of x: EIO",
            ),
            (r#"{"at":0,"node":"a","event":"news"}"#, "at 0 ns a: news"),
        ] {
            assert_eq!(event_at(&serde_json::from_str(line).unwrap()), words);
        }
    }
}
