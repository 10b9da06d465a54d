//! A campaign's state on disk, so that one that was interrupted goes on where it was.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Schedules, StoryTally, write_whole};
use crate::cli::{Complaint, Shard};
use crate::wall::Stopwatch;

/// How often the state is written.
const EVERY: Duration = Duration::from_millis(250);

/// What a campaign is: two of the same plan come to the same, whenever and wherever they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The version of Stormglass: a seed means the same run only in the same version of the code.
    pub(crate) stormglass: String,
    /// The stories' names.
    #[serde(rename = "names")]
    pub(crate) stories: Vec<String>,
    /// The first seed.
    pub(crate) from: u64,
    /// How many seeds each story gets in all shards together; without it only time ends the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seeds: Option<u64>,
    /// Real time after which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_ms: Option<u64>,
    /// Which part of it this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<Shard>,
    /// The planted bug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
    /// The schedule of its seeds.
    pub(crate) schedule: Schedules,
}

impl Plan {
    /// The runs of this shard, in their order: (story, seed). Seed by seed through all stories, so that a campaign cut
    /// short has cut each of them short alike.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        let (stories, from, shard) = (self.stories.len(), self.from, self.shard.unwrap_or(Shard::WHOLE));
        (0..self.seeds.unwrap_or(u64::MAX))
            .filter(move |n| shard.has(*n))
            .flat_map(move |n| (0..stories).map(move |story| (story, from.wrapping_add(n))))
    }
}

/// Which runs of a plan are done, and what they came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) plan: Plan,
    pub(crate) tallies: Vec<StoryTally>,
    /// All runs before this one of the plan are done.
    below: u64,
    /// And these beyond it.
    beyond: BTreeSet<u64>,
    /// Real time spent before this process began.
    spent: Duration,
    #[serde(skip)]
    since: Option<Stopwatch>,
    #[serde(skip)]
    saved: Option<Stopwatch>,
}

impl Journal {
    pub(crate) fn new(plan: Plan, tallies: Vec<StoryTally>) -> Journal {
        let (below, beyond, spent) = (0, BTreeSet::new(), Duration::ZERO);
        Journal { plan, tallies, below, beyond, spent, since: Some(Stopwatch::start()), saved: None }
    }

    /// The journal of the campaign that was interrupted there.
    pub(crate) fn load(folder: &Path) -> Result<Journal, Complaint> {
        let path = file(folder);
        let shown = path.display();
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Complaint::usage(format!("{shown}: there is none: no campaign was interrupted there"))
            }
            _ => Complaint::usage(format!("{shown}: {error}")),
        })?;
        let mut journal: Journal = serde_json::from_str(&text).map_err(|error| {
            Complaint::usage(format!("{shown}: not the state of a campaign ({error}); start it anew"))
        })?;
        if journal.plan.stormglass != env!("CARGO_PKG_VERSION") {
            return Err(Complaint::usage(format!(
                "{shown}: of a campaign of version {}; its seeds mean other runs in this one, start it anew",
                journal.plan.stormglass
            )));
        }
        journal.since = Some(Stopwatch::start());
        Ok(journal)
    }

    /// Whether the `n`th run of the plan is done.
    pub(crate) fn is_done(&self, n: u64) -> bool {
        n < self.below || self.beyond.contains(&n)
    }

    /// How many are.
    pub(crate) fn done(&self) -> u64 {
        self.below + self.beyond.len() as u64
    }

    /// The `n`th run is done, and counted.
    pub(crate) fn finish(&mut self, n: u64) {
        self.beyond.insert(n);
        while self.beyond.remove(&self.below) {
            self.below += 1;
        }
    }

    /// Real time spent, over all processes.
    pub(crate) fn elapsed(&self) -> Duration {
        self.spent + self.since.map_or(Duration::ZERO, Stopwatch::elapsed)
    }

    /// Writes the state, unless it was written just now.
    pub(crate) fn save_now_and_then(&mut self, folder: &Path) -> io::Result<()> {
        if self.saved.is_some_and(|saved| saved.elapsed() < EVERY) {
            return Ok(());
        }
        self.saved = Some(Stopwatch::start());
        let elapsed = self.elapsed();
        let spent = std::mem::replace(&mut self.spent, elapsed);
        let text = serde_json::to_vec(self);
        self.spent = spent;
        write_whole(&file(folder), &text?)
    }

    /// The campaign has ended: there is nothing to go on with.
    pub(crate) fn remove(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_file(file(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("campaign.state")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            stormglass: env!("CARGO_PKG_VERSION").into(),
            stories: vec!["kv/x".into(), "kv/y".into()],
            from: 10,
            seeds: Some(3),
            time_ms: None,
            shard: None,
            bug: None,
            schedule: Schedules::Portfolio,
        }
    }

    #[test]
    fn a_plan_goes_seed_by_seed_through_its_stories() {
        let runs: Vec<(usize, u64)> = plan().runs().collect();
        assert_eq!(runs, [(0, 10), (1, 10), (0, 11), (1, 11), (0, 12), (1, 12)]);
        let second = Plan { shard: Some(Shard { index: 2, of: 3 }), ..plan() };
        assert_eq!(second.runs().collect::<Vec<_>>(), [(0, 11), (1, 11)]);
    }

    #[test]
    fn what_is_done_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(plan(), Vec::new());
        for n in [0, 1, 3] {
            journal.finish(n);
        }
        journal.save_now_and_then(folder.path()).unwrap();
        let journal = Journal::load(folder.path()).unwrap();
        let done: Vec<u64> = (0..6).filter(|n| journal.is_done(*n)).collect();
        assert_eq!((done, journal.done()), (vec![0, 1, 3], 3));
        journal.remove(folder.path()).unwrap();
        assert!(Journal::load(folder.path()).is_err());
    }

    #[test]
    fn a_journal_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(Plan { stormglass: "0.0.1".into(), ..plan() }, Vec::new());
        journal.save_now_and_then(folder.path()).unwrap();
        let Err(Complaint::Usage(text)) = Journal::load(folder.path()) else { panic!("it was accepted") };
        assert!(text.contains("version 0.0.1"), "{text}");
    }
}
