//! `stormglass shrink`: the smallest run that fails the same way.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use stormglass_sim::chance::Overrides;

use super::args;
use super::machine::Workers;
use super::output::{say, say_json};
use super::progress::Progress;
use super::replay::subject;
use super::{Answer, Complaint};
use crate::campaign::{Finding, Schedules, write_whole};
use crate::report;
use crate::shrink::{Effort, shrink};
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Shrink {
    /// STORY:SEED, STORY:SEED:BUG, or a file from findings/
    #[arg(value_name = "STORY:SEED[:BUG] | FILE")]
    what: String,
    /// Who is next, for STORY:SEED: a schedule by its name, or `portfolio`, the one that the seed has there (random
    /// unless said; a file has its own)
    #[arg(long, value_name = "NAME", value_parser = args::schedule)]
    schedule: Option<Schedules>,
    /// Where the smaller run is written; by default beside the file, or into findings/
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Runs to spend at most
    #[arg(long, value_name = "RUNS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// What came of it, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: Workers,
}

/// What `--json` says.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    before: String,
    after: String,
    faults: usize,
    operations: usize,
    runs: u64,
    finished: bool,
    finished_outside: bool,
    signature: Option<&'a str>,
}

impl Shrink {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let subject = subject(stories, &self.what)?.under(self.schedule)?;
        let effort = Effort { workers: self.workers, budget: self.budget };
        let progress = Progress::searching();
        let shrunk = shrink(subject.unit, &effort, &mut |size| progress.message(size.to_string()))?;
        drop(progress);

        let outcome = shrunk.finding.expected.clone().expect("a finding that was just made has an outcome");
        let path = self.output.unwrap_or_else(|| match subject.file {
            Some((path, _)) => path.with_extension("min.json"),
            None => {
                let overrides = Overrides::default();
                let whole = Finding { overrides, until_ns: None, ..shrunk.finding.clone() };
                Path::new("findings").join(whole.file_name()).with_extension("min.json")
            }
        });
        let mut finding = shrunk.finding;
        finding.summary = Some(shrunk.after.to_string());
        write_whole(&path, &finding.text()?)
            .map_err(|error| Complaint::Internal(format!("{}: {error}", path.display())))?;
        if self.json {
            say_json(&Report {
                file: &path,
                before: shrunk.before.to_string(),
                after: shrunk.after.to_string(),
                faults: shrunk.after.faults(),
                operations: shrunk.after.operations,
                runs: shrunk.runs,
                finished: shrunk.finished,
                finished_outside: shrunk.finished_outside,
                signature: finding.signature.as_deref(),
            })?;
        } else {
            say(&report::failure(&outcome, &path.display().to_string()))?;
            say(&format!("  was:     {}", shrunk.before))?;
            say(&format!("  is now:  {}", shrunk.after))?;
            let ended = match (shrunk.finished, shrunk.finished_outside) {
                (true, _) => "no single one of these can go",
                (false, true) => {
                    "no single fault or step can go; of the rest some may, but the budget is spent, --budget gives more"
                }
                (false, false) => "the budget is spent, --budget gives more",
            };
            say(&format!("  {} runs; {ended}", shrunk.runs))?;
        }
        Ok(outcome.verdict.exit_code())
    }
}
