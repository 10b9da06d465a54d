//! `stormglass determinism`: each seed twice, in two processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use owo_colors::OwoColorize;
use serde_json::Value;

use super::args::{self, PATIENCE};
use super::output::say;
use super::progress::Progress;
use super::run::one;
use super::{Answer, Complaint, select};
use crate::campaign::{Pool, Unit};
use crate::outcome::Outcome;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Determinism {
    /// Stories by name or prefix; all of them by default
    #[arg(value_name = "STORY")]
    stories: Vec<String>,
    /// How many seeds of each story are run twice
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "0", value_parser = args::seed)]
    from: u64,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<usize>,
    /// Where the two traces of a difference are written
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,
    /// Real time after which a run counts as hung
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = args::duration)]
    patience: Duration,
}

type Key = (String, u64);

impl Determinism {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let chosen = select::stories(stories, &self.stories)?;
        let mut units: Vec<Unit> = (0..self.seeds)
            .flat_map(|n| chosen.iter().map(move |story| (story, n)))
            .map(|(story, n)| Unit::new(story.name(), self.from.wrapping_add(n), None))
            .collect();
        let progress = Progress::new(Some(2 * units.len() as u64));
        let first = self.pass(&units, &progress)?;
        // Backwards, in processes of its own: what a process keeps from one seed to the next shows as well.
        units.reverse();
        let second = self.pass(&units, &progress)?;
        drop(progress);

        let differing =
            first.iter().find(|(key, outcome)| second.get(*key).is_none_or(|again| !same(outcome, again)));
        match differing {
            None => {
                say(&format!("{} runs twice, in two processes: {}", first.len(), "no difference".green()))?;
                Ok(0)
            }
            Some(((story, seed), outcome)) => {
                let again = second.get(&(story.clone(), *seed)).unwrap_or(outcome);
                say(&format!(
                    "{story}  seed {seed}  {}: {}",
                    "DIFFERS".red().bold(),
                    contrast(outcome, again)
                ))?;
                say(&self.first_difference(story, *seed)?)?;
                Ok(1)
            }
        }
    }

    fn pass(&self, units: &[Unit], progress: &Progress) -> Result<BTreeMap<Key, Outcome>, Complaint> {
        let mut order = units.iter().cloned();
        let mut outcomes = BTreeMap::new();
        let mut done = |unit: &Unit, outcome| {
            progress.step();
            outcomes.insert((unit.story.clone(), unit.seed), outcome);
        };
        let jobs = self.jobs.unwrap_or_else(args::cores);
        Pool::new(jobs, self.patience).drive(&mut || order.next(), &mut done)?;
        Ok(outcomes)
    }

    /// Runs the seed twice with its trace and shows where the traces part.
    fn first_difference(&self, story: &str, seed: u64) -> Result<String, Complaint> {
        std::fs::create_dir_all(&self.findings)?;
        let mut traces = Vec::new();
        for part in ["a", "b"] {
            let name = format!("{}-{seed}.{part}.trace.jsonl", story.replace('/', "."));
            let path = std::path::absolute(self.findings.join(name))?;
            let unit = Unit { trace: Some(path.clone()), ..Unit::new(story, seed, None) };
            one(unit, self.patience)?;
            traces.push(path);
        }
        part_ways(&traces[0], &traces[1])
    }
}

fn same(one: &Outcome, two: &Outcome) -> bool {
    (one.digest, one.at_ns, one.verdict, one.signature())
        == (two.digest, two.at_ns, two.verdict, two.signature())
}

fn contrast(one: &Outcome, two: &Outcome) -> String {
    let shown = |outcome: &Outcome| {
        let digest =
            outcome.digest.map_or_else(|| "no digest".into(), |digest| format!("digest {digest:#018x}"));
        format!("{} with {digest} after {} events", outcome.verdict, outcome.events)
    };
    format!("{}, then {}", shown(one), shown(two))
}

fn part_ways(a: &Path, b: &Path) -> Result<String, Complaint> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| Complaint::Internal(format!("{}: {error}", path.display())))
    };
    let (one, two) = (read(a)?, read(b)?);
    let (mut ones, mut twos) = (one.lines(), two.lines());
    let mut number = 1;
    loop {
        let (x, y) = (ones.next(), twos.next());
        if x != y {
            let shown = |line: Option<&str>| line.unwrap_or("(the trace ends)").to_owned();
            let (x, y, place) = (shown(x), shown(y), place(&one, number));
            let traces = format!("traces:  {}\n           {}", a.display(), b.display());
            return Ok(format!("  line {number}: {place}\n    {x}\n    {y}\n  {traces}"));
        }
        if x.is_none() {
            let advice =
                "the difference shows only beside other seeds in the same process: a static outlives its run";
            return Ok(format!("  the two traces are equal: {advice}"));
        }
        number += 1;
    }
}

/// Node, task and spawn site of the trace's line of this number, from 1. An event that is no task's own is told with the
/// task that caused it.
fn place(trace: &str, number: usize) -> String {
    let lines: Vec<Value> =
        trace.lines().take(number).map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Some(last) = lines.last().filter(|line| line.is_object()) else {
        return "the first line that differs".into();
    };
    let mut event = last;
    while event["task"].is_null() {
        let cause = lines.iter().find(|line| !line["id"].is_null() && line["id"] == event["cause"]);
        let Some(cause) = cause else { break };
        event = cause;
    }
    let mut place = format!("node {}", text(&last["node"]));
    if event["task"] == 0 {
        place.push_str(", the story itself");
    } else if !event["task"].is_null() {
        let spawn = lines.iter().find(|line| line["event"] == "spawn" && line["task"] == event["task"]);
        let site = spawn.map_or_else(String::new, |spawn| format!(" spawned at {}", text(&spawn["site"])));
        place.push_str(&format!(", task {}{site}", event["task"]));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_task_behind_an_event() {
        let trace = r#"{"id":1,"node":"world","event":"run","task":0}
{"id":2,"node":"a","event":"spawn","cause":1,"task":3,"site":"src/a.rs:7:9"}
{"id":3,"node":"a","event":"run","cause":1,"task":3}
{"id":4,"node":"b","event":"deliver","cause":3}"#;
        assert_eq!(place(trace, 1), "node world, the story itself");
        assert_eq!(place(trace, 4), "node b, task 3 spawned at src/a.rs:7:9");
        assert_eq!(
            place(trace, 5),
            "node b, task 3 spawned at src/a.rs:7:9",
            "where one trace ends, the last event"
        );
        assert_eq!(place("?", 1), "the first line that differs");
    }
}
