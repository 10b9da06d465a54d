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
        // A part may be empty; of a whole campaign without a run nobody can say that anything holds.
        let is_empty =
            plan.shard.is_none_or(|shard| shard.of == 1) && stories.iter().all(|tally| tally.runs == 0);
        let verdict = if is_empty { worst.max(Verdict::Undecided) } else { worst };
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
        serde_json::from_slice(&text)
            .map_err(|error| Complaint::usage(format!("{shown}: not what `fuzz --json` writes ({error})")))
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
