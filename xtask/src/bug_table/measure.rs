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

/// Seeds whose weather is looked at: a fault that half of them know is in all of these once in a million stories.
const WEATHERS: u64 = 20;

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
pub(super) struct Head {
    pub(super) budget: u64,
    /// Which build of the program was measured.
    pub(super) program: String,
}

/// What was measured, a line each, on disk as soon as it is known.
pub(super) struct Journal {
    path: PathBuf,
    measured: BTreeMap<Key, Measured>,
}

impl Journal {
    pub(super) fn open(path: PathBuf, head: Head) -> Result<Journal, String> {
        let shown = path.display().to_string();
        let mut measured = BTreeMap::new();
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
            // A last line without its end was cut off when the measurement was; it is measured again.
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            let mut lines = whole.lines().enumerate();
            let found = lines.next().and_then(|(_, line)| serde_json::from_str::<Head>(line).ok());
            if found.as_ref() != Some(&head) {
                let other = match found {
                    None => "no journal of this table".to_owned(),
                    Some(it) if it.program != head.program => {
                        "measured with another build of the program".to_owned()
                    }
                    Some(it) => format!("measured with --budget {}", it.budget),
                };
                return Err(format!("{shown}: {other}; take that, or another --journal"));
            }
            for (number, line) in lines {
                let one: Measured = serde_json::from_str(line)
                    .map_err(|error| format!("{shown}, line {}: {error}", number + 1))?;
                let key = (one.bug.clone(), one.story.clone(), one.schedule.clone(), one.campaign);
                measured.insert(key, one);
            }
            if whole.len() < text.len() {
                bugs::write(&path, whole)?;
            }
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

/// Measures all tasks, some at once. What cannot be measured is told, and is measured again next time.
pub(super) fn all(
    program: &Path,
    tasks: &[Task],
    jobs: u64,
    journal: &mut Journal,
) -> Result<Vec<String>, String> {
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
        let mut trouble = Vec::new();
        for (n, (task, result)) in results.iter().enumerate() {
            let Task { known: Known { bug, story }, schedule, campaign, .. } = task;
            let what = format!("{story}:{bug}  {schedule} #{campaign}");
            let told = match &result {
                Ok(Measured { seeds: Some(seeds), cpu, .. }) => format!("{seeds}, {cpu:.2} s"),
                Ok(Measured { cpu, .. }) => format!("missed, {cpu:.2} s"),
                Err(error) => error.clone(),
            };
            match result {
                Err(error) => trouble.push(format!("{what}: {error}")),
                Ok(measured) => journal.add(task, measured).inspect_err(|_| {
                    // Nothing more can be kept, so nothing more is measured.
                    next.store(tasks.len(), Ordering::Relaxed);
                })?,
            }
            println!("{}/{}  {what}: {told}", n + 1, tasks.len());
        }
        Ok(trouble)
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

/// Of the faults under which it was caught, those that the weather of its story knows whatever the seed: that they were there
/// says nothing.
pub(super) fn certain(
    program: &Path,
    story: &str,
    measured: &[Measured],
) -> Result<BTreeSet<String>, String> {
    let mut common: BTreeSet<String> = measured.iter().flat_map(|one| one.faults.iter().cloned()).collect();
    for seed in 0..WEATHERS {
        if common.is_empty() {
            break;
        }
        let outcome = bugs::ask(program, &["run", story, "--seed", &seed.to_string(), "--json"])?;
        let weather = outcome["weather"].as_array().into_iter().flatten().flat_map(faults);
        let weather: BTreeSet<String> = weather.collect();
        common.retain(|kind| weather.contains(kind));
    }
    Ok(common)
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

    fn head(budget: u64, program: &str) -> Head {
        Head { budget, program: program.into() }
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
        Journal::open(path.clone(), head(10, "a")).unwrap().add(&task(0), one.clone()).unwrap();
        // Cut off in the midst of a line.
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"bug\":\"b\",\"sto");
        fs::write(&path, text).unwrap();
        let mut journal = Journal::open(path.clone(), head(10, "a")).unwrap();
        assert!(journal.has(&task(0)) && !journal.has(&task(1)));
        journal.add(&task(1), Measured { campaign: 1, ..one.clone() }).unwrap();
        let journal = Journal::open(path.clone(), head(10, "a")).unwrap();
        assert_eq!(journal.of(&task(0).known, &[task(0), task(1), task(2)]).len(), 2);
        for (head, why) in [(head(20, "a"), "--budget 10;"), (head(10, "b"), "another build")] {
            let Err(error) = Journal::open(path.clone(), head) else { panic!("these are other figures") };
            assert!(error.contains(why), "{error}");
        }
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
