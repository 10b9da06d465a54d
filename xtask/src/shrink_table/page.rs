//! The rows as a page.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Row;
use crate::median;

pub(super) fn page(rows: &[Row]) -> String {
    let mut text = String::from(
        "# How small failures become\n\n\
         Written by `cargo xtask shrink-table`. Every known bug was looked for in each story that must catch it, and its failure \
         with the lowest seed made small. Each file was then replayed in a fresh process; each of its decisions was taken \
         away, one at a time, or where the budget was spent each fault, delay and operation. An operation is a step that a \
         story can leave out: what its plot does anyway does not count. Machine-readable: [`shrink-table.json`](shrink-table.json).\n\n",
    );
    let found: Vec<&Row> = rows.iter().filter(|row| row.seed.is_some()).collect();
    let count = |test: fn(&Row) -> bool| found.iter().filter(|row| test(row)).count();
    let middle = |value: fn(&Row) -> f64| median(found.iter().map(|row| value(row)).collect());
    _ = writeln!(
        text,
        "{} bugs in their stories, {} found; {} replay to the same failure, of {} no single fault or operation could go; \
         {} had spent their budget before that was so of the schedule.\n\n\
         Median: {} faults, {} operations, {} runs, {:.1} s.\n",
        rows.len(),
        found.len(),
        count(|row| row.replays),
        count(|row| row.could_go.is_empty()),
        count(|row| !row.finished),
        middle(|row| row.faults as f64),
        middle(|row| row.operations as f64),
        middle(|row| row.runs as f64),
        middle(|row| row.seconds),
    );
    let mut stories: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        stories.entry(row.story.split('/').next().unwrap_or_default()).or_default().push(row);
    }
    for (system, rows) in stories {
        _ = writeln!(
            text,
            "## {system}\n\n| bug | story | what is left | runs | s | |\n| --- | --- | --- | ---: | ---: | --- |"
        );
        for row in rows {
            let remark = match (row.seed, row.replays, row.could_go.as_slice()) {
                _ if row.trouble.is_some() => "**trouble**".to_owned(),
                (None, ..) => "**not found**".to_owned(),
                (_, false, _) => "**does not replay**".to_owned(),
                (_, _, []) if row.finished => String::new(),
                (_, _, []) => "budget spent".to_owned(),
                (_, _, spare) => format!("**could go: {}**", spare.join(", ")),
            };
            let Row { bug, story, after, runs, seconds, .. } = row;
            _ = writeln!(text, "| `{bug}` | `{story}` | {after} | {runs} | {seconds:.1} | {remark} |");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_was_spent_is_told() {
        let row = Row { seed: Some(1), replays: true, finished: true, ..Row::default() };
        let text = page(&[row.clone(), Row { finished: false, ..row }]);
        assert!(
            text.contains(
                "2 replay to the same failure, of 2 no single fault or operation could go; 1 had spent"
            ),
            "{text}"
        );
        assert!(text.contains("budget spent"), "{text}");
    }
}
