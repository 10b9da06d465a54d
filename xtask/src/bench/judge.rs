//! `cargo xtask bench judge`: the judge on the histories of its goals, beside another checker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cases::{Asked, CASES, Case};
use super::other_ways;
use super::{Peer, ResultLine, example, median, result_line, target_directory, whole, write_between};
use crate::root;

/// The histories of the judge's goals: time and memory of a check, and what is asked of them
#[derive(clap::Args)]
pub(super) struct Judge {
    /// A folder with recorded histories; what is not in it is made, or left out
    #[arg(long)]
    data: Option<PathBuf>,
    /// How often each history is judged; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Only these goals: 1, 4a, …
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Another program to run in turn with ours: one that takes a model and files and prints a RESULT line with cpu_ms,
    /// rss_mb and verdict, such as ours does
    #[arg(long, value_name = "NAME=PATH")]
    beside: Vec<Peer>,
    /// The rows as JSON
    #[arg(long)]
    json: bool,
    /// Writes the table into docs/judge-speed.md, with this line above it
    #[arg(long, value_name = "WORDS")]
    write: Option<String>,
}

/// A program that takes longer is run once.
const LONG: f64 = 5_000.0;

/// What the runs of one program on one history came to.
#[derive(Default, serde::Serialize)]
struct Measured {
    cpu_ms: Vec<f64>,
    wall_ms: Vec<f64>,
    rss_mb: f64,
    operations: f64,
    verdict: String,
}

impl Measured {
    fn ms(&self) -> f64 {
        median(self.cpu_ms.clone())
    }

    fn add(&mut self, line: &ResultLine) {
        self.cpu_ms.extend(line.number("cpu_ms"));
        self.wall_ms.extend(line.number("wall_ms"));
        self.rss_mb = self.rss_mb.max(line.number("rss_mb").unwrap_or_default());
        self.operations = line.number("operations").unwrap_or_default();
        self.verdict = line.word("verdict").unwrap_or_default().to_owned();
    }

    fn is_enough(&self) -> bool {
        self.cpu_ms.first().is_some_and(|ms| *ms > LONG) || self.verdict == "memory"
    }

    /// How long it took, or why there is no verdict.
    fn shown(&self) -> String {
        let decided = !self.verdict.ends_with("/1") && self.verdict != "memory";
        let sign = if decided { "" } else { "> " };
        match self.ms() {
            _ if self.verdict == "memory" => format!("> {:.0} GB", self.rss_mb / 1000.0),
            ms if ms >= 1000.0 => format!("{sign}{:.1} s", ms / 1000.0),
            ms if ms >= 100.0 => format!("{sign}{ms:.0} ms"),
            ms if ms >= 0.1 => format!("{sign}{ms:.2} ms"),
            ms => format!("{sign}{:.1} µs", ms * 1000.0),
        }
    }
}

/// A line of the table.
#[derive(serde::Serialize)]
struct Row {
    goal: &'static str,
    history: &'static str,
    way: &'static str,
    asked: String,
    ours: Measured,
    theirs: Vec<Measured>,
    reached: bool,
}

impl Judge {
    pub(super) fn run(&self) -> Result<(), String> {
        whole(self.write.is_some(), &self.only)?;
        let ours = example("stormglass-checker", "judging")?;
        let asked = |case: &&Case| self.only.is_empty() || self.only.iter().any(|only| only == case.goal);
        let mut cases = Vec::new();
        for case in CASES.iter().filter(asked) {
            let missing = || format!("{}: there is no {} and it cannot be made", case.name, case.file);
            match self.files(case, &ours)? {
                Some(files) => cases.push((case, files)),
                None if self.write.is_some() => return Err(missing()),
                None => eprintln!("left out, {}", missing()),
            }
        }
        let mut rows = Vec::new();
        for (case, files) in cases {
            let row = self.measure(case, &ours, &files)?;
            if !self.json {
                println!("{}", self.line(&row));
            }
            rows.push(row);
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
        }
        match &self.write {
            None => Ok(()),
            Some(words) => {
                let lines: Vec<String> = rows.iter().map(|row| self.line(row)).collect();
                let table = format!("{words}\n\n{}{}\n", self.head(), lines.join("\n"));
                write_between(&root().join("docs/judge-speed.md"), "bench judge", &table)
            }
        }
    }

    /// The files of a case; `None` if there are none.
    fn files(&self, case: &Case, ours: &Path) -> Result<Option<Vec<String>>, String> {
        if case.file.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let below = |dir: &PathBuf| found(&dir.join(case.file));
        let files = self.data.as_ref().map(below).transpose()?.unwrap_or_default();
        let Some(numbers) = case.made.filter(|_| files.is_empty()) else {
            return Ok((!files.is_empty()).then_some(files));
        };
        let dir = target_directory().join("judging");
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let file = dir.join(case.file).with_extension("jsonl");
        let output = fs::File::create(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let made = Command::new(ours).arg("generate").args(numbers).stdout(Stdio::from(output)).status();
        match made.is_ok_and(|status| status.success()) {
            true => Ok(Some(vec![file.display().to_string()])),
            false => Err(format!("{} could not be made", file.display())),
        }
    }

    /// The programs take turns, so that a machine that slows down does so for all.
    fn measure(&self, case: &Case, ours: &Path, files: &[String]) -> Result<Row, String> {
        let (model, way) = case.model.split_once(':').unwrap_or((case.model, ""));
        let ask = |program: &Path, model: &str| {
            let words: Vec<&str> = std::iter::once(model).chain(files.iter().map(String::as_str)).collect();
            result_line(program, &words)
        };
        let base = match case.asked {
            Asked::OverBy("") | Asked::WallTimes(_, "") => Some(model.to_owned()),
            Asked::OverBy(way) | Asked::WallTimes(_, way) => Some(format!("{model}:{way}")),
            _ => None,
        };
        let peers = if other_ways::is(way) { &[][..] } else { &self.beside[..] };
        let (mut first, mut second) = (Measured::default(), Measured::default());
        let mut theirs: Vec<Measured> = peers.iter().map(|_| Measured::default()).collect();
        for _ in 0..self.runs {
            if !first.is_enough() {
                let line = match other_ways::is(way) {
                    true => Some(other_ways::run(model, way, files)?),
                    false => ask(ours, case.model)?,
                };
                line.iter().for_each(|line| first.add(line));
            }
            if let Some(base) = &base {
                ask(ours, base)?.iter().for_each(|line| second.add(line));
            }
            for (peer, measured) in peers.iter().zip(&mut theirs).filter(|(_, theirs)| !theirs.is_enough()) {
                ask(&peer.path, model)?.iter().for_each(|line| measured.add(line));
            }
        }
        if let Some(other) =
            theirs.first().filter(|other| other.verdict != first.verdict && !open(&other.verdict))
        {
            return Err(format!("{}: we say {}, they say {}", case.name, first.verdict, other.verdict));
        }
        let bytes = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|about| about.len()).sum();
        let (asked, reached) = asked(case, &first, &second, theirs.first(), bytes);
        Ok(Row { goal: case.goal, history: case.name, way, asked, ours: first, theirs, reached })
    }

    fn head(&self) -> String {
        let peers: String =
            self.beside.iter().map(|peer| format!(" {0} | {0}, MB | ratio |", peer.name)).collect();
        let columns = 7 + 3 * self.beside.len();
        format!(
            "| goal | history | by | asked |{peers} Stormglass | MB | reached |\n|{}\n",
            "---|".repeat(columns)
        )
    }

    fn line(&self, row: &Row) -> String {
        let ours = row.ours.ms();
        let theirs = |other: &Measured| match other.cpu_ms.is_empty() {
            true => " — | — | — |".to_owned(),
            false => {
                let sign = if open(&other.verdict) { "> " } else { "" };
                format!(" {} | {:.0} | {sign}{:.0}× |", other.shown(), other.rss_mb, other.ms() / ours)
            }
        };
        format!(
            "| {} | {} | {} | {} |{} {} | {:.0} | {} |",
            row.goal,
            row.history,
            match row.way {
                "" => "all ways, with reasons",
                "bare" => "all ways",
                "search" => "search, with reasons",
                "search-bare" => "search",
                "cores" => "all ways, two cores",
                "command" => "stormglass check",
                other => other,
            },
            row.asked,
            row.theirs.iter().map(theirs).collect::<String>(),
            row.ours.shown(),
            row.ours.rss_mb,
            if row.reached { "yes" } else { "**no**" }
        )
    }
}

/// Whether a program gave no verdict.
fn open(verdict: &str) -> bool {
    verdict == "memory" || verdict.rsplit('/').next().is_some_and(|open| open != "0")
}

/// What is asked in words, and whether it is reached; `base` is what our own other way came to.
fn asked(
    case: &Case,
    ours: &Measured,
    base: &Measured,
    theirs: Option<&Measured>,
    bytes: u64,
) -> (String, bool) {
    let ms = ours.ms();
    let times =
        |ratio: f64, of: fn(&Measured) -> f64| theirs.is_some_and(|other| of(other) >= ratio * of(ours));
    let (mut words, mut reached) = match case.asked {
        Asked::Times(ratio) => (format!("≥ {ratio}×"), times(ratio, Measured::ms)),
        Asked::Within(most) if most < 0.1 => (format!("≤ {} µs", most * 1000.0), ms <= most),
        Asked::Within(most) => (format!("≤ {most} ms"), ms <= most),
        Asked::OverBy(_) => (format!("≤ +20 % of {}", base.shown()), ms <= 1.2 * base.ms()),
        Asked::WallTimes(ratio, _) => {
            let ratio_found = median(base.wall_ms.clone()) / median(ours.wall_ms.clone());
            (format!("≥ {ratio}× of one core; {ratio_found:.2}×"), ratio_found >= ratio)
        }
        Asked::Rate(least) => {
            let rate = bytes as f64 / 1000.0 / ms;
            (format!("≥ {least} MB/s; {rate:.0} MB/s"), rate >= least)
        }
        Asked::Nothing => ("no disagreement".to_owned(), true),
        Asked::Linear => ("≤ 1 µs/op + 10 ms".to_owned(), ms <= ours.operations / 1000.0 + 10.0),
    };
    if case.memory > 0.0 {
        words = format!("{words}, ≥ {}× less memory", case.memory);
        reached &= times(case.memory, |measured| measured.rss_mb);
    }
    (words, reached && !open(&ours.verdict))
}

/// The files of a pattern, with a `*` at most in their name.
fn found(pattern: &Path) -> Result<Vec<String>, String> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((head, tail)) = name.split_once('*') else {
        return Ok(pattern.is_file().then(|| pattern.display().to_string()).into_iter().collect());
    };
    let dir = pattern.parent().unwrap_or(Path::new(""));
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", dir.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(head) && name.ends_with(tail) {
            files.push(path.display().to_string());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_than_a_fifth_more_is_missed() {
        let measured = |ms: f64| Measured {
            cpu_ms: vec![ms],
            wall_ms: vec![ms],
            verdict: "1/0/0".to_owned(),
            ..Measured::default()
        };
        let case = |goal: &str| CASES.iter().find(|case| case.goal == goal).expect("a goal");
        let reached = |ours, base| asked(case("13"), &measured(ours), &measured(base), None, 0).1;
        assert!(reached(1.2, 1.0) && !reached(1.3, 1.0));
        let cores = CASES.iter().find(|case| case.model == "kv:cores").expect("a row");
        let reached = |ours, base| asked(cores, &measured(ours), &measured(base), None, 0).1;
        assert!(reached(1.0, 1.7) && !reached(1.0, 1.6));
        let undecided = Measured { verdict: "0/0/1".to_owned(), ..measured(1.0) };
        assert!(!asked(case("9"), &undecided, &measured(1.0), None, 0).1);
    }
}
