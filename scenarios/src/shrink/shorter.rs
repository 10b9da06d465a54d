//! A shorter run with the same failure.
//!
//! In a run of thousands of messages everything hangs together: without one of its decisions all that follows is another
//! run, which fails in the same way by luck alone. One by one they are then not to be taken out. Luck is better tried on
//! whole runs: what is not calm yet is drawn anew, again and again, and a run counts as long as it has not more events than
//! the shortest so far. Each one that fails halves it, in the mean.

use std::collections::BTreeMap;

use stormglass_sim::chance::{Decision, Overrides, Redraw};

use super::Search;
use super::part::{Part, stands_alone};
use crate::cli::Complaint;

/// Decisions above which a run is long: as many as can be tried one by one.
pub(super) const MANY: usize = 200;

/// Draws for each run that is shorter, at least, and the share of the runs that are left: the shorter a run, the rarer and
/// the cheaper.
const TRIES: u64 = 200;
const SHARE: u64 = 8;

impl Search<'_> {
    /// Whether the run is another, shorter one now.
    pub(super) fn draw_shorter(&mut self) -> Result<bool, Complaint> {
        let (mut drawn, mut salt, after) = (false, 0, self.forecast());
        // Streams that are calm and have no points stay so in what is drawn anew.
        let calm = Overrides { points: BTreeMap::new(), ..self.overrides.clone() };
        while let Some(events) = self.events.filter(|_| self.lively() > MANY) {
            let tries = (self.runs.left() / SHARE).max(TRIES);
            self.runs.limit(Some(events - 1));
            let anew = |nth: usize| {
                let redraw = Redraw { after, salt: salt + nth as u64 };
                Overrides { redraws: vec![redraw], ..calm.clone() }
            };
            let Some(found) = self.runs.first(tries as usize, &anew)? else { break };
            let before = std::mem::replace(&mut self.overrides, anew(found));
            self.refresh()?;
            self.pin()?;
            if !self.overrides.redraws.is_empty() {
                self.runs.limit(Some(events));
                self.overrides = before;
                self.refresh()?;
                break;
            }
            (drawn, salt) = (true, salt + found as u64 + 1);
        }
        self.runs.limit(None);
        Ok(drawn)
    }

    /// How many decisions there are up to those by which the storm knows its faults: a run that fails has what it takes.
    fn forecast(&self) -> u64 {
        let is_weather = |decision: &&Decision| Part::of(&decision.stream) == Part::Weather;
        let Some(first) = self.decisions.iter().find(is_weather) else { return 0 };
        let with_it = |decision: &Decision| is_weather(&decision) && decision.cause == first.cause;
        self.decisions.iter().rposition(with_it).map_or(0, |last| last as u64 + 1)
    }

    /// How many decisions could be taken out one by one.
    pub(super) fn lively(&self) -> usize {
        let one_by_one = self.decisions.iter().filter(|decision| {
            Part::of(&decision.stream).is_taken_apart()
                && stands_alone(decision)
                && decision.value != decision.calm
        });
        one_by_one.count()
    }
}
