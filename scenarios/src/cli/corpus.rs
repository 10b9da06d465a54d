//! Seeds that once failed are run before anything else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::output::{note, say};
use super::{Complaint, Shard};
use crate::campaign::{Finding, Pool, Unit};
use crate::outcome::Outcome;
use crate::shrink::recorded;
use crate::story::Story;

/// The findings of a folder that a campaign runs again.
pub(super) struct Corpus {
    folder: PathBuf,
    findings: Vec<(PathBuf, Finding)>,
    /// Those of stories that this program does not have.
    homeless: usize,
    /// Those of planted bugs, which are meant to fail.
    planted: usize,
}

impl Corpus {
    /// Reads those findings of `folder` that are of one of the `chosen` stories and this part's share. A story that is not
    /// even among `all` is gone, and that is said of each of its files.
    pub(super) fn read(
        folder: &Path,
        all: &[Story],
        chosen: &[&Story],
        shard: Shard,
    ) -> Result<Corpus, Complaint> {
        let shown = folder.display();
        let entries = std::fs::read_dir(folder).map_err(|error| {
            Complaint::usage(format!("--corpus {shown}: {error}; an empty folder will do"))
        })?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut corpus = Corpus { folder: folder.to_owned(), findings: Vec::new(), homeless: 0, planted: 0 };
        for (n, path) in (0..).zip(paths) {
            let finding = Finding::load(&path).map_err(Complaint::Usage)?;
            if !shard.has(n) {
                continue;
            }
            if finding.bug.is_some() {
                corpus.planted += 1;
            } else if chosen.iter().any(|story| story.name() == finding.story) {
                corpus.findings.push((path, finding));
            } else if all.iter().all(|story| story.name() != finding.story) {
                corpus.homeless += 1;
                note(format!(
                    "{}: not run, no story is called `{}`: has it another name now?",
                    path.display(),
                    finding.story
                ));
            }
        }
        Ok(corpus)
    }

    /// Runs them; `done` hears of each what it comes to now.
    pub(super) fn run(
        &self,
        pool: &mut Pool,
        done: &mut dyn FnMut(&Finding, Outcome) -> Result<(), Complaint>,
    ) -> Result<(), Complaint> {
        let (mut again, trouble) = (0, std::cell::RefCell::new(None));
        let findings = &self.findings;
        let mut held = Vec::new();
        let mut units = findings.iter().enumerate().map(|(tag, (_, finding))| Unit { tag, ..finding.unit() });
        let mut next = || if trouble.borrow().is_none() { units.next() } else { None };
        pool.drive(&mut next, &mut |unit, outcome| {
            match outcome.fall {
                Some(_) => again += 1,
                None => held.push(unit.tag),
            }
            if let Err(complaint) = done(&findings[unit.tag].1, outcome) {
                trouble.borrow_mut().get_or_insert(complaint);
            }
        })?;
        trouble.into_inner().map_or(Ok(()), Err)?;
        held.sort_unstable();
        for (path, finding) in held.into_iter().map(|tag| &findings[tag]) {
            let gone = undrawn(finding, pool)?;
            if !gone.is_empty() {
                note(format!(
                    "{}: it holds, but the run it was is gone: nothing is drawn any more from {}, which it rests on",
                    path.display(),
                    gone.join(", ")
                ));
            }
        }
        let mut told = format!(
            "--corpus {}: {} runs that once failed, {again} still do",
            self.folder.display(),
            findings.len()
        );
        if self.homeless > 0 {
            told.push_str(&format!("; {} not run, of stories that there are no more", self.homeless));
        }
        if self.planted > 0 {
            told.push_str(&format!("; {} not run, of bugs that were planted", self.planted));
        }
        Ok(say(&told)?)
    }
}

/// The streams in which a finding sets decisions, and from which its run draws nothing: they have other names now.
pub(super) fn undrawn(finding: &Finding, pool: &mut Pool) -> Result<Vec<String>, Complaint> {
    if finding.overrides.points.is_empty() {
        return Ok(Vec::new());
    }
    let (_, decisions) = recorded(pool, finding.unit())?;
    let drawn: BTreeSet<&str> = decisions.iter().map(|decision| decision.stream.as_str()).collect();
    let streams = finding.overrides.points.keys();
    Ok(streams
        .filter(|stream| !drawn.contains(stream.as_str()))
        .map(|stream| format!("`{stream}`"))
        .collect())
}
