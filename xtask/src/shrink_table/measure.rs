//! One row: a bug found, its failure made small, replayed, and tested for what could still go.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Row, ShrinkTable};
use crate::bugs::write;

/// What rows are made with.
pub(super) struct Bench<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) table: &'a ShrinkTable,
}

impl Bench<'_> {
    /// Every bug with the story that must catch it.
    pub(super) fn bugs(&self) -> Result<Vec<(String, String)>, String> {
        let list = self.call(&["list", "--json"])?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ShrinkTable { story: stories, bug: bugs, .. } = self.table;
        let all = list.as_array().into_iter().flatten().flat_map(|story| {
            let bugs = story["bugs"].as_array().into_iter().flatten();
            bugs.map(move |bug| (text(&story["story"]), text(bug)))
        });
        Ok(all
            .filter(|(story, _)| stories.is_empty() || stories.iter().any(|prefix| story.starts_with(prefix)))
            .filter(|(_, bug)| bugs.is_empty() || bugs.contains(bug))
            .collect())
    }

    pub(super) fn row(&self, story: &str, bug: &str) -> Result<Row, String> {
        let row = Row { story: story.into(), bug: bug.into(), ..Row::default() };
        let Some((seed, schedule)) = self.find(story, bug)? else { return Ok(row) };
        let what = format!("{story}:{seed}:{bug}");
        let budget = self.table.budget.to_string();
        #[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "shrinking takes real time")]
        let began = std::time::Instant::now();
        let report = self.call(&[
            "shrink",
            &what,
            "-o",
            "small.json",
            "--json",
            "--budget",
            &budget,
            "--schedule",
            &schedule,
        ])?;
        let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let path = self.folder.join("small.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: Value = serde_json::from_str(&text).map_err(|error| format!("{what}: {error}"))?;
        let said = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| report[name].as_u64().unwrap_or_default();
        let failure = how(&file["expected"]);
        let finished = report["finished"] == true;
        // Where the budget was spent something inside can go, and much would have to be tried.
        let tested = |stream: &str| finished || is_outside(stream);
        let could_go = could_go(&file, &tested, &mut |less| Ok(self.replay(less)? == failure))?;
        Ok(Row {
            seed: Some(seed),
            schedule,
            signature: said("signature"),
            before: said("before"),
            after: said("after"),
            faults: number("faults"),
            operations: number("operations"),
            runs: number("runs"),
            seconds,
            finished,
            replays: self.replay(&file)? == failure,
            could_go,
            ..row
        })
    }

    /// The lowest seed on which the bug shows, with its schedule, in parts that double.
    fn find(&self, story: &str, bug: &str) -> Result<Option<(u64, String)>, String> {
        let (mut from, mut seeds) = (0, 8);
        let path = self.folder.join("campaign.json");
        while from < self.table.seeds {
            seeds = seeds.min(self.table.seeds - from);
            let (first, count) = (from.to_string(), seeds.to_string());
            // What lies there is of an earlier call.
            _ = fs::remove_file(&path);
            _ = fs::remove_dir_all(self.folder.join("findings"));
            let line = ["fuzz", story, "--bug", bug, "--from", &first, "--seeds", &count];
            let (_, said) = self.command(&[&line[..], &["--json", "campaign.json"]].concat())?;
            let text = fs::read(&path).map_err(|error| format!("{}: {error}\n{said}", line.join(" ")))?;
            let campaign: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
            let failures = campaign["stories"].as_array().into_iter().flatten();
            let failures = failures.flat_map(|story| story["failures"].as_object().into_iter().flatten());
            let runs = failures.map(|(_, failure)| &failure["first"]);
            // What nobody could decide, or what Stormglass itself did wrong, is no failure that could be made small.
            let runs = runs.filter(|run| FAILS.iter().any(|verdict| run["verdict"] == *verdict));
            let runs = runs.filter_map(|run| {
                Some((run["seed"].as_u64()?, run["schedule"].as_str().unwrap_or("random").to_owned()))
            });
            if let Some(found) = runs.min() {
                return Ok(Some(found));
            }
            (from, seeds) = (from + seeds, 2 * seeds);
        }
        Ok(None)
    }

    /// How a file fails, in a process of its own.
    fn replay(&self, file: &Value) -> Result<Option<(String, String)>, String> {
        let mut file = file.clone();
        file.as_object_mut().map(|file| file.remove("expected"));
        let path = self.folder.join("replayed.json");
        write(&path, &file.to_string())?;
        Ok(how(&self.call(&["replay", "replayed.json", "--json", "--trace", "/dev/null"])?))
    }

    fn call(&self, arguments: &[&str]) -> Result<Value, String> {
        let (out, err) = self.command(arguments)?;
        serde_json::from_slice(&out)
            .map_err(|error| format!("stormglass {}: {error}\n{err}", arguments.join(" ")))
    }

    fn command(&self, arguments: &[&str]) -> Result<(Vec<u8>, String), String> {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(self.folder);
        if let (Some(jobs), "fuzz" | "shrink") = (self.table.jobs, arguments[0]) {
            command.args(["--jobs", &jobs.to_string()]);
        }
        let output = command.output().map_err(|error| format!("{}: {error}", self.program.display()))?;
        Ok((output.stdout, String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// The verdicts on a run that fails.
const FAILS: [&str; 2] = ["safety_violated", "liveness_violated"];

/// Verdict and signature of an outcome that is a failure: oracle and claim, its numbers taken out.
fn how(outcome: &Value) -> Option<(String, String)> {
    let fall = outcome["fall"].as_object()?;
    let claim = fall.get("claim")?.as_str()?;
    let words: String = claim.chars().filter(|c| !c.is_ascii_digit()).collect();
    Some((outcome["verdict"].as_str()?.to_owned(), format!("{}: {words}", fall.get("oracle")?.as_str()?)))
}

/// Whether its decisions are faults, operations, or delays.
fn is_outside(stream: &str) -> bool {
    let from = ["story/", "weather/"].iter().any(|start| stream.starts_with(start));
    from || ["/link", "/tcp", "/disk", "/buggify"].iter().any(|end| stream.ends_with(end))
}

/// Faults, operations, delays and choices that a file holds and could do without: taken away one at a time, they leave a run
/// that `fails` in the same way. Of the streams that are to be `tested`.
fn could_go(
    file: &Value,
    tested: &dyn Fn(&str) -> bool,
    fails: &mut dyn FnMut(&Value) -> Result<bool, String>,
) -> Result<Vec<String>, String> {
    let mut spare = Vec::new();
    let points = file["overrides"]["points"].as_object();
    for (stream, points) in points.into_iter().flatten().filter(|(stream, _)| tested(stream)) {
        for index in points.as_object().into_iter().flat_map(|points| points.keys()) {
            let mut less = file.clone();
            // The stream is calm but for its points.
            if let Some(points) = less["overrides"]["points"][stream].as_object_mut() {
                points.remove(index);
            }
            if fails(&less)? {
                spare.push(format!("{index} of {stream}"));
            }
        }
    }
    Ok(spare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Needs 1 of `story/c1` and 4 of `a>b/link`.
    fn fails(file: &Value) -> bool {
        let points = &file["overrides"]["points"];
        points["story/c1"]["1"] == 1 && points["a>b/link"]["4"] == 1
    }

    #[test]
    fn what_could_go_is_noticed() {
        let tested = |file: &Value| could_go(file, &|_| true, &mut |less| Ok(fails(less))).unwrap();
        let small = json!({"overrides": {"points": {"a>b/link": {"4": 1}, "story/c1": {"1": 1}}}});
        assert!(tested(&small).is_empty());
        let fat =
            json!({"overrides": {"points": {"a>b/link": {"4": 1, "9": 1}, "story/c1": {"1": 1, "2": 1}}}});
        assert_eq!(tested(&fat), ["9 of a>b/link", "2 of story/c1"]);
        let wild = json!({"overrides": {"points": {"story/c1": {"1": 1}, "a>b/link": {"4": 1}, "world/schedule": {"2": 1}}}});
        assert_eq!(tested(&wild), ["2 of world/schedule"]);
        assert!(could_go(&wild, &is_outside, &mut |less| Ok(fails(less))).unwrap().is_empty());
    }

    #[test]
    fn failures_are_the_same_when_their_words_are() {
        let outcome = |verdict: &str, claim: &str| json!({"verdict": verdict, "fall": {"oracle": "always", "claim": claim}});
        assert_eq!(how(&outcome("safety_violated", "key 4")), how(&outcome("safety_violated", "key 17")));
        assert_ne!(how(&outcome("safety_violated", "key 4")), how(&outcome("safety_violated", "lock 4")));
        assert_ne!(how(&outcome("safety_violated", "key 4")), how(&outcome("liveness_violated", "key 4")));
        assert_eq!(how(&json!({"verdict": "holds"})), None);
    }
}
