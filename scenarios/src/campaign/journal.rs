//! A campaign's state on disk, so that one that was interrupted goes on where it was.

use std::collections::BTreeSet;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Schedules, StoryTally, write_whole};
use crate::cli::{Complaint, Shard};
use crate::wall::Stopwatch;

/// How often the state is written.
const EVERY: Duration = Duration::from_millis(250);

/// Real time for which a campaign that was killed may seem to be there: a worker that it was about to start has its files
/// until it is one.
const PARTING: Duration = Duration::from_millis(500);

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
    /// The `n`th run of this shard: the place of its story, and the seed. Seed by seed through all stories, so that a
    /// campaign cut short has cut each of them short alike.
    pub(crate) fn run(&self, n: u64) -> Option<(usize, u64)> {
        let (stories, shard) = (self.stories.len() as u64, self.shard.unwrap_or(Shard::WHOLE));
        let (round, story) = (n.checked_div(stories)?, n.checked_rem(stories)?);
        let seed = shard.nth(round).filter(|seed| *seed < self.seeds.unwrap_or(u64::MAX))?;
        Some((usize::try_from(story).ok()?, self.from.wrapping_add(seed)))
    }

    /// Whether it is no part of a campaign on several machines.
    pub(crate) fn is_whole(&self) -> bool {
        self.shard.is_none_or(|shard| shard.of == 1)
    }

    /// Whether these are the tallies of its stories, in their order.
    pub(crate) fn is_told_by(&self, tallies: &[StoryTally]) -> bool {
        self.stories.iter().eq(tallies.iter().map(|tally| &tally.story))
    }

    /// How many runs this shard has, if seeds and not time alone end it.
    pub(crate) fn total(&self) -> Option<u64> {
        let seeds = self.shard.unwrap_or(Shard::WHOLE).of_seeds(self.seeds?);
        Some(seeds.saturating_mul(self.stories.len() as u64))
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
    /// Findings that are still to be run again before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) corpus: Option<PathBuf>,
    /// The file that is this program, as it was when the campaign began.
    #[serde(default)]
    program: String,
    #[serde(skip)]
    since: Option<Stopwatch>,
    #[serde(skip)]
    saved: Option<Stopwatch>,
}

impl Journal {
    pub(crate) fn new(plan: Plan, tallies: Vec<StoryTally>) -> Journal {
        let (below, beyond, spent) = (0, BTreeSet::new(), Duration::ZERO);
        let (since, program) = (Some(Stopwatch::start()), program());
        Journal { plan, tallies, below, beyond, spent, corpus: None, program, since, saved: None }
    }

    /// An error when a campaign was interrupted there, or still runs: a new one would take its place.
    pub(crate) fn is_nobodys(folder: &Path) -> Result<(), Complaint> {
        let path = file(folder);
        if !path.exists() {
            return Ok(());
        }
        let shown = path.display();
        let whose = Journal::load(folder).map_or_else(
            |_| "of a campaign that this program cannot go on with".to_owned(),
            |it| format!("of a campaign that was interrupted after {} runs", it.done()),
        );
        Err(Complaint::usage(format!(
            "{shown}: {whose}; go on with it by --resume, or name another folder by --findings, or remove that file"
        )))
    }

    /// Takes the folder, which is made when it is missing, for as long as the file returned is open: two campaigns would
    /// write over each other's state.
    pub(crate) fn own(folder: &Path) -> Result<Option<fs::File>, Complaint> {
        let shown = folder.display();
        fs::create_dir_all(folder)
            .map_err(|error| Complaint::Internal(format!("--findings {shown}: {error}")))?;
        // A folder that cannot be locked, on another system or over a network, is anybody's.
        let Ok(opened) = fs::File::open(folder) else { return Ok(None) };
        let since = Stopwatch::start();
        while let Err(TryLockError::WouldBlock) = opened.try_lock() {
            if since.elapsed() > PARTING {
                return Err(Complaint::usage(format!(
                    "--findings {shown}: another campaign is at work there; name another folder, or wait for it"
                )));
            }
            std::thread::park_timeout(PARTING / 50);
        }
        Ok(Some(opened))
    }

    /// Whether the program is another one than that which began the campaign.
    pub(crate) fn is_of_another_program(&self) -> bool {
        self.program != program()
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
        if !journal.plan.is_told_by(&journal.tallies) {
            return Err(Complaint::usage(format!(
                "{shown}: its tallies are not those of its stories; start it anew"
            )));
        }
        journal.since = Some(Stopwatch::start());
        Ok(journal)
    }

    /// All runs before this one of the plan are done.
    pub(crate) fn below(&self) -> u64 {
        self.below
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
        self.save(folder)
    }

    /// Writes the state.
    pub(crate) fn save(&mut self, folder: &Path) -> io::Result<()> {
        self.saved = Some(Stopwatch::start());
        let elapsed = self.elapsed();
        let spent = std::mem::replace(&mut self.spent, elapsed);
        let text = serde_json::to_vec(self);
        self.spent = spent;
        write_whole(&file(folder), &text?)
    }

    /// The campaign has ended: there is nothing to go on with.
    pub(crate) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(file(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Tells one build of this program from another: when its file was written, and how long it is.
fn program() -> String {
    let file = std::env::current_exe().and_then(fs::metadata);
    let modified = file.as_ref().ok().and_then(|file| file.modified().ok());
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{} {}", file.map_or(0, |file| file.len()), since.unwrap_or_default().as_nanos())
}

fn file(folder: &Path) -> PathBuf {
    folder.join("campaign.state")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Story;

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
        let runs = |plan: &Plan| (0..).map_while(|n| plan.run(n)).collect::<Vec<_>>();
        assert_eq!(runs(&plan()), [(0, 10), (1, 10), (0, 11), (1, 11), (0, 12), (1, 12)]);
        let second = Plan { shard: Some(Shard { index: 2, of: 3 }), ..plan() };
        assert_eq!(runs(&second), [(0, 11), (1, 11)]);
    }

    #[test]
    fn how_many_runs_there_are_is_known_without_counting_them() {
        for seeds in 0..9 {
            for of in 1..5 {
                for index in 1..=of {
                    let plan = Plan { seeds: Some(seeds), shard: Some(Shard { index, of }), ..plan() };
                    let counted = (0..).map_while(|n| plan.run(n)).count() as u64;
                    assert_eq!(plan.total(), Some(counted), "part {index}/{of} of {seeds} seeds");
                }
            }
        }
        let endless = Plan { seeds: Some(u64::MAX), ..plan() };
        assert_eq!(endless.total(), Some(u64::MAX));
        assert_eq!(endless.run(u64::MAX - 1), Some((0, 10 + (u64::MAX - 1) / 2)));
        assert_eq!(Plan { seeds: None, ..plan() }.total(), None);
    }

    #[test]
    fn what_is_done_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(plan(), tallies(&["kv/x", "kv/y"]));
        for n in [0, 1, 3] {
            journal.finish(n);
        }
        journal.save_now_and_then(folder.path()).unwrap();
        let journal = Journal::load(folder.path()).unwrap();
        let done: Vec<u64> = (0..6).filter(|n| journal.is_done(*n)).collect();
        assert_eq!((done, journal.done()), (vec![0, 1, 3], 3));
        Journal::remove(folder.path()).unwrap();
        assert!(Journal::load(folder.path()).is_err());
    }

    fn tallies(names: &[&'static str]) -> Vec<StoryTally> {
        names.iter().map(|name| StoryTally::new(&Story::new(name, "c", |_| async {}))).collect()
    }

    #[test]
    fn a_journal_without_one_of_its_stories_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for names in [&["kv/x"][..], &["kv/y", "kv/x"]] {
            Journal::new(plan(), tallies(names)).save(folder.path()).unwrap();
            let Err(Complaint::Usage(text)) = Journal::load(folder.path()) else { panic!("it was accepted") };
            assert!(text.contains("not those of its stories"), "{text}");
        }
    }

    #[test]
    fn a_journal_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(Plan { stormglass: "0.0.1".into(), ..plan() }, Vec::new());
        journal.save_now_and_then(folder.path()).unwrap();
        let Err(Complaint::Usage(text)) = Journal::load(folder.path()) else { panic!("it was accepted") };
        assert!(text.contains("version 0.0.1"), "{text}");
    }
    #[test]
    fn who_is_about_to_let_go_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let Ok(Some(held)) = Journal::own(folder.path()) else { panic!("a folder can be locked here") };
        assert!(Journal::own(folder.path()).is_err(), "it is somebody's");
        let let_go = move || {
            std::thread::park_timeout(PARTING / 5);
            drop(held);
        };
        let letting_go = std::thread::Builder::new().spawn(let_go).unwrap();
        assert!(matches!(Journal::own(folder.path()), Ok(Some(_))));
        letting_go.join().unwrap();
    }
}
