//! Seeds that once failed are run before anything else.

use std::path::Path;

use stormglass_sim::chance::Overrides;

use super::Complaint;
use super::output::say;
use crate::campaign::{Finding, Pool, Unit};
use crate::outcome::Outcome;
use crate::story::Story;

/// Runs every finding of `folder` that is of one of the stories; `done` hears what each comes to now.
pub(super) fn run(
    folder: &Path,
    stories: &[&Story],
    pool: &mut Pool,
    done: &mut dyn FnMut(&Outcome, &Overrides) -> Result<(), Complaint>,
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
    let mut units = Vec::new();
    for path in paths {
        let finding = Finding::load(&path).map_err(Complaint::Usage)?;
        if stories.iter().any(|story| story.name() == finding.story) {
            // Planted bugs are meant to fail.
            if finding.bug.is_none() {
                let unit = Unit::new(&finding.story, finding.seed, None);
                units.push(Unit { overrides: finding.overrides, ..unit });
            }
        }
    }
    let (count, mut again, mut trouble) = (units.len(), 0, None);
    let mut units = units.into_iter();
    pool.drive(&mut || units.next(), &mut |unit, outcome| {
        again += usize::from(outcome.fall.is_some());
        if let Err(complaint) = done(&outcome, &unit.overrides) {
            trouble.get_or_insert(complaint);
        }
    })?;
    say(&format!("--corpus {shown}: {count} runs that once failed, {again} still do"))?;
    trouble.map_or(Ok(()), Err)
}
