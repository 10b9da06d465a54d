//! What a campaign came to, as `fuzz --json` writes it and `merge` reads it.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Plan, StoryTally};
use crate::cli::{Complaint, Shard};
use crate::outcome::Verdict;

/// A campaign, or a part of one, that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CampaignResult {
    #[serde(flatten)]
    pub(crate) plan: Plan,
    pub(crate) verdict: Verdict,
    pub(crate) stories: Vec<StoryTally>,
}

impl CampaignResult {
    /// Ends the count.
    pub(crate) fn new(plan: Plan, mut stories: Vec<StoryTally>) -> CampaignResult {
        stories.iter_mut().for_each(|tally| tally.close(plan.bug.is_some()));
        let worst = stories.iter().map(StoryTally::verdict).max().unwrap_or(Verdict::Holds);
        // A part may be empty; of a story that a whole campaign did not come to nobody can say that it holds.
        let untried = stories.is_empty() || stories.iter().any(StoryTally::is_untried);
        let is_whole = plan.shard.is_none_or(|shard| shard.of == 1);
        let verdict = if untried && is_whole { worst.max(Verdict::Undecided) } else { worst };
        CampaignResult { plan, verdict, stories }
    }

    /// As its file holds it.
    pub(crate) fn text(&self) -> Result<Vec<u8>, Complaint> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    pub(crate) fn load(path: &Path) -> Result<CampaignResult, Complaint> {
        let shown = path.display();
        let text = std::fs::read(path).map_err(|error| Complaint::usage(format!("{shown}: {error}")))?;
        let result: CampaignResult = serde_json::from_slice(&text)
            .map_err(|error| Complaint::usage(format!("{shown}: not what `fuzz --json` writes ({error})")))?;
        if !result.plan.is_told_by(&result.stories) {
            return Err(Complaint::usage(format!("{shown}: its tallies are not those of its stories")));
        }
        Ok(result)
    }

    /// All parts of a campaign, each with the name of its file, as the one campaign that they are.
    ///
    /// # Errors
    /// When they are not parts of one campaign, or not all of them, or one twice.
    pub(crate) fn merge(parts: &[(String, CampaignResult)]) -> Result<CampaignResult, Complaint> {
        let Some(((first_name, first), others)) = parts.split_first() else {
            return Err(Complaint::usage("there is nothing to merge"));
        };
        let whole = Plan { shard: None, ..first.plan.clone() };
        let of = first.plan.shard.unwrap_or(Shard::WHOLE).of;
        let mut there = BTreeSet::from([first.plan.shard.unwrap_or(Shard::WHOLE)]);
        let mut stories = first.stories.clone();
        for (name, part) in others {
            if (Plan { shard: None, ..part.plan.clone() }) != whole {
                return Err(Complaint::usage(format!(
                    "{name} and {first_name} are of different campaigns: version, stories, --from, --seeds, --time, \
                     --bug and --schedule must be the same"
                )));
            }
            let shard = part.plan.shard.unwrap_or(Shard::WHOLE);
            if shard.of != of {
                return Err(Complaint::usage(format!(
                    "{name} is of a campaign in {} parts, {first_name} of {of}",
                    shard.of
                )));
            }
            if !there.insert(shard) {
                return Err(Complaint::usage(format!("{name}: part {shard} is there twice")));
            }
            for (mine, more) in stories.iter_mut().zip(&part.stories) {
                mine.merge(more);
            }
        }
        let missing: Vec<String> = (1..=of)
            .map(|index| Shard { index, of })
            .filter(|shard| !there.contains(shard))
            .map(|shard| shard.to_string())
            .collect();
        if !missing.is_empty() {
            return Err(Complaint::usage(format!("parts are missing: {}", missing.join(", "))));
        }
        Ok(CampaignResult::new(whole, stories))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Story;
    use crate::campaign::Schedules;
    use crate::outcome::{Fall, Outcome};

    fn result(shard: Option<Shard>, runs: [u64; 2]) -> CampaignResult {
        let names = ["kv/x", "kv/y"];
        let tallies = names.iter().zip(runs).map(|(name, runs)| {
            let mut tally = StoryTally::new(&Story::new(name, "c", |_| async {}));
            for seed in 0..runs {
                let held = Outcome::lost(name, seed, None, Verdict::Holds, Fall::new("", "", ""));
                tally.count(&Outcome { fall: None, ..held });
            }
            tally
        });
        let plan = Plan {
            stormglass: "0".into(),
            stories: names.map(str::to_owned).into(),
            from: 0,
            seeds: None,
            time_ms: Some(1),
            shard,
            bug: None,
            schedule: Schedules::Portfolio,
        };
        CampaignResult::new(plan, tallies.collect())
    }

    #[test]
    fn a_story_that_time_left_out_is_no_pass() {
        assert_eq!(result(None, [1, 1]).verdict, Verdict::Holds);
        assert_eq!(result(None, [1, 0]).verdict, Verdict::Undecided);
        let part = Some(Shard { index: 2, of: 3 });
        assert_eq!(result(part, [1, 0]).verdict, Verdict::Holds);
    }

    #[test]
    fn a_result_without_one_of_its_stories_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.json");
        let whole = result(None, [1, 1]);
        for (stories, is_read) in [(whole.stories.clone(), true), (whole.stories[..1].to_vec(), false)] {
            let result = CampaignResult { stories, ..whole.clone() };
            std::fs::write(&path, result.text().unwrap_or_default()).unwrap();
            assert_eq!(CampaignResult::load(&path).is_ok(), is_read);
        }
    }
}
