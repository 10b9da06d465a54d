//! `stormglass bugs`: the proof that the oracles see.

use std::time::Duration;

use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use stormglass_sim::Schedule;

use super::args;
use super::machine::Workers;
use super::output::{say, say_json};
use super::progress::Progress;
use super::{Answer, Complaint, select};
use crate::campaign::{Guide, Pool, Schedules, Unit};
use crate::outcome::Outcome;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Bugs {
    /// Only the stories of this system, or with this prefix
    system: Option<String>,
    /// Seeds after which a bug counts as missed, and for which a harmless variant must hold
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Only this bug
    #[arg(long, value_name = "BUG")]
    bug: Option<String>,
    /// CPU time after which a bug counts as missed, whatever its seeds
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    cpu: Option<Duration>,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "0", value_parser = args::seed)]
    from: u64,
    /// Who is next: a schedule by its name; `portfolio`, a share of the seeds for each; or `guided`, pct1 to pct3 with
    /// new futures for runs that covered something new
    #[arg(long, value_name = "NAME", default_value = "random")]
    schedule: Schedules,
    /// The table as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: Workers,
}

/// A bug and a story that must catch it; or a harmless variant and a story that must not.
#[derive(Serialize)]
struct Hunt {
    bug: &'static str,
    story: &'static str,
    harmless: bool,
    caught: bool,
    /// The oracle that fired, with the claim that fell.
    #[serde(skip_serializing_if = "Option::is_none")]
    oracle: Option<String>,
    /// How many seeds it took; for a harmless variant, how many it survived.
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<u64>,
    /// Seconds of CPU time it took, when there is a budget of it: two hunts differ in that.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    /// The schedule and the weather of the run that caught it.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weather: Vec<String>,
    #[serde(skip)]
    given: u64,
}

impl Bugs {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let pattern: Vec<String> = self.system.clone().into_iter().collect();
        let chosen = select::stories(stories, &pattern)?;
        let mut hunts: Vec<Hunt> = chosen
            .iter()
            .flat_map(|story| {
                let bugs = story.bugs().iter().map(|bug| Hunt::new(bug, story.name(), false));
                bugs.chain(story.harmless().iter().map(|bug| Hunt::new(bug, story.name(), true)))
            })
            .collect();
        if let Some(bug) = &self.bug {
            select::with_bug(stories, chosen, Some(bug))?;
            hunts.retain(|hunt| hunt.bug == bug);
        }
        if hunts.is_empty() {
            return Err(Complaint::usage("none of these stories has a known bug to catch"));
        }
        let progress = Progress::new(None);
        let mut pool = self.workers.pool();
        // One hunt at a time: seeds after the first that failed would be wasted.
        for hunt in &mut hunts {
            hunt.go(&mut pool, &self, &progress)?;
        }
        drop(progress);
        if self.json {
            say_json(&hunts)?;
        } else {
            say(&table(&hunts))?;
            say(&sum(&hunts))?;
        }
        Ok(u8::from(hunts.iter().any(|hunt| hunt.caught == hunt.harmless)))
    }
}

impl Hunt {
    fn new(bug: &'static str, story: &'static str, harmless: bool) -> Hunt {
        let (caught, oracle, seeds, schedule, weather) = (false, None, None, None, Vec::new());
        Hunt { bug, story, harmless, caught, oracle, seeds, cpu: None, schedule, weather, given: 0 }
    }

    /// Gives seeds upwards until one fails. Those below it that still run are waited for, so that the number of
    /// seeds needed does not depend on how many processes there are.
    fn go(&mut self, pool: &mut Pool, bugs: &Bugs, progress: &Progress) -> Result<(), Complaint> {
        let Bugs { from, seeds: most, schedule, .. } = *bugs;
        // With its place among the seeds given, and the CPU time until then.
        let first: std::cell::RefCell<Option<(usize, Outcome, f64)>> = std::cell::RefCell::default();
        let (story, bug) = (self.story, self.bug);
        let given = &mut self.given;
        let (spent, budget) = (pool.spent(), bugs.cpu.map_or(f64::INFINITY, |cpu| cpu.as_secs_f64()));
        let before = spent.get();
        let guide = std::cell::RefCell::new(Guide::new(schedule));
        let mut next = || {
            let more = first.borrow().is_none() && *given < most && spent.get() - before < budget;
            more.then(|| {
                *given += 1;
                let seed = from.wrapping_add(*given - 1);
                let unit = Unit::new(story, seed, Some(bug)).under(schedule.of(seed));
                Unit { tag: (*given - 1) as usize, ..guide.borrow_mut().unit(unit) }
            })
        };
        let mut done = |unit: &Unit, mut outcome: Outcome| {
            progress.step();
            guide.borrow_mut().learn(unit, &mut outcome);
            let mut first = first.borrow_mut();
            let is_first = first.as_ref().is_none_or(|(place, ..)| unit.tag < *place);
            if outcome.verdict.is_failure() && is_first {
                *first = Some((unit.tag, outcome, spent.get() - before));
            }
        };
        pool.drive(&mut next, &mut done)?;
        // Runs that were in progress when it was caught cost nothing; what was caught too late was missed.
        let first = first.into_inner().filter(|(.., cpu)| *cpu <= budget);
        self.cpu = bugs.cpu.map(|_| first.as_ref().map_or(spent.get() - before, |(.., cpu)| *cpu));
        if let Some((place, outcome, _)) = first {
            if outcome.verdict == crate::outcome::Verdict::Broken {
                let why = outcome.fall.map(|fall| fall.witness).unwrap_or_default();
                return Err(Complaint::Internal(format!("{story}:{}:{bug}: {why}", outcome.seed)));
            }
            self.caught = true;
            self.seeds = Some(place as u64 + 1);
            self.oracle = outcome.words();
            self.schedule = Some(outcome.schedule);
            self.weather = outcome.weather;
        } else if self.harmless {
            self.seeds = Some(self.given);
        }
        Ok(())
    }
}

fn table(hunts: &[Hunt]) -> String {
    let wide = |cell: fn(&Hunt) -> usize| hunts.iter().map(cell).max().unwrap_or(0);
    let (bugs, stories) = (wide(|hunt| hunt.bug.len()), wide(|hunt| hunt.story.len()));
    let mut text = String::new();
    for hunt in hunts {
        let unit = if hunt.seeds == Some(1) { "seed" } else { "seeds" };
        let fate = match (hunt.seeds, &hunt.oracle) {
            (Some(seeds), Some(oracle)) if hunt.harmless => {
                format!("{} after {seeds} {unit}  {oracle}", "flagged, though harmless".red())
            }
            (Some(seeds), Some(oracle)) => {
                format!("{} after {seeds} {unit}  {oracle}", "caught".green())
            }
            (Some(seeds), None) => format!("{} {seeds} {unit}, as a harmless one must", "survived".green()),
            (None, _) => format!("{} in {} seeds", "missed".red(), hunt.given),
        };
        text.push_str(&format!("{:bugs$}  {:stories$}  {fate}\n", hunt.bug, hunt.story));
    }
    text
}

/// The last line: how many were caught, and how many harmless ones were rightly not.
fn sum(hunts: &[Hunt]) -> String {
    let count = |harmless, caught| {
        hunts.iter().filter(|hunt| hunt.harmless == harmless && hunt.caught == caught).count()
    };
    let bugs = count(false, true) + count(false, false);
    let mut sum = format!("{} of {bugs} caught", count(false, true));
    let harmless = count(true, true) + count(true, false);
    if harmless > 0 {
        sum.push_str(&format!(", {} of {harmless} harmless ones flagged", count(true, true)));
    }
    sum
}
