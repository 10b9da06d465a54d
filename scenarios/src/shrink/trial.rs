//! Does it still fail the same way?

use std::time::Duration;

use stormglass_sim::chance::{Decision, Overrides};

use crate::campaign::{Pool, Unit};
use crate::cli::Complaint;
use crate::outcome::{Outcome, Verdict};

/// Events a candidate may have beyond what the failing run had, as a factor: what does not get on is not the same failure.
const LONGER: u64 = 4;

/// Runs candidates in worker processes and compares how they fail.
pub(super) struct Trial {
    unit: Unit,
    verdict: Verdict,
    signature: String,
    pool: Pool,
    jobs: usize,
    /// Runs that may still be spent.
    left: u64,
    pub(super) spent: u64,
}

impl Trial {
    /// Runs the failure as it is. An error when it does not fail at all.
    pub(super) fn new(
        unit: Unit,
        jobs: usize,
        patience: Duration,
        budget: u64,
    ) -> Result<(Trial, Outcome), Complaint> {
        let pool = Pool::new(jobs, patience);
        let mut trial = Trial {
            unit,
            verdict: Verdict::Holds,
            signature: String::new(),
            pool,
            jobs,
            left: budget,
            spent: 0,
        };
        let unit = trial.unit.clone();
        let outcome = trial.run(vec![unit])?.remove(0);
        let Some(signature) = outcome.signature().filter(|_| outcome.verdict.is_failure()) else {
            return Err(Complaint::usage(format!(
                "{}: {}, there is nothing to make smaller",
                outcome.reference(),
                outcome.verdict
            )));
        };
        (trial.verdict, trial.signature) = (outcome.verdict, signature);
        // A run that killed its process has no count of events.
        if outcome.digest.is_some() {
            trial.unit.max_events = Some(outcome.events.saturating_mul(LONGER).saturating_add(10_000));
        }
        Ok((trial, outcome))
    }

    /// The first of the candidates, in their order, that fails the same way. `None` as well when the budget is spent.
    ///
    /// Some run at once; which one is the first does not depend on how many.
    pub(super) fn first(&mut self, candidates: &[Overrides]) -> Result<Option<usize>, Complaint> {
        for (batch, some) in candidates.chunks(self.jobs).enumerate() {
            if self.left == 0 {
                return Ok(None);
            }
            let units = some.iter().map(|overrides| self.unit(overrides)).collect();
            let outcomes = self.run(units)?;
            if let Some(found) = outcomes.iter().position(|outcome| self.same(outcome)) {
                return Ok(Some(batch * self.jobs + found));
            }
        }
        Ok(None)
    }

    /// One more run, with every decision it takes. It fails the same way, or the code under test is not deterministic.
    pub(super) fn record(&mut self, overrides: &Overrides) -> Result<(Outcome, Vec<Decision>), Complaint> {
        let file = tempfile(&self.unit);
        let unit = Unit { decisions: Some(file.clone()), ..self.unit(overrides) };
        let outcome = self.run(vec![unit])?.remove(0);
        let text = std::fs::read(&file);
        _ = std::fs::remove_file(&file);
        if !self.same(&outcome) {
            return Err(Complaint::Internal(format!(
                "{} did not fail twice in the same way; `determinism {}` will find out why",
                outcome.reference(),
                outcome.story
            )));
        }
        // A process that died wrote nothing.
        let decisions = match text {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(_) => Vec::new(),
        };
        Ok((outcome, decisions))
    }

    /// Whether no run is left.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }

    fn unit(&self, overrides: &Overrides) -> Unit {
        Unit { overrides: overrides.clone(), ..self.unit.clone() }
    }

    fn same(&self, outcome: &Outcome) -> bool {
        outcome.verdict == self.verdict && outcome.signature().as_deref() == Some(&self.signature)
    }

    fn run(&mut self, units: Vec<Unit>) -> Result<Vec<Outcome>, Complaint> {
        let count = units.len();
        self.spent += count as u64;
        self.left = self.left.saturating_sub(count as u64);
        let mut outcomes: Vec<Option<Outcome>> = vec![None; count];
        let mut units = units.into_iter().enumerate().map(|(tag, unit)| Unit { tag, ..unit });
        self.pool.drive(&mut || units.next(), &mut |unit, outcome| outcomes[unit.tag] = Some(outcome))?;
        outcomes
            .into_iter()
            .collect::<Option<Vec<Outcome>>>()
            .ok_or_else(|| Complaint::Internal("a worker gave no answer".into()))
    }
}

/// Where a worker writes its decisions.
fn tempfile(unit: &Unit) -> std::path::PathBuf {
    let name =
        format!("stormglass-{}-{}-{}.json", std::process::id(), unit.story.replace('/', "."), unit.seed);
    std::env::temp_dir().join(name)
}
