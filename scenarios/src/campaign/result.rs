//! What a campaign came to, as `fuzz --json` writes it and `merge` reads it.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use stormglass_sim::property::stated;

use super::{Plan, StoryTally};
use crate::cli::{Complaint, Shard};
use crate::outcome::Verdict;
use crate::story::Story;

/// A campaign, or a part of one, that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CampaignResult {
    #[serde(flatten)]
    pub(crate) plan: Plan,
    pub(crate) verdict: Verdict,
    pub(crate) stories: Vec<StoryTally>,
    /// What the program states and no run came to: `sometimes!`, `reachable!` and `always!` with their modules. Only of a
    /// whole campaign of all stories: of another, most of the program is none of its business.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreached: Vec<String>,
}

impl CampaignResult {
    /// Ends the count.
    pub(crate) fn new(plan: Plan, mut stories: Vec<StoryTally>) -> CampaignResult {
        stories.iter_mut().for_each(|tally| tally.close(plan.bug.is_some()));
        let worst = stories.iter().map(StoryTally::verdict).max().unwrap_or(Verdict::Holds);
        // A part may be empty; of a story that a whole campaign did not come to nobody can say that it holds.
        let untried = stories.is_empty() || stories.iter().any(StoryTally::is_untried);
        let verdict = if untried && plan.is_whole() { worst.max(Verdict::Undecided) } else { worst };
        CampaignResult { plan, verdict, stories, unreached: Vec::new() }
    }

    /// Names what no run came to, if these are all the stories there are.
    pub(crate) fn with_unreached(mut self, stories: &[Story]) -> CampaignResult {
        let tried = |story: &Story| {
            self.stories.iter().any(|tally| tally.story == story.name() && tally.runs >= story.enough_seeds())
        };
        if self.plan.is_whole() && self.plan.bug.is_none() && stories.iter().all(tried) {
            let seen = |name: &str| self.stories.iter().any(|tally| tally.seen.contains_key(name));
            let unseen = stated().into_iter().filter(|stated| !seen(stated.name));
            self.unreached = unseen.map(|stated| format!("{} ({})", stated.name, stated.module)).collect();
            self.unreached.dedup();
        }
        self
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
    fn a_campaign_of_all_stories_names_what_no_run_came_to() {
        let nobody = || stormglass_sim::reachable!("a line that no story has");
        _ = nobody;
        let story = |name| Story::new(name, "c", |_| async {}).enough(1);
        let all = [story("kv/x"), story("kv/y")];
        let line = format!("a line that no story has ({})", module_path!());
        let names =
            |runs, stories: &[Story]| result(None, runs).with_unreached(stories).unreached.contains(&line);
        assert!(names([1, 1], &all));
        assert!(!names([1, 0], &all), "with more runs it may");
        assert!(!names([1, 1], &[all[0].clone(), story("kv/z")]), "there are others");
        let mut seen = result(None, [1, 1]);
        seen.stories[0].seen.insert("a line that no story has".into(), 0);
        assert!(!seen.with_unreached(&all).unreached.contains(&line), "it was looked at");
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
