//! A shorter run with the same failure.
//!
//! In a run of thousands of messages everything hangs together: without one of its decisions all that follows is another
//! run, which fails in the same way by luck alone. One by one they are then not to be taken out. Luck is better tried on
//! whole runs: what is not calm yet is drawn anew, again and again, and a run counts as long as it has not more events than
//! the shortest so far. Each one that fails halves it, in the mean.

use stormglass_sim::chance::{Decision, Overrides, Redraw};

use super::part::{Part, stands_alone};
use super::{SHARE, Search};
use crate::cli::Complaint;

/// Decisions above which a run is long: as many as can be tried one by one.
pub(super) const MANY: usize = 200;

/// Draws for each run that is shorter, at least; else a share of the runs that are left: the shorter a run, the rarer and the
/// cheaper.
const TRIES: u64 = 200;

/// From where a run is drawn anew.
pub(super) struct Fresh {
    /// Decisions that are kept.
    after: u64,
    /// What is said of the run beside.
    base: Overrides,
}

impl Fresh {
    fn draw(&self, salt: u64) -> Overrides {
        let redraw = Redraw { after: self.after, salt };
        Overrides { redraws: vec![redraw], ..self.base.clone() }
    }
}

impl Search<'_> {
    /// Whether the run is another, shorter one now. `first`: the run as it was before anything of it was calm; that may be
    /// what the luck of the others rests on.
    pub(super) fn draw_shorter(&mut self, first: &Fresh) -> Result<bool, Complaint> {
        let drawn = self.draw_from(&self.fresh())?;
        let (lively, before, pinned) = (self.lively(), self.overrides.clone(), self.pinned);
        if lively <= MANY || !self.draw_from(first)? {
            return Ok(drawn);
        }
        self.calm_all_streams()?;
        self.draw_from(&self.fresh())?;
        // It has fewer events; what can be taken out of it may be more all the same.
        if self.lively() >= lively {
            (self.overrides, self.pinned) = (before, pinned);
            self.refresh()?;
            return Ok(drawn);
        }
        Ok(true)
    }

    /// The run as it is with another future. Streams that are calm and have no points stay so.
    pub(super) fn fresh(&self) -> Fresh {
        Fresh { after: forecast(&self.decisions), base: self.overrides.clone() }
    }

    fn draw_from(&mut self, fresh: &Fresh) -> Result<bool, Complaint> {
        let (mut drawn, mut salt) = (false, 0);
        while let Some(events) = self.events.filter(|_| self.lively() > MANY) {
            let tries = (self.runs.left() / SHARE).max(TRIES);
            self.runs.limit(Some(events - 1));
            let anew = |nth: usize| fresh.draw(salt + nth as u64);
            let Some(found) = self.runs.first(tries as usize, &anew)? else { break };
            let before = std::mem::replace(&mut self.overrides, anew(found));
            self.refresh()?;
            if !self.pin()? {
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

/// How many decisions there are up to those by which the storm knows its faults: a run that fails has what it takes.
fn forecast(decisions: &[Decision]) -> u64 {
    let is_weather = |decision: &&Decision| Part::of(&decision.stream) == Part::Weather;
    let Some(first) = decisions.iter().find(is_weather) else { return 0 };
    let with_it = |decision: &Decision| is_weather(&decision) && decision.cause == first.cause;
    decisions.iter().rposition(with_it).map_or(0, |last| last as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_all_that_the_weather_decides_at_first() {
        let decided = |stream: &str, cause| Decision {
            stream: stream.into(),
            index: 0,
            kind: "below".into(),
            value: 1,
            calm: 0,
            cause,
        };
        let run = [
            ("story/servers", 1),
            ("weather/loss", 2),
            ("workload", 2),
            ("weather/crashes", 2),
            ("weather/loss", 7),
        ];
        let run = run.map(|(stream, cause)| decided(stream, cause));
        assert_eq!([0, 1, 2, 4, 5].map(|many| forecast(&run[..many])), [0, 0, 2, 4, 4]);
    }
}
