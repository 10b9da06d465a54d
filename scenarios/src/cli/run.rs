//! `stormglass run`.

use std::path::PathBuf;

use clap::Args;
use stormglass_sim::Seed;

use super::args;
use super::machine::Limits;
use super::output::{say, say_json};
use super::{Answer, Complaint, select};
use crate::campaign::{Schedules, Unit};
use crate::outcome::Outcome;
use crate::report;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Run {
    /// The story, by name or unique prefix
    story: String,
    /// The seed; without it a fresh one is drawn and printed
    #[arg(long, value_parser = args::seed)]
    seed: Option<u64>,
    /// Plant a known bug
    #[arg(long)]
    bug: Option<String>,
    /// Who is next: a schedule by its name, or `portfolio`, the one that the seed has there
    #[arg(long, value_name = "NAME", default_value = "random", value_parser = args::schedule)]
    schedule: Schedules,
    /// Write every event of the run to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: Limits,
}

impl Run {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        if let Some((story, seed)) = self.story.split_once(':') {
            return Err(Complaint::usage(format!(
                "`run` is given the seed by itself: `run {story} --seed {seed}`; or `replay {}`",
                self.story
            )));
        }
        let story = select::story(stories, &self.story)?;
        select::with_bug(stories, vec![story], self.bug.as_deref())?;
        let seed = self.seed.unwrap_or_else(|| Seed::fresh().0);
        let unit = Unit::new(story.name(), seed, self.bug.as_deref());
        let mut unit = unit.under(self.schedule.of(seed));
        unit.trace = self.trace.as_deref().map(std::path::absolute).transpose()?;
        let outcome = one(unit, self.limits)?;
        if self.json {
            say_json(&outcome)?;
        } else {
            say(&told(&outcome, &outcome.reference()))?;
        }
        Ok(outcome.verdict.exit_code())
    }
}

/// Runs one unit in a process of its own, so that whatever it does to its process becomes an outcome.
pub(crate) fn one(unit: Unit, limits: Limits) -> Result<Outcome, Complaint> {
    let (mut unit, mut outcome) = (Some(unit), None);
    let mut pool = limits.pool(1).loud();
    let driven = pool.drive(&mut || unit.take(), &mut |_, answer| outcome = Some(answer));
    pool.hear_out();
    driven?;
    outcome.ok_or_else(|| Complaint::Internal("the worker gave no answer".into()))
}

/// An outcome as a person reads it: the three lines of a failure and its weather, or the line of a run that holds.
pub(crate) fn told(outcome: &Outcome, replay: &str) -> String {
    match outcome.fall {
        Some(_) => format!("{}\n{}", report::failure(outcome, replay), report::weather(outcome)),
        None => report::verdict_line(outcome),
    }
}
