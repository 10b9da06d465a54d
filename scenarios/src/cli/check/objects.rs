//! Objects that do one operation after the other: linearizability, and what is weaker.

use std::collections::BTreeMap;
use std::num::NonZero;

use stormglass_checker::consistency;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::{Format, Recorded, read};
use stormglass_checker::page::{About, page};
use stormglass_checker::{self as checker, Budget, Clock, Judgement, Operation, Refined, Why};

use super::judged::Judged;
use super::level::Level;
use super::{Check, Complaint, convergence, open, opening, weaker};

/// Columns of a drawn counterexample.
const WIDTH: usize = 100;

/// Bytes that the search for a sequential order may remember if nobody says.
const MEMORY: u64 = 1 << 30;

impl Check {
    /// Judges a file at a level: one match arm for each.
    pub(super) fn object<M>(
        &self,
        level: Level,
        file: &str,
        model: impl FnOnce(&[Operation<M::Input, M::Output>]) -> Result<M, String>,
    ) -> Result<Judged, Complaint>
    where
        M: Lines<Input: Sync, Output: Sync> + Sync,
    {
        let (file, input) = open(file);
        let read = |input| read::<M>(file, self.format.format(), input).map_err(|error| error.to_string());
        let mut recorded = match input.and_then(read) {
            Ok(recorded) => recorded,
            Err(error) => return Ok(Judged::unreadable(file, level, error)),
        };
        if recorded.operations.is_empty() {
            return Ok(Judged::unreadable(file, level, nothing(file, recorded.format)));
        }
        let model = match model(&recorded.operations) {
            Ok(model) => model,
            Err(expected) => return Ok(Judged::unreadable(file, level, format!("{file}: {expected}"))),
        };
        let refined = checker::refine(&mut recorded.operations);
        let coarse = refined.coarse;
        let mut judged = match level {
            Level::Sequential => sequential(&model, file, &recorded, self.budget(), self.memory),
            Level::Convergence => convergence::judge(file, &recorded),
            Level::ForkLinearizable => weaker::forks(&model, file, &recorded, self.budget()),
            _ if !level.guarantees().is_empty() => weaker::sessions(&model, file, level, &recorded),
            _ => self.linearizable(&model, file, &mut recorded, refined)?,
        };
        if level.asks_for_time() {
            judged.say_how_coarse(coarse);
        }
        judged.operations = recorded.operations.len();
        judged.format = Some(recorded.format.to_string());
        Ok(judged)
    }

    /// Judges by the times as they were refined, and tells by the times of the file.
    fn linearizable<M>(
        &self,
        model: &M,
        file: &str,
        recorded: &mut Recorded<M>,
        refined: Refined,
    ) -> Result<Judged, Complaint>
    where
        M: Lines<Input: Sync, Output: Sync> + Sync,
    {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let judgement = checker::judge_on(cores, model, &recorded.operations, self.budget());
        refined.restore(&mut recorded.operations);
        let history = &recorded.operations;
        let model_name = self.model.name();
        if let Some(path) = &self.html {
            let about = About { title: file, model: &model_name, timed: recorded.timed };
            let html = page(model, history, &judgement.verdict, &about);
            std::fs::write(path, html)
                .map_err(|error| Complaint::usage(format!("--html {}: {error}", path.display())))?;
        }
        let (ways, words) = (ways(&judgement), judgement.to_string());
        let mut judged = match judgement.verdict {
            checker::Verdict::Linearizable { witness, .. } => {
                Judged::holds(file, Level::Linearizable, witness)
            }
            checker::Verdict::NotLinearizable(counterexample) => {
                let clock = if recorded.timed { Clock::Nanoseconds } else { Clock::Events };
                let mut sentence = checker::tell(model, history, &counterexample, clock);
                if let Some(hint) = opening::hint(self.opening.as_ref(), &model_name) {
                    sentence = format!("{sentence}\n{hint}");
                }
                Judged {
                    drawing: Some(checker::draw(model, history, &counterexample, WIDTH)),
                    key: counterexample.key,
                    minimal: Some(counterexample.minimal),
                    lines: counterexample.operations.iter().map(|index| recorded.lines[*index]).collect(),
                    contradiction: counterexample.operations,
                    order: counterexample.explained,
                    ..Judged::violated(file, Level::Linearizable, sentence)
                }
            }
            checker::Verdict::Undecided { explored, why, .. } => {
                let why = format!("{why} ({explored} states explored)");
                Judged::undecided(file, Level::Linearizable, why)
            }
        };
        judged.remark = format!("{}, {words}", operations(history.len()));
        judged.decided_by = ways;
        Ok(judged)
    }
}

/// What is said of a file without an operation: to call it right would hide that nothing was recorded.
fn nothing(file: &str, format: Format) -> String {
    let what = match format {
        Format::Jsonl => "an operation a line",
        _ => "the events of operations; those that certainly had no effect do not count",
    };
    format!("{file}: expected {what}; there is no operation in it, and nothing to judge")
}

fn ways(judgement: &Judgement) -> BTreeMap<String, usize> {
    match judgement.refuted_by {
        Some(path) => BTreeMap::from([(path.to_string(), 1)]),
        None => judgement.decided_by.iter().map(|(path, keys)| (path.to_string(), *keys)).collect(),
    }
}

fn sequential<M: Lines>(
    model: &M,
    file: &str,
    recorded: &Recorded<M>,
    mut budget: Budget,
    memory: Option<u64>,
) -> Judged {
    let history = &recorded.operations;
    if memory.is_none() {
        budget.memo = usize::try_from(MEMORY / Budget::ENTRY).unwrap_or(usize::MAX);
    }
    let mut judged = match consistency::sequential(model, history, budget) {
        consistency::Verdict::Holds { order } => Judged::holds(file, Level::Sequential, order),
        consistency::Verdict::Violated { explained, waiting } => {
            let next = waiting.iter().take(3).map(|index| {
                let operation = &history[*index];
                let phrase = model.describe(&operation.input, operation.output());
                format!("c{}'s {phrase} (line {})", operation.client, recorded.lines[*index])
            });
            let next = next.collect::<Vec<_>>().join(" or ");
            let more = match waiting.len().saturating_sub(3) {
                0 => String::new(),
                more => format!(" or {more} more"),
            };
            let sentence = format!(
                "no order explains all operations in which each client's stand as it called them\n\
                 at most {} can be explained so; next must come {next}{more}",
                explained.len()
            );
            Judged { order: explained, ..Judged::violated(file, Level::Sequential, sentence) }
        }
        consistency::Verdict::Undecided { why: Why::Overlapping { operations }, .. } => {
            let lines = operations.map(|index| recorded.lines[index]);
            Judged::undecided(file, Level::Sequential, weaker::overlapping(lines))
        }
        consistency::Verdict::Undecided { explored, why } => {
            Judged::undecided(file, Level::Sequential, format!("{why} ({explored} states explored)"))
        }
    };
    judged.remark = operations(history.len());
    judged
}

/// How many, in words.
pub(super) fn operations(count: usize) -> String {
    if count == 1 { "1 operation".to_owned() } else { format!("{count} operations") }
}
