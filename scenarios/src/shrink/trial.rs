//! Does it still fail the same way?

use stormglass_sim::chance::{Decision, Overrides};

use crate::campaign::{Pool, Unit};
use crate::cli::{Complaint, Workers};
use crate::outcome::{Outcome, Verdict};
use crate::run::MAX_EVENTS;

/// Events a candidate may have beyond what the failing run had, as a factor: what does not get on is not the same failure.
const LONGER: u64 = 4;

/// Where candidates are run.
pub(super) trait Runs {
    /// The first of so many candidates, in their order, that fails the same way. `None` as well when the budget is spent.
    fn first(
        &mut self,
        count: usize,
        candidate: &dyn Fn(usize) -> Overrides,
    ) -> Result<Option<usize>, Complaint>;

    /// One more run, with every decision it takes. It fails the same way, or the code under test is not deterministic.
    fn record(&mut self, overrides: &Overrides) -> Result<(Outcome, Vec<Decision>), Complaint>;

    /// Whether it fails the same way when it ends at this virtual time, in nanoseconds. If so, all later runs end then.
    fn end_at(&mut self, overrides: &Overrides, until_ns: u64) -> Result<bool, Complaint>;

    /// From now on a run that has more events than that is not the same failure; `None`: than it may have at all.
    fn limit(&mut self, events: Option<u64>);

    /// Keeps so many runs for later: until this is said again, none of them is left.
    fn reserve(&mut self, runs: u64);

    /// How many runs it took so far.
    fn spent(&self) -> u64;

    /// How many runs are left.
    fn left(&self) -> u64;

    /// Whether no run is left.
    fn is_spent(&self) -> bool {
        self.left() == 0
    }
}

/// How a run fails: what every smaller one must do as well.
#[derive(Clone)]
pub(crate) struct Failure {
    verdict: Verdict,
    signature: String,
}

impl Failure {
    /// An error when the run does not fail at all.
    pub(crate) fn of(outcome: &Outcome) -> Result<Failure, Complaint> {
        let verdict = outcome.verdict;
        match outcome.signature().filter(|_| verdict.is_failure()) {
            Some(signature) => Ok(Failure { verdict, signature }),
            None => Err(Complaint::usage(format!(
                "{}: {verdict}, there is nothing to explain or to make smaller",
                outcome.reference()
            ))),
        }
    }

    /// Of a run that was to have so many events at most. One that was cut off there may be judged to fail in the same way,
    /// and fail in another when it goes on.
    pub(super) fn is_of_whole(&self, outcome: &Outcome, most: Option<u64>) -> bool {
        let is_whole = outcome.verdict != Verdict::Safety || most.is_none_or(|most| outcome.events <= most);
        is_whole && self.is_of(outcome)
    }

    pub(crate) fn is_of(&self, outcome: &Outcome) -> bool {
        outcome.verdict == self.verdict && outcome.signature().as_deref() == Some(&self.signature)
    }
}

/// Runs candidates in worker processes and compares how they fail.
pub(super) struct Trial {
    unit: Unit,
    /// Events that a run may have.
    most: Option<u64>,
    failure: Failure,
    pool: Pool,
    jobs: usize,
    /// Runs that may still be spent.
    left: u64,
    /// Those of them that are kept for later.
    reserved: u64,
    spent: u64,
}

impl Trial {
    /// Runs the failure as it is. An error when it does not fail at all.
    pub(super) fn new(mut unit: Unit, workers: Workers, budget: u64) -> Result<Trial, Complaint> {
        let mut pool = workers.pool();
        let outcome = run(&mut pool, vec![unit.clone()])?.remove(0);
        let failure = Failure::of(&outcome)?;
        let most = at_most(&outcome);
        unit.max_events = most;
        Ok(Trial {
            unit,
            most,
            failure,
            pool,
            jobs: workers.count(),
            left: budget.saturating_sub(1),
            reserved: 0,
            spent: 1,
        })
    }

    fn unit(&self, overrides: &Overrides) -> Unit {
        Unit { overrides: overrides.clone(), ..self.unit.clone() }
    }

    fn fails(&self, outcome: &Outcome) -> bool {
        self.failure.is_of_whole(outcome, self.unit.max_events)
    }

    fn charge(&mut self, runs: usize) {
        self.spent += runs as u64;
        self.left = self.left.saturating_sub(runs as u64);
    }
}

impl Runs for Trial {
    /// Some run at once; which one is the first does not depend on how many, nor what it costs.
    fn first(
        &mut self,
        count: usize,
        candidate: &dyn Fn(usize) -> Overrides,
    ) -> Result<Option<usize>, Complaint> {
        let count = count.min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        for from in (0..count).step_by(self.jobs) {
            let some = from..count.min(from + self.jobs);
            let units = some.map(|nth| self.unit(&candidate(nth))).collect();
            let outcomes = run(&mut self.pool, units)?;
            let found = outcomes.iter().position(|outcome| self.fails(outcome));
            self.charge(found.map_or(outcomes.len(), |found| found + 1));
            if let Some(found) = found {
                return Ok(Some(from + found));
            }
        }
        Ok(None)
    }

    fn record(&mut self, overrides: &Overrides) -> Result<(Outcome, Vec<Decision>), Complaint> {
        let unit = self.unit(overrides);
        self.charge(1);
        let (outcome, decisions) = recorded(&mut self.pool, unit)?;
        if !self.failure.is_of(&outcome) {
            return Err(Complaint::Internal(format!(
                "{} did not fail twice in the same way; `determinism {}` will find out why",
                outcome.reference(),
                outcome.story
            )));
        }
        Ok((outcome, decisions))
    }

    fn end_at(&mut self, overrides: &Overrides, until_ns: u64) -> Result<bool, Complaint> {
        // What did not happen in time is no failure before that time.
        if self.is_spent() || self.failure.verdict != Verdict::Safety {
            return Ok(false);
        }
        let unit = Unit { until_ns: Some(until_ns), ..self.unit(overrides) };
        self.charge(1);
        let outcome = run(&mut self.pool, vec![unit])?.remove(0);
        let fails = self.fails(&outcome);
        if fails {
            self.unit.until_ns = Some(until_ns);
        }
        Ok(fails)
    }

    fn limit(&mut self, events: Option<u64>) {
        self.unit.max_events = events.or(self.most);
    }

    fn reserve(&mut self, runs: u64) {
        self.reserved = runs;
    }

    fn spent(&self) -> u64 {
        self.spent
    }

    fn left(&self) -> u64 {
        self.left.saturating_sub(self.reserved)
    }
}

/// Events that a run may have which shall be the same failure. A run that killed its process has no count of its own.
pub(crate) fn at_most(outcome: &Outcome) -> Option<u64> {
    let more = outcome.events.saturating_mul(LONGER).saturating_add(10_000);
    outcome.digest.map(|_| more.min(MAX_EVENTS))
}

/// One run, with every decision it takes, also when it kills its process.
pub(crate) fn recorded(pool: &mut Pool, unit: Unit) -> Result<(Outcome, Vec<Decision>), Complaint> {
    let file = tempfile(&unit);
    let outcome = run(pool, vec![Unit { decisions: Some(file.clone()), ..unit }])?.remove(0);
    let text = std::fs::read(&file);
    _ = std::fs::remove_file(&file);
    let text = text.unwrap_or_default();
    // A process that died in the midst of a line has not taken that decision.
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let decisions = lines.map(serde_json::from_slice).collect::<Result<_, _>>()?;
    Ok((outcome, decisions))
}

/// Runs them all; the outcomes are in the order of the units.
pub(crate) fn run(pool: &mut Pool, units: Vec<Unit>) -> Result<Vec<Outcome>, Complaint> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; units.len()];
    let mut units = units.into_iter().enumerate().map(|(tag, unit)| Unit { tag, ..unit });
    pool.drive(&mut || units.next(), &mut |unit, outcome| outcomes[unit.tag] = Some(outcome))?;
    outcomes
        .into_iter()
        .collect::<Option<Vec<Outcome>>>()
        .ok_or_else(|| Complaint::Internal("a worker gave no answer".into()))
}

/// Where a worker writes its decisions.
fn tempfile(unit: &Unit) -> std::path::PathBuf {
    let name =
        format!("stormglass-{}-{}-{}.json", std::process::id(), unit.story.replace('/', "."), unit.seed);
    std::env::temp_dir().join(name)
}
