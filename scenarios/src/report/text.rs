//! The three lines of a failure: the claim that fell, the witness, the command that replays it.

use std::time::Duration;

use owo_colors::OwoColorize;
use stormglass_sim::Schedule;

use super::command;
use crate::outcome::{Fall, Outcome, Verdict};

/// Column at which a failure's headline begins, when what stands before it leaves room.
const HEADLINE: usize = 64;

/// The three lines. The witness keeps its own lines, indented.
pub(crate) fn failure(outcome: &Outcome, replay: &str) -> String {
    let Some(fall) = &outcome.fall else { return verdict_line(outcome) };
    let mut title = format!("{}  seed {}", outcome.story.bold(), outcome.seed.bold());
    let mut width = outcome.story.len() + 7 + outcome.seed.to_string().len();
    if let Some(bug) = &outcome.bug {
        title.push_str(&format!("  bug {bug}"));
        width += 6 + bug.len();
    }
    if outcome.schedule != Schedule::default() {
        let under = format!("  under {}", outcome.schedule);
        title.push_str(&under);
        width += under.len();
    }
    let gap = " ".repeat(HEADLINE.saturating_sub(width).max(2));
    let witness: Vec<&str> = fall.witness.lines().collect();
    let replay = command(&format!("replay {replay}"));
    format!(
        "{title}{gap}{}\n  {}\n  replay:  {}",
        headline(outcome).red().bold(),
        witness.join("\n  "),
        replay.cyan()
    )
}

/// What fell, where and when.
pub(crate) fn headline(outcome: &Outcome) -> String {
    let Some(fall) = &outcome.fall else { return outcome.verdict.to_string().to_uppercase() };
    let mut headline = match (fall.oracle.as_str(), outcome.verdict) {
        ("linearizable", Verdict::Safety) => "NOT LINEARIZABLE".to_owned(),
        ("panic", _) => "PANIC".to_owned(),
        ("always" | "invariant" | "claim" | "unreachable" | "converges" | "harness", _) => broken_claim(fall),
        (oracle, Verdict::Undecided) => format!("UNDECIDED ({oracle})"),
        (oracle, _) => oracle.to_uppercase(),
    };
    if let Some(node) = &fall.node {
        headline.push_str(&format!(" on {node}"));
    }
    if outcome.digest.is_some() {
        headline.push_str(&format!(" after {} (simulated)", span(outcome.at())));
    }
    headline
}

fn broken_claim(fall: &Fall) -> String {
    let label = match fall.oracle.as_str() {
        "converges" => "STALLED",
        "harness" => "BROKEN",
        "unreachable" => "REACHED",
        _ => "FELL",
    };
    format!("{label}: {}", fall.claim)
}

/// One line for a run that did not fail.
pub(crate) fn verdict_line(outcome: &Outcome) -> String {
    let what = match outcome.verdict {
        Verdict::Holds => outcome.verdict.green().to_string(),
        verdict => verdict.yellow().to_string(),
    };
    let digest = outcome.digest.map_or_else(|| "none".into(), |digest| format!("{digest:#018x}"));
    let mut line = format!("{}  seed {}", outcome.story.bold(), outcome.seed.bold());
    if let Some(bug) = &outcome.bug {
        line.push_str(&format!("  bug {bug}"));
    }
    if outcome.schedule != Schedule::default() {
        line.push_str(&format!("  under {}", outcome.schedule));
    }
    line.push_str(&format!("  {what} after {} (simulated), digest {digest}", span(outcome.at())));
    if let Some(excuse) = &outcome.excuse {
        line.push_str(&format!("\n  excused: {excuse}"));
    }
    line
}

/// The resolved weather, indented under the run it belongs to.
pub(crate) fn weather(outcome: &Outcome) -> String {
    outcome.weather.iter().map(|line| format!("  weather: {line}\n")).collect()
}

/// A duration with three significant digits and the unit a person would choose.
pub(crate) fn span(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    for (unit, size) in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)] {
        let amount = nanos / size;
        if amount >= 0.9995 {
            let decimals = if amount >= 99.95 {
                0
            } else if amount >= 9.995 {
                1
            } else {
                2
            };
            let text = format!("{amount:.decimals$}");
            let text =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return format!("{text} {unit}");
        }
    }
    format!("{nanos} ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_a_person_would_say_them() {
        let said = |nanos: u64| span(Duration::from_nanos(nanos));
        let expected = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (40_000_000, "40 ms"),
            (999_999_999, "1 s"),
            (3_214_000_000, "3.21 s"),
            (12_000_000_000, "12 s"),
            (125_400_000_000, "125 s"),
        ];
        for (nanos, text) in expected {
            assert_eq!(said(nanos), text);
        }
    }
}
