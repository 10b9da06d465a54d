//! A campaign's result for others to read: machines, CI servers, people.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Complaint;
use super::output::say;
use crate::campaign::{CampaignResult, write_whole};
use crate::report;

/// Where the result goes besides the terminal.
#[derive(Args)]
pub(crate) struct Publish {
    /// Write the campaign's result to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write it as JUnit's XML, a test case a story
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write it as Markdown, with how often each event was seen; in GitHub's workflows it is the job's summary besides
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Publish {
    pub(crate) fn publish(&self, result: &CampaignResult) -> Result<(), Complaint> {
        if let Some(path) = &self.json {
            write("--json", path, &result.text()?)?;
        }
        if let Some(path) = &self.junit {
            write("--junit", path, report::junit(result).as_bytes())?;
        }
        if let Some(path) = &self.markdown {
            write("--markdown", path, report::markdown(result).as_bytes())?;
        }
        if std::env::var_os("GITHUB_ACTIONS").is_some() {
            for line in report::annotations(result) {
                say(&line)?;
            }
        }
        // GitHub gives each step a file of its own, to be appended to.
        if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
            let appended = std::fs::OpenOptions::new().append(true).create(true).open(&path);
            let written = appended.and_then(|mut file| file.write_all(report::markdown(result).as_bytes()));
            written.map_err(|error| cannot("GITHUB_STEP_SUMMARY", Path::new(&path), &error))?;
        }
        Ok(())
    }
}

fn write(flag: &str, path: &Path, bytes: &[u8]) -> Result<(), Complaint> {
    write_whole(path, bytes).map_err(|error| cannot(flag, path, &error))
}

fn cannot(flag: &str, path: &Path, error: &std::io::Error) -> Complaint {
    Complaint::Internal(format!("{flag} {}: {error}", path.display()))
}
