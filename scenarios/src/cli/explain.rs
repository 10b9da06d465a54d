//! `stormglass explain`: why a run failed. `--when`: the moment at which it went wrong.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args;
use super::machine::Workers;
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
    /// Write the curve to FILE as JSON
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The curve as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: Workers,
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
        let effort = Effort { workers: self.workers, moments: self.moments, futures: self.futures };
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
    let [from, to] = found.steepest;
    let by_degrees = format!(
        "it came by degrees, most of it between {} ({}) and {} ({})\n",
        at(from),
        percent(from),
        at(to),
        percent(to)
    );
    let mut text = match &found.step {
        None if found.curve.first().is_some_and(|start| start.failed == start.futures) => {
            "  no decision made it more likely: it was certain from the start\n".to_owned()
        }
        None => format!("  no single decision made it more likely: {by_degrees}"),
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
        text.push_str(&format!("  but {by_degrees}"));
    }
    text.push_str(&format!("  {} runs", found.runs));
    text
}

#[cfg(test)]
mod tests {
    use stormglass_sim::chance::Decision;

    use super::*;
    use crate::outcome::{Fall, Outcome, Verdict};

    fn moments(failed: [u64; 3]) -> Vec<Moment> {
        let moment = |(kept, failed)| Moment { at_ns: 1_000_000 * kept, kept, futures: 50, failed };
        (0..).zip(failed).map(moment).collect()
    }

    fn found(failed: [u64; 3], step: bool) -> When {
        let curve = moments(failed);
        let steepest = [curve[1], curve[2]];
        let (stream, kind) = ("a/disk".to_owned(), "loss".to_owned());
        let decision = Decision { stream, index: 4, kind, value: 1, calm: 0, cause: 0 };
        let sentence = "a message is lost".to_owned();
        let step = step.then_some(Step { before: curve[1], after: curve[2], decision, sentence });
        let outcome = Outcome::lost("kv/x", 1, None, Verdict::Safety, Fall::new("always", "c", "w"));
        When { curve, steepest, step, runs: 150, outcome }
    }

    #[test]
    fn what_came_by_degrees_was_not_certain_from_the_start() {
        assert!(told(&found([50, 50, 50], false)).contains("it was certain from the start"));
        let by_degrees = "it came by degrees, most of it between 1 ms (40 %) and 2 ms (100 %)";
        assert!(told(&found([0, 20, 50], false)).contains(by_degrees));
        let sudden = told(&found([0, 20, 50], true));
        assert!(sudden.contains("a message is lost (40 % before, 100 % after it)"), "{sudden}");
        assert!(!sudden.contains("by degrees"));
        assert!(told(&found([0, 46, 50], true)).contains("but it came by degrees"));
    }
}
