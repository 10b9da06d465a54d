//! `cargo xtask shrink-table`: how small the failures of all known bugs become, and whether what is left is all needed.

mod measure;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{bugs, median, root};
use measure::Bench;
use page::page;

/// Writes `docs/shrink-table.md` and `.json`: every known bug found, made small, replayed in a fresh process, and tested
/// for anything that could still go. Rows that the JSON has already of the same build are kept, but for those that could not
/// be measured: an interrupted run goes on
#[derive(clap::Args)]
pub(crate) struct ShrinkTable {
    /// Only bugs of stories that begin so; all by default
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    story: Vec<String>,
    /// Only these bugs
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bug: Vec<String>,
    /// Seeds after which a bug counts as not found
    #[arg(long, value_name = "N", default_value_t = 4096)]
    seeds: u64,
    /// Runs that one shrink may take
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    budget: u64,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<u32>,
    /// Begin anew
    #[arg(long)]
    anew: bool,
    /// Where the table goes, without its ending
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// The command `stormglass`, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// What became of one bug in one story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Row {
    story: String,
    bug: String,
    /// The lowest seed that failed; without one the bug was not found, and the rest says nothing.
    seed: Option<u64>,
    /// Under which schedule.
    schedule: String,
    signature: String,
    before: String,
    after: String,
    faults: u64,
    operations: u64,
    runs: u64,
    seconds: f64,
    /// Nothing more could go before the budget was spent.
    finished: bool,
    /// The file fails with the same verdict and signature in a fresh process.
    replays: bool,
    /// Decisions, as `index of stream`, without which it still fails in the same way.
    could_go: Vec<String>,
    /// Why there is no more to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// The table, as its file holds it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Table {
    /// Which build of the program it is of.
    program: String,
    seeds: u64,
    budget: u64,
    rows: Vec<Row>,
}

impl ShrinkTable {
    pub(crate) fn run(&self) -> Result<(), String> {
        let output = self.output.clone().unwrap_or_else(|| root().join("docs/shrink-table"));
        let (json, md) = (output.with_extension("json"), output.with_extension("md"));
        let folder = std::env::temp_dir().join(format!("stormglass-shrink-table-{}", std::process::id()));
        let (program, identity) = bugs::program(self.program.as_deref(), &folder)?;
        let mut table = self.begun(&json, identity)?;
        let bench = Bench { program: &program, folder: &folder, table: self };
        let known = bench.bugs()?;
        if self.story.is_empty() && self.bug.is_empty() {
            table.rows.retain(|row| known.contains(&(row.story.clone(), row.bug.clone())));
        }
        for (story, bug) in known {
            let is_it = |row: &Row| (&row.story, &row.bug) == (&story, &bug);
            if table.rows.iter().any(|row| is_it(row) && row.trouble.is_none()) {
                continue;
            }
            table.rows.retain(|row| !is_it(row));
            let row = bench.row(&story, &bug).unwrap_or_else(|trouble| Row {
                story: story.clone(),
                bug: bug.clone(),
                trouble: Some(trouble),
                ..Row::default()
            });
            println!("{story}  {bug}  {}", row.told());
            table.rows.push(row);
            let text = serde_json::to_string_pretty(&table).map_err(|error| error.to_string())?;
            bugs::write(&json, &(text + "\n"))?;
            bugs::write(&md, &page(&table.rows))?;
        }
        _ = fs::remove_dir_all(&folder);
        println!("{}, {}", md.display(), json.display());
        verdict(&table.rows)
    }

    /// The table of this build so far, or an empty one.
    fn begun(&self, json: &Path, program: String) -> Result<Table, String> {
        let empty = Table { program, seeds: self.seeds, budget: self.budget, rows: Vec::new() };
        let Some(text) = fs::read_to_string(json).ok().filter(|_| !self.anew) else { return Ok(empty) };
        let there: Table =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", json.display()))?;
        if (&there.program, there.seeds, there.budget) != (&empty.program, empty.seeds, empty.budget) {
            return Err(format!(
                "{}: of another build of the program, or of another --seeds or --budget; --anew begins anew",
                json.display()
            ));
        }
        Ok(there)
    }
}

impl Row {
    fn is_well(&self) -> bool {
        self.seed.is_some() && self.replays && self.could_go.is_empty()
    }

    fn told(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        let Some(seed) = self.seed else { return "not found".into() };
        let replays = if self.replays { "" } else { "; does NOT replay" };
        let more =
            if self.could_go.is_empty() { String::new() } else { format!("; could go: {:?}", self.could_go) };
        format!("seed {seed}: {} ({} runs, {:.1} s){replays}{more}", self.after, self.runs, self.seconds)
    }
}

/// What the middle one of all failures may have when it is small.
const FAULTS: f64 = 3.0;
const OPERATIONS: f64 = 6.0;

/// An error unless every row is as it should be, and the middle one small.
fn verdict(rows: &[Row]) -> Result<(), String> {
    let wrong = rows.iter().filter(|row| !row.is_well()).count();
    if wrong > 0 {
        return Err(format!("{wrong} rows are not as they should be"));
    }
    let middle = |value: fn(&Row) -> u64| median(rows.iter().map(|row| value(row) as f64).collect());
    let (faults, operations) = (middle(|row| row.faults), middle(|row| row.operations));
    if faults > FAULTS || operations > OPERATIONS {
        return Err(format!(
            "the median has {faults} faults and {operations} operations, more than {FAULTS} and {OPERATIONS}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_wrong() {
        let row = |bug: &str, faults| Row {
            bug: bug.into(),
            story: "kv/x".into(),
            seed: Some(1),
            faults,
            finished: true,
            replays: true,
            ..Row::default()
        };
        let spare = Row { could_go: vec!["9 of a>b/link".into()], ..row("c", 6) };
        let rows = [row("a", 1), row("b", 3), spare, Row { bug: "d".into(), ..Row::default() }];
        let page = page(&rows);
        assert!(
            page.contains(
                "4 bugs in their stories, 3 found; 3 replay to the same failure, of 2 no single fault or operation could go; 0 had spent"
            ),
            "{page}"
        );
        assert!(page.contains("Median: 3 faults"), "{page}");
        assert!(page.contains("**could go: 9 of a>b/link**") && page.contains("**not found**"), "{page}");
        assert_eq!(rows.iter().filter(|row| row.is_well()).count(), 2);
        assert_eq!(verdict(&rows), Err("2 rows are not as they should be".to_owned()));
    }

    #[test]
    fn a_median_that_is_large_is_no_success() {
        let row = |faults, operations| Row {
            seed: Some(1),
            finished: true,
            replays: true,
            faults,
            operations,
            ..Row::default()
        };
        let small = [row(9, 0), row(1, 6), row(3, 20)];
        assert_eq!(verdict(&small), Ok(()));
        assert!(verdict(&[row(3, 1), row(4, 1)]).unwrap_err().contains("3.5 faults"));
        assert!(verdict(&[row(3, 7)]).unwrap_err().contains("7 operations"));
    }
}
