//! Seeds that once failed are run before anything else.

use std::path::Path;

use super::output::say;
use super::{Complaint, Shard};
use crate::campaign::{Finding, Pool, Unit};
use crate::outcome::Outcome;
use crate::story::Story;

/// Runs those findings of `folder` that are of one of the stories and this part's share; `done` hears of each what it comes
/// to now.
pub(super) fn run(
    folder: &Path,
    stories: &[&Story],
    shard: Shard,
    pool: &mut Pool,
    done: &mut dyn FnMut(&Finding, Outcome) -> Result<(), Complaint>,
) -> Result<(), Complaint> {
    let shown = folder.display();
    let entries =
        std::fs::read_dir(folder).map_err(|error| Complaint::usage(format!("--corpus {shown}: {error}")))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut findings = Vec::new();
    for (n, path) in (0..).zip(paths) {
        let finding = Finding::load(&path).map_err(Complaint::Usage)?;
        // Planted bugs are meant to fail.
        let wanted = finding.bug.is_none() && stories.iter().any(|story| story.name() == finding.story);
        if wanted && shard.has(n) {
            findings.push(finding);
        }
    }
    let (mut again, mut trouble) = (0, None);
    let mut units = findings.iter().enumerate().map(|(tag, finding)| Unit { tag, ..finding.unit() });
    pool.drive(&mut || units.next(), &mut |unit, outcome| {
        again += usize::from(outcome.fall.is_some());
        if let Err(complaint) = done(&findings[unit.tag], outcome) {
            trouble.get_or_insert(complaint);
        }
    })?;
    say(&format!("--corpus {shown}: {} runs that once failed, {again} still do", findings.len()))?;
    trouble.map_or(Ok(()), Err)
}
