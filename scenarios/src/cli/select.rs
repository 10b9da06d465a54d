//! Names on the command line: stories by name or prefix, bugs by name, and the closest name there is to a wrong one.

use super::Complaint;
use crate::story::Story;

/// The stories that any of the patterns names; all of them for no pattern.
///
/// A pattern is a whole name, a folder (`raft`), or any beginning of names; `-` may stand for `_`.
pub(crate) fn stories<'a>(stories: &'a [Story], patterns: &[String]) -> Result<Vec<&'a Story>, Complaint> {
    if stories.is_empty() {
        return Err(Complaint::usage("there are no stories to run"));
    }
    if patterns.is_empty() {
        return Ok(stories.iter().collect());
    }
    let mut chosen = vec![false; stories.len()];
    for pattern in patterns {
        let wanted = pattern.replace('-', "_");
        let folder = format!("{}/", wanted.trim_end_matches('/'));
        let matches = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
            stories.iter().enumerate().filter(|(_, story)| test(story.name())).map(|(at, _)| at).collect()
        };
        let found = [
            matches(&|name| name == wanted),
            matches(&|name| name.starts_with(&folder)),
            matches(&|name| !wanted.is_empty() && name.starts_with(&wanted)),
        ];
        let Some(found) = found.into_iter().find(|found| !found.is_empty()) else {
            let names = stories.iter().flat_map(|story| [story.name(), story.system()]);
            return Err(unknown("story", pattern, names, "`list` shows them all"));
        };
        found.into_iter().for_each(|at| chosen[at] = true);
    }
    Ok(stories.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(story, _)| story).collect())
}

/// The one story a pattern names.
pub(crate) fn story<'a>(all: &'a [Story], pattern: &str) -> Result<&'a Story, Complaint> {
    let found = stories(all, &[pattern.to_owned()])?;
    match found[..] {
        [story] => Ok(story),
        _ => {
            let names: Vec<&str> = found.iter().map(|story| story.name()).collect();
            let count = names.len();
            Err(Complaint::usage(format!(
                "`{pattern}` names {count} stories, one is needed: {}",
                names.join(", ")
            )))
        }
    }
}

/// Every bug and harmless variant that a story's system knows; any of them may be planted in it.
pub(crate) fn bugs_of<'a>(all: &'a [Story], system: &'a str) -> impl Iterator<Item = &'static str> + use<'a> {
    all.iter()
        .filter(move |story| story.system() == system)
        .flat_map(|story| story.bugs().iter().chain(story.harmless()).copied())
}

/// The selected stories in which the bug can be planted; all of them without a bug.
pub(crate) fn with_bug<'a>(
    all: &'a [Story],
    chosen: Vec<&'a Story>,
    bug: Option<&str>,
) -> Result<Vec<&'a Story>, Complaint> {
    let Some(bug) = bug else { return Ok(chosen) };
    let able: Vec<&Story> = chosen
        .iter()
        .filter(|story| bugs_of(all, story.system()).any(|known| known == bug))
        .copied()
        .collect();
    if able.is_empty() {
        let known: Vec<&str> = chosen.iter().flat_map(|story| bugs_of(all, story.system())).collect();
        return Err(unknown("bug", bug, known.into_iter(), "`list` shows them with their stories"));
    }
    Ok(able)
}

/// The complaint about a name that is not there.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
    advice: &str,
) -> Complaint {
    let closest = known.min_by_key(|known| distance(known, name));
    let meant = closest.map_or_else(String::new, |closest| format!(", did you mean `{closest}`?"));
    let meant = if meant.is_empty() { ";" } else { &meant };
    Complaint::usage(format!("no {what} is called `{name}`{meant} {advice}"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house() -> Vec<Story> {
        let story = |name| Story::new(name, "c", |_| async {});
        vec![
            story("kv/lost_reply").catches(["late-ack"]),
            story("kv/lock"),
            story("kvraft/lock").catches(["stale-read"]),
        ]
    }

    fn names(patterns: &[&str]) -> Result<Vec<&'static str>, Complaint> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        stories(&house(), &patterns).map(|found| found.iter().map(|story| story.name()).collect())
    }

    #[test]
    fn a_folder_is_meant_before_a_beginning() {
        assert_eq!(names(&["kv"]).unwrap(), ["kv/lost_reply", "kv/lock"]);
        assert_eq!(names(&["kvr"]).unwrap(), ["kvraft/lock"]);
        assert_eq!(names(&["kv/lost-reply"]).unwrap(), ["kv/lost_reply"]);
        assert_eq!(names(&["kv/l", "kvraft/", "kv"]).unwrap().len(), 3, "named twice, told once");
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_closest() {
        let text = |answer: Result<_, Complaint>| match answer {
            Err(Complaint::Usage(text)) => text,
            _ => panic!("a usage complaint was expected"),
        };
        assert!(text(names(&["kv/lost_replies"]).map(drop)).contains("did you mean `kv/lost_reply`?"));
        let all = house();
        let chosen = stories(&all, &[]).unwrap();
        assert!(
            text(with_bug(&all, chosen, Some("late-akc")).map(drop)).contains("did you mean `late-ack`?")
        );
        assert!(text(story(&all, "kv").map(drop)).contains("names 2 stories"));
    }

    #[test]
    fn a_bug_is_planted_in_the_stories_of_its_system_only() {
        let all = house();
        let able = with_bug(&all, stories(&all, &[]).unwrap(), Some("late-ack")).unwrap();
        assert_eq!(able.iter().map(|story| story.name()).collect::<Vec<_>>(), ["kv/lost_reply", "kv/lock"]);
    }
}
