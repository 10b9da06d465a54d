//! `stormglass demo`: the main job, shown.

use clap::Args;
use owo_colors::OwoColorize;

use super::machine::Limits;
use super::output::say;
use super::progress::Progress;
use super::run::one;
use super::{Answer, Complaint, args, select};
use crate::campaign::Unit;
use crate::outcome::{Outcome, Verdict};
use crate::report;
use crate::story::Story;
use crate::wall::Stopwatch;

const STORY: &str = "kv/two_lock_holders";
const BUG: &str = "maybe-takes-lock";

const SCENE: &str = "\
Three clients share a lock. It is one key on a server: whoever puts their name into it holds it. Between them and
the server is a network that loses, doubles, delays and cuts, in another way for every seed.";

const PLANTED: &str = "\
Now one wrong belief is planted in the clients: a put that ended as \"maybe\" has surely taken the lock. (A clerk says
maybe when it had to send twice and the second message was refused: the first may have gone through, or not.)";

const EXPLAINED: &str = "\
The first message was lost and another client took the lock before the second arrived, so the refusal meant no. It
takes a loss, a rival and the right moment, which is why most seeds do not show it, and why this one always will.";

#[derive(Args)]
pub(crate) struct Demo {
    /// Seeds tried before and after the bug is planted
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

impl Demo {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let story = select::story(stories, STORY)?;
        say(&format!("{}\n{}.\n\n{SCENE}", story.name().bold(), story.claim()))?;
        let clock = Stopwatch::start();
        let (runs, events, failure) = self.hunt(None)?;
        if let Some(failure) = failure {
            say(&report::failure(&failure, &failure.reference()))?;
            return Ok(failure.verdict.exit_code());
        }
        let (took, holds) = (report::span(clock.elapsed()), "holds".green());
        say(&format!("\n{runs} seeds, {events} events, {took}: the claim {holds}.\n\n{PLANTED}"))?;

        let clock = Stopwatch::start();
        let (runs, _, failure) = self.hunt(Some(BUG))?;
        let took = report::span(clock.elapsed());
        let Some(failure) = failure else {
            let advice = "give it more with --seeds";
            return Err(Complaint::usage(format!("the planted bug did not show in {runs} seeds; {advice}")));
        };
        say(&format!("\n{}", report::failure(&failure, &failure.reference())))?;
        let again = one(Unit::new(STORY, failure.seed, Some(BUG)), Limits::default())?;
        if again != failure {
            return Err(Complaint::Internal(format!("{} differed when it ran again", failure.reference())));
        }
        let digest = failure.digest.unwrap_or_default();
        say(&format!(
            "\nSeed {} shows it, found in {took}. Run again in another process, it ends after the same {} events with the\n\
             same digest, {digest:#018x}, and so will the command above.\n\n{EXPLAINED}\n",
            failure.seed, failure.events
        ))?;
        let next = [("what else is claimed", "list"), ("every bug there is, and who catches it", "bugs kv")];
        let next: Vec<String> =
            next.map(|(what, arguments)| format!("  {what}:  {}", report::command(arguments))).into();
        say(&format!("\n{}", next.join("\n")))?;
        Ok(0)
    }

    /// Tries seeds from 0 upwards, to the end or to the first that fails.
    fn hunt(&self, bug: Option<&str>) -> Result<(u64, u64, Option<Outcome>), Complaint> {
        let progress = Progress::new(Some(self.seeds));
        let failure = std::cell::RefCell::<Option<Outcome>>::default();
        let (mut given, mut runs, mut events) = (0, 0, 0);
        let mut next = || {
            let more = given < self.seeds && failure.borrow().is_none();
            given += u64::from(more);
            more.then(|| Unit::new(STORY, given - 1, bug))
        };
        let mut done = |_: &Unit, outcome: Outcome| {
            progress.step();
            runs += 1;
            events += outcome.events;
            let mut failure = failure.borrow_mut();
            let first = failure.as_ref().is_none_or(|failure| outcome.seed < failure.seed);
            if outcome.verdict > Verdict::Excused && first {
                *failure = Some(outcome);
            }
        };
        Limits::default().pool(args::cores()).drive(&mut next, &mut done)?;
        Ok((runs, events, failure.into_inner()))
    }
}
