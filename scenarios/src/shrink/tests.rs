//! The shrinker shrinks, and one that does it wrong is noticed.
#![expect(clippy::disallowed_types, reason = "a witness stands outside of the world")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stormglass_sim::chance::{Decision, Overrides, Redraw, Witness};
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;

use super::part::{Part, stands_alone};
use super::shorter::MANY;
use super::trial::{Failure, Runs};
use super::{Search, Shrunk, Size, search};
use crate::campaign::Unit;
use crate::cli::Complaint;
use crate::outcome::{Fall, Outcome, Verdict};
use crate::run::on_fresh_thread;
use crate::{Stage, Story};

/// Fails because of two of its twelve steps and a crash. With the first of them and not the second it fails as well, in
/// another way: a shrinker must not slip from the one to the other.
async fn slippery(stage: Stage) {
    let mut done = Vec::new();
    for step in stage.each("c1", 0..12) {
        done.push(step);
        sleep(Duration::from_millis(1)).await;
    }
    let crashed = (0..4).filter(|_| stage.strikes("crash")).count() > 0;
    match (done.contains(&3), done.contains(&7)) {
        (true, true) if crashed => stage.fail("three and seven do not meet", ""),
        (true, false) => stage.fail("three is never alone", ""),
        _ => {}
    }
}

/// What is wrong with a shrinker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    AcceptsOtherFailures,
    AcceptsWhatHolds,
    DropsNothing,
    DropsTheNext,
    ForgetsADecision,
    EndsTooEarly,
}

/// Runs there are.
const BUDGET: u64 = 2000;

/// Events that a run may have.
const MOST: u64 = 100_000;

/// Runs candidates on this thread's process.
struct Here {
    story: Story,
    unit: Unit,
    failure: Failure,
    wrong: Wrong,
    spent: u64,
    left: u64,
    reserved: u64,
}

impl Here {
    fn run(&mut self, overrides: &Overrides) -> (Outcome, Vec<Decision>) {
        self.spent += 1;
        self.left = self.left.saturating_sub(1);
        let unit = Unit { overrides: overrides.clone(), ..self.unit.clone() };
        let heard: Arc<Mutex<Vec<Decision>>> = Arc::default();
        let hears = heard.clone();
        let witness = Witness::new(move |decision| hears.lock().unwrap().push(decision.clone()));
        let ran = on_fresh_thread(&self.story, &unit, Some(witness));
        (ran.outcome, std::mem::take(&mut heard.lock().unwrap()))
    }
}

impl Runs for Here {
    fn first(
        &mut self,
        count: usize,
        candidate: &dyn Fn(usize) -> Overrides,
    ) -> Result<Option<usize>, Complaint> {
        let accepts = |here: &mut Here, overrides: &Overrides| {
            let outcome = here.run(overrides).0;
            match here.wrong {
                Wrong::AcceptsOtherFailures => outcome.verdict.is_failure(),
                Wrong::AcceptsWhatHolds => true,
                Wrong::DropsNothing => false,
                _ => here.failure.is_of_whole(&outcome, here.unit.max_events),
            }
        };
        let left = (self.left() as usize).min(count);
        let found = (0..left).find(|nth| accepts(self, &candidate(*nth)));
        let wrong = self.wrong == Wrong::DropsTheNext;
        Ok(found.map(|found| if wrong { (found + 1) % count } else { found }))
    }

    fn record(&mut self, overrides: &Overrides) -> Result<(Outcome, Vec<Decision>), Complaint> {
        let (outcome, decisions) = self.run(overrides);
        let is_whole = self.unit.max_events.is_none_or(|most| outcome.events <= most);
        assert!(is_whole || outcome.verdict != Verdict::Safety, "it was cut off");
        Ok((outcome, decisions))
    }

    fn end_at(&mut self, overrides: &Overrides, until_ns: u64) -> Result<bool, Complaint> {
        let before = self.unit.until_ns.replace(until_ns);
        let outcome = self.run(overrides).0;
        let fails = self.failure.is_of(&outcome) || self.wrong == Wrong::EndsTooEarly;
        if !fails {
            self.unit.until_ns = before;
        }
        Ok(fails)
    }

    fn limit(&mut self, events: Option<u64>) {
        self.unit.max_events = events.or(Some(MOST));
    }

    fn spent(&self) -> u64 {
        self.spent
    }

    fn reserve(&mut self, runs: u64) {
        self.reserved = runs;
    }

    fn left(&self) -> u64 {
        self.left.saturating_sub(self.reserved)
    }
}

fn unit() -> Unit {
    Unit::new("test/slippery", 1, None)
}

fn shrunk(wrong: Wrong) -> (Here, Shrunk) {
    shrunk_from(wrong, Overrides::default())
}

fn shrunk_from(wrong: Wrong, overrides: Overrides) -> (Here, Shrunk) {
    let story = Story::new("test/slippery", "c", slippery);
    let whole = on_fresh_thread(&story, &unit(), None).outcome;
    let Ok(failure) = Failure::of(&whole) else { panic!("it fails: {whole:?}") };
    let mut here = Here { story, unit: unit(), failure, wrong, spent: 0, left: BUDGET, reserved: 0 };
    let Ok(mut shrunk) = search(&mut here, overrides, &mut |_| ()) else {
        panic!("running here cannot fail")
    };
    if wrong == Wrong::ForgetsADecision {
        shrunk.finding.overrides.points.values_mut().for_each(|points| _ = points.pop_first());
    }
    (here, shrunk)
}

/// What is promised of a result: it fails in the same way, and without any one of its faults and steps it does not.
fn check(here: &mut Here, shrunk: &Shrunk) -> Result<(), String> {
    let overrides = &shrunk.finding.overrides;
    let (outcome, decisions) = here.run(overrides);
    if !here.failure.is_of(&outcome) {
        return Err(format!("it is another failure: {:?}", outcome.signature()));
    }
    if shrunk.after != Size::of(&decisions) {
        return Err(format!("it says {} and is {}", shrunk.after, Size::of(&decisions)));
    }
    let apart = |decision: &&Decision| Part::of(&decision.stream).is_taken_apart() && stands_alone(decision);
    for decision in decisions.iter().filter(apart).filter(|decision| decision.value != decision.calm) {
        let mut less = overrides.clone();
        less.set(decision.stream.clone(), decision.index, decision.calm);
        let outcome = here.run(&less).0;
        if here.failure.is_of(&outcome) {
            return Err(format!("decision {} of {} could go", decision.index, decision.stream));
        }
    }
    Ok(())
}

#[test]
fn what_is_left_fails_the_same_way_and_is_all_needed() {
    let (mut here, shrunk) = shrunk(Wrong::Nothing);
    assert_eq!(check(&mut here, &shrunk), Ok(()));
    assert_eq!(shrunk.after.to_string(), "one crash, two steps");
    assert!(shrunk.finished && shrunk.runs < 60, "{} runs", shrunk.runs);
}

/// As campaigns under `guided` find them.
#[test]
fn a_failure_whose_future_was_drawn_anew_becomes_as_small() {
    let story = Story::new("test/slippery", "c", slippery);
    let Ok(failure) = Failure::of(&on_fresh_thread(&story, &unit(), None).outcome) else {
        panic!("it fails")
    };
    let redrawn = |salt| Overrides { redraws: vec![Redraw { after: 9, salt }], ..Overrides::default() };
    let fails = |salt: &u64| {
        let unit = Unit { overrides: redrawn(*salt), ..unit() };
        failure.is_of(&on_fresh_thread(&story, &unit, None).outcome)
    };
    for salt in (0..).filter(fails).take(5) {
        let (mut here, shrunk) = shrunk_from(Wrong::Nothing, redrawn(salt));
        assert_eq!(check(&mut here, &shrunk), Ok(()));
        assert_eq!(shrunk.after.to_string(), "one crash, two steps");
        assert!(shrunk.finding.overrides.redraws.is_empty());
    }
}

/// Needs all of its choices but the first, and a step as long as it has that.
async fn endlessly_needed(stage: Stage) {
    let steps: Vec<usize> = stage.each("c1", 0..12).collect();
    let first = who_is_first().await == 2;
    let mut others = 0;
    for _ in 0..250 {
        others += usize::from(who_is_first().await == 2);
    }
    if others >= NEEDED && (!first || steps.contains(&3)) {
        stage.fail("all of them are needed", "");
    }
}

/// How often the second is first in `endlessly_needed`.
const NEEDED: usize = 116;

#[test]
fn where_the_budget_is_spent_no_fault_and_no_step_could_go() {
    let story = Story::new("test/needed", "c", endlessly_needed);
    let unit = Unit { story: "test/needed".into(), ..unit() };
    let Ok(failure) = Failure::of(&on_fresh_thread(&story, &unit, None).outcome) else { panic!("it fails") };
    let mut here = Here { story, unit, failure, wrong: Wrong::Nothing, spent: 0, left: 400, reserved: 0 };
    let Ok(shrunk) = search(&mut here, Overrides::default(), &mut |_| ()) else { panic!("it runs here") };
    assert_eq!((shrunk.finished, shrunk.finished_outside), (false, true), "{} runs", shrunk.runs);
    assert_eq!(shrunk.after.to_string(), format!("{NEEDED} choices of the schedule"));
}

/// Each choice of the schedule moves all that follows, so that without one of them it fails as any run does: one in thirty.
async fn chaotic(stage: Stage) {
    walk(&stage, 10, 600).await;
}

/// The same without an end.
async fn endless(stage: Stage) {
    walk(&stage, u64::MAX, usize::MAX).await;
}

async fn walk(stage: &Stage, failing: u64, steps: usize) {
    let mut at = 1_u64;
    for step in 0..steps {
        at = mix(at, who_is_first().await);
        if at >> 50 == failing {
            stage.fail("it never comes to ten", format!("step {step}"));
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Of two tasks.
async fn who_is_first() -> u64 {
    let first = Rc::new(Cell::new(None));
    let tasks = [1, 2].map(|task| {
        let first = first.clone();
        spawn(async move { first.set(first.get().or(Some(task))) })
    });
    for task in tasks {
        task.await.unwrap();
    }
    first.get().unwrap()
}

const fn mix(at: u64, with: u64) -> u64 {
    let at = (at ^ with).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (at ^ at >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[test]
fn of_a_run_that_hangs_together_a_shorter_one_is_found() {
    let story = Story::new("test/chaotic", "c", chaotic);
    let unit = Unit { story: "test/chaotic".into(), seed: 466, ..unit() };
    let Ok(failure) = Failure::of(&on_fresh_thread(&story, &unit, None).outcome) else { panic!("it fails") };
    let mut here = Here { story, unit, failure, wrong: Wrong::Nothing, spent: 0, left: BUDGET, reserved: 0 };
    let mut search = Search::of(&mut here, Overrides::default());
    let Ok(()) = search.refresh() else { panic!("it runs here") };
    let (long, lively) = (search.at_ns, search.lively());
    let first = search.fresh();
    let Ok(true) = search.draw_shorter(&first) else { panic!("one in thirty fails, of two hundred") };
    assert!(lively > MANY && search.at_ns < long / 2, "{lively}: {long} became {}", search.at_ns);
    let Search { overrides, decisions, .. } = search;
    assert!(overrides.redraws.is_empty(), "each decision is named");
    let (outcome, again) = here.run(&overrides);
    assert!(here.failure.is_of(&outcome) && again == decisions);
    assert_eq!(here.unit.max_events, Some(MOST), "what fails later is the same failure, too");
}

/// The judge asks whether it ever came to ten; the run goes on to its end.
async fn judged(stage: Stage) {
    let (mut at, came) = (1_u64, Rc::new(Cell::new(false)));
    let heard = came.clone();
    stage.judge(move || {
        heard.get().then(|| (Verdict::Safety, Fall::new("judge", "it never comes to ten", "it came")))
    });
    for _ in 0..600 {
        at = mix(at, who_is_first().await);
        came.set(came.get() || at >> 50 == 10);
        sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..at % 100 {
        sleep(Duration::from_millis(1)).await;
    }
}

/// One that is cut off is judged all the same.
#[test]
fn a_run_that_was_cut_off_is_no_shorter_one() {
    let story = Story::new("test/judged", "c", judged);
    let unit = |seed| Unit { story: "test/judged".into(), seed, max_events: Some(MOST), ..unit() };
    let ran = |seed: u64| on_fresh_thread(&story, &unit(seed), None).outcome;
    let (seed, failure) = (0..).find_map(|seed| Some((seed, Failure::of(&ran(seed)).ok()?))).unwrap();
    let (story, unit) = (story.clone(), unit(seed));
    let mut here = Here { story, unit, failure, wrong: Wrong::Nothing, spent: 0, left: BUDGET, reserved: 0 };
    let mut search = Search::of(&mut here, Overrides::default());
    let Ok(()) = search.refresh() else { panic!("it runs here") };
    let first = search.fresh();
    assert!(search.lively() > MANY && search.draw_shorter(&first).is_ok());
    let Search { overrides, events, .. } = search;
    assert_eq!(Some(here.run(&overrides).0.events), events, "as many without a limit");
}

/// Whoever counts events has none to spare: each run that has fewer of them would fail alike.
#[test]
fn of_a_run_that_does_not_end_no_shorter_one_is_sought() {
    let story = Story::new("test/endless", "c", endless);
    let unit = Unit { story: "test/endless".into(), max_events: Some(MOST), ..unit() };
    let Ok(failure) = Failure::of(&on_fresh_thread(&story, &unit, None).outcome) else { panic!("it fails") };
    let mut here = Here { story, unit, failure, wrong: Wrong::Nothing, spent: 0, left: BUDGET, reserved: 0 };
    let mut search = Search::of(&mut here, Overrides::default());
    let Ok(()) = search.refresh() else { panic!("it runs here") };
    let first = search.fresh();
    assert!(search.lively() > MANY && matches!(search.draw_shorter(&first), Ok(false)));
    assert_eq!((here.spent, here.unit.max_events), (1, Some(MOST)));
}

#[test]
fn a_shrinker_that_is_wrong_is_noticed() {
    use Wrong::*;
    for wrong in
        [AcceptsOtherFailures, AcceptsWhatHolds, DropsNothing, DropsTheNext, ForgetsADecision, EndsTooEarly]
    {
        let (mut here, shrunk) = shrunk(wrong);
        assert!(check(&mut here, &shrunk).is_err(), "{wrong:?}: {}", shrunk.after);
    }
}
