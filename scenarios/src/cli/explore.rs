//! `stormglass explore`: every order of a small story.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use stormglass_sim::Schedule;
use stormglass_sim::schedule::search::{Explored, Search};

use super::args;
use super::output::{say, say_json};
use super::progress::Progress;
use super::{Answer, Complaint, select};
use crate::campaign::{Finding, Unit};
use crate::outcome::{Outcome, Verdict};
use crate::report::{self, span};
use crate::run;
use crate::story::Story;
use crate::wall::Stopwatch;

#[derive(Args)]
pub(crate) struct Explore {
    /// The story, by name or unique prefix: a small cast, and messages that can be counted
    story: String,
    /// The seed, of which all chance is but the order
    #[arg(long, value_name = "N", default_value = "0", value_parser = args::seed)]
    seed: u64,
    /// Plant a known bug
    #[arg(long)]
    bug: Option<String>,
    /// Runs after which the search gives up
    #[arg(long, value_name = "RUNS", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    most: u64,
    /// Where the order that breaks the story is written
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,
    /// What came of it, as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` says.
#[derive(Serialize)]
struct Report<'a> {
    story: &'a str,
    seed: u64,
    schedules: u64,
    redundant: u64,
    longest: usize,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

impl Explore {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let story = select::story(stories, &self.story)?;
        select::with_bug(stories, vec![story], self.bug.as_deref())?;
        let unit = Unit::new(story.name(), self.seed, self.bug.as_deref()).under(Schedule::Asynchronous);
        let (clock, progress) = (Stopwatch::start(), Progress::searching());
        let mut search = Search::new(self.most);
        let mut wrong = None;
        while let Some(run) = search.next_run() {
            let (outcome, run) = run::explored(story, &unit, run);
            let overrides = run.overrides();
            search.learn(run);
            if search.explored().schedules.is_multiple_of(64) {
                progress.message(format!("{} schedules", search.explored().schedules));
            }
            if outcome.fall.is_some() {
                wrong = Some(Finding::new(outcome, overrides));
                break;
            }
        }
        drop(progress);
        self.told(story, &search.explored(), wrong, clock.elapsed())
    }

    fn told(&self, story: &Story, explored: &Explored, wrong: Option<Finding>, took: Duration) -> Answer {
        let file = match &wrong {
            None => None,
            Some(finding) => Some(finding.save(&self.findings).map_err(|error| {
                Complaint::Internal(format!("--findings {}: {error}", self.findings.display()))
            })?),
        };
        let failure = wrong.as_ref().and_then(|finding| finding.expected.as_ref());
        if self.json {
            let Explored { schedules, redundant, longest, complete } = *explored;
            let (name, seed) = (story.name(), self.seed);
            let file = file.clone();
            say_json(&Report { story: name, seed, schedules, redundant, longest, complete, failure, file })?;
        } else {
            if let (Some(outcome), Some(file)) = (failure, &file) {
                say(&report::failure(outcome, &file.display().to_string()))?;
            }
            let story = story.name();
            let name = story.bold();
            let (number, took) = (explored.schedules, span(took));
            say(&match (failure, explored.complete) {
                (Some(_), _) => format!("{name}  found in schedule {number}, in {took}"),
                (None, true) => {
                    let done = "explored completely".green();
                    format!(
                        "{name}  {done}: {number} schedules, of up to {} events, in {took}",
                        explored.longest
                    )
                }
                (None, false) => {
                    let not = "not explored completely".yellow();
                    format!("{name}  {not}: {number} schedules hold, --most gives more, in {took}")
                }
            })?;
        }
        let verdict = match failure {
            Some(outcome) => outcome.verdict,
            None if explored.complete => Verdict::Holds,
            None => Verdict::Undecided,
        };
        Ok(verdict.exit_code())
    }
}
