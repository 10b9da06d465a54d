//! What a campaign has seen so far, a story at a time: counts, distinct failures, the events that never happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stormglass_sim::Schedule;

use crate::outcome::{Outcome, Verdict};
use crate::story::Story;

/// Seeds named for one failure; the others are counted.
const SEEDS_KEPT: usize = 20;

/// Distinct failures that are kept of a story in each part of a campaign: of signatures that differ from run to run there
/// is no end.
const DISTINCT: usize = 1000;

/// Runs of one failure that become files, those with the lowest seeds: more would say the same.
pub(crate) const FILES: usize = 3;

/// Excused runs above this many in a hundred are a fault of the story.
const EXCUSED_PERCENT: u64 = 2;

/// Runs below which a share of excused ones says nothing.
const EXCUSED_FROM: u64 = 100;

/// The sum over the runs of one story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoryTally {
    pub(crate) story: String,
    pub(crate) runs: u64,
    pub(crate) holds: u64,
    pub(crate) safety_violated: u64,
    pub(crate) liveness_violated: u64,
    pub(crate) undecided: u64,
    pub(crate) excused: u64,
    pub(crate) broken: u64,
    pub(crate) events: u64,
    /// Virtual time of all runs, in nanoseconds.
    #[serde(default)]
    pub(crate) simulated_ns: u64,
    /// How many of the runs were under which schedule.
    pub(crate) schedules: BTreeMap<Schedule, u64>,
    /// Slowest convergence after the storm, in virtual nanoseconds.
    pub(crate) slowest_convergence_ns: u64,
    /// How often each event was seen; those the story declares stand here even at 0.
    pub(crate) seen: BTreeMap<String, u64>,
    /// Distinct failures by signature.
    pub(crate) failures: BTreeMap<String, Failure>,
    /// Runs with failures beyond those: they are counted, and told of no further.
    #[serde(default)]
    pub(crate) further: u64,
    /// What once failed and still does, by what replays it. These are no runs of the campaign, and count in nothing above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) again: BTreeMap<String, Outcome>,
    /// Why this story's campaign is no pass although no run failed.
    pub(crate) reproaches: Vec<String>,
    /// Events that the story declares.
    pub(crate) expected: Vec<String>,
    /// After how many runs it is a fault not to have seen them.
    pub(crate) enough: u64,
}

/// One distinct failure: every run with the same signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) count: u64,
    /// How many of them under which schedule.
    pub(crate) schedules: BTreeMap<Schedule, u64>,
    /// The lowest seeds that failed so.
    pub(crate) seeds: Vec<u64>,
    /// The run with the lowest seed.
    pub(crate) first: Outcome,
}

/// What counting a run has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Its failure is one not seen before.
    pub(crate) is_new: bool,
    /// Its failure has not enough files yet.
    pub(crate) is_worth_a_file: bool,
}

/// A distinct failure, for a report.
pub(crate) struct Told<'a> {
    /// The run that speaks for it.
    pub(crate) outcome: &'a Outcome,
    /// What `replay` takes.
    pub(crate) replay: String,
    /// How often it happened.
    pub(crate) times: String,
}

impl Told<'_> {
    pub(crate) fn signature(&self) -> String {
        self.outcome.signature().unwrap_or_default()
    }
}

impl Failure {
    fn merge(&mut self, other: &Failure) {
        self.count += other.count;
        add(&mut self.schedules, &other.schedules);
        self.seeds.extend(&other.seeds);
        self.seeds.sort_unstable();
        self.seeds.truncate(SEEDS_KEPT);
        if other.first.seed < self.first.seed {
            self.first = other.first.clone();
        }
    }
}

impl StoryTally {
    pub(crate) fn new(story: &Story) -> StoryTally {
        StoryTally {
            story: story.name().into(),
            runs: 0,
            holds: 0,
            safety_violated: 0,
            liveness_violated: 0,
            undecided: 0,
            excused: 0,
            broken: 0,
            events: 0,
            simulated_ns: 0,
            schedules: BTreeMap::new(),
            slowest_convergence_ns: 0,
            seen: story.expected().iter().map(|event| ((*event).to_owned(), 0)).collect(),
            failures: BTreeMap::new(),
            further: 0,
            again: BTreeMap::new(),
            reproaches: Vec::new(),
            expected: story.expected().iter().map(|event| (*event).to_owned()).collect(),
            enough: story.enough_seeds(),
        }
    }

    /// Adds what another part of the same campaign saw of the same story.
    pub(crate) fn merge(&mut self, other: &StoryTally) {
        for (mine, more) in [
            (&mut self.runs, other.runs),
            (&mut self.holds, other.holds),
            (&mut self.safety_violated, other.safety_violated),
            (&mut self.liveness_violated, other.liveness_violated),
            (&mut self.undecided, other.undecided),
            (&mut self.excused, other.excused),
            (&mut self.broken, other.broken),
            (&mut self.further, other.further),
            (&mut self.events, other.events),
        ] {
            *mine += more;
        }
        self.simulated_ns = self.simulated_ns.saturating_add(other.simulated_ns);
        self.slowest_convergence_ns = self.slowest_convergence_ns.max(other.slowest_convergence_ns);
        add(&mut self.seen, &other.seen);
        add(&mut self.schedules, &other.schedules);
        for (signature, more) in &other.failures {
            match self.failures.get_mut(signature) {
                Some(failure) => failure.merge(more),
                None => drop(self.failures.insert(signature.clone(), more.clone())),
            }
        }
        self.again.extend(other.again.clone());
    }

    /// Every distinct failure, those of the corpus first.
    pub(crate) fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let again = self.again.iter().map(|(replay, outcome)| Told {
            outcome,
            replay: replay.clone(),
            times: "it once failed, and does again".into(),
        });
        let failures = self.failures.values().map(|Failure { count, first, .. }| Told {
            outcome: first,
            replay: first.reference(),
            times: format!("{count} of its runs"),
        });
        again.chain(failures)
    }

    /// Counts a run.
    pub(crate) fn count(&mut self, outcome: &Outcome) -> Counted {
        self.runs += 1;
        self.events += outcome.events;
        self.simulated_ns = self.simulated_ns.saturating_add(outcome.at_ns);
        self.slowest_convergence_ns = self.slowest_convergence_ns.max(outcome.converged_ns.unwrap_or(0));
        add(&mut self.seen, &outcome.seen);
        let schedule = BTreeMap::from([(outcome.schedule, 1)]);
        add(&mut self.schedules, &schedule);
        *match outcome.verdict {
            Verdict::Holds => &mut self.holds,
            Verdict::Excused => &mut self.excused,
            Verdict::Undecided => &mut self.undecided,
            Verdict::Liveness => &mut self.liveness_violated,
            Verdict::Safety => &mut self.safety_violated,
            Verdict::Broken => &mut self.broken,
        } += 1;
        let Some(signature) = outcome.signature() else { return Counted::default() };
        if self.failures.len() >= DISTINCT && !self.failures.contains_key(&signature) {
            self.further += 1;
            return Counted::default();
        }
        let mut is_new = false;
        let failure = self.failures.entry(signature).or_insert_with(|| {
            is_new = true;
            Failure { count: 0, schedules: BTreeMap::new(), seeds: Vec::new(), first: outcome.clone() }
        });
        let (seeds, first) = (vec![outcome.seed], outcome.clone());
        failure.merge(&Failure { count: 1, schedules: schedule, seeds, first });
        // Seeds come nearly in their order, so few files are written that a lower seed makes superfluous; none is removed.
        // A seed that is varied comes more than once.
        let is_worth_a_file = failure.seeds.iter().filter(|seed| **seed <= outcome.seed).count() <= FILES;
        Counted { is_new, is_worth_a_file }
    }

    /// Whether nothing is known of it.
    pub(crate) fn is_untried(&self) -> bool {
        self.runs == 0 && self.again.is_empty()
    }

    /// Ends the count: says what makes a campaign without failures no pass.
    pub(crate) fn close(&mut self, bug_planted: bool) {
        self.reproaches.clear();
        if self.further > 0 {
            self.reproaches.push(format!(
                "{} more runs failed in other ways than the first {DISTINCT}: their claims may name what differs in each run",
                self.further
            ));
        }
        if bug_planted {
            return;
        }
        if self.runs > 0 && self.excused == self.runs {
            self.reproaches.push(format!("all {} runs were excused: nothing is known", self.runs));
        } else if self.runs >= EXCUSED_FROM && self.excused * 100 > self.runs * EXCUSED_PERCENT {
            let share = format!("{} of {} runs were excused", self.excused, self.runs);
            self.reproaches.push(format!(
                "{share}, more than {EXCUSED_PERCENT} %: the story's weather destroys too much"
            ));
        }
        if self.runs >= self.enough {
            for event in &self.expected {
                if self.seen.get(event).is_none_or(|times| *times == 0) {
                    self.reproaches.push(format!("never seen in {} runs: {event}", self.runs));
                }
            }
        }
    }

    /// The worst answer of its runs; a reproach makes a clean campaign undecided.
    pub(crate) fn verdict(&self) -> Verdict {
        let counts = [
            (self.broken, Verdict::Broken),
            (self.safety_violated, Verdict::Safety),
            (self.liveness_violated, Verdict::Liveness),
            (self.undecided + self.reproaches.len() as u64, Verdict::Undecided),
        ];
        let runs = counts.into_iter().find(|(count, _)| *count > 0).map(|(_, verdict)| verdict);
        runs.into_iter()
            .chain(self.again.values().map(|outcome| outcome.verdict))
            .max()
            .unwrap_or(Verdict::Holds)
    }
}

fn add<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, times) in more {
        *mine.entry(key.clone()).or_default() += times;
    }
}

#[cfg(test)]
mod tests;
