//! Which part is searched when, and on which core.
//!
//! All parts are searched in turns with growing slices, so that one hard key does not hide a cheap refutation of
//! another. Turns are dealt in batches, and what each may cost is settled before its batch begins, from counts of
//! states alone: the verdict is the same in every run, on one core and on many.

use crate::model::Model;
use crate::verdict::{Budget, Why};
use crate::wing_gong::{Fault, Search, Status, Stuck, Unfit, View, search};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// What the searches of all parts came to.
pub(crate) enum Decision {
    /// An order for each part.
    Linearizable(Vec<Vec<usize>>),
    Refuted {
        part: usize,
        stuck: Stuck,
        explored: u64,
    },
    Undecided {
        explored: u64,
        why: Why,
    },
}

/// What a part is allowed in the first round; each later round allows twice as much as the one before.
const FIRST_SLICE: u64 = 4096;

/// One part's turn, and what it may cost beyond what it cost so far.
#[derive(Clone, Copy)]
struct Turn {
    part: usize,
    states: u64,
    memo: usize,
    /// Whether this is all the memory that there is.
    last: bool,
}

/// What came of a turn.
struct Report {
    part: usize,
    outcome: Result<Status, Unfit>,
    /// The states of this turn.
    explored: u64,
    /// Entries held from now on, and those held before.
    holds: usize,
    held: usize,
    order: Vec<usize>,
    stuck: Option<Stuck>,
}

/// The parts that one core searches.
struct Bench<'a, M: Model> {
    model: &'a M,
    fault: Fault,
    /// What all searches together may remember.
    memo: usize,
    begun: BTreeMap<usize, Box<dyn Search + 'a>>,
}

/// A part: its key and its operations.
pub(crate) type Keyed<'a, M> = (Option<&'a str>, &'a [View<'a, M>]);

impl<'a, M: Model> Bench<'a, M> {
    fn new(model: &'a M, fault: Fault, memo: usize) -> Self {
        Self { model, fault, memo, begun: BTreeMap::new() }
    }

    fn take(&mut self, turn: Turn, (key, views): Keyed<'a, M>) -> Report {
        let mut report = Report {
            part: turn.part,
            outcome: Ok(Status::Paused),
            explored: 0,
            holds: 0,
            held: 0,
            order: Vec::new(),
            stuck: None,
        };
        let begun = self.begun.remove(&turn.part);
        report.held = begun.as_ref().map_or(0, |hunt| hunt.remembered());
        let begin = || search(self.model, views, self.fault, self.memo);
        let mut hunt = match begun.map_or_else(begin, Ok) {
            Ok(hunt) => hunt,
            Err(unfit) => return Report { outcome: Err(unfit), ..report },
        };
        let before = hunt.explored();
        let status = match hunt.run(turn.states, report.held.saturating_add(turn.memo)) {
            // Its states weigh more than its configurations: the next turn allows twice as much.
            Status::MemoFull if !turn.last => Status::Paused,
            status => status,
        };
        (report.outcome, report.explored) = (Ok(status), hunt.explored() - before);
        match status {
            Status::Found => report.order = hunt.witness(),
            Status::Refuted => report.stuck = Some(hunt.stuck(key)),
            Status::MemoFull => {}
            Status::Paused => {
                report.holds = hunt.remembered();
                self.begun.insert(turn.part, hunt);
            }
        }
        report
    }
}

/// Searches all parts on this thread.
pub(crate) fn decide<'a, M: Model>(
    model: &'a M,
    parts: &[Keyed<'a, M>],
    budget: Budget,
    fault: Fault,
) -> Decision {
    let mut bench = Bench::new(model, fault, budget.memo);
    deal(parts.len(), budget, |batch| {
        let mut reports = Vec::new();
        for turn in batch {
            let report = bench.take(*turn, parts[turn.part]);
            let refuted = report.stuck.is_some();
            reports.push(report);
            if refuted {
                break;
            }
        }
        reports
    })
}

/// The same on several threads. A part stays on one of them.
pub(crate) fn decide_on<'a, M>(cores: usize, model: &'a M, parts: &[Keyed<'a, M>], budget: Budget) -> Decision
where
    M: Model<Input: Sync, Output: Sync> + Sync,
{
    // No turn of a batch counts behind the first that refuted: one thread would not have come there.
    let refuted = AtomicUsize::new(usize::MAX);
    std::thread::scope(|scope| {
        let (answer, answers) = mpsc::channel();
        let workers: Vec<mpsc::Sender<Turn>> = (0..cores.clamp(1, parts.len().max(1)))
            .map(|_| {
                let (hand, turns) = mpsc::channel::<Turn>();
                let (answer, refuted) = (answer.clone(), &refuted);
                scope.spawn(move || {
                    let mut bench = Bench::new(model, Fault::None, budget.memo);
                    for turn in turns {
                        let due = turn.part < refuted.load(Ordering::Relaxed);
                        // A model that panics must not leave the others waiting for a report.
                        let taken = catch_unwind(AssertUnwindSafe(|| {
                            due.then(|| bench.take(turn, parts[turn.part]))
                        }));
                        if let Ok(Some(Report { stuck: Some(_), .. })) = &taken {
                            refuted.fetch_min(turn.part, Ordering::Relaxed);
                        }
                        if answer.send((turn.part, taken)).is_err() {
                            return;
                        }
                    }
                });
                hand
            })
            .collect();
        drop(answer);
        deal(parts.len(), budget, |batch| {
            let handed = batch.iter().filter(|turn| workers[turn.part % workers.len()].send(**turn).is_ok());
            let mut answers: Vec<_> = answers.iter().take(handed.count()).collect();
            answers.sort_by_key(|(part, _)| *part);
            let mut reports: Vec<Report> = Vec::new();
            for (_, taken) in answers {
                reports.extend(taken.unwrap_or_else(|panic| resume_unwind(panic)));
                if reports.last().is_some_and(|report| report.stuck.is_some()) {
                    break;
                }
            }
            reports
        })
    })
}

/// Deals turns until all is decided. `run` takes a batch and gives the reports in the order of the parts, all of
/// them or all up to a refutation.
fn deal(parts: usize, budget: Budget, mut run: impl FnMut(&[Turn]) -> Vec<Report>) -> Decision {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new(); parts];
    let mut waiting: Vec<usize> = (0..parts).collect();
    let (mut explored, mut remembered) = (0_u64, 0_usize);
    let mut undecided = None;
    let mut slice = FIRST_SLICE;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        let mut next = 0;
        while next < waiting.len() {
            if explored >= budget.states {
                return Decision::Undecided { explored, why: Why::States };
            }
            let memo = budget.memo.saturating_sub(remembered);
            let batch = batch(&waiting[next..], slice, budget.states - explored, memo);
            next += batch.len();
            for report in run(&batch) {
                // A search may overstep by one configuration, which may count for several.
                explored = explored.saturating_add(report.explored).min(budget.states);
                remembered = (remembered - report.held).saturating_add(report.holds);
                match report.outcome {
                    Ok(Status::Found) => orders[report.part] = report.order,
                    Ok(Status::Paused) => still.push(report.part),
                    Ok(Status::MemoFull) | Err(Unfit::TooMuch) => _ = undecided.get_or_insert(Why::Memo),
                    Err(Unfit::TooWide(operations)) => {
                        _ = undecided.get_or_insert(Why::TooWide { operations })
                    }
                    Ok(Status::Refuted) => {}
                }
                if let Some(stuck) = report.stuck {
                    return Decision::Refuted { part: report.part, stuck, explored };
                }
            }
        }
        waiting = still;
        slice = slice.saturating_mul(2);
    }
    match undecided {
        Some(why) => Decision::Undecided { explored, why },
        None => Decision::Linearizable(orders),
    }
}

/// As many turns as the rest of the budget pays for whatever they come to; one, if it does not even pay for that.
fn batch(waiting: &[usize], slice: u64, mut states: u64, mut memo: usize) -> Vec<Turn> {
    let mut batch = Vec::new();
    // A configuration entered is at most one remembered, but for the weight of its state.
    let most = usize::try_from(slice).unwrap_or(usize::MAX).saturating_add(1);
    for part in waiting {
        // Whoever comes first has all memory that there is; for others, those before may leave some.
        let last = memo <= most && batch.is_empty();
        let turn = Turn { part: *part, states: slice.min(states), memo: most.min(memo), last };
        if !batch.is_empty() && (turn.states, turn.memo) != (slice, most) {
            break;
        }
        states -= turn.states;
        memo -= turn.memo;
        batch.push(turn);
    }
    batch
}
