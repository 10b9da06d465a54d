//! `stormglass fuzz`: a campaign.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use stormglass_sim::Seed;
use stormglass_sim::chance::Overrides;

use super::args::{self, PATIENCE, Shard};
use super::output::say;
use super::progress::Progress;
use super::{Answer, Complaint, select};
use crate::campaign::{Finding, Pool, StoryTally, Unit, write_whole};
use crate::outcome::{Outcome, Verdict};
use crate::report;
use crate::story::Story;
use crate::wall::Stopwatch;

/// Seeds a story is given when neither `--seeds` nor `--time` says.
const SEEDS: u64 = 1000;

#[derive(Args)]
pub(crate) struct Fuzz {
    /// Stories by name or prefix; all of them by default
    #[arg(value_name = "STORY")]
    stories: Vec<String>,
    /// How many seeds each story gets (1000 without --time)
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Stop after this much real time
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    time: Option<Duration>,
    /// The first seed; without it a fresh one is drawn and printed
    #[arg(long, value_name = "N", value_parser = args::seed)]
    from: Option<u64>,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<usize>,
    /// Plant a known bug
    #[arg(long)]
    bug: Option<String>,
    /// Write the campaign's result to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run the Ith of N parts of the campaign; needs --from, so that the parts belong together
    #[arg(long, value_name = "I/N", value_parser = args::shard, requires = "from")]
    shard: Option<Shard>,
    /// Where findings are written
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,
    /// Real time after which a run counts as hung
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = args::duration)]
    patience: Duration,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report<'a> {
    stormglass: &'static str,
    from: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bug: Option<&'a str>,
    verdict: Verdict,
    stories: &'a [StoryTally],
}

impl Fuzz {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let chosen = select::stories(stories, &self.stories)?;
        let chosen = select::with_bug(stories, chosen, self.bug.as_deref())?;
        let from = self.from.unwrap_or_else(|| Seed::fresh().0);
        let seeds = self.seeds.or(if self.time.is_some() { None } else { Some(SEEDS) });
        if self.from.is_none() {
            say(&format!("seeds from {from}"))?;
        }
        let clock = Stopwatch::start();
        let tallies = self.campaign(&chosen, from, seeds)?;
        let verdict = tallies.iter().map(StoryTally::verdict).max().unwrap_or(Verdict::Holds);
        say(&report::summary(&tallies, clock.elapsed()))?;
        if tallies.iter().any(|tally| !tally.failures.is_empty()) {
            say(&format!("findings are in {}", self.findings.join("").display()))?;
        }
        if let Some(path) = &self.json {
            let report = Report {
                stormglass: env!("CARGO_PKG_VERSION"),
                from,
                seeds,
                shard: self.shard.map(|shard| format!("{}/{}", shard.index, shard.of)),
                bug: self.bug.as_deref(),
                verdict,
                stories: &tallies,
            };
            let text = serde_json::to_string_pretty(&report)? + "\n";
            write_whole(path, text.as_bytes())
                .map_err(|error| Complaint::Internal(format!("--json {}: {error}", path.display())))?;
        }
        Ok(verdict.exit_code())
    }

    fn campaign(
        &self,
        chosen: &[&Story],
        from: u64,
        seeds: Option<u64>,
    ) -> Result<Vec<StoryTally>, Complaint> {
        let mut tallies: Vec<StoryTally> = chosen.iter().map(|story| StoryTally::new(story)).collect();
        let shard = self.shard.unwrap_or(Shard { index: 1, of: 1 });
        let mine =
            seeds.map(|seeds| (0..seeds).filter(|n| shard.has(*n)).count() as u64 * chosen.len() as u64);
        let progress = Progress::new(mine);
        let clock = Stopwatch::start();
        // Seed by seed through all stories, so that a campaign cut short has cut each of them short alike.
        let mut order = (0..seeds.unwrap_or(u64::MAX)).filter(|n| shard.has(*n)).flat_map(|n| {
            chosen.iter().map(move |story| Unit::new(story.name(), from.wrapping_add(n), self.bug.as_deref()))
        });
        let mut next =
            || if self.time.is_some_and(|time| clock.elapsed() >= time) { None } else { order.next() };

        let mut trouble = None;
        let mut done = |_: &Unit, outcome: Outcome| {
            progress.step();
            let Some(tally) = tallies.iter_mut().find(|tally| tally.story == outcome.story) else { return };
            let new = tally.count(&outcome);
            let kept = if outcome.fall.is_some() { keep(&outcome, &self.findings) } else { Ok(()) };
            let told =
                if new { progress.say(&report::failure(&outcome, &outcome.reference())) } else { Ok(()) };
            if let Err(complaint) = kept.and(told.map_err(Complaint::from)) {
                trouble.get_or_insert(complaint);
            }
            progress.failures(tallies.iter().map(|tally| tally.failures.len()).sum());
        };
        Pool::new(self.jobs.unwrap_or_else(args::cores), self.patience).drive(&mut next, &mut done)?;
        drop(progress);
        if let Some(complaint) = trouble {
            return Err(complaint);
        }
        tallies.iter_mut().for_each(|tally| tally.close(self.bug.is_some()));
        Ok(tallies)
    }
}

/// Writes a finding at once: it survives whatever happens to the campaign.
fn keep(outcome: &Outcome, folder: &Path) -> Result<(), Complaint> {
    let finding = Finding::new(outcome.clone(), Overrides::default());
    let cannot = |error| Complaint::Internal(format!("--findings {}: {error}", folder.display()));
    finding.save(folder).map(drop).map_err(cannot)
}
