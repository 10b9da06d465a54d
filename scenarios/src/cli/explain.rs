//! `stormglass explain`: why a run failed. `--when`: the moment at which it went wrong.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{self, PATIENCE};
use super::output::{say, say_json};
use super::progress::Progress;
use super::replay::subject;
use super::{Answer, Complaint};
use crate::campaign::{Schedules, write_whole};
use crate::report::{self, span};
use crate::story::Story;
use crate::when::{Effort, Moment, Step, When, plot, when};

#[derive(Args)]
pub(crate) struct Explain {
    /// STORY:SEED, STORY:SEED:BUG, or a file from findings/
    #[arg(value_name = "STORY:SEED[:BUG] | FILE")]
    what: String,
    /// Replay up to a moment, draw anew what follows, many times: how likely the failure was from there
    #[arg(long, required = true)]
    when: bool,
    /// Who is next, for STORY:SEED: a schedule by its name, or `portfolio`, the one that the seed has there (random
    /// unless said; a file has its own)
    #[arg(long, value_name = "NAME", value_parser = args::schedule)]
    schedule: Option<Schedules>,
    /// Moments to look at
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=1000))]
    moments: u64,
    /// Futures that are drawn at each
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    futures: u64,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<usize>,
    /// Write the curve to FILE as JSON
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The curve as JSON
    #[arg(long)]
    json: bool,
    /// Real time after which a run counts as hung
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = args::duration)]
    patience: Duration,
}

/// What `--json` says.
#[derive(Serialize)]
struct Report<'a> {
    story: &'a str,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bug: Option<&'a str>,
    signature: Option<String>,
    end_ns: u64,
    #[serde(flatten)]
    when: &'a When,
}

impl Explain {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let subject = subject(stories, &self.what)?.under(self.schedule)?;
        let effort = Effort {
            jobs: self.jobs.unwrap_or_else(args::cores),
            patience: self.patience,
            moments: self.moments,
            futures: self.futures,
        };
        let progress = Progress::searching();
        let found = when(subject.unit, &effort, &mut |runs| progress.message(format!("{runs} runs")))?;
        drop(progress);
        let outcome = &found.outcome;
        let report = Report {
            story: &outcome.story,
            seed: outcome.seed,
            bug: outcome.bug.as_deref(),
            signature: outcome.signature(),
            end_ns: outcome.at_ns,
            when: &found,
        };
        if let Some(path) = &self.output {
            write_whole(path, &serde_json::to_vec_pretty(&report)?)
                .map_err(|error| Complaint::Internal(format!("{}: {error}", path.display())))?;
        }
        if self.json {
            say_json(&report)?;
        } else {
            let again = if subject.file.is_some() { self.what } else { outcome.reference() };
            say(&report::failure(outcome, &again))?;
            say("  how likely this failure was, had what followed gone otherwise:")?;
            say(&plot(&found.curve, rose(&found)))?;
            say(&told(&found))?;
        }
        Ok(outcome.verdict.exit_code())
    }
}

/// The place of the first moment behind the step.
fn rose(found: &When) -> Option<usize> {
    let step = found.step.as_ref()?;
    found.curve.iter().position(|moment| moment.kept >= step.after.kept)
}

fn told(found: &When) -> String {
    let percent = |moment: Moment| format!("{:.0} %", 100.0 * moment.probability());
    let at = |moment: Moment| span(Duration::from_nanos(moment.at_ns));
    let mut text = match &found.step {
        None => "  no decision made it more likely: it was certain from the start\n".to_owned(),
        Some(Step { before, after, decision, sentence }) => format!(
            "  at {}: {sentence} ({} before, {} after it)\n  the decision: {} of `{}`\n",
            at(*after),
            percent(*before),
            percent(*after),
            decision.index,
            decision.stream
        ),
    };
    let rise = |step: &Step| step.after.probability() - step.before.probability();
    if found.step.as_ref().is_some_and(|step| rise(step) < 0.2) {
        let [from, to] = found.steepest;
        text.push_str(&format!(
            "  but it came by degrees, most of it between {} ({}) and {} ({})\n",
            at(from),
            percent(from),
            at(to),
            percent(to)
        ));
    }
    text.push_str(&format!("  {} runs", found.runs));
    text
}
