//! What is told of one file, to people and as JSON.

use std::collections::BTreeMap;

use owo_colors::OwoColorize;
use serde::Serialize;

use super::super::USAGE;
use super::super::output::printable;
use super::level::Level;
use crate::outcome::Verdict;

/// The verdict on one file.
#[derive(Serialize)]
pub(super) struct Judged {
    pub(super) file: String,
    /// `linearizable` or `not_linearizable`, at another level `holds` or `violated`; or `undecided`, `unreadable`.
    pub(super) verdict: &'static str,
    /// What was promised, as on the command line.
    pub(super) level: String,
    /// How the file was written: `jsonl`, `edn`, `json` or `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    /// How many operations, or transactions, it has.
    pub(super) operations: usize,
    /// What decided, and how many keys; of a violation, what refuted the one key that is wrong.
    pub(super) decided_by: BTreeMap<String, usize>,
    /// What stands in brackets behind the verdict.
    #[serde(skip)]
    pub(super) remark: String,
    /// Violated: what is wrong, in words. Undecided: what ran out. Unreadable: what was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sentence: Option<String>,
    /// The key whose operations are wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// The smallest part still wrong, as operations counted from 0 in the order of their calls; in JSON lines in
    /// the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) contradiction: Vec<usize>,
    /// The lines of the file, from 1, on which the operations of `contradiction` begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lines: Vec<u64>,
    /// Whether every operation of `contradiction` is known to be needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minimal: Option<bool>,
    /// Instants at which several clients had replies and called again: their order is not in the times, and was not
    /// asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) coarse_instants: usize,
    /// Of transactions: what is wrong, gravest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) anomalies: Vec<Told>,
    /// An order that explains the history, or the longest prefix that can be explained.
    pub(super) order: Vec<usize>,
    #[serde(skip)]
    pub(super) drawing: Option<String>,
    #[serde(skip)]
    pub(super) outcome: Outcome,
    #[serde(skip)]
    pub(super) adjective: &'static str,
}

/// An anomaly.
#[derive(Serialize)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) sentence: String,
    /// Who took part, counted as in `contradiction`, and the lines on which they begin.
    pub(super) transactions: Vec<usize>,
    pub(super) lines: Vec<u64>,
    /// Each begins where the one before ended; empty if it is no cycle.
    pub(super) cycle: Vec<Edge>,
}

/// Why one transaction stands before another.
#[derive(Serialize)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// `ww`, `wr`, `rw`, `process` or `realtime`.
    pub(super) dependency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) sentence: String,
}

/// What one file contributes to the exit code; the greatest decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Judged(Verdict),
    Unreadable,
}

impl Outcome {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Outcome::Judged(verdict) => verdict.exit_code(),
            Outcome::Unreadable => USAGE,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Judged {
    pub(super) fn holds(file: &str, level: Level, order: Vec<usize>) -> Self {
        let verdict = if level == Level::Linearizable { "linearizable" } else { "holds" };
        Self { order, ..Self::new(file, level, verdict, Outcome::Judged(Verdict::Holds)) }
    }

    pub(super) fn violated(file: &str, level: Level, sentence: String) -> Self {
        let verdict = if level == Level::Linearizable { "not_linearizable" } else { "violated" };
        let sentence = Some(sentence);
        Self { sentence, ..Self::new(file, level, verdict, Outcome::Judged(Verdict::Safety)) }
    }

    pub(super) fn undecided(file: &str, level: Level, why: String) -> Self {
        let outcome = Outcome::Judged(Verdict::Undecided);
        Self { sentence: Some(why), ..Self::new(file, level, "undecided", outcome) }
    }

    pub(super) fn unreadable(file: &str, level: Level, error: String) -> Self {
        Self { sentence: Some(error), ..Self::new(file, level, "unreadable", Outcome::Unreadable) }
    }

    fn new(file: &str, level: Level, verdict: &'static str, outcome: Outcome) -> Self {
        Self {
            file: file.to_owned(),
            verdict,
            level: level.name(),
            format: None,
            operations: 0,
            decided_by: BTreeMap::new(),
            remark: String::new(),
            sentence: None,
            key: None,
            contradiction: Vec::new(),
            lines: Vec::new(),
            minimal: None,
            coarse_instants: 0,
            anomalies: Vec::new(),
            order: Vec::new(),
            drawing: None,
            outcome,
            adjective: level.adjective(),
        }
    }

    /// Times that do not tell what was before what hide violations, and invent none.
    pub(super) fn say_how_coarse(&mut self, instants: usize) {
        self.coarse_instants = instants;
        if instants > 0 && self.outcome == Outcome::Judged(Verdict::Holds) {
            let times = if instants == 1 { "1 instant".to_owned() } else { format!("{instants} instants") };
            self.sentence = Some(format!(
                "times are too coarse to order what several clients did at {times}: the verdict may miss what is wrong there"
            ));
        }
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        let verdict = match self.outcome {
            Outcome::Judged(Verdict::Holds) => self.adjective.green().to_string(),
            Outcome::Judged(Verdict::Undecided) => "undecided".yellow().to_string(),
            _ => format!("NOT {}", self.adjective.to_uppercase()).red().bold().to_string(),
        };
        let mut text = format!("{}  {verdict}  ({})", self.file, self.remark);
        for part in self.sentence.iter().chain(&self.drawing) {
            for line in printable(part).lines() {
                text.push_str(&format!("\n  {line}"));
            }
        }
        text
    }
}
