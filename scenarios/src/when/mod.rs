//! When did it go wrong? The run is replayed up to a moment and what follows is drawn anew, many times: how likely is the
//! failure from there? Where the answer rises most, something was decided that mattered.
//!
//! A moment is a number of decisions kept ([`Redraw`]), so the rise can be followed down to a single one. The futures of
//! every moment have the same numbers, so that two moments differ by what was decided between them and by little else.

mod plot;
mod words;

use serde::Serialize;
use stormglass_sim::chance::{Decision, Redraw};

pub(crate) use plot::plot;
use words::Trace;

use crate::campaign::{Pool, Unit};
use crate::cli::{Complaint, Workers};
use crate::outcome::Outcome;
use crate::shrink::{Failure, at_most, recorded, run};

/// How closely to look.
pub(crate) struct Effort {
    pub(crate) workers: Workers,
    /// Moments between the start of the run and its end.
    pub(crate) moments: u64,
    /// Futures of each.
    pub(crate) futures: u64,
}

/// How likely the failure is from one moment on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Moment {
    /// Virtual time.
    pub(crate) at_ns: u64,
    /// Decisions taken until then.
    pub(crate) kept: u64,
    /// Futures that were drawn.
    pub(crate) futures: u64,
    /// How many of them failed in the same way.
    pub(crate) failed: u64,
}

impl Moment {
    pub(crate) fn probability(self) -> f64 {
        self.failed as f64 / self.futures.max(1) as f64
    }
}

/// The decision after which the failure was most of all more likely than before.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) before: Moment,
    pub(crate) after: Moment,
    pub(crate) decision: Decision,
    /// What was decided.
    pub(crate) sentence: String,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct When {
    pub(crate) curve: Vec<Moment>,
    /// The two moments of the curve between which it rises most.
    pub(crate) steepest: [Moment; 2],
    /// Nothing where no single decision stands out: it was certain from the start, or came by degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<Step>,
    /// Runs it took.
    pub(crate) runs: u64,
    #[serde(skip)]
    pub(crate) outcome: Outcome,
}

/// Replays and redraws the failing run of `unit`; `told` hears how many runs are done.
///
/// # Errors
/// When the run does not fail, decides nothing, or a worker cannot be had.
pub(crate) fn when(unit: Unit, effort: &Effort, told: &mut dyn FnMut(u64)) -> Result<When, Complaint> {
    let mut pool = effort.workers.pool();
    let trace = std::env::temp_dir().join(format!("stormglass-when-{}.jsonl", std::process::id()));
    let unit = to_its_end(&mut pool, unit)?;
    let whole = Unit { trace: Some(trace.clone()), ..unit.clone() };
    let (outcome, decisions) = recorded(&mut pool, whole)?;
    let lines = std::fs::read_to_string(&trace).unwrap_or_default();
    _ = std::fs::remove_file(&trace);
    let failure = Failure::of(&outcome)?;
    if decisions.is_empty() || outcome.digest.is_none() {
        return Err(Complaint::usage(format!(
            "{}: it decided nothing, or its process did not survive, so nothing is known of when it did",
            outcome.reference()
        )));
    }
    let trace = Trace::read(&lines);
    let unit = Unit { max_events: at_most(&outcome), ..unit };
    let times = times(&decisions, &trace);
    let mut look = Look { pool, unit, failure, times, runs: 1, told };

    let curve = look.at(&grid(&look.times, outcome.at_ns, effort.moments), effort.futures)?;
    let steepest = curve.windows(2).max_by(|a, b| rise(a).total_cmp(&rise(b)));
    let steepest = steepest.map_or([curve[0]; 2], |pair| [pair[0], pair[1]]);
    let [mut low, mut high] = steepest;
    // Closer, and with more futures: what was a draw of luck between two of them is not between the next.
    if high.kept > low.kept + 1 {
        let ends = look.at(&[low.kept, high.kept], 2 * effort.futures)?;
        (low, high) = (ends[0], ends[1]);
    }
    while high.kept > low.kept + 1 {
        let middle = look.at(&[low.kept + (high.kept - low.kept) / 2], low.futures)?[0];
        // Of two equal halves the later one: what was decided first had not yet done it.
        if rise(&[low, middle]) > rise(&[middle, high]) { high = middle } else { low = middle }
    }
    let decision = decisions[usize::try_from(low.kept).unwrap_or(0).min(decisions.len() - 1)].clone();
    let sentence = words::sentence(&decision, &decisions, &trace);
    let step = (high.failed > low.failed).then_some(Step { before: low, after: high, decision, sentence });
    Ok(When { curve, steepest, step, runs: look.runs, outcome })
}

/// The same failing run without an end of its own, if it fails alike: another future may take longer to the same failure.
fn to_its_end(pool: &mut Pool, unit: Unit) -> Result<Unit, Complaint> {
    if unit.until_ns.is_none() {
        return Ok(unit);
    }
    let whole = Unit { until_ns: None, ..unit.clone() };
    let outcomes = run(pool, vec![unit.clone(), whole.clone()])?;
    Ok(if Failure::of(&outcomes[0])?.is_of(&outcomes[1]) { whole } else { unit })
}

fn rise(pair: &[Moment]) -> f64 {
    pair[1].probability() - pair[0].probability()
}

/// When each decision was taken: with the event that caused it, and not before the one taken last.
fn times(decisions: &[Decision], trace: &Trace) -> Vec<u64> {
    let mut last = 0;
    let at = decisions.iter().map(|decision| {
        last = trace.at(decision.cause).unwrap_or(0).max(last);
        last
    });
    at.collect()
}

/// The moments to look at, as numbers of decisions kept: none, those of the start, and so on to the end.
fn grid(times: &[u64], end: u64, moments: u64) -> Vec<u64> {
    let until = |at| times.partition_point(|time| *time <= at) as u64;
    let mut kept: Vec<u64> = std::iter::once(0)
        .chain((0..moments).map(|n| until((u128::from(end) * u128::from(n) / u128::from(moments)) as u64)))
        .chain([times.len() as u64])
        .collect();
    kept.dedup();
    kept
}

/// Draws futures.
struct Look<'a> {
    pool: Pool,
    unit: Unit,
    failure: Failure,
    times: Vec<u64>,
    runs: u64,
    told: &'a mut dyn FnMut(u64),
}

impl Look<'_> {
    /// How likely the failure is after so many decisions each.
    fn at(&mut self, moments: &[u64], futures: u64) -> Result<Vec<Moment>, Complaint> {
        let mut looked = Vec::new();
        for &kept in moments {
            let units = (0..futures).map(|salt| {
                let mut overrides = self.unit.overrides.clone();
                overrides.redraws.retain(|redraw| redraw.after < kept);
                overrides.redraws.push(Redraw { after: kept, salt });
                Unit { overrides, ..self.unit.clone() }
            });
            let outcomes = run(&mut self.pool, units.collect())?;
            let failed = outcomes.iter().filter(|outcome| self.failure.is_of(outcome)).count() as u64;
            let at_ns = kept.checked_sub(1).map_or(0, |last| self.times[last as usize]);
            looked.push(Moment { at_ns, kept, futures, failed });
            self.runs += futures;
            (self.told)(self.runs);
        }
        Ok(looked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_even_in_time_and_never_the_same() {
        let times = [0, 0, 10, 20, 20, 90];
        assert_eq!(grid(&times, 100, 10), [0, 2, 3, 5, 6]);
        assert_eq!(grid(&times, 100, 1), [0, 2, 6]);
        assert_eq!(grid(&[5], 5, 4), [0, 1]);
    }
}
