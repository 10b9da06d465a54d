//! `stormglass determinism`: each seed twice, in two processes.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use owo_colors::OwoColorize;

use super::args;
use super::machine::Workers;
use super::output::{say, say_json};
use super::parting::{Difference, Recording, parting};
use super::progress::Progress;
use super::replay::subject;
use super::{Answer, Complaint, select};
use crate::campaign::{Schedules, Unit};
use crate::outcome::Outcome;
use crate::shrink::recorded;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Determinism {
    /// Stories by name or prefix, all of them by default; or one run, STORY:SEED, STORY:SEED:BUG or a file from findings/
    #[arg(value_name = "STORY | STORY:SEED[:BUG] | FILE")]
    stories: Vec<String>,
    /// How many seeds of each story are run twice
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "0", value_parser = args::seed)]
    from: u64,
    /// Plants a bug in every run
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Who is next: a schedule by its name, or `portfolio`, for each seed the one that it has there (random unless said; a
    /// file has its own)
    #[arg(long, value_name = "NAME", value_parser = args::schedule)]
    schedule: Option<Schedules>,
    /// Where the two traces of a difference are written
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,
    /// What differs, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: Workers,
}

/// How often a run that differed is run again to see where.
const TRIES: usize = 5;

type Key = (String, u64);

impl Determinism {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let mut units = self.units(stories)?;
        let progress = Progress::new(Some(2 * units.len() as u64));
        let first = self.pass(&units, &progress)?;
        // Backwards, in processes of its own: what a process keeps from one seed to the next shows as well.
        units.reverse();
        let second = self.pass(&units, &progress)?;
        drop(progress);

        let differing =
            first.iter().find(|(key, outcome)| second.get(*key).is_none_or(|again| !same(outcome, again)));
        match differing {
            None if self.json => {
                say_json(&serde_json::json!({ "runs": first.len() }))?;
                Ok(0)
            }
            None => {
                let runs = if first.len() == 1 { "run" } else { "runs" };
                say(&format!("{} {runs} twice, in two processes: {}", first.len(), "no difference".green()))?;
                Ok(0)
            }
            Some((key, outcome)) => {
                let again = second.get(key).unwrap_or(outcome);
                let differs = "DIFFERS".red().bold().to_string();
                let (story, seed) = key;
                let headline = format!("{story}  seed {seed}  {differs}: {}", contrast(outcome, again));
                let unit = units.iter().find(|unit| unit.story == *story && unit.seed == *seed);
                self.tell(unit.expect("it was run"), &headline)?;
                Ok(1)
            }
        }
    }

    /// The runs that are asked for.
    fn units(&self, stories: &[Story]) -> Result<Vec<Unit>, Complaint> {
        let bug = self.bug.as_deref();
        if let [what] = &self.stories[..]
            && (what.contains(':') || Path::new(what).is_file())
        {
            return match bug {
                None => Ok(vec![subject(stories, what)?.under(self.schedule)?.unit]),
                Some(bug) => {
                    Err(Complaint::usage(format!("--bug {bug}: a run is named with its bug, STORY:SEED:BUG")))
                }
            };
        }
        let chosen = select::with_bug(stories, select::stories(stories, &self.stories)?, bug)?;
        let runs = (0..self.seeds).flat_map(|n| chosen.iter().map(move |story| (story, n)));
        let unit = |(story, n): (&&Story, u64)| {
            let unit = Unit::new(story.name(), self.from.wrapping_add(n), bug);
            match self.schedule {
                Some(schedules) => {
                    let schedule = schedules.of(unit.seed);
                    unit.under(schedule)
                }
                None => unit,
            }
        };
        Ok(runs.map(unit).collect())
    }

    fn pass(&self, units: &[Unit], progress: &Progress) -> Result<BTreeMap<Key, Outcome>, Complaint> {
        let mut order = units.iter().cloned();
        let mut outcomes = BTreeMap::new();
        let mut done = |unit: &Unit, outcome| {
            progress.step();
            outcomes.insert((unit.story.clone(), unit.seed), outcome);
        };
        self.workers.pool().drive(&mut || order.next(), &mut done)?;
        Ok(outcomes)
    }

    /// Runs the seed in a process of its own, with all that it does and draws.
    fn record(&self, unit: &Unit, part: &str) -> Result<(PathBuf, Recording), Complaint> {
        let path = std::path::absolute(self.findings.join(format!("{}.{part}.trace.jsonl", unit.name())))?;
        let unit = Unit { trace: Some(path.clone()), ..unit.clone() };
        // What lies there is of an earlier call.
        _ = std::fs::remove_file(&path);
        let (_, decisions) = recorded(&mut self.workers.one(), unit)?;
        let trace = match std::fs::read_to_string(&path) {
            Ok(trace) => trace,
            // A process that died wrote none.
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Complaint::Internal(format!("{}: {error}", path.display()))),
        };
        Ok((path, Recording { trace, decisions }))
    }

    fn tell(&self, unit: &Unit, headline: &str) -> Result<(), Complaint> {
        if !self.json {
            say(headline)?;
        }
        std::fs::create_dir_all(&self.findings)?;
        let (one, first) = self.record(unit, "a")?;
        let (mut two, mut found) = (one.clone(), None);
        // What differs by chance may be the same by chance.
        for _ in 0..TRIES {
            let (path, second) = self.record(unit, "b")?;
            (two, found) = (path, parting(&first, &second));
            if found.is_some() {
                break;
            }
        }
        let (parting, traces) = (found, [one, two]);
        if self.json {
            say_json(&Difference {
                story: &unit.story,
                seed: unit.seed,
                parting: parting.as_ref(),
                traces: &traces,
            })?;
            return Ok(());
        }
        let advice =
            "the difference shows only beside other seeds in the same process: a static outlives its run";
        say(&parting.map_or_else(|| format!("  the two traces are equal: {advice}"), |found| found.told()))?;
        say(&format!("  traces:  {}\n           {}", traces[0].display(), traces[1].display()))?;
        Ok(())
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
