//! `cargo xtask bench growth`: how time and memory grow with the length of a history.

use std::path::Path;

use super::{example, median, plot, result_line, whole, write_between};
use crate::root;

/// How the judge's time and memory for one operation grow with the length of a history of ten clients
#[derive(clap::Args)]
pub(super) struct Growth {
    /// How often each history is judged; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The longest history is ten to the power of this
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(3..=8))]
    to: u32,
    /// Only these models
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Writes the table into docs/judge-speed.md, with this line above it, and the plots beside it
    #[arg(long, value_name = "WORDS")]
    write: Option<String>,
}

/// What is measured, and how it is spread over keys.
const MODELS: [(&str, &str); 6] = [
    ("register", "one key"),
    ("kv", "a key for 1,000 operations"),
    ("versioned-kv", "a key for 1,000 operations"),
    ("append", "a key for 100 operations"),
    ("queue", "one key"),
    ("lock", "one key"),
];

/// Nanoseconds and bytes for an operation, at each length.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) operations: f64,
    pub(super) nanos: f64,
    pub(super) bytes: f64,
}

impl Growth {
    pub(super) fn run(&self) -> Result<(), String> {
        whole(self.write.is_some(), &self.only)?;
        let ours = example("stormglass-checker", "judging")?;
        let mut lines = Vec::new();
        for (name, _) in MODELS
            .iter()
            .filter(|(name, _)| self.only.is_empty() || self.only.iter().any(|only| only == name))
        {
            let points =
                (3..=self.to).map(|power| self.measure(&ours, name, power)).collect::<Result<_, _>>()?;
            let line = Line { name, points };
            println!("{}", row(&line));
            lines.push(line);
        }
        let Some(words) = &self.write else { return Ok(()) };
        let docs = root().join("docs");
        write_between(
            &docs.join("judge-speed.md"),
            "bench growth",
            &format!("{words}\n\n{}", table(&lines, self.to)),
        )?;
        let charts = [
            ("judge-time.svg", plot::chart("nanoseconds for an operation", &lines, |point| point.nanos)),
            (
                "judge-memory.svg",
                plot::chart("bytes for an operation, the history included", &lines, |point| point.bytes),
            ),
        ];
        for (file, chart) in charts {
            let file = docs.join(file);
            std::fs::write(&file, chart).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }

    fn measure(&self, ours: &Path, model: &str, power: u32) -> Result<Point, String> {
        let operations = 10_u64.pow(power);
        let (mut nanos, mut bytes) = (Vec::new(), 0.0_f64);
        // Long ones cost so much that nothing disturbs them.
        let runs = if power >= 7 { 1 } else { self.runs };
        for _ in 0..runs {
            let words = ["growth", model, &operations.to_string()];
            let line = result_line(ours, &words)?.ok_or_else(|| format!("there is no growth of {model}"))?;
            let number = |key| line.number(key).ok_or_else(|| format!("{model}: no {key}"));
            if line.word("verdict") != Some("1/0/0") {
                return Err(format!("{model} with {operations} operations: {:?}", line.word("verdict")));
            }
            nanos.push(number("cpu_ms")? * 1e6 / number("operations")?);
            bytes = bytes.max(number("rss_mb")? * 1024.0 * 1024.0 / number("operations")?);
        }
        Ok(Point { operations: operations as f64, nanos: median(nanos), bytes })
    }
}

fn table(lines: &[Line], to: u32) -> String {
    let powers: String = (3..=to).map(|power| format!(" 10^{power} |")).collect();
    let mut text = format!("| | |{powers}\n|---|---|{}\n", "---|".repeat(to as usize - 2));
    for line in lines {
        text.push_str(&row(line));
        text.push('\n');
    }
    text
}

/// Two lines of the table: time and memory.
fn row(line: &Line) -> String {
    let keys = MODELS.iter().find(|(name, _)| *name == line.name).map_or("", |(_, keys)| keys);
    let cells = |of: fn(&Point) -> f64| -> String {
        line.points.iter().map(|point| format!(" {:.0} |", of(point))).collect()
    };
    format!(
        "| {}, {keys} | ns |{}\n| | bytes |{}",
        line.name,
        cells(|point| point.nanos),
        cells(|point| point.bytes)
    )
}
