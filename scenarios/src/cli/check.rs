//! `stormglass check`: judges histories that were recorded elsewhere.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use owo_colors::OwoColorize;
use serde::Serialize;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::jsonl;
use stormglass_checker::models::{
    cas_register::CasRegister, kv::Kv, register::Register, versioned_kv::VersionedKv,
};
use stormglass_checker::{self as checker, Budget};

use super::output::{say, say_json};
use super::{Answer, Complaint};
use crate::outcome::Verdict;

/// Columns of a drawn counterexample.
const WIDTH: usize = 100;

#[derive(Args)]
pub(crate) struct Check {
    /// Histories as JSON lines, one operation a line
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the history is judged against
    #[arg(long, value_enum)]
    model: Against,
    /// Read a missing key and an empty value as the same, as the labs of MIT 6.5840 do (model kv)
    #[arg(long)]
    missing_is_empty: bool,
    /// Verdicts as JSON
    #[arg(long)]
    json: bool,
    /// States that may be explored before the answer is "undecided"
    #[arg(long, value_name = "N")]
    budget: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    Register,
    CasRegister,
    Kv,
    VersionedKv,
}

/// The verdict on one file.
#[derive(Serialize)]
struct Judged {
    file: String,
    /// `linearizable`, `not_linearizable` or `undecided`.
    verdict: &'static str,
    operations: usize,
    /// Not linearizable: what is wrong, in words. Undecided: what ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    /// The key whose operations are wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The smallest part still wrong: lines of the file, from 0, empty lines not counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contradiction: Vec<usize>,
    /// An order that explains the history, or the longest prefix that can be explained.
    order: Vec<usize>,
    #[serde(skip)]
    drawing: Option<String>,
    #[serde(skip)]
    gravity: Verdict,
}

impl Check {
    pub(crate) fn answer(self) -> Answer {
        if self.missing_is_empty && self.model != Against::Kv {
            return Err(Complaint::usage("--missing-is-empty goes with --model kv only"));
        }
        let kv = if self.missing_is_empty { Kv::lab() } else { Kv::default() };
        let mut verdicts = Vec::new();
        for file in &self.files {
            let judged = match self.model {
                Against::Register => self.judge(&Register, file),
                Against::CasRegister => self.judge(&CasRegister, file),
                Against::Kv => self.judge(&kv, file),
                Against::VersionedKv => self.judge(&VersionedKv, file),
            }?;
            if !self.json {
                say(&told(&judged))?;
            }
            verdicts.push(judged);
        }
        if self.json {
            say_json(&verdicts)?;
        }
        let worst = verdicts.iter().map(|judged| judged.gravity).max().unwrap_or(Verdict::Holds);
        Ok(worst.exit_code())
    }

    fn judge<M: Lines>(&self, model: &M, path: &Path) -> Result<Judged, Complaint> {
        let file = path.display().to_string();
        let input = File::open(path).map_err(|error| Complaint::usage(format!("{file}: {error}")))?;
        let history = jsonl::read::<M>(file.as_str(), BufReader::new(input))
            .map_err(|error| Complaint::usage(error.to_string()))?;
        let mut budget = Budget::default();
        if let Some(states) = self.budget {
            budget.states = states;
        }
        let mut judged = Judged {
            file,
            verdict: "linearizable",
            operations: history.len(),
            sentence: None,
            key: None,
            contradiction: Vec::new(),
            order: Vec::new(),
            drawing: None,
            gravity: Verdict::Holds,
        };
        match checker::check(model, &history, budget) {
            checker::Verdict::Linearizable { witness } => judged.order = witness,
            checker::Verdict::NotLinearizable(counterexample) => {
                judged.verdict = "not_linearizable";
                judged.gravity = Verdict::Safety;
                judged.drawing = Some(checker::draw(model, &history, &counterexample, WIDTH));
                judged.sentence = Some(counterexample.sentence);
                judged.key = counterexample.key;
                judged.contradiction = counterexample.operations;
                judged.order = counterexample.explained;
            }
            checker::Verdict::Undecided { explored, why } => {
                judged.verdict = "undecided";
                judged.gravity = Verdict::Undecided;
                judged.sentence = Some(format!("{why} ({explored} states explored)"));
            }
        }
        Ok(judged)
    }
}

fn told(judged: &Judged) -> String {
    let verdict = match judged.gravity {
        Verdict::Holds => "linearizable".green().to_string(),
        Verdict::Safety => "NOT LINEARIZABLE".red().bold().to_string(),
        _ => "undecided".yellow().to_string(),
    };
    let mut text = format!("{}  {verdict}  ({} operations)", judged.file, judged.operations);
    for part in judged.sentence.iter().chain(&judged.drawing) {
        for line in part.lines() {
            text.push_str(&format!("\n  {line}"));
        }
    }
    text
}
