//! `stormglass check`: judges histories that were recorded elsewhere.
//!
//! Here: the command line, and which combinations of it make sense. `objects` judges histories of operations,
//! `transactions` those of transactions, each with a match arm for every level; `judged` is what is told of a file.

mod convergence;
mod judged;
mod level;
mod objects;
mod opening;
mod transactions;
mod weaker;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stormglass_checker::Budget;
use stormglass_checker::format::Format;
use stormglass_checker::models::{
    append_list::AppendList, cas_register::CasRegister, counter::Counter, kv::Kv, lock::Lock,
    priority_queue::PriorityQueue, queue::Queue, register::Register, set::Set, stack::Stack,
    versioned_kv::VersionedKv,
};
use stormglass_checker::transactions::Keys;

use self::judged::{Judged, Outcome};
use self::level::Level;
use self::opening::Opening;
use super::args::bytes;
use super::output::{note, printable, say, say_json};
use super::{Answer, Complaint};

#[derive(Args)]
pub(crate) struct Check {
    /// Histories; - reads stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// What the history is judged against
    #[arg(long, value_enum)]
    model: Against,
    /// What was promised: of an object linearizable (if none is named) or something weaker; of transactions an isolation
    /// level, which must be named
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// How the histories are written
    #[arg(long, value_enum, default_value = "auto")]
    format: Written,
    /// Read a missing key and an empty value as the same, as the labs of MIT 6.5840 do (model kv)
    #[arg(long)]
    missing_is_empty: bool,
    /// Balances before the first operation (model bank): a=100,b=50, or first-read for those that a read saw before
    /// anything was moved
    #[arg(long, value_name = "BALANCES", value_parser = Opening::parse)]
    opening: Option<Opening>,
    /// Writes the verdict as a page for a browser (of one history, on linearizability)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Verdicts as JSON
    #[arg(long)]
    json: bool,
    /// States that may be explored before the answer is "undecided"
    #[arg(long, value_name = "N")]
    budget: Option<u64>,
    /// Memory that the search may take before the answer is "undecided": 500M, 4G; about 200M if nothing is said, and 1G for `--level sequential`
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// Whatever the content shows
    Auto,
    /// JSON lines, an operation or a transaction a line
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
    /// Transactions of appends to lists and reads of them
    ListAppend,
    /// Transactions of writes to registers and reads of them, each value written once
    RwRegister,
}

impl Against {
    /// Of a model of transactions: what their keys are.
    fn keys(self) -> Option<Keys> {
        match self {
            Against::ListAppend => Some(Keys::Lists),
            Against::RwRegister => Some(Keys::Registers),
            _ => None,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |name| name.get_name().into())
    }
}

impl Check {
    pub(crate) fn answer(self) -> Answer {
        let level = self.agreed()?;
        let mut verdicts = Vec::new();
        for file in &self.files {
            let judged = self.judge(level, file)?;
            if judged.outcome == Outcome::Unreadable {
                note(printable(judged.sentence.as_deref().unwrap_or_default()));
            } else if !self.json {
                say(&judged.told())?;
            }
            verdicts.push(judged);
        }
        if self.json {
            say_json(&verdicts)?;
        }
        Ok(verdicts.iter().map(|judged| judged.outcome).max().map_or(0, Outcome::exit_code))
    }

    /// The level, if everything on the command line goes with everything else.
    fn agreed(&self) -> Result<Level, Complaint> {
        let model = self.model.name();
        let level = match (self.level, self.model.keys()) {
            (Some(level), _) => level,
            (None, None) => Level::Linearizable,
            (None, Some(_)) => {
                let levels = Level::of_transactions();
                return Err(Complaint::usage(format!(
                    "--model {model} needs --level, what the database promises: {levels}"
                )));
            }
        };
        level.suits(self.model).map_err(Complaint::Usage)?;
        let complaint = if self.missing_is_empty && self.model != Against::Kv {
            "--missing-is-empty goes with --model kv only"
        } else if self.opening.is_some() && self.model != Against::Bank {
            "--opening goes with --model bank only"
        } else if self.files.iter().filter(|file| *file == STDIN).count() > 1 {
            "- is given twice, but stdin can be read only once"
        } else if self.html.is_some() && self.files.len() > 1 {
            "--html shows one history; give one FILE"
        } else if self.html.is_some() && level != Level::Linearizable {
            "--html shows verdicts on linearizability; leave out --html or --level"
        } else {
            return Ok(level);
        };
        Err(Complaint::usage(complaint))
    }

    fn judge(&self, level: Level, file: &str) -> Result<Judged, Complaint> {
        if let Some(keys) = self.model.keys() {
            return Ok(self.transactions(keys, level, file));
        }
        let kv = if self.missing_is_empty { Kv::lab() } else { Kv::default() };
        match self.model {
            Against::Register => self.object(level, file, |_| Ok(Register)),
            Against::CasRegister => self.object(level, file, |_| Ok(CasRegister)),
            Against::Kv => self.object(level, file, |_| Ok(kv)),
            Against::VersionedKv => self.object(level, file, |_| Ok(VersionedKv)),
            Against::AppendList => self.object(level, file, |_| Ok(AppendList)),
            Against::Set => self.object(level, file, |_| Ok(Set)),
            Against::Counter => self.object(level, file, |_| Ok(Counter)),
            Against::Queue => self.object(level, file, |_| Ok(Queue)),
            Against::Stack => self.object(level, file, |_| Ok(Stack)),
            Against::PriorityQueue => self.object(level, file, |_| Ok(PriorityQueue)),
            Against::Lock => self.object(level, file, |_| Ok(Lock)),
            Against::Bank => {
                self.object(level, file, |history| opening::bank(self.opening.as_ref(), history))
            }
            Against::ListAppend | Against::RwRegister => Err(Complaint::Internal("no object".to_owned())),
        }
    }

    fn budget(&self) -> Budget {
        let mut budget = Budget::default();
        budget.states = self.budget.unwrap_or(budget.states);
        let entries = self.memory.map(|bytes| usize::try_from(bytes / Budget::ENTRY).unwrap_or(usize::MAX));
        budget.memo = entries.unwrap_or(budget.memo);
        budget
    }
}

/// What stands for stdin on the command line.
const STDIN: &str = "-";

/// The file and the name that errors show.
fn open(file: &str) -> (&str, Result<Box<dyn BufRead>, String>) {
    if file == STDIN {
        return ("stdin", Ok(Box::new(std::io::stdin().lock())));
    }
    let input = File::open(file).map_err(|error| format!("{file}: {error}"));
    let input = input.and_then(|input| match input.metadata() {
        Ok(about) if about.is_dir() => Err(format!("{file}: expected a file; it is a directory")),
        _ => Ok(Box::new(BufReader::with_capacity(1 << 18, input)) as Box<dyn BufRead>),
    });
    (file, input)
}
