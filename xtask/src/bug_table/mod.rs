//! `cargo xtask bug-table`: what each schedule makes of each known bug, as tables in the guides.

mod measure;
mod page;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{bugs, root};
use measure::{Head, Journal, Measured, Task};

/// Writes `docs/bug-table.md` and `.json`: for every known bug, seeds and CPU seconds to the first detection, under the
/// portfolio and under each schedule alone. What is measured is kept, so an interrupted measurement goes on. Fails unless the
/// portfolio catches every bug, and 95 % of them within 60 CPU seconds
#[derive(clap::Args)]
pub(crate) struct BugTable {
    /// Only these systems; all by default
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    system: Vec<String>,
    /// Only these bugs; all by default
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bug: Vec<String>,
    /// Campaigns of the portfolio, each from another first seed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    campaigns: u64,
    /// Campaigns of each schedule alone
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    single: u64,
    /// The schedules that are measured alone
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "fifo,random,walk,pos,pct1,pct2,pct3,pctcp1,pctcp2,pctcp3,starve,guided"
    )]
    schedule: Vec<String>,
    /// CPU seconds after which a campaign has missed its bug
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// Measurements at once, a process each
    #[arg(long, short, value_name = "J", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// The command `stormglass`, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// What has been measured so far; with another budget it must be another file
    #[arg(long, value_name = "FILE", default_value = "target/bug-table.jsonl")]
    journal: PathBuf,
    /// Where the two tables go, without their extensions
    #[arg(long, value_name = "PATH", default_value = OUTPUT)]
    output: PathBuf,
}

const OUTPUT: &str = "docs/bug-table";

/// What there is to tell of one bug.
struct Row {
    known: Known,
    measured: Vec<Measured>,
    /// Faults that every weather of its story knows.
    certain: BTreeSet<String>,
}

/// A bug and the story that must catch it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    bug: String,
    story: String,
}

impl BugTable {
    pub(crate) fn run(&self) -> Result<(), String> {
        if self.output == Path::new(OUTPUT) && !(self.system.is_empty() && self.bug.is_empty()) {
            return Err(
                "a part of the table does not take the place of the whole: give it an --output".to_owned()
            );
        }
        let path = root().join(&self.journal);
        let (program, identity) = bugs::program(self.program.as_deref(), &path.with_extension("program"))?;
        let head = Head { budget: self.budget, program: identity };
        let mut journal = Journal::open(path, head)?;
        let known = self.known(&bugs::ask(&program, &["list", "--json"])?);
        if known.is_empty() {
            return Err("no known bug has this name".to_owned());
        }
        let tasks = self.tasks(&known);
        let missing: Vec<Task> = tasks.iter().filter(|task| !journal.has(task)).cloned().collect();
        println!("{} bugs, {} campaigns, {} still to be measured", known.len(), tasks.len(), missing.len());
        let trouble = measure::all(&program, &missing, self.jobs, &mut journal)?;
        let rows = known.into_iter().map(|known| {
            let measured = journal.of(&known, &tasks);
            let certain = measure::certain(&program, &known.story, &measured)?;
            Ok(Row { known, measured, certain })
        });
        let rows = rows.collect::<Result<Vec<Row>, String>>()?;
        let output = root().join(&self.output);
        bugs::write(&output.with_extension("md"), &page::page(self, &rows))?;
        let table = page::table(self, &rows).to_string();
        bugs::write(&output.with_extension("json"), &(table + "\n"))?;
        println!("{0}.md, {0}.json", self.output.display());
        if !trouble.is_empty() {
            return Err(format!(
                "{} campaigns could not be measured; again:\n{}",
                trouble.len(),
                trouble.join("\n")
            ));
        }
        page::verdict(&rows)
    }

    /// Each bug once, with the first story that names it.
    fn known(&self, stories: &Value) -> Vec<Known> {
        let mut known: Vec<Known> = Vec::new();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for story in stories.as_array().into_iter().flatten() {
            let system = text(&story["system"]);
            if !self.system.is_empty() && !self.system.contains(&system) {
                continue;
            }
            for bug in story["bugs"].as_array().into_iter().flatten().map(text) {
                let named = self.bug.is_empty() || self.bug.contains(&bug);
                let again = |other: &Known| {
                    other.bug == bug && other.story.split('/').next() == Some(system.as_str())
                };
                if named && !known.iter().any(again) {
                    known.push(Known { bug, story: text(&story["story"]) });
                }
            }
        }
        known
    }

    /// Every campaign there is. First one of each kind, so that a table that was cut short has a little of everything.
    fn tasks(&self, known: &[Known]) -> Vec<Task> {
        let mut tasks = Vec::new();
        for campaign in 0..self.campaigns.max(self.single) {
            for known in known {
                let mut add = |schedule: &str| {
                    let (known, schedule) = (known.clone(), schedule.to_owned());
                    tasks.push(Task { known, schedule, campaign, budget: self.budget });
                };
                if campaign < self.campaigns {
                    add(PORTFOLIO);
                }
                if campaign < self.single {
                    self.schedule.iter().for_each(|schedule| add(schedule));
                }
            }
        }
        tasks
    }
}

/// The schedule that is a share of each.
const PORTFOLIO: &str = "portfolio";

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        table: BugTable,
    }

    #[test]
    fn a_bug_stands_once_and_has_all_its_campaigns() {
        let stories = json!([
            { "story": "kv/x", "system": "kv", "bugs": ["a", "b"] },
            { "story": "kv/y", "system": "kv", "bugs": ["b", "c"] },
            { "story": "raft/z", "system": "raft", "bugs": ["b"] },
        ]);
        let table = |line: &str| Line::parse_from(line.split(' ')).table;
        let all = table("x --schedule pos,fifo --campaigns 3 --single 2");
        let known = all.known(&stories);
        let named: Vec<(&str, &str)> = known.iter().map(|it| (it.bug.as_str(), it.story.as_str())).collect();
        assert_eq!(named, [("a", "kv/x"), ("b", "kv/x"), ("c", "kv/y"), ("b", "raft/z")]);
        assert_eq!(all.tasks(&known).len(), 4 * (3 + 2 * 2));
        assert_eq!(table("x --system raft --bug b").known(&stories).len(), 1);
    }
}
