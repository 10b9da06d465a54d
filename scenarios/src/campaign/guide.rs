//! Guidance: seeds whose runs covered something new are kept, and most runs are other futures of those.
//!
//! What a run has covered is what the simulator counted ([`stormglass_sim::coverage`]) and the events that were seen, by
//! name and magnitude. A kept run is varied as `explain --when` varies one: its past up to a moment, and another future
//! from there. Seeds run under PCT, whose order of priorities is part of the past that is kept (after Meng et al. 2023,
//! who vary schedules; and Zalewski's queue, which prefers what was tried less).

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashSet, FxHasher};
use stormglass_sim::Schedule;
use stormglass_sim::chance::{Overrides, Redraw};

use super::{Schedules, Unit};
use crate::outcome::Outcome;

/// Runs that a story keeps; when there are more, the one that was varied most goes.
const KEPT: usize = 256;

/// One run in so many follows its seed alone.
const FRESH: u64 = 4;

/// What the runs of a campaign have covered so far, story by story.
#[derive(Default)]
pub(crate) struct Guide {
    stories: BTreeMap<String, Known>,
    wanted: bool,
}

#[derive(Default)]
struct Known {
    covered: FxHashSet<u64>,
    corpus: Vec<Kept>,
}

/// A run that covered something new.
struct Kept {
    seed: u64,
    schedule: Schedule,
    redraws: Vec<Redraw>,
    /// How many decisions it took.
    drawn: u64,
    /// How often it has been varied.
    varied: u64,
}

impl Guide {
    /// Guidance where these schedules want it; else runs are left as they are.
    pub(crate) fn new(schedules: Schedules) -> Guide {
        Guide { wanted: schedules == Schedules::Guided, ..Guide::default() }
    }

    /// The run to do in place of the one that follows its seed alone.
    pub(crate) fn unit(&mut self, fresh: Unit) -> Unit {
        if !self.wanted {
            return fresh;
        }
        let known = self.stories.entry(fresh.story.clone()).or_default();
        let die = |salt| hash((fresh.seed, salt));
        let count = known.corpus.len() as u64;
        if count == 0 || die("fresh") % FRESH == 0 {
            return Unit { coverage: true, ..fresh };
        }
        let drawn = [die("one") % count, die("other") % count].map(|place| place as usize);
        let least = drawn.into_iter().min_by_key(|place| known.corpus[*place].varied);
        let kept = &mut known.corpus[least.unwrap_or_default()];
        kept.varied += 1;
        let after = die("after") % kept.drawn.max(1);
        let past = kept.redraws.iter().filter(|redraw| redraw.after < after).copied();
        let redraws = past.chain([Redraw { after, salt: fresh.seed }]).collect();
        let overrides = Overrides { redraws, ..fresh.overrides.clone() };
        Unit { seed: kept.seed, schedule: kept.schedule, overrides, coverage: true, ..fresh }
    }

    /// Learns from what a run came to.
    pub(crate) fn learn(&mut self, unit: &Unit, outcome: &mut Outcome) {
        let Some(covered) = outcome.covered.take() else { return };
        let known = self.stories.entry(unit.story.clone()).or_default();
        let steps = covered.steps.iter().map(|step| u64::from(*step));
        let seen = outcome.seen.iter().filter(|(_, times)| **times > 0);
        let seen = seen.map(|(event, times)| hash((event, times.ilog2())));
        let new = steps.chain(seen).filter(|covered| known.covered.insert(*covered)).count();
        if new == 0 || outcome.fall.is_some() {
            return;
        }
        let (seed, schedule, redraws) = (unit.seed, unit.schedule, unit.overrides.redraws.clone());
        known.corpus.push(Kept { seed, schedule, redraws, drawn: covered.drawn, varied: 0 });
        if known.corpus.len() > KEPT {
            let most = (0..KEPT).max_by_key(|place| known.corpus[*place].varied);
            known.corpus.swap_remove(most.unwrap_or_default());
        }
    }
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    what.hash(&mut hasher);
    hasher.finish().wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Covered, Fall, Verdict};

    fn fresh(seed: u64) -> Unit {
        Unit::new("kv/x", seed, None).under(Schedules::Guided.of(seed))
    }

    fn held(unit: &Unit, steps: &[u32]) -> Outcome {
        let fall = Fall::new("always", "c", "w");
        let outcome = Outcome::lost(&unit.story, unit.seed, None, Verdict::Holds, fall);
        Outcome { fall: None, covered: Some(Covered { drawn: 100, steps: steps.to_vec() }), ..outcome }
    }

    #[test]
    fn what_covers_something_new_is_varied() {
        let mut guide = Guide::new(Schedules::Guided);
        for (seed, steps) in [(1, [1, 2]), (2, [2, 1]), (3, [2, 3])] {
            let unit = fresh(seed);
            guide.learn(&unit, &mut held(&unit, &steps));
        }
        let known = &guide.stories["kv/x"];
        assert_eq!(known.corpus.iter().map(|kept| kept.seed).collect::<Vec<_>>(), [1, 3]);
        let units: Vec<Unit> = (10..1010).map(|seed| guide.unit(fresh(seed))).collect();
        let (own, varied): (Vec<&Unit>, Vec<&Unit>) =
            units.iter().partition(|unit| unit.overrides.is_empty());
        assert!((150..350).contains(&own.len()), "{}", own.len());
        assert!(varied.iter().all(|unit| unit.overrides.redraws[0].after < 100));
        for seed in [1, 3] {
            let times = varied.iter().filter(|unit| unit.seed == seed).count();
            assert!((300..450).contains(&times), "{seed}: {times}");
        }
    }

    #[test]
    fn a_variation_of_a_variation_has_the_past_of_both() {
        let mut guide = Guide::new(Schedules::Guided);
        let unit = fresh(1);
        guide.learn(&unit, &mut held(&unit, &[1]));
        let mut longest = 0;
        for seed in 2..200 {
            let unit = guide.unit(fresh(seed));
            let redraws = &unit.overrides.redraws;
            assert!(redraws.is_sorted_by(|a, b| a.after < b.after), "{redraws:?}");
            longest = longest.max(redraws.len());
            guide.learn(&unit, &mut held(&unit, &[seed as u32]));
        }
        assert!(longest > 3, "{longest}");
        assert!(guide.stories["kv/x"].corpus.len() <= KEPT);
    }

    #[test]
    fn nobody_is_guided_who_does_not_want_it() {
        let mut guide = Guide::new(Schedules::Portfolio);
        assert!(!guide.unit(fresh(1)).coverage);
    }
}
