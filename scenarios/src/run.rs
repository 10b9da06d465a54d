//! One story, one seed → one [`Outcome`].

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::chance::Witness;
use stormglass_sim::schedule::search::Run;
use stormglass_sim::{Config, Finding, FindingKind, Schedule, Seed, Sim, guard};

use crate::campaign::Unit;
use crate::outcome::{Covered, Fall, Outcome, Verdict};
use crate::stage::{Script, Stage};
use crate::story::Story;

/// Events after which a run that has not ended is a liveness violation: far above what any story needs.
pub(crate) const MAX_EVENTS: u64 = 50_000_000;

/// Stack of the thread a world runs on.
pub(crate) const STACK: usize = 8 << 20;

/// A run that is over: what it came to, and the trace if its unit asked for one.
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) trace: Option<Vec<u8>>,
}

/// Runs a unit on a thread of its own, so that no thread-local of the code under test survives into the next seed.
/// `witness` is told of its decisions.
pub(crate) fn on_fresh_thread(story: &Story, unit: &Unit, witness: Option<Witness>) -> Ran {
    let (story, unit) = (story.clone(), unit.clone());
    guard::on_fresh_thread(unit.seed, STACK, move || {
        perform(&story, &unit, |config| Sim::with(Seed(unit.seed), Config { witness, ..config }))
    })
}

/// Makes a run of a search, and gives it back with what it met.
pub(crate) fn explored(story: &Story, unit: &Unit, run: Run) -> (Outcome, Run) {
    let (story, unit) = (story.clone(), unit.clone());
    guard::on_fresh_thread(unit.seed, STACK, move || {
        let (strategy, followed) = run.follow();
        let ran = perform(&story, &unit, |config| Sim::scheduled(Seed(unit.seed), config, strategy));
        (ran.outcome, followed.run())
    })
}

fn perform(story: &Story, unit: &Unit, world: impl FnOnce(Config) -> Sim) -> Ran {
    let script = Rc::new(RefCell::new(Script::default()));
    let schedule = story.schedule(unit.schedule);
    let config = Config {
        schedule,
        overrides: unit.overrides.clone(),
        trace: unit.trace.is_some(),
        max_time: Some(story.time_limit()),
        ends_at: unit.until_ns.map(Duration::from_nanos),
        coverage: unit.coverage,
        // Where every order is searched, and replayed, not every draw of every place is.
        buggify: unit.schedule != Schedule::Asynchronous,
        max_events: Some(unit.max_events.unwrap_or(MAX_EVENTS)),
        ..Config::default()
    };
    let (seed, bug, shared) = (unit.seed, unit.bug.clone(), script.clone());
    let mut sim = world(config);
    let ran = sim.run(|world| story.tell(Stage::new(world, Seed(seed), bug, shared)));
    drop(sim);
    let script = std::mem::take(&mut *script.borrow_mut());

    let mut outcome = outcome(story.name(), unit.seed, unit.bug.clone(), &ran);
    outcome.schedule = schedule;
    // The world had gone on to its next event when it saw that its time was over.
    outcome.at_ns = outcome.at_ns.min(unit.until_ns.unwrap_or(u64::MAX));
    outcome.weather = script.weather;
    outcome.converged_ns = script.converged.map(nanos);
    for (event, times) in script.seen {
        *outcome.seen.entry(event).or_default() += times;
    }
    (outcome.verdict, outcome.fall, outcome.excuse) =
        settle(script.fall, script.excuse, &ran.findings, script.judges);
    Ran { outcome, trace: ran.trace }
}

/// What the world alone says of a run.
pub(crate) fn outcome<T>(
    story: &str,
    seed: u64,
    bug: Option<String>,
    ran: &stormglass_sim::Outcome<T>,
) -> Outcome {
    let (verdict, fall, _) = settle(None, None, &ran.findings, Vec::new());
    Outcome {
        story: story.into(),
        seed,
        bug,
        schedule: Schedule::default(),
        verdict,
        fall,
        excuse: None,
        at_ns: nanos(ran.now),
        digest: Some(ran.digest),
        events: ran.events,
        seen: ran.properties.iter().map(|(name, counts)| (name.clone(), counts.held)).collect(),
        weather: Vec::new(),
        converged_ns: None,
        file: None,
        covered: ran.coverage.as_ref().map(|steps| Covered { drawn: ran.drawn, steps: steps.clone() }),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

type Settled = (Verdict, Option<Fall>, Option<String>);

/// The gravest of what the world found, what the story said and what the judges say of the history.
///
/// A history is judged even when the run stalled: a wrong answer given before the stall is the better finding. An
/// excuse covers what did not happen, never what did.
fn settle(
    said: Option<(Verdict, Fall)>,
    excuse: Option<String>,
    findings: &[Finding],
    judges: Vec<crate::stage::Judge>,
) -> Settled {
    let mut falls: Vec<(Verdict, Fall)> = said.into_iter().collect();
    // A story that ends its run leaves one of these behind so that the world stops; its own words are better.
    let told = !falls.is_empty() || excuse.is_some();
    let echo = |kind| told && matches!(kind, FindingKind::Claim | FindingKind::Invariant);
    falls.extend(findings.iter().filter(|finding| !echo(finding.kind)).map(fall));
    if falls.iter().all(|(verdict, _)| *verdict < Verdict::Safety) {
        for judge in judges {
            match catch_unwind(AssertUnwindSafe(judge)) {
                Ok(None) => {}
                Ok(Some(fell)) => falls.push(fell),
                Err(panic) => {
                    let message = panic_message(&*panic);
                    falls.push((Verdict::Broken, Fall::new("harness", "the judge judges", message)));
                }
            }
        }
    }
    // The first of equals: later findings are often its consequences.
    let worst = falls.into_iter().reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
    match (worst, excuse) {
        (Some((verdict, _)), Some(excuse)) if verdict <= Verdict::Liveness => {
            (Verdict::Excused, None, Some(excuse))
        }
        (None, Some(excuse)) => (Verdict::Excused, None, Some(excuse)),
        (Some((verdict, fall)), _) => (verdict, Some(fall), None),
        (None, None) => (Verdict::Holds, None, None),
    }
}

fn fall(finding: &Finding) -> (Verdict, Fall) {
    let (verdict, oracle, claim) = match finding.kind {
        FindingKind::Panic => (Verdict::Safety, "panic", None),
        FindingKind::Always => (Verdict::Safety, "always", None),
        FindingKind::Invariant => (Verdict::Safety, "invariant", None),
        FindingKind::Claim => (Verdict::Safety, "claim", None),
        FindingKind::Deadlock => (Verdict::Liveness, "deadlock", Some("something can still happen")),
        FindingKind::Livelock => (Verdict::Liveness, "livelock", Some("every task yields")),
        FindingKind::Limit => (Verdict::Liveness, "limit", Some("the story ends")),
        FindingKind::Refused => (Verdict::Broken, "refused", Some("the code under test is deterministic")),
    };
    let message = finding.message.trim();
    // A property's message opens with its name: `name: detail`.
    let (head, detail) = message.split_once(": ").unwrap_or((message, message));
    let (said, place) = if oracle == "panic" { placed(message) } else { (head, None) };
    let claim = claim.map_or_else(|| first_line(said), str::to_owned);
    let witness = if oracle == "panic" || claim != head { message } else { detail };
    let mut fall = Fall::new(oracle, claim, witness);
    fall.node = finding.node.clone();
    fall.place = place.map(str::to_owned);
    (verdict, fall)
}

/// What a panic said, and where it was, as its message ends: `… (src/main.rs:3:5)`.
fn placed(message: &str) -> (&str, Option<&str>) {
    let split = message.strip_suffix(')').and_then(|message| message.rsplit_once(" ("));
    let is_place = |(_, place): &(&str, &str)| {
        let mut numbers = place.rsplitn(3, ':').take(2);
        place.matches(':').count() >= 2 && numbers.all(|number| number.parse::<u32>().is_ok())
    };
    split.filter(is_place).map_or((message, None), |(said, place)| (said, Some(place)))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

/// How often each event was seen, by name.
pub(crate) type Seen = BTreeMap<String, u64>;
