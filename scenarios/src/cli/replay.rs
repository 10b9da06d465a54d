//! `stormglass replay`: the same run again, with its trace.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args;
use super::corpus::undrawn;
use super::machine::Limits;
use super::output::{say, say_json};
use super::run::{one, told};
use super::{Answer, Complaint, INTERNAL, select};
use crate::campaign::{Finding, Schedules, Unit};
use crate::outcome::{Outcome, Verdict};
use crate::report::span;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Replay {
    /// STORY:SEED, STORY:SEED:BUG, or a file from findings/
    #[arg(value_name = "STORY:SEED[:BUG] | FILE")]
    what: String,
    /// Who is next, for STORY:SEED: a schedule by its name, or `portfolio`, the one that the seed has there (random
    /// unless said; a file has its own)
    #[arg(long, value_name = "NAME", value_parser = args::schedule)]
    schedule: Option<Schedules>,
    /// Where the trace goes; by default beside the file, or into findings/
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: Limits,
}

/// A run that a command line names.
pub(super) struct Subject {
    pub(super) unit: Unit,
    /// The file that holds it, when it is one.
    pub(super) file: Option<(PathBuf, Finding)>,
}

/// The run that `what` names: a file, or `STORY:SEED[:BUG]`. Its story and its bug exist.
pub(super) fn subject(stories: &[Story], what: &str) -> Result<Subject, Complaint> {
    let path = Path::new(what);
    let mut subject = if path.is_file() {
        let finding = Finding::load(path).map_err(Complaint::Usage)?;
        Subject { unit: finding.unit(), file: Some((path.to_owned(), finding)) }
    } else {
        Subject { unit: reference(what)?, file: None }
    };
    let story = select::story(stories, &subject.unit.story)?;
    select::with_bug(stories, vec![story], subject.unit.bug.as_deref())?;
    subject.unit.story = story.name().into();
    Ok(subject)
}

impl Subject {
    /// The run under the schedule that the command line asks for.
    ///
    /// # Errors
    /// When it is a file's, which has its own.
    pub(super) fn under(self, schedules: Option<Schedules>) -> Result<Subject, Complaint> {
        match (schedules, &self.file) {
            (None, _) => Ok(self),
            (Some(schedules), None) => {
                let schedule = schedules.of(self.unit.seed);
                Ok(Subject { unit: self.unit.under(schedule), ..self })
            }
            (Some(schedules), Some((path, finding))) => Err(Complaint::usage(format!(
                "--schedule {schedules}: {} is a run under {}, and means another one under any other",
                path.display(),
                finding.schedule
            ))),
        }
    }
}

impl Replay {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let Subject { mut unit, file } = subject(stories, &self.what)?.under(self.schedule)?;
        let trace = self.trace.unwrap_or_else(|| match &file {
            Some((path, _)) => path.with_extension("trace.jsonl"),
            None => Path::new("findings").join(format!("{}.trace.jsonl", unit.name())),
        });
        let trace = std::path::absolute(trace)?;
        if let Some(folder) = trace.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Complaint::usage(format!("{}: {error}", folder.display())))?;
        }
        unit.trace = Some(trace.clone());
        let outcome = one(unit, self.limits)?;
        let again = if file.is_some() { self.what } else { outcome.reference() };
        if self.json {
            say_json(&outcome)?;
        } else {
            say(&told(&outcome, &again))?;
            if let Some(summary) = file.as_ref().and_then(|(_, finding)| finding.summary.as_ref()) {
                say(&format!("  all it takes: {summary}"))?;
            }
            say(&ending(&outcome, &trace))?;
        }
        let Some(finding) = file.map(|(_, finding)| finding) else { return Ok(outcome.verdict.exit_code()) };
        let Some(mut difference) = difference(&finding, &outcome) else {
            return Ok(outcome.verdict.exit_code());
        };
        let gone = undrawn(&finding, &mut self.limits.pool(1))?;
        if !gone.is_empty() {
            difference.push_str(&format!(
                ". Nothing is drawn any more from {}, which the file rests on",
                gone.join(", ")
            ));
        }
        anstream::eprintln!("stormglass: {difference}");
        Ok(if is_mended(&finding, &outcome) { outcome.verdict.exit_code() } else { INTERNAL })
    }
}

fn ending(outcome: &Outcome, trace: &Path) -> String {
    let Some(digest) = outcome.digest else {
        return "  the process did not survive the run, so there is no digest and no trace".into();
    };
    format!(
        "  {} events in {} (simulated), digest {digest:#018x}\n  trace:   {}",
        outcome.events,
        span(outcome.at()),
        trace.display()
    )
}

/// `STORY:SEED[:BUG]`.
fn reference(text: &str) -> Result<Unit, Complaint> {
    let mut parts = text.splitn(3, ':');
    let (story, seed, bug) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(seed) = seed else {
        return Err(Complaint::usage(format!(
            "`{text}` is no file that there is, and as a run, STORY:SEED[:BUG], it lacks its seed"
        )));
    };
    let seed = args::seed(seed).map_err(|error| Complaint::usage(format!("`{text}`: {error}")))?;
    Ok(Unit::new(story, seed, bug))
}

/// Whether the run failed once and holds now: the best of news, and no error.
fn is_mended(finding: &Finding, got: &Outcome) -> bool {
    let failed = finding.expected.as_ref().is_some_and(|expected| expected.verdict.is_failure());
    failed && got.verdict == Verdict::Holds
}

/// What differs between the file and the run, if anything does.
fn difference(finding: &Finding, got: &Outcome) -> Option<String> {
    let expected = finding.expected.as_ref()?;
    let (what, then, now) = if expected.verdict != got.verdict {
        ("verdict", expected.verdict.to_string(), got.verdict.to_string())
    } else if expected.words() != got.words() {
        ("failure", expected.words().unwrap_or_default(), got.words().unwrap_or_default())
    } else if finding.overrides.is_empty() && (expected.digest != got.digest || expected.at_ns != got.at_ns) {
        // A run that was edited by hand or made small shall only fail in the same way, and outlive changes of the code.
        let shown = |outcome: &Outcome| {
            let digest = outcome.digest.map_or_else(|| "none".into(), |digest| format!("{digest:#018x}"));
            format!("{digest} after {} ns", outcome.at_ns)
        };
        ("digest", shown(expected), shown(got))
    } else {
        return None;
    };
    if is_mended(finding, got) {
        let words = expected.words().unwrap_or_default();
        return Some(format!(
            "it no longer fails ({words}): its cause is mended, or the code has changed and the run is another"
        ));
    }
    let mut text = format!("the run differs from its file: {what} was {then}, is {now}");
    if finding.stormglass != env!("CARGO_PKG_VERSION") {
        text.push_str(&format!("; the file was written by version {}", finding.stormglass));
    } else {
        text.push_str("; either the code has changed since, or `determinism` will find out why");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_with_their_bug() {
        let unit = reference("kv/x:0x1a1:late-ack").unwrap();
        assert_eq!((unit.story.as_str(), unit.seed, unit.bug.as_deref()), ("kv/x", 417, Some("late-ack")));
        for bad in ["kv/x", "kv/x:", "kv/x:y"] {
            assert!(matches!(reference(bad), Err(Complaint::Usage(_))), "{bad}");
        }
    }
}
