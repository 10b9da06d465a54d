//! `stormglass bugs`: the proof that the oracles see.

use std::time::Duration;

use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::args::{self, PATIENCE};
use super::output::{say, say_json};
use super::progress::Progress;
use super::{Answer, Complaint, select};
use crate::campaign::{Pool, Unit};
use crate::outcome::Outcome;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Bugs {
    /// Only the stories of this system, or with this prefix
    system: Option<String>,
    /// Seeds after which a bug counts as missed
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<usize>,
    /// The table as JSON
    #[arg(long)]
    json: bool,
    /// Real time after which a run counts as hung
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = args::duration)]
    patience: Duration,
}

/// A bug and a story that must catch it.
#[derive(Serialize)]
struct Hunt {
    bug: &'static str,
    story: &'static str,
    caught: bool,
    /// The oracle that fired, with the claim that fell.
    #[serde(skip_serializing_if = "Option::is_none")]
    oracle: Option<String>,
    /// How many seeds it took, counted from seed 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<u64>,
    #[serde(skip)]
    given: u64,
}

impl Bugs {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let pattern: Vec<String> = self.system.clone().into_iter().collect();
        let chosen = select::stories(stories, &pattern)?;
        let mut hunts: Vec<Hunt> = chosen
            .iter()
            .flat_map(|story| story.bugs().iter().map(|bug| Hunt::new(bug, story.name())))
            .collect();
        if hunts.is_empty() {
            return Err(Complaint::usage("none of these stories has a known bug to catch"));
        }
        let progress = Progress::new(None);
        let mut pool = Pool::new(self.jobs.unwrap_or_else(args::cores), self.patience);
        // One hunt at a time: seeds after the first that failed would be wasted.
        for hunt in &mut hunts {
            hunt.go(&mut pool, self.seeds, &progress)?;
        }
        drop(progress);
        let caught = hunts.iter().filter(|hunt| hunt.caught).count();
        if self.json {
            say_json(&hunts)?;
        } else {
            say(&table(&hunts, self.seeds))?;
            say(&format!("{caught} of {} caught", hunts.len()))?;
        }
        Ok(u8::from(caught < hunts.len()))
    }
}

impl Hunt {
    fn new(bug: &'static str, story: &'static str) -> Hunt {
        Hunt { bug, story, caught: false, oracle: None, seeds: None, given: 0 }
    }

    /// Gives seeds from 0 upwards until one fails. Those below it that still run are waited for, so that the number of
    /// seeds needed does not depend on how many processes there are.
    fn go(&mut self, pool: &mut Pool, most: u64, progress: &Progress) -> Result<(), Complaint> {
        let first: std::cell::RefCell<Option<Outcome>> = std::cell::RefCell::default();
        let (story, bug) = (self.story, self.bug);
        let given = &mut self.given;
        let mut next = || {
            let more = first.borrow().is_none() && *given < most;
            more.then(|| {
                *given += 1;
                Unit::new(story, *given - 1, Some(bug))
            })
        };
        let mut done = |_: &Unit, outcome: Outcome| {
            progress.step();
            let mut first = first.borrow_mut();
            if outcome.verdict.is_failure() && first.as_ref().is_none_or(|first| outcome.seed < first.seed) {
                *first = Some(outcome);
            }
        };
        pool.drive(&mut next, &mut done)?;
        if let Some(outcome) = first.into_inner() {
            if outcome.verdict == crate::outcome::Verdict::Broken {
                let why = outcome.fall.map(|fall| fall.witness).unwrap_or_default();
                return Err(Complaint::Internal(format!("{story}:{}:{bug}: {why}", outcome.seed)));
            }
            self.caught = true;
            self.seeds = Some(outcome.seed + 1);
            self.oracle = outcome.signature();
        }
        Ok(())
    }
}

fn table(hunts: &[Hunt], most: u64) -> String {
    let wide = |cell: fn(&Hunt) -> usize| hunts.iter().map(cell).max().unwrap_or(0);
    let (bugs, stories) = (wide(|hunt| hunt.bug.len()), wide(|hunt| hunt.story.len()));
    let mut text = String::new();
    for hunt in hunts {
        let fate = match (hunt.seeds, &hunt.oracle) {
            (Some(seeds), Some(oracle)) => {
                let unit = if seeds == 1 { "seed" } else { "seeds" };
                format!("{} after {seeds} {unit}  {oracle}", "caught".green())
            }
            _ => format!("{} in {most} seeds", "missed".red()),
        };
        text.push_str(&format!("{:bugs$}  {:stories$}  {fate}\n", hunt.bug, hunt.story));
    }
    text
}
