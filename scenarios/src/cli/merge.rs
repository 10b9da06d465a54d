//! `stormglass merge`: the parts of a campaign as the one campaign that they are.

use std::path::PathBuf;

use clap::Args;

use super::Answer;
use super::output::say;
use super::publish::Publish;
use crate::campaign::CampaignResult;
use crate::report;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Merge {
    /// What `fuzz --json` wrote, a file a part
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    publish: Publish,
}

impl Merge {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let mut parts = Vec::new();
        for path in &self.files {
            parts.push((path.display().to_string(), CampaignResult::load(path)?));
        }
        let result = CampaignResult::merge(&parts)?.with_unreached(stories);
        say(&report::summary(&result, None))?;
        self.publish.publish(&result)?;
        Ok(result.verdict.exit_code())
    }
}
