//! What a campaign came to, a line a story.

use std::collections::BTreeMap;
use std::time::Duration;

use owo_colors::OwoColorize;
use stormglass_sim::Schedule;

use super::span;
use crate::campaign::{CampaignResult, StoryTally};
use crate::outcome::Verdict;

/// The table at the end of a campaign: stories, runs, distinct failures, reproaches.
pub(crate) fn summary(result: &CampaignResult, took: Option<Duration>) -> String {
    let tallies = &result.stories[..];
    let width = tallies.iter().map(|tally| tally.story.len()).max().unwrap_or(0);
    let mut text = String::new();
    for tally in tallies {
        let shown = answer(tally);
        let shown = match tally.verdict() {
            _ if tally.is_untried() => shown.yellow().to_string(),
            Verdict::Holds => shown.green().to_string(),
            Verdict::Undecided => shown.yellow().to_string(),
            _ => shown.red().to_string(),
        };
        let runs = if tally.runs == 1 { "run " } else { "runs" };
        text.push_str(&format!(
            "{:width$}  {:>7} {runs}  {shown}{}\n",
            tally.story,
            tally.runs,
            extras(tally)
        ));
        for (replay, outcome) in &tally.again {
            let signature = outcome.signature().unwrap_or_default();
            text.push_str(&format!("  again: {signature}  ({replay})\n"));
        }
        for (signature, failure) in &tally.failures {
            let seeds: Vec<String> = failure.seeds.iter().take(5).map(u64::to_string).collect();
            let more = if failure.count > 5 { ", …" } else { "" };
            text.push_str(&format!(
                "  {} × {signature}  (seeds {}{more})\n",
                failure.count,
                seeds.join(", ")
            ));
        }
        for reproach in &tally.reproaches {
            text.push_str(&format!("  {reproach}\n"));
        }
    }
    text.push_str(&schedules(tallies));
    for stated in &result.unreached {
        text.push_str(&format!("no run came to: {stated}\n"));
    }
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    if tallies.iter().all(StoryTally::is_untried) {
        text.push_str("nothing was run, so nothing is known\n");
        return text;
    }
    let pace = took.map_or_else(String::new, |took| {
        let rate = runs as f64 / took.as_secs_f64().max(1e-9);
        format!(" in {}, {rate:.0} a second", span(took))
    });
    text.push_str(&format!("{runs} runs{pace}; {}\n", standing(tallies, took)));
    text
}

/// The verdict on a story: of one that had no run there is none.
pub(super) fn answer(tally: &StoryTally) -> String {
    if tally.is_untried() { "not run".to_owned() } else { tally.verdict().to_string() }
}

/// How far a campaign has come: virtual time, how much of it in a second, failures.
pub(crate) fn standing(tallies: &[StoryTally], took: Option<Duration>) -> String {
    let simulated = Duration::from_nanos(
        tallies.iter().fold(0, |sum: u64, tally| sum.saturating_add(tally.simulated_ns)),
    );
    let distinct: usize = tallies.iter().map(|tally| tally.told().count()).sum();
    let failures = if distinct == 1 { "failure" } else { "failures" };
    let pace = took.map_or_else(String::new, |took| {
        format!(" ({:.0} s a second)", simulated.as_secs_f64() / took.as_secs_f64().max(1e-9))
    });
    format!("{} simulated{pace}; {distinct} distinct {failures}", span(simulated))
}

/// What a schedule had, and what it found: a line each, where there are several.
fn schedules(tallies: &[StoryTally]) -> String {
    let shares = shares(tallies);
    if shares.len() < 2 {
        return String::new();
    }
    let mut text = String::new();
    for (schedule, Share { runs, found, alone, .. }) in &shares {
        let alone = if *alone > 0 { format!(", {alone} by it alone") } else { String::new() };
        let failures = if *found == 1 { "failure" } else { "failures" };
        text.push_str(&format!("  under {schedule:8}{runs:>8} runs  {found} distinct {failures}{alone}\n"));
    }
    text
}

/// What one schedule had of a campaign, and found.
#[derive(Default)]
pub(super) struct Share {
    pub(super) runs: u64,
    /// Runs that failed.
    pub(super) failed: u64,
    /// Distinct failures.
    pub(super) found: u64,
    /// Those that no other schedule found.
    pub(super) alone: u64,
}

/// The shares of a campaign's schedules.
pub(super) fn shares(tallies: &[StoryTally]) -> BTreeMap<Schedule, Share> {
    let mut shares: BTreeMap<Schedule, Share> = BTreeMap::new();
    for tally in tallies {
        for (schedule, runs) in &tally.schedules {
            shares.entry(*schedule).or_default().runs += runs;
        }
        for failure in tally.failures.values() {
            for (schedule, times) in &failure.schedules {
                let share = shares.entry(*schedule).or_default();
                share.failed += times;
                share.found += 1;
                share.alone += u64::from(failure.schedules.len() == 1);
            }
        }
    }
    shares
}

fn extras(tally: &StoryTally) -> String {
    let mut extras = String::new();
    if tally.excused > 0 {
        extras.push_str(&format!("  {} excused", tally.excused));
    }
    if tally.slowest_convergence_ns > 0 {
        let slowest = span(Duration::from_nanos(tally.slowest_convergence_ns));
        extras.push_str(&format!("  converged within {slowest}"));
    }
    extras
}
