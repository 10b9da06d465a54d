//! `cargo xtask crosscheck`: the checker against brute force.
//!
//! Brute force tries every order and shares no code with the search or the polynomial paths. Held against it are,
//! for every model, the search, the paths where they decide, the order that a pass comes with, and the replies
//! that a violation rests on: over all histories of up to three operations, and over random ones of up to eight, of
//! which half draw each change once, as the paths ask for. Then each fault that can be planted in search or paths
//! must be noticed, but for `NumbersUsedAgain`, which one in a hundred thousand of these histories shows, and a test beside
//! it at once. It is meant for `cargo run --release --package xtask -- crosscheck`.

#[path = "../../checker/tests/checker/cases/mod.rs"]
mod cases;
#[path = "../../checker/tests/checker/distinct.rs"]
mod distinct;
#[path = "../../checker/tests/checker/histories.rs"]
mod histories;
#[path = "../../checker/tests/checker/many.rs"]
mod many;
#[path = "../../checker/tests/checker/oracle.rs"]
mod oracle;

use cases::{
    Banks, CasRegisters, Case, Counters, LabMaps, Lists, Locks, Maps, PriorityQueues, Queues, Registers,
    Sets, Stacks, VersionedMaps,
};
use distinct::{
    Appends, DistinctMaps, DistinctQueues, DistinctRegisters, DistinctStacks, DistinctSwaps, Versions,
};
use many::{DistinctLists, DistinctPriorities, EvenCounters, GrowingSets, ManyElements, ManyOwners};
use oracle::{OperationOf, forget_all_but, is_witness, linearizable};
use stormglass_checker::{Budget, Fault, Verdict, decide, decide_directly, judge};

/// Holds the checker against brute force, on all small histories and on random larger ones
#[derive(clap::Args)]
pub(crate) struct Crosscheck {
    /// How many random histories, over all models
    #[arg(long, default_value_t = 1_000_000)]
    histories: u64,
    /// Where the random histories begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many operations a random history has at most, three or more; few make many histories cheap
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(3..=9))]
    operations: u64,
    /// Leaves out the small histories
    #[arg(long)]
    only_random: bool,
    /// Only models whose name contains this; then no faults are planted
    #[arg(long)]
    only: Option<String>,
}

/// What the comparisons of one model came to.
#[derive(Default)]
struct Tally {
    right: u64,
    wrong: u64,
    /// Decided by a path.
    directly: u64,
}

impl Tally {
    fn compare<C: Case>(&mut self, history: &[OperationOf<C>]) -> Result<(), String> {
        let model = C::model();
        let expected = linearizable::<C>(history);
        let differs =
            |what: &str| Err(format!("{}: {what}; brute force says {expected}\n{history:#?}", C::NAME));
        let searched = decide(&model, history, Budget::default(), Fault::None);
        if searched != Some(expected) {
            return differs(&format!("the search says {searched:?}"));
        }
        let direct = decide_directly(&model, history, Fault::None);
        if direct.is_some_and(|direct| direct != expected) {
            return differs(&format!("a path says {direct:?}"));
        }
        let judgement = judge(&model, history, Budget::default());
        let holds = match &judgement.verdict {
            Verdict::Linearizable { witness } => expected && is_witness::<C>(history, witness),
            Verdict::NotLinearizable(found) => {
                !expected && !linearizable::<C>(&forget_all_but::<C>(history, &found.operations))
            }
            Verdict::Undecided { .. } => false,
        };
        if !holds {
            return differs(&format!("the judgement does not hold: {judgement:#?}"));
        }
        self.directly += u64::from(direct.is_some());
        *(if expected { &mut self.right } else { &mut self.wrong }) += 1;
        Ok(())
    }

    fn print<C: Case>(&self, what: &str) {
        let Self { right, wrong, directly } = self;
        println!("{:<32} {what:<10} {right:>9} right {wrong:>9} wrong {directly:>9} by a path", C::NAME);
    }
}

fn small<C: Case>(size: usize, times: u64) -> Result<u64, String> {
    let mut tally = Tally::default();
    let mut outcome = Ok(());
    histories::all::<C>(size, times, |history| {
        if outcome.is_ok() {
            outcome = tally.compare::<C>(history);
        }
    });
    outcome?;
    tally.print::<C>(&format!("all of {size}"));
    Ok(tally.right + tally.wrong)
}

fn random<C: Case>(seed: u64, count: u64, most: u64) -> Result<u64, String> {
    let mut rng = histories::Rng(seed);
    let mut tally = Tally::default();
    for at in 0..count {
        let draw = if at % 2 == 0 { histories::distinct::<C> } else { histories::random::<C> };
        let history = draw(&mut rng, 3 + at / 2 % (most - 2));
        tally.compare::<C>(&history)?;
    }
    tally.print::<C>("random");
    Ok(tally.right + tally.wrong)
}

/// How one model is compared: all small histories, then random ones.
struct Row {
    name: &'static str,
    small: fn() -> Result<u64, String>,
    random: fn(u64, u64, u64) -> Result<u64, String>,
}

fn row<C: Case, const SIZE: usize, const TIMES: u64>() -> Row {
    Row {
        name: C::NAME,
        small: || Ok(small::<C>(1, TIMES)? + small::<C>(2, TIMES)? + small::<C>(SIZE, TIMES)?),
        random: random::<C>,
    }
}

fn rows() -> Vec<Row> {
    vec![
        row::<Registers, 3, 4>(),
        row::<CasRegisters, 3, 3>(),
        row::<Maps, 3, 3>(),
        row::<LabMaps, 3, 2>(),
        row::<VersionedMaps, 3, 3>(),
        row::<Lists, 3, 3>(),
        row::<Sets, 3, 3>(),
        row::<Counters, 3, 3>(),
        row::<Queues, 3, 3>(),
        row::<Stacks, 3, 3>(),
        row::<PriorityQueues, 3, 3>(),
        row::<Locks, 3, 3>(),
        row::<Banks, 3, 2>(),
        row::<DistinctRegisters, 3, 2>(),
        row::<DistinctSwaps, 3, 2>(),
        row::<Appends, 3, 2>(),
        row::<DistinctMaps, 3, 2>(),
        row::<Versions, 3, 2>(),
        row::<DistinctQueues, 3, 2>(),
        row::<DistinctStacks, 3, 2>(),
        row::<ManyOwners, 3, 2>(),
        row::<ManyElements, 3, 2>(),
        row::<GrowingSets, 3, 2>(),
        row::<EvenCounters, 3, 2>(),
        row::<DistinctPriorities, 3, 2>(),
        row::<DistinctLists, 3, 2>(),
    ]
}

/// Whether brute force notices a fault within a few thousand histories, in the search or in a path.
fn noticed<C: Case>(fault: Fault) -> bool {
    let mut rng = histories::Rng(6);
    (0..5000).any(|at| {
        let draw = if at % 2 == 0 { histories::distinct::<C> } else { histories::random::<C> };
        let history = draw(&mut rng, 4 + at % 4);
        let expected = linearizable::<C>(&history);
        let direct = decide_directly(&C::model(), &history, fault);
        decide(&C::model(), &history, Budget::default(), fault) != Some(expected)
            || direct.is_some_and(|direct| direct != expected)
    })
}

type Notices = fn(Fault) -> bool;

/// Each fault, and the case that must notice it.
const FAULTS: [(Fault, Notices); 27] = [
    (Fault::UnknownTakenAsFailed, noticed::<Maps>),
    (Fault::UnknownTakenAsDone, noticed::<Maps>),
    (Fault::PendingDropped, noticed::<Maps>),
    (Fault::SplitsByClient, noticed::<Maps>),
    (Fault::OpenIntervals, noticed::<Maps>),
    (Fault::GreedyWherever, noticed::<CasRegisters>),
    (Fault::MemoWithoutState, noticed::<Maps>),
    (Fault::DominationReversed, noticed::<Maps>),
    (Fault::CutsAmongConcurrent, noticed::<Maps>),
    (Fault::TwinsBeforeTheirCall, noticed::<Registers>),
    (Fault::UnknownMakesNothing, noticed::<Registers>),
    (Fault::GuessBelieved, noticed::<CasRegisters>),
    (Fault::BackwardZonesIgnored, noticed::<DistinctRegisters>),
    (Fault::LevelsUnordered, noticed::<DistinctRegisters>),
    (Fault::SwapsUnlinked, noticed::<DistinctSwaps>),
    (Fault::FailedSwapsAnywhere, noticed::<DistinctSwaps>),
    (Fault::UnseenAppendsDropped, noticed::<Appends>),
    (Fault::FailedPutsOnlyAbove, noticed::<Versions>),
    (Fault::ListsUnordered, noticed::<DistinctLists>),
    (Fault::QueueUnordered, noticed::<DistinctQueues>),
    (Fault::EmptyWherever, noticed::<DistinctQueues>),
    (Fault::StackUnordered, noticed::<DistinctStacks>),
    (Fault::LocksFreeThemselves, noticed::<ManyOwners>),
    (Fault::CountsUnordered, noticed::<EvenCounters>),
    (Fault::ReadsUnordered, noticed::<GrowingSets>),
    (Fault::ElementsComeAndGo, noticed::<ManyElements>),
    (Fault::WorseFirst, noticed::<DistinctPriorities>),
];

impl Crosscheck {
    pub(crate) fn run(&self) -> Result<(), String> {
        let only = self.only.as_deref();
        let is_asked = |row: &Row| only.is_none_or(|only| row.name.contains(only));
        let rows: Vec<Row> = rows().into_iter().filter(is_asked).collect();
        if rows.is_empty() {
            return Err(format!("no row is called so: --only {}", only.unwrap_or_default()));
        }
        let mut compared = 0;
        if !self.only_random {
            for row in &rows {
                compared += (row.small)()?;
            }
        }
        let each = self.histories.div_ceil(rows.len() as u64);
        for (at, row) in rows.iter().enumerate() {
            compared += (row.random)(
                self.seed.wrapping_mul(1_000_003).wrapping_add(at as u64),
                each,
                self.operations,
            )?;
        }
        println!("{compared} histories, no disagreement");
        if only.is_none() {
            for (fault, notices) in FAULTS {
                if !notices(fault) {
                    return Err(format!("{fault:?} went unnoticed"));
                }
            }
            println!("{} planted faults, each noticed", FAULTS.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_of_it_holds() {
        assert_eq!(
            Crosscheck { histories: 9000, seed: 7, operations: 8, only_random: true, only: None }.run(),
            Ok(())
        );
    }
}
