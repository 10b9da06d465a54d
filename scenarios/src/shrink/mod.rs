//! Making a failure small: the same failure with as few faults, operations and odd choices as possible.
//!
//! A run is a seed and overrides, so a smaller run is the same seed with more of its decisions set to calm. Whole streams
//! go first, those outside (faults, clients, operations) before those inside (messages, the schedule, draws of the nodes);
//! of a run that is long all the same a shorter one is sought; then comes an earlier end, then single faults and
//! operations, and single messages and choices at last. Single faults are not tried before whole streams inside: what is
//! left of them would rest on more draws, and outlive fewer changes of the code.
//!
//! A candidate is accepted only when it fails with the same verdict and signature. What is left is named by stream and
//! index, so it stays what it is when other streams draw more or less. An eighth of the budget is kept for what is outside:
//! where the rest is spent inside, no fault and no operation shall be left that could go.

mod ddmin;
mod part;
mod shorter;
#[cfg(test)]
mod tests;
mod trial;

use std::cell::RefCell;
use std::collections::BTreeSet;

use stormglass_sim::chance::{Decision, Overrides};

pub(crate) use part::Size;
use part::{Part, stands_alone};
pub(crate) use trial::{Failure, at_most, recorded, run};
use trial::{Runs, Trial};

use crate::campaign::{Finding, Unit};
use crate::cli::{Complaint, Workers};
use crate::outcome::Verdict;

/// How hard to try.
pub(crate) struct Effort {
    pub(crate) workers: Workers,
    /// Runs.
    pub(crate) budget: u64,
}

/// A failure made small.
pub(crate) struct Shrunk {
    /// The smaller run, with what it came to.
    pub(crate) finding: Finding,
    /// What the failure consisted of.
    pub(crate) before: Size,
    /// What it consists of now.
    pub(crate) after: Size,
    /// Runs it took.
    pub(crate) runs: u64,
    /// Whether there was budget left when nothing more could go.
    pub(crate) finished: bool,
    /// The same of faults and operations alone.
    pub(crate) finished_outside: bool,
}

/// Makes the failure of `unit` small; `told` hears what is left after each step.
///
/// # Errors
/// When the run does not fail, does not fail twice alike, or a worker cannot be had.
pub(crate) fn shrink(unit: Unit, effort: &Effort, told: &mut dyn FnMut(&Size)) -> Result<Shrunk, Complaint> {
    let overrides = unit.overrides.clone();
    let until_ns = unit.until_ns;
    let mut trial = Trial::new(unit, effort.workers, effort.budget)?;
    let mut shrunk = search(&mut trial, overrides, told)?;
    shrunk.finding.until_ns = shrunk.finding.until_ns.or(until_ns);
    Ok(shrunk)
}

/// What is left of a run that fails when nothing more can go.
fn search(
    runs: &mut dyn Runs,
    overrides: Overrides,
    told: &mut dyn FnMut(&Size),
) -> Result<Shrunk, Complaint> {
    let mut search = Search::of(runs, overrides);
    search.runs.reserve(search.runs.left() / SHARE);
    search.refresh()?;
    let is_named = search.pin()?;
    let before = Size::of(&search.decisions);
    let first = search.fresh();
    search.calm_all_streams()?;
    if is_named && search.draw_shorter(&first)? {
        told(&Size::of(&search.decisions));
    }
    search.take_apart(told)?;
    let finished = !search.runs.is_spent();
    search.runs.reserve(0);
    let finished_outside = finished || search.take_apart_outside(told)?;
    search.forget_the_absent();
    let (outcome, decisions) = search.runs.record(&search.overrides)?;
    Ok(Shrunk {
        after: Size::of(&decisions),
        before,
        runs: search.runs.spent(),
        finished,
        finished_outside,
        finding: Finding { until_ns: search.until_ns, ..Finding::new(outcome, search.overrides) },
    })
}

/// The smallest failing run so far.
struct Search<'a> {
    runs: &'a mut dyn Runs,
    overrides: Overrides,
    /// Its decisions.
    decisions: Vec<Decision>,
    /// Virtual time at its end.
    at_ns: u64,
    /// Its events, unless it killed its process, or what did not happen in time is the failure: that takes its time.
    events: Option<u64>,
    /// Where its end was set, if it was.
    until_ns: Option<u64>,
    /// Whether all its decisions are named. Those that mean something together only are then taken apart, too, so that
    /// nothing is named that need not be.
    pinned: bool,
}

/// Parts of a run by which its end is brought forward.
const PARTS: u64 = 16;

/// The share of the runs that are left which a search of unknown outcome may take, or leave.
const SHARE: u64 = 8;

impl<'a> Search<'a> {
    fn of(runs: &'a mut dyn Runs, overrides: Overrides) -> Search<'a> {
        Search {
            runs,
            overrides,
            decisions: Vec::new(),
            at_ns: 0,
            events: None,
            until_ns: None,
            pinned: false,
        }
    }

    fn refresh(&mut self) -> Result<(), Complaint> {
        let (outcome, decisions) = self.runs.record(&self.overrides)?;
        (self.at_ns, self.decisions) = (outcome.at_ns, decisions);
        let happened = outcome.verdict == Verdict::Safety && outcome.digest.is_some();
        self.events = happened.then_some(outcome.events);
        Ok(())
    }

    /// Names every decision of a run whose future was drawn anew. A [`Redraw`](stormglass_sim::chance::Redraw) counts
    /// decisions and forgets what was said of them: with one in the run, what is left out before it moves it, and what is
    /// left out behind it stays.
    ///
    /// Whether that is the same run: no redraw is left.
    fn pin(&mut self) -> Result<bool, Complaint> {
        if self.overrides.redraws.is_empty() {
            return Ok(true);
        }
        let mut overrides = Overrides::default();
        for decision in &self.decisions {
            overrides.calm(decision.stream.clone());
            if decision.value != decision.calm {
                overrides.set(decision.stream.clone(), decision.index, decision.value);
            }
        }
        if self.runs.first(1, &|_| overrides.clone())?.is_none() {
            return Ok(false);
        }
        (self.overrides, self.pinned) = (overrides, true);
        self.refresh()?;
        Ok(true)
    }

    /// Whether the run can end earlier: one whose failure is found when its history is judged. Nearly all others end with
    /// their failure, which the first try shows. What contradicts itself goes on to, so halving finds the moment.
    fn end_earlier(&mut self) -> Result<bool, Complaint> {
        // Of a run that killed its process nobody knows when that was.
        if self.at_ns == 0 {
            return Ok(false);
        }
        let (mut without, mut with, mut tried) = (0, PARTS, PARTS - 1);
        while with - without > 1 {
            let until_ns = self.at_ns / PARTS * tried;
            if self.runs.end_at(&self.overrides, until_ns)? {
                (with, self.until_ns) = (tried, Some(until_ns));
            } else {
                without = tried;
            }
            tried = u64::midpoint(without, with);
        }
        if with == PARTS {
            return Ok(false);
        }
        self.refresh()?;
        Ok(true)
    }

    fn calm_all_streams(&mut self) -> Result<(), Complaint> {
        Part::ALL.into_iter().try_for_each(|part| self.calm_streams(part))
    }

    /// Single decisions after whole streams, again and again until nothing more can go.
    fn take_apart(&mut self, told: &mut dyn FnMut(&Size)) -> Result<(), Complaint> {
        loop {
            let start = self.overrides.clone();
            self.calm_all_streams()?;
            let ended = self.end_earlier()?;
            told(&Size::of(&self.decisions));
            let pinned = self.pinned;
            for part in Part::ALL.into_iter().filter(|part| pinned || part.is_taken_apart()) {
                self.calm_points(part)?;
                told(&Size::of(&self.decisions));
            }
            // What could not go may be able to, now that something else has gone.
            if self.runs.is_spent() || (self.overrides == start && !ended) {
                return Ok(());
            }
        }
    }

    /// Single faults and operations, until no more of them can go. Whether the budget was enough for that.
    fn take_apart_outside(&mut self, told: &mut dyn FnMut(&Size)) -> Result<bool, Complaint> {
        loop {
            let start = self.overrides.clone();
            for part in Part::ALL.into_iter().filter(|part| part.is_outside()) {
                self.calm_points(part)?;
                told(&Size::of(&self.decisions));
            }
            if self.runs.is_spent() || self.overrides == start {
                return Ok(!self.runs.is_spent());
            }
        }
    }

    /// Whole streams: all of a part, then fewer.
    fn calm_streams(&mut self, part: Part) -> Result<(), Complaint> {
        let lively: BTreeSet<&str> = self.decisions.iter().map(|decision| decision.stream.as_str()).collect();
        let streams: Vec<String> = lively
            .into_iter()
            .filter(|stream| Part::of(stream) == part && !self.is_calm(stream))
            .map(str::to_owned)
            .collect();
        if streams.is_empty() {
            return Ok(());
        }
        let plan = |kept: &[String], base: &Overrides| {
            let mut overrides = base.clone();
            for stream in streams.iter().filter(|stream| !kept.contains(stream)) {
                overrides.points.remove(stream);
                overrides.calm(stream.clone());
            }
            overrides
        };
        let (runs, base) = (&mut *self.runs, &self.overrides);
        let mut first =
            |count, kept: &dyn Fn(usize) -> Vec<String>| runs.first(count, &|nth| plan(&kept(nth), base));
        let kept = ddmin::ddmin(streams.clone(), &mut first, &mut ddmin::all_alive)?;
        self.overrides = plan(&kept, &self.overrides);
        self.refresh()
    }

    /// Whether all that a stream decides is calm, as it was told to be.
    fn is_calm(&self, stream: &str) -> bool {
        self.overrides.calm_streams.contains(stream) && !self.overrides.points.contains_key(stream)
    }

    /// Single decisions that are not calm.
    fn calm_points(&mut self, part: Part) -> Result<(), Complaint> {
        let lively: Vec<Decision> = self
            .decisions
            .iter()
            .filter(|decision| Part::of(&decision.stream) == part)
            .filter(|decision| self.pinned || stands_alone(decision))
            .filter(|decision| decision.value != decision.calm)
            .cloned()
            .collect();
        if lively.is_empty() {
            return Ok(());
        }
        let streams: BTreeSet<String> = lively.iter().map(|decision| decision.stream.clone()).collect();
        let plan = |kept: &[Decision], base: &Overrides| {
            let mut overrides = base.clone();
            for stream in &streams {
                overrides.points.remove(stream);
                overrides.calm(stream.clone());
            }
            for decision in kept {
                overrides.set(decision.stream.clone(), decision.index, decision.value);
            }
            overrides
        };
        let (runs, base) = (RefCell::new(&mut *self.runs), &self.overrides);
        let mut first = |count, kept: &dyn Fn(usize) -> Vec<Decision>| {
            runs.borrow_mut().first(count, &|nth| plan(&kept(nth), base))
        };
        let mut alive = |kept: &[Decision]| {
            let (_, decisions) = runs.borrow_mut().record(&plan(kept, base))?;
            let taken = names(&decisions);
            Ok(kept.iter().map(|one| taken.contains(&(one.stream.as_str(), one.index))).collect())
        };
        let kept = ddmin::ddmin(lively.clone(), &mut first, &mut alive)?;
        // Also where nothing could go: what the run consists of is then named in its file.
        self.overrides = plan(&kept, &self.overrides);
        if kept.len() < lively.len() {
            self.refresh()?;
        }
        Ok(())
    }

    /// Drops what is said of decisions that the run does not take any more.
    fn forget_the_absent(&mut self) {
        let taken = names(&self.decisions);
        self.overrides.points.retain(|stream, points| {
            points.retain(|index, _| taken.contains(&(stream.as_str(), *index)));
            !points.is_empty()
        });
    }
}

/// By what overrides name them.
fn names(decisions: &[Decision]) -> BTreeSet<(&str, u64)> {
    decisions.iter().map(|decision| (decision.stream.as_str(), decision.index)).collect()
}
