//! `cargo xtask shrink-table`: how small the failures of all known bugs become, and whether what is left is all needed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{median, root};

/// Writes `docs/shrink-table.md` and `.json`: every known bug found, made small, replayed in a fresh process, and tested
/// for anything that could still go. Rows that the JSON has already are kept: an interrupted run goes on
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
    #[arg(long, value_name = "N", default_value_t = 5000)]
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
}

impl ShrinkTable {
    pub(crate) fn run(&self) -> Result<(), String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => crate::bugs::build()?,
        };
        let output = self.output.clone().unwrap_or_else(|| root().join("docs/shrink-table"));
        let (json, md) = (output.with_extension("json"), output.with_extension("md"));
        let mut rows: Vec<Row> = match fs::read_to_string(&json) {
            Ok(text) if !self.anew => {
                serde_json::from_str(&text).map_err(|error| format!("{}: {error}", json.display()))?
            }
            _ => Vec::new(),
        };
        let folder = std::env::temp_dir().join(format!("stormglass-shrink-table-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let bench = Bench { program: &program, folder: &folder, table: self };
        for (story, bug) in bench.bugs()? {
            if rows.iter().any(|row| (&row.story, &row.bug) == (&story, &bug)) {
                continue;
            }
            let row = bench.row(&story, &bug)?;
            println!("{story}  {bug}  {}", row.told());
            rows.push(row);
            let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
            write(&json, &(text + "\n"))?;
            write(&md, &page(&rows))?;
        }
        _ = fs::remove_dir_all(&folder);
        println!("{}, {}", md.display(), json.display());
        verdict(&rows)
    }
}

impl Row {
    fn is_well(&self) -> bool {
        self.seed.is_some() && self.replays && self.could_go.is_empty()
    }

    fn told(&self) -> String {
        let Some(seed) = self.seed else { return "not found".into() };
        let replays = if self.replays { "" } else { "; does NOT replay" };
        let more =
            if self.could_go.is_empty() { String::new() } else { format!("; could go: {:?}", self.could_go) };
        format!("seed {seed}: {} ({} runs, {:.1} s){replays}{more}", self.after, self.runs, self.seconds)
    }
}

/// What rows are made with.
struct Bench<'a> {
    program: &'a Path,
    folder: &'a Path,
    table: &'a ShrinkTable,
}

impl Bench<'_> {
    /// Every bug with the story that must catch it.
    fn bugs(&self) -> Result<Vec<(String, String)>, String> {
        let list = self.call(&["list", "--json"])?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ShrinkTable { story: stories, bug: bugs, .. } = self.table;
        let all = list.as_array().into_iter().flatten().flat_map(|story| {
            let bugs = story["bugs"].as_array().into_iter().flatten();
            bugs.map(move |bug| (text(&story["story"]), text(bug)))
        });
        Ok(all
            .filter(|(story, _)| stories.is_empty() || stories.iter().any(|prefix| story.starts_with(prefix)))
            .filter(|(_, bug)| bugs.is_empty() || bugs.contains(bug))
            .collect())
    }

    fn row(&self, story: &str, bug: &str) -> Result<Row, String> {
        let row = Row { story: story.into(), bug: bug.into(), ..Row::default() };
        let Some((seed, schedule)) = self.find(story, bug)? else { return Ok(row) };
        let what = format!("{story}:{seed}:{bug}");
        let budget = self.table.budget.to_string();
        #[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "shrinking takes real time")]
        let began = std::time::Instant::now();
        let report = self.call(&[
            "shrink",
            &what,
            "-o",
            "small.json",
            "--json",
            "--budget",
            &budget,
            "--schedule",
            &schedule,
        ])?;
        let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let path = self.folder.join("small.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: Value = serde_json::from_str(&text).map_err(|error| format!("{what}: {error}"))?;
        let said = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| report[name].as_u64().unwrap_or_default();
        let failure = how(&file["expected"]);
        Ok(Row {
            seed: Some(seed),
            schedule,
            signature: said("signature"),
            before: said("before"),
            after: said("after"),
            faults: number("faults"),
            operations: number("operations"),
            runs: number("runs"),
            seconds,
            finished: report["finished"] == true,
            replays: self.replay(&file)? == failure,
            could_go: could_go(&file, &mut |less| Ok(self.replay(less)? == failure))?,
            ..row
        })
    }

    /// The lowest seed on which the bug shows, with its schedule, in parts that double.
    fn find(&self, story: &str, bug: &str) -> Result<Option<(u64, String)>, String> {
        let (mut from, mut seeds) = (0, 8);
        while from < self.table.seeds {
            let (first, count) = (from.to_string(), seeds.to_string());
            let line = ["fuzz", story, "--bug", bug, "--from", &first, "--seeds", &count];
            self.command(&[&line[..], &["--json", "campaign.json"]].concat())?;
            let path = self.folder.join("campaign.json");
            let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let campaign: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
            let failures = campaign["stories"].as_array().into_iter().flatten();
            let failures = failures.flat_map(|story| story["failures"].as_object().into_iter().flatten());
            let runs = failures.map(|(_, failure)| &failure["first"]);
            let runs = runs.filter_map(|run| {
                Some((run["seed"].as_u64()?, run["schedule"].as_str().unwrap_or("random").to_owned()))
            });
            if let Some(found) = runs.min() {
                return Ok(Some(found));
            }
            (from, seeds) = (from + seeds, 2 * seeds);
        }
        Ok(None)
    }

    /// How a file fails, in a process of its own.
    fn replay(&self, file: &Value) -> Result<Option<(String, String)>, String> {
        let mut file = file.clone();
        file.as_object_mut().map(|file| file.remove("expected"));
        let path = self.folder.join("replayed.json");
        write(&path, &file.to_string())?;
        Ok(how(&self.call(&["replay", "replayed.json", "--json", "--trace", "/dev/null"])?))
    }

    fn call(&self, arguments: &[&str]) -> Result<Value, String> {
        let (out, err) = self.command(arguments)?;
        serde_json::from_slice(&out)
            .map_err(|error| format!("stormglass {}: {error}\n{err}", arguments.join(" ")))
    }

    fn command(&self, arguments: &[&str]) -> Result<(Vec<u8>, String), String> {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(self.folder);
        if let (Some(jobs), "fuzz" | "shrink") = (self.table.jobs, arguments[0]) {
            command.args(["--jobs", &jobs.to_string()]);
        }
        let output = command.output().map_err(|error| format!("{}: {error}", self.program.display()))?;
        Ok((output.stdout, String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// Verdict and signature of an outcome that is a failure: oracle and claim, its numbers taken out.
fn how(outcome: &Value) -> Option<(String, String)> {
    let fall = outcome["fall"].as_object()?;
    let claim = fall.get("claim")?.as_str()?;
    let words: String = claim.chars().filter(|c| !c.is_ascii_digit()).collect();
    Some((outcome["verdict"].as_str()?.to_owned(), format!("{}: {words}", fall.get("oracle")?.as_str()?)))
}

/// Faults, operations, delays and choices that a file holds and could do without: taken away one at a time, they leave a run
/// that `fails` in the same way.
fn could_go(
    file: &Value,
    fails: &mut dyn FnMut(&Value) -> Result<bool, String>,
) -> Result<Vec<String>, String> {
    let mut spare = Vec::new();
    for (stream, points) in file["overrides"]["points"].as_object().into_iter().flatten() {
        for index in points.as_object().into_iter().flat_map(|points| points.keys()) {
            let mut less = file.clone();
            // The stream is calm but for its points.
            if let Some(points) = less["overrides"]["points"][stream].as_object_mut() {
                points.remove(index);
            }
            if fails(&less)? {
                spare.push(format!("{index} of {stream}"));
            }
        }
    }
    Ok(spare)
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

fn page(rows: &[Row]) -> String {
    let mut text = String::from(
        "# How small failures become\n\n\
         Written by `cargo xtask shrink-table`. Every known bug was found, at its lowest seed, in the story that must catch it, \
         and its failure made small. Each file was then replayed in a fresh process; each of its decisions was taken away, \
         one at a time. Machine-readable: [`shrink-table.json`](shrink-table.json).\n\n",
    );
    let found: Vec<&Row> = rows.iter().filter(|row| row.seed.is_some()).collect();
    let count = |test: fn(&Row) -> bool| found.iter().filter(|row| test(row)).count();
    let middle = |value: fn(&Row) -> f64| median(found.iter().map(|row| value(row)).collect());
    _ = writeln!(
        text,
        "{} bugs, {} found; {} replay to the same failure, of {} nothing could go.\n\n\
         Median: {} faults, {} operations, {} runs, {:.1} s.\n",
        rows.len(),
        found.len(),
        count(|row| row.replays),
        count(|row| row.could_go.is_empty()),
        middle(|row| row.faults as f64),
        middle(|row| row.operations as f64),
        middle(|row| row.runs as f64),
        middle(|row| row.seconds),
    );
    let mut stories: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        stories.entry(row.story.split('/').next().unwrap_or_default()).or_default().push(row);
    }
    for (system, rows) in stories {
        _ = writeln!(
            text,
            "## {system}\n\n| bug | story | what is left | runs | s | |\n| --- | --- | --- | ---: | ---: | --- |"
        );
        for row in rows {
            let remark = match (row.seed, row.replays, row.could_go.as_slice()) {
                (None, ..) => "**not found**".to_owned(),
                (_, false, _) => "**does not replay**".to_owned(),
                (_, _, []) if row.finished => String::new(),
                (_, _, []) => "budget spent".to_owned(),
                (_, _, spare) => format!("**could go: {}**", spare.join(", ")),
            };
            let Row { bug, story, after, runs, seconds, .. } = row;
            _ = writeln!(text, "| `{bug}` | `{story}` | {after} | {runs} | {seconds:.1} | {remark} |");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    // The whole or nothing: what an interruption leaves is read again.
    let beside = path.with_extension("part");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Needs 1 of `story/c1` and 4 of `a>b/link`.
    fn fails(file: &Value) -> bool {
        let points = &file["overrides"]["points"];
        points["story/c1"]["1"] == 1 && points["a>b/link"]["4"] == 1
    }

    #[test]
    fn what_could_go_is_noticed() {
        let tested = |file: &Value| could_go(file, &mut |less| Ok(fails(less))).unwrap();
        let small = json!({"overrides": {"points": {"a>b/link": {"4": 1}, "story/c1": {"1": 1}}}});
        assert!(tested(&small).is_empty());
        let fat =
            json!({"overrides": {"points": {"a>b/link": {"4": 1, "9": 1}, "story/c1": {"1": 1, "2": 1}}}});
        assert_eq!(tested(&fat), ["9 of a>b/link", "2 of story/c1"]);
    }

    #[test]
    fn failures_are_the_same_when_their_words_are() {
        let outcome = |verdict: &str, claim: &str| json!({"verdict": verdict, "fall": {"oracle": "always", "claim": claim}});
        assert_eq!(how(&outcome("safety_violated", "key 4")), how(&outcome("safety_violated", "key 17")));
        assert_ne!(how(&outcome("safety_violated", "key 4")), how(&outcome("safety_violated", "lock 4")));
        assert_ne!(how(&outcome("safety_violated", "key 4")), how(&outcome("liveness_violated", "key 4")));
        assert_eq!(how(&json!({"verdict": "holds"})), None);
    }

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
            page.contains("4 bugs, 3 found; 3 replay to the same failure, of 2 nothing could go"),
            "{page}"
        );
        assert!(page.contains("Median: 3 faults"), "{page}");
        assert!(page.contains("**could go: 9 of a>b/link**") && page.contains("**not found**"), "{page}");
        assert_eq!(rows.iter().filter(|row| row.is_well()).count(), 2);
        assert_eq!(verdict(&rows), Err("2 rows are not as they should be".to_owned()));
    }

    #[test]
    fn a_median_that_is_large_is_no_success() {
        let row =
            |faults, operations| Row { seed: Some(1), replays: true, faults, operations, ..Row::default() };
        let small = [row(9, 0), row(1, 6), row(3, 20)];
        assert_eq!(verdict(&small), Ok(()));
        assert!(verdict(&[row(3, 1), row(4, 1)]).unwrap_err().contains("3.5 faults"));
        assert!(verdict(&[row(3, 7)]).unwrap_err().contains("7 operations"));
    }
}
