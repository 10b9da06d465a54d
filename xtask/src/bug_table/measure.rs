//! Campaigns, one process each, and the journal that remembers what they came to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Known;
use crate::bugs;

/// Between the first seeds of two campaigns.
const APART: u64 = 1_000_000;

/// A campaign to be measured.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) known: Known,
    pub(super) schedule: String,
    pub(super) campaign: u64,
    /// CPU seconds.
    pub(super) budget: u64,
}

/// What a campaign came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) bug: String,
    pub(super) story: String,
    pub(super) schedule: String,
    pub(super) campaign: u64,
    /// Seeds to the first detection; `None`: missed.
    pub(super) seeds: Option<u64>,
    /// CPU seconds to it, or to the end of the budget.
    pub(super) cpu: f64,
    /// The oracle that fired, with the claim that fell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oracle: Option<String>,
    /// The kinds of faults its weather knew.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) faults: BTreeSet<String>,
}

type Key = (String, String, String, u64);

impl Task {
    fn key(&self) -> Key {
        let Known { bug, story } = self.known.clone();
        (bug, story, self.schedule.clone(), self.campaign)
    }
}

/// The first line of a journal: what its figures mean.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    budget: u64,
    single_budget: u64,
}

/// What was measured, a line each, on disk as soon as it is known.
pub(super) struct Journal {
    path: PathBuf,
    measured: BTreeMap<Key, Measured>,
}

impl Journal {
    pub(super) fn open(path: PathBuf, budget: u64, single_budget: u64) -> Result<Journal, String> {
        let (shown, head) = (path.display().to_string(), Head { budget, single_budget });
        let mut measured = BTreeMap::new();
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
            // A last line without its end was cut off when the measurement was; it is measured again.
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            let mut lines = whole.lines().enumerate();
            let found = lines.next().and_then(|(_, line)| serde_json::from_str::<Head>(line).ok());
            if found.as_ref() != Some(&head) {
                return Err(format!(
                    "{shown}: measured with other budgets ({found:?}); take these, or another --journal"
                ));
            }
            for (number, line) in lines {
                let one: Measured = serde_json::from_str(line)
                    .map_err(|error| format!("{shown}, line {}: {error}", number + 1))?;
                let key = (one.bug.clone(), one.story.clone(), one.schedule.clone(), one.campaign);
                measured.insert(key, one);
            }
            bugs::write(&path, whole)?;
        } else {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            let head = serde_json::to_string(&head).map_err(|error| error.to_string())?;
            bugs::write(&path, &(head + "\n"))?;
        }
        Ok(Journal { path, measured })
    }

    pub(super) fn has(&self, task: &Task) -> bool {
        self.measured.contains_key(&task.key())
    }

    fn add(&mut self, task: &Task, measured: Measured) -> Result<(), String> {
        let line = serde_json::to_string(&measured).map_err(|error| error.to_string())? + "\n";
        let file = fs::OpenOptions::new().append(true).open(&self.path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.measured.insert(task.key(), measured);
        Ok(())
    }

    /// What these tasks came to for this bug.
    pub(super) fn of(&self, known: &Known, tasks: &[Task]) -> Vec<Measured> {
        let its = tasks.iter().filter(|task| task.known == *known);
        its.filter_map(|task| self.measured.get(&task.key()).cloned()).collect()
    }
}

/// Measures all tasks, some at once. The first that cannot be measured ends it; what was measured stays.
pub(super) fn all(program: &Path, tasks: &[Task], jobs: u64, journal: &mut Journal) -> Result<(), String> {
    let next = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, results) = channel();
        for _ in 0..jobs {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((task, campaign(program, task))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (n, (task, result)) in results.iter().enumerate() {
            let stop = |error| {
                next.store(tasks.len(), Ordering::Relaxed);
                error
            };
            let measured = result.map_err(stop)?;
            let Task { known: Known { bug, story }, schedule, campaign, .. } = task;
            let seeds = measured.seeds.map_or_else(|| "missed".to_owned(), |seeds| seeds.to_string());
            let (number, all, cpu) = (n + 1, tasks.len(), measured.cpu);
            println!("{number}/{all}  {story}:{bug}  {schedule} #{campaign}: {seeds}, {cpu:.2} s");
            journal.add(task, measured).map_err(stop)?;
        }
        Ok(())
    })
}

fn campaign(program: &Path, task: &Task) -> Result<Measured, String> {
    let Task { known: Known { bug, story }, schedule, campaign, budget } = task;
    let (cpu, from) = (format!("{budget}s"), (campaign * APART).to_string());
    let found = bugs::ask(
        program,
        &[
            "bugs",
            story,
            "--bug",
            bug,
            "--schedule",
            schedule,
            "--from",
            &from,
            "--cpu",
            &cpu,
            "--seeds",
            "1000000",
            "--jobs",
            "1",
            "--patience",
            "120s",
            "--json",
        ],
    )?;
    // A prefix of stories may have more than one of them.
    let mut hunts = found.as_array().into_iter().flatten();
    let hunt = hunts
        .find(|hunt| hunt["story"] == **story)
        .ok_or_else(|| format!("{story} is not asked for {bug}: {found}"))?;
    let text = |name: &str| hunt[name].as_str().map(str::to_owned);
    Ok(Measured {
        bug: bug.clone(),
        story: story.clone(),
        schedule: schedule.clone(),
        campaign: *campaign,
        seeds: hunt["seeds"].as_u64(),
        cpu: hunt["cpu"].as_f64().unwrap_or_default(),
        oracle: text("oracle"),
        faults: hunt["weather"].as_array().into_iter().flatten().flat_map(faults).collect(),
    })
}

/// The kinds of faults that a line of a weather report names.
fn faults(line: &Value) -> Vec<String> {
    let line = line.as_str().unwrap_or_default();
    let Some((kind, detail)) = line.split_once(": ") else { return Vec::new() };
    match kind {
        // How long messages take is no fault; what else befalls them is.
        "links" => {
            let named = ["lost", "duplicated", "reordered"].into_iter();
            named.filter(|what| detail.contains(what)).map(|what| format!("{what} messages")).collect()
        }
        // "disks: 3% read error"
        "disks" => vec![format!("disk: {}", detail.split_once(' ').map_or(detail, |(_, what)| what))],
        _ => vec![kind.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(campaign: u64) -> Task {
        let known = Known { bug: "b".into(), story: "kv/x".into() };
        Task { known, schedule: "pos".into(), campaign, budget: 1 }
    }

    #[test]
    fn what_was_measured_is_known_after_an_interruption() {
        let folder = std::env::temp_dir().join(format!("bug-table-{}", std::process::id()));
        let path = folder.join("journal.jsonl");
        let one = Measured {
            seeds: Some(3),
            bug: "b".into(),
            story: "kv/x".into(),
            schedule: "pos".into(),
            ..Measured::default()
        };
        Journal::open(path.clone(), 60, 10).unwrap().add(&task(0), one.clone()).unwrap();
        // Cut off in the midst of a line.
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"bug\":\"b\",\"sto");
        fs::write(&path, text).unwrap();
        let mut journal = Journal::open(path.clone(), 60, 10).unwrap();
        assert!(journal.has(&task(0)) && !journal.has(&task(1)));
        journal.add(&task(1), Measured { campaign: 1, ..one.clone() }).unwrap();
        let journal = Journal::open(path.clone(), 60, 10).unwrap();
        assert_eq!(journal.of(&task(0).known, &[task(0), task(1), task(2)]).len(), 2);
        let Err(error) = Journal::open(path, 60, 20) else { panic!("other budgets mean other figures") };
        assert!(error.contains("other budgets"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn weather_is_read_for_its_faults() {
        let named = |line: &str| faults(&Value::from(line));
        assert_eq!(named("storm of 3 s"), Vec::<String>::new());
        assert_eq!(
            named("links: 1 ms to 2 ms, 3% lost, 1% reordered"),
            ["lost messages", "reordered messages"]
        );
        assert_eq!(named("disks: 2% sync error"), ["disk: sync error"]);
        assert_eq!(named("power losses: every 3 s for 1 s"), ["power losses"]);
    }
}
