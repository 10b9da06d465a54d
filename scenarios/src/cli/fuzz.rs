//! `stormglass fuzz`: a campaign.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stormglass_sim::Seed;

use super::args::{self, Shard};
use super::corpus::Corpus;
use super::machine::Workers;
use super::output::{note, say};
use super::progress::Progress;
use super::publish::Publish;
use super::{Answer, Complaint, select};
use crate::campaign::{
    CampaignResult, FILES, Finding, Guide, Journal, Plan, Pool, Schedules, StoryTally, Unit,
};
use crate::outcome::Outcome;
use crate::report;
use crate::story::Story;

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
    /// Plant a known bug
    #[arg(long)]
    bug: Option<String>,
    /// Who is next: a schedule for all seeds; `portfolio`, a share of them for each; or `guided`, pct1 to pct3 with new
    /// futures for runs that covered something new
    #[arg(long, value_name = "NAME", default_value = "portfolio")]
    schedule: Schedules,
    /// Run the Ith of N parts of the campaign; without it, what a job array's environment says (STORMGLASS_SHARD,
    /// CI_NODE_INDEX, SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX with STORMGLASS_SHARDS). Needs --from, so that the parts
    /// belong together
    #[arg(long, value_name = "I/N", value_parser = args::shard)]
    shard: Option<Shard>,
    /// Where findings are written, and the state of the campaign while it runs
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,
    /// Go on with the campaign that was interrupted, as --findings knows it; its own command line with --from does so, too
    #[arg(long, conflicts_with_all = ["stories", "seeds", "time", "from", "bug", "schedule", "shard", "corpus"])]
    resume: bool,
    /// Findings to run again before anything else: seeds that once failed
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    #[command(flatten)]
    publish: Publish,
    #[command(flatten)]
    workers: Workers,
}

impl Fuzz {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let (mut journal, goes_on) = self.journal(stories)?;
        let corpus = self.corpus(stories, &journal)?;
        let _own = Journal::own(&self.findings)?;
        if !goes_on {
            Journal::is_nobodys(&self.findings)?;
        }
        // From here on there is something to go on with.
        journal.save(&self.findings).map_err(|error| self.cannot_write(&error))?;
        let mut pool = self.workers.pool();
        let ended = self.all(&mut journal, corpus.as_ref(), &mut pool);
        if ended.is_err() && journal.done() == 0 {
            Journal::remove(&self.findings)?;
        }
        ended?;
        let took = journal.elapsed();
        let result = CampaignResult::new(journal.plan, journal.tallies).with_unreached(stories);
        say(&report::summary(&result, Some(took)))?;
        if result.stories.iter().any(|tally| tally.told().next().is_some()) {
            let more = result.stories.iter().flat_map(|tally| tally.failures.values());
            let more = more.map(|failure| failure.count.saturating_sub(FILES as u64)).sum::<u64>();
            let rest = if more > 0 {
                format!(", the {FILES} lowest seeds of each failure; counted besides: {more}")
            } else {
                String::new()
            };
            say(&format!("findings are in {}{rest}", self.findings.join("").display()))?;
        }
        self.publish.publish(&result)?;
        // Last: who is killed before goes on to tell it again.
        Journal::remove(&self.findings)?;
        Ok(result.verdict.exit_code())
    }

    /// The campaign, and whether it was begun before: by --resume, or because this is what was interrupted, as a job that is
    /// requeued says it.
    fn journal(&self, stories: &[Story]) -> Result<(Journal, bool), Complaint> {
        if !self.resume {
            let new = self.begin(stories)?;
            let is_it = |there: &Journal| there.plan == new.plan && !there.is_of_another_program();
            if self.from.is_none() || !Journal::load(&self.findings).is_ok_and(|there| is_it(&there)) {
                return Ok((new, false));
            }
        }
        Ok((self.interrupted(stories)?, true))
    }

    /// What the campaign runs again before anything else.
    fn corpus(&self, stories: &[Story], journal: &Journal) -> Result<Option<Corpus>, Complaint> {
        let Some(folder) = &journal.corpus else { return Ok(None) };
        let chosen = select::stories(stories, &journal.plan.stories)?;
        Corpus::read(folder, stories, &chosen, journal.plan.shard.unwrap_or(Shard::WHOLE)).map(Some)
    }

    /// What once failed, then the campaign's own runs.
    fn all(&self, journal: &mut Journal, corpus: Option<&Corpus>, pool: &mut Pool) -> Result<(), Complaint> {
        if let Some(corpus) = corpus {
            corpus.run(pool, &mut |finding, outcome| self.again(&mut journal.tallies, finding, outcome))?;
            journal.corpus = None;
        }
        self.campaign(journal, pool)
    }

    /// A new campaign.
    fn begin(&self, stories: &[Story]) -> Result<Journal, Complaint> {
        let chosen = select::stories(stories, &self.stories)?;
        let chosen = select::with_bug(stories, chosen, self.bug.as_deref())?;
        let shard = match self.shard {
            Some(shard) => Some(shard),
            None => match Shard::of_environment(|name| std::env::var(name).ok()).map_err(Complaint::Usage)? {
                None => None,
                Some((shard, variable)) => {
                    say(&format!("part {shard} of the campaign, says {variable}"))?;
                    Some(shard)
                }
            },
        };
        if shard.is_some_and(|shard| shard.of > 1) && self.from.is_none() {
            return Err(Complaint::usage(
                "a part of a campaign needs --from N, the same for all of them: without it each would draw seeds of its own",
            ));
        }
        let from = self.from.unwrap_or_else(|| Seed::fresh().0);
        if self.from.is_none() {
            say(&format!("seeds from {from}"))?;
        }
        let plan = Plan {
            stormglass: env!("CARGO_PKG_VERSION").into(),
            stories: chosen.iter().map(|story| story.name().to_owned()).collect(),
            from,
            seeds: self.seeds.or(if self.time.is_some() { None } else { Some(SEEDS) }),
            time_ms: self.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            shard,
            bug: self.bug.clone(),
            schedule: self.schedule,
        };
        let mut journal = Journal::new(plan, chosen.iter().map(|story| StoryTally::new(story)).collect());
        journal.corpus.clone_from(&self.corpus);
        Ok(journal)
    }

    /// The campaign that was interrupted.
    fn interrupted(&self, stories: &[Story]) -> Result<Journal, Complaint> {
        let journal = Journal::load(&self.findings)?;
        for story in &journal.plan.stories {
            select::story(stories, story)?;
        }
        say(&format!("goes on after {} runs", journal.done()))?;
        if journal.is_of_another_program() {
            note(
                "this program was built anew since the campaign began: where its code has changed, seeds mean other runs, \
                 and what was found before may not replay",
            );
        }
        Ok(journal)
    }

    fn campaign(&self, journal: &mut Journal, pool: &mut Pool) -> Result<(), Complaint> {
        let plan = journal.plan.clone();
        let progress = Progress::new(plan.total());
        progress.skip(journal.done());
        progress.hint("  (Ctrl-C loses nothing: --resume goes on)");
        let (journal, guide) =
            (std::cell::RefCell::new(journal), std::cell::RefCell::new(Guide::new(plan.schedule)));
        let mut order = (journal.borrow().below()..).filter(|n| !journal.borrow().is_done(*n));
        let trouble = std::cell::RefCell::new(None);
        let mut next = || {
            if trouble.borrow().is_some()
                || plan.time_ms.is_some_and(|time| journal.borrow().elapsed().as_millis() >= u128::from(time))
            {
                return None;
            }
            let n = order.next()?;
            let (story, seed) = plan.run(n)?;
            let unit = Unit::new(&plan.stories[story], seed, plan.bug.as_deref());
            let unit = guide.borrow_mut().unit(unit.under(plan.schedule.of(seed)));
            Some(Unit { tag: usize::try_from(n).ok()?, ..unit })
        };
        let mut done = |unit: &Unit, mut outcome: Outcome| {
            // The state on disk knows neither the run that could not be told nor those after it: they are made again.
            if trouble.borrow().is_some() {
                return;
            }
            guide.borrow_mut().learn(unit, &mut outcome);
            let journal = &mut **journal.borrow_mut();
            let told = progress.aside(|| self.told(&mut journal.tallies, unit, outcome)).and_then(|()| {
                journal.finish(unit.tag as u64);
                journal.save_now_and_then(&self.findings).map_err(|error| self.cannot_write(&error))
            });
            if let Err(complaint) = told {
                *trouble.borrow_mut() = Some(complaint);
                return;
            }
            progress.step_and(|| report::standing(&journal.tallies, Some(journal.elapsed())));
        };
        pool.drive(&mut next, &mut done)?;
        drop(progress);
        trouble.into_inner().map_or(Ok(()), Err)
    }

    /// Counts an outcome; a failure becomes a file at once, unless there are enough of its signature, and is told when it is
    /// a new one.
    fn told(&self, tallies: &mut [StoryTally], unit: &Unit, mut outcome: Outcome) -> Result<(), Complaint> {
        let Some(tally) = tallies.iter_mut().find(|tally| tally.story == outcome.story) else {
            return Ok(());
        };
        let finding = outcome.fall.is_some().then(|| Finding::new(outcome.clone(), unit.overrides.clone()));
        if let Some(finding) = finding.as_ref().filter(|finding| !finding.overrides.is_empty()) {
            outcome.file = Some(self.findings.join(finding.file_name()).display().to_string());
        }
        let counted = tally.count(&outcome);
        if let Some(finding) = finding.filter(|_| counted.is_worth_a_file) {
            self.save(&finding)?;
        }
        if counted.is_new {
            say(&report::failure(&outcome, &outcome.reference()))?;
        }
        Ok(())
    }

    /// A run of the corpus: when it fails again it is told and kept, and counted in no tally of runs.
    fn again(&self, tallies: &mut [StoryTally], once: &Finding, outcome: Outcome) -> Result<(), Complaint> {
        if outcome.fall.is_none() {
            return Ok(());
        }
        let now = Finding {
            summary: once.summary.clone(),
            until_ns: once.until_ns,
            ..Finding::new(outcome.clone(), once.overrides.clone())
        };
        let path = self.save(&now)?;
        let replay = if once.overrides.is_empty() && once.until_ns.is_none() {
            outcome.reference()
        } else {
            path.display().to_string()
        };
        say(&report::failure(&outcome, &replay))?;
        if let Some(tally) = tallies.iter_mut().find(|tally| tally.story == outcome.story) {
            tally.again.insert(replay, outcome);
        }
        Ok(())
    }

    fn save(&self, finding: &Finding) -> Result<PathBuf, Complaint> {
        finding.save(&self.findings).map_err(|error| self.cannot_write(&error))
    }

    fn cannot_write(&self, error: &std::io::Error) -> Complaint {
        Complaint::Internal(format!("--findings {}: {error}", Path::new(&self.findings).display()))
    }
}
