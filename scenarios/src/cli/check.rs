//! `stormglass check`: judges histories that were recorded elsewhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use owo_colors::OwoColorize;
use serde::Serialize;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{Format, Recorded, read};
use stormglass_checker::models::{
    append_list::AppendList, bank::Bank, cas_register::CasRegister, counter::Counter, kv::Kv, lock::Lock,
    priority_queue::PriorityQueue, queue::Queue, register::Register, set::Set, stack::Stack,
    versioned_kv::VersionedKv,
};
use stormglass_checker::page::{About, page};
use stormglass_checker::{self as checker, Budget, Judgement};

use super::output::{say, say_json};
use super::{Answer, Complaint, USAGE};
use crate::outcome::Verdict;

/// Columns of a drawn counterexample.
const WIDTH: usize = 100;

#[derive(Args)]
pub(crate) struct Check {
    /// Histories; - reads stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// What the history is judged against
    #[arg(long, value_enum)]
    model: Against,
    /// How the histories are written
    #[arg(long, value_enum, default_value = "auto")]
    format: Written,
    /// Read a missing key and an empty value as the same, as the labs of MIT 6.5840 do (model kv)
    #[arg(long)]
    missing_is_empty: bool,
    /// Writes the verdict as a page for a browser (of one history)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Verdicts as JSON
    #[arg(long)]
    json: bool,
    /// States that may be explored before the answer is "undecided"
    #[arg(long, value_name = "N")]
    budget: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// Whatever the content shows
    Auto,
    /// JSON lines, an operation a line
    Jsonl,
    /// Events as EDN: Jepsen, Maelstrom, Porcupine's kv logs
    #[value(aliases = ["jepsen", "maelstrom", "porcupine"])]
    Edn,
    /// The same events as JSON
    Json,
    /// Jepsen's text logs
    #[value(alias = "jepsen-log")]
    Log,
}

impl Written {
    fn format(self) -> Option<Format> {
        Some(match self {
            Written::Auto => return None,
            Written::Jsonl => Format::Jsonl,
            Written::Edn => Format::Edn,
            Written::Json => Format::Json,
            Written::Log => Format::Log,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    Register,
    CasRegister,
    Kv,
    VersionedKv,
    AppendList,
    Set,
    Counter,
    Queue,
    Stack,
    PriorityQueue,
    Lock,
    Bank,
}

/// The verdict on one file.
#[derive(Serialize)]
struct Judged {
    file: String,
    /// `linearizable`, `not_linearizable`, `undecided` or `unreadable`.
    verdict: &'static str,
    /// How the file was written: `jsonl`, `edn`, `json` or `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    operations: usize,
    /// What decided, and how many keys; of a violation, what refuted the one key that is wrong.
    decided_by: BTreeMap<String, usize>,
    #[serde(skip)]
    decided: String,
    /// Not linearizable: what is wrong, in words. Undecided: what ran out. Unreadable: what was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    /// The key whose operations are wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The smallest part still wrong, as operations counted from 0 in the order of their calls; in JSON lines in
    /// the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contradiction: Vec<usize>,
    /// The lines of the file, from 1, on which the operations of `contradiction` begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<u64>,
    /// An order that explains the history, or the longest prefix that can be explained.
    order: Vec<usize>,
    #[serde(skip)]
    drawing: Option<String>,
    #[serde(skip)]
    outcome: Outcome,
}

/// What one file contributes to the exit code; the greatest decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Judged(Verdict),
    Unreadable,
}

impl Outcome {
    fn exit_code(self) -> u8 {
        match self {
            Outcome::Judged(verdict) => verdict.exit_code(),
            Outcome::Unreadable => USAGE,
        }
    }
}

impl Check {
    pub(crate) fn answer(self) -> Answer {
        if self.missing_is_empty && self.model != Against::Kv {
            return Err(Complaint::usage("--missing-is-empty goes with --model kv only"));
        }
        if self.files.iter().filter(|file| *file == STDIN).count() > 1 {
            return Err(Complaint::usage("- is given twice, but stdin can be read only once"));
        }
        if self.html.is_some() && self.files.len() > 1 {
            return Err(Complaint::usage("--html shows one history; give one FILE"));
        }
        let kv = if self.missing_is_empty { Kv::lab() } else { Kv::default() };
        let mut verdicts = Vec::new();
        for file in &self.files {
            let judged = match self.model {
                Against::Register => self.judge(&Register, file),
                Against::CasRegister => self.judge(&CasRegister, file),
                Against::Kv => self.judge(&kv, file),
                Against::VersionedKv => self.judge(&VersionedKv, file),
                Against::AppendList => self.judge(&AppendList, file),
                Against::Set => self.judge(&Set, file),
                Against::Counter => self.judge(&Counter, file),
                Against::Queue => self.judge(&Queue, file),
                Against::Stack => self.judge(&Stack, file),
                Against::PriorityQueue => self.judge(&PriorityQueue, file),
                Against::Lock => self.judge(&Lock, file),
                Against::Bank => self.judge(&Bank::default(), file),
            }?;
            if judged.outcome == Outcome::Unreadable {
                anstream::eprintln!("stormglass: {}", judged.sentence.as_deref().unwrap_or_default());
            } else if !self.json {
                say(&told(&judged))?;
            }
            verdicts.push(judged);
        }
        if self.json {
            say_json(&verdicts)?;
        }
        Ok(verdicts.iter().map(|judged| judged.outcome).max().map_or(0, Outcome::exit_code))
    }

    fn judge<M: Lines>(&self, model: &M, file: &str) -> Result<Judged, Complaint> {
        let file_name = if file == STDIN { "stdin" } else { file };
        let recorded = open(file).and_then(|input| {
            read::<M>(file_name, self.format.format(), input).map_err(|error| error.to_string())
        });
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) => return Ok(Judged::unreadable(file_name, error)),
        };
        let mut budget = Budget::default();
        budget.states = self.budget.unwrap_or(budget.states);
        let judgement = checker::judge(model, &recorded.operations, budget);
        if let Some(path) = &self.html {
            let model_name =
                self.model.to_possible_value().map_or_else(String::new, |name| name.get_name().into());
            let about = About { title: file_name, model: &model_name, timed: recorded.timed };
            let html = page(model, &recorded.operations, &judgement.verdict, &about);
            std::fs::write(path, html)
                .map_err(|error| Complaint::usage(format!("--html {}: {error}", path.display())))?;
        }
        Ok(Judged::of(model, file_name, &recorded, judgement))
    }
}

impl Judged {
    fn of<M: Lines>(model: &M, file: &str, recorded: &Recorded<M>, judgement: Judgement) -> Self {
        let history = &recorded.operations;
        let (ways, words) = (ways(&judgement), judgement.to_string());
        let mut judged = match judgement.verdict {
            checker::Verdict::Linearizable { witness, .. } => {
                Self { order: witness, ..Self::new(file, "linearizable", Outcome::Judged(Verdict::Holds)) }
            }
            checker::Verdict::NotLinearizable(counterexample) => Self {
                drawing: Some(checker::draw(model, history, &counterexample, WIDTH)),
                sentence: Some(counterexample.sentence),
                key: counterexample.key,
                lines: counterexample.operations.iter().map(|index| recorded.lines[*index]).collect(),
                contradiction: counterexample.operations,
                order: counterexample.explained,
                ..Self::new(file, "not_linearizable", Outcome::Judged(Verdict::Safety))
            },
            checker::Verdict::Undecided { explored, why, .. } => Self {
                sentence: Some(format!("{why} ({explored} states explored)")),
                ..Self::new(file, "undecided", Outcome::Judged(Verdict::Undecided))
            },
        };
        if judged.drawing.is_some() && !recorded.timed {
            let note = "the file has no times: those above count its events";
            judged.sentence = judged.sentence.map(|sentence| format!("{sentence}\n{note}"));
        }
        (judged.decided_by, judged.decided) = (ways, words);
        judged.operations = history.len();
        judged.format = Some(recorded.format.to_string());
        judged
    }

    fn unreadable(file: &str, error: String) -> Self {
        Self { sentence: Some(error), ..Self::new(file, "unreadable", Outcome::Unreadable) }
    }

    fn new(file: &str, verdict: &'static str, outcome: Outcome) -> Self {
        Self {
            file: file.to_owned(),
            verdict,
            format: None,
            operations: 0,
            decided_by: BTreeMap::new(),
            decided: String::new(),
            sentence: None,
            key: None,
            contradiction: Vec::new(),
            lines: Vec::new(),
            order: Vec::new(),
            drawing: None,
            outcome,
        }
    }
}

fn ways(judgement: &Judgement) -> BTreeMap<String, usize> {
    match judgement.refuted_by {
        Some(path) => BTreeMap::from([(path.to_string(), 1)]),
        None => judgement.decided_by.iter().map(|(path, keys)| (path.to_string(), *keys)).collect(),
    }
}

/// What stands for stdin on the command line.
const STDIN: &str = "-";

fn open(file: &str) -> Result<Box<dyn BufRead>, String> {
    if file == STDIN {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    match File::open(file) {
        Ok(input) => Ok(Box::new(BufReader::with_capacity(1 << 18, input))),
        Err(error) => Err(format!("{file}: {error}")),
    }
}

fn told(judged: &Judged) -> String {
    let verdict = match judged.verdict {
        "linearizable" => "linearizable".green().to_string(),
        "undecided" => "undecided".yellow().to_string(),
        _ => "NOT LINEARIZABLE".red().bold().to_string(),
    };
    let mut text =
        format!("{}  {verdict}  ({} operations, {})", judged.file, judged.operations, judged.decided);
    for part in judged.sentence.iter().chain(&judged.drawing) {
        for line in part.lines() {
            text.push_str(&format!("\n  {line}"));
        }
    }
    text
}
