//! A campaign for machines and for people who were not there: JUnit's XML, GitHub's annotations, Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::summary::{Share, answer, shares};
use super::{headline, invocation::command};
use crate::campaign::{CampaignResult, StoryTally, Told};
use crate::outcome::Verdict;

/// A suite a system, a case a story; its failures by their signatures.
pub(crate) fn junit(result: &CampaignResult) -> String {
    let mut report = Report::new("stormglass");
    let mut suites: Vec<TestSuite> = Vec::new();
    for tally in &result.stories {
        let system = tally.story.split('/').next().unwrap_or_default();
        let mut status = match tally.verdict() {
            _ if tally.is_untried() => TestCaseStatus::skipped(),
            Verdict::Holds => TestCaseStatus::success(),
            Verdict::Broken => TestCaseStatus::non_success(NonSuccessKind::Error),
            _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
        };
        if tally.verdict() != Verdict::Holds {
            status.set_type(tally.verdict().to_string());
            status.set_message(
                tally
                    .told()
                    .map(|told| told.signature())
                    .chain(tally.reproaches.clone())
                    .collect::<Vec<_>>()
                    .join("; "),
            );
            status.set_description(plain(tally));
        }
        let mut case = TestCase::new(tally.story.clone(), status);
        case.set_classname(system);
        case.set_assertions(usize::try_from(tally.runs).unwrap_or(usize::MAX));
        if tally.excused > 0 {
            case.add_property(("excused", tally.excused.to_string().as_str()));
        }
        match suites.last_mut().filter(|suite| suite.name.as_str() == system) {
            Some(suite) => drop(suite.add_test_case(case)),
            None => {
                let mut suite = TestSuite::new(system.to_owned());
                suite.add_test_case(case);
                suites.push(suite);
            }
        }
    }
    report.add_test_suites(suites);
    report.to_string().unwrap_or_else(|error| format!("<!-- {error} -->"))
}

fn plain(tally: &StoryTally) -> String {
    let mut text = String::new();
    for failure in tally.told() {
        _ = writeln!(text, "{}", plain_failure(&failure));
    }
    for reproach in &tally.reproaches {
        _ = writeln!(text, "{reproach}");
    }
    text
}

/// A failure without colours.
fn plain_failure(Told { outcome, replay, times }: &Told<'_>) -> String {
    let witness = outcome.fall.as_ref().map_or("", |fall| fall.witness.as_str());
    let replay = command(&format!("replay {replay}"));
    format!("{} ({times})\n{witness}\nreplay: {replay}", headline(outcome))
}

/// GitHub's workflow commands: a line a failure, shown beside the change that brought it.
pub(crate) fn annotations(result: &CampaignResult) -> Vec<String> {
    let mut lines = Vec::new();
    for tally in &result.stories {
        for failure in tally.told() {
            let title = format!("{}, seed {}", tally.story, failure.outcome.seed);
            lines.push(annotation("error", &title, &plain_failure(&failure)));
        }
        for reproach in &tally.reproaches {
            lines.push(annotation("warning", &tally.story, reproach));
        }
    }
    lines
}

/// The escapes that GitHub's runner undoes.
fn annotation(kind: &str, title: &str, text: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={title}::{}", escaped(text))
}

/// The result as a page: verdicts, failures with their replays, and how often each event was seen.
pub(crate) fn markdown(result: &CampaignResult) -> String {
    let runs: u64 = result.stories.iter().map(|tally| tally.runs).sum();
    let mut text = format!("# Stormglass: {}\n\n{runs} runs", result.verdict);
    if let Some(shard) = result.plan.shard {
        _ = write!(text, ", part {shard} of the campaign");
    }
    text.push_str(".\n\n| story | runs | excused | verdict | distinct failures |\n");
    text.push_str("| --- | ---: | ---: | --- | ---: |\n");
    for tally in &result.stories {
        _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            tally.story,
            tally.runs,
            tally.excused,
            answer(tally),
            tally.told().count()
        );
    }
    for tally in &result.stories {
        for failure in tally.told() {
            let (signature, block) = (failure.signature(), plain_failure(&failure));
            let (quote, fence) = (ticks(1, &signature), ticks(3, &block));
            _ = writeln!(text, "\n## {}: {quote}{signature}{quote}", tally.story);
            _ = writeln!(text, "\n{fence}text\n{block}\n{fence}");
        }
        for reproach in &tally.reproaches {
            _ = writeln!(text, "\n**{}**: {reproach}", tally.story);
        }
    }
    schedules(result, &mut text);
    coverage(result, &mut text);
    text
}

/// As many backticks as it takes to quote this, whatever backticks are in it.
fn ticks(least: usize, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}

/// What each schedule had of the campaign, and found, where there are several.
fn schedules(result: &CampaignResult, text: &mut String) {
    let shares = shares(&result.stories);
    if shares.len() < 2 {
        return;
    }
    text.push_str("\n## Schedules\n\n| schedule | runs | failed | distinct failures | by it alone |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for (schedule, Share { runs, failed, found, alone }) in shares {
        _ = writeln!(text, "| {schedule} | {runs} | {failed} | {found} | {alone} |");
    }
}

/// How often each event was seen, in a million runs of its story, and what no run came to.
fn coverage(result: &CampaignResult, text: &mut String) {
    let seen = || result.stories.iter().flat_map(|tally| tally.seen.iter().map(move |seen| (tally, seen)));
    if seen().next().is_some() {
        text.push_str(
            "\n## What was seen\n\n| story | event | times | in a million runs |\n| --- | --- | ---: | ---: |\n",
        );
    }
    for (tally, (event, times)) in seen() {
        let rate = *times as f64 * 1e6 / tally.runs.max(1) as f64;
        let rate = if *times == 0 { "**never**".to_owned() } else { format!("{rate:.0}") };
        _ = writeln!(text, "| {} | {} | {times} | {rate} |", tally.story, event.replace('|', "\\|"));
    }
    unreached(result, text);
    if !result.unreached.is_empty() {
        text.push_str("\nNo run came to:\n\n");
        result.unreached.iter().for_each(|stated| _ = writeln!(text, "- {stated}"));
    }
}

/// What other stories of its system saw and a story never so much as came to: code that it does not reach.
fn unreached(result: &CampaignResult, text: &mut String) {
    let system = |tally: &StoryTally| tally.story.split('/').next().unwrap_or_default().to_owned();
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for tally in &result.stories {
        let events = tally.seen.iter().filter(|(_, times)| **times > 0).map(|(event, _)| event.as_str());
        seen.entry(system(tally)).or_default().extend(events);
    }
    let lines = result.stories.iter().filter(|tally| !tally.is_untried()).filter_map(|tally| {
        let elsewhere = seen[&system(tally)].iter().filter(|event| !tally.seen.contains_key(**event));
        let missing: Vec<&str> = elsewhere.copied().collect();
        (!missing.is_empty()).then(|| format!("- {}: {}\n", tally.story, missing.join("; ")))
    });
    let lines: String = lines.collect();
    if !lines.is_empty() {
        _ = write!(text, "\nNot reached, though seen in other stories of the same system:\n\n{lines}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Plan, Schedules};
    use crate::outcome::{Fall, Outcome};
    use crate::story::Story;

    fn result() -> CampaignResult {
        let story = Story::new("kv/x", "c", |_| async {}).sometimes("a | retry").enough(1);
        let mut tally = StoryTally::new(&story);
        let fall = Fall::new("always", "x < 1 & stays", "50% went:\nx, then <y>");
        tally.count(&Outcome::lost("kv/x", 417, None, Verdict::Safety, fall));
        let held = StoryTally::new(&Story::new("kvonce/y", "c", |_| async {}));
        let plan = Plan {
            stormglass: "0".into(),
            stories: Vec::new(),
            from: 0,
            seeds: Some(1),
            time_ms: None,
            shard: None,
            bug: None,
            schedule: Schedules::default(),
        };
        let unreached = vec!["a line (mine::server)".to_owned()];
        CampaignResult { unreached, ..CampaignResult::new(plan, vec![tally, held]) }
    }

    #[test]
    fn junit_escapes_what_xml_would_take_for_its_own() {
        let xml = junit(&result());
        assert!(xml.contains("<testsuite name=\"kv\" tests=\"1\""), "{xml}");
        assert!(xml.contains("x &lt; 1 &amp; stays"), "{xml}");
        assert!(xml.contains("<testcase name=\"kvonce/y\""), "{xml}");
    }

    #[test]
    fn a_page_quotes_what_quotes() {
        assert_eq!((ticks(1, "a `b` ``c``"), ticks(3, "no tick")), ("```".into(), "```".into()));
        assert_eq!(ticks(3, "```\nx\n```"), "````");
    }

    #[test]
    fn an_annotation_is_one_line() {
        let lines = annotations(&result());
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
        assert!(lines[0].starts_with("::error title=kv/x%2C seed 417::FELL: x < 1 & stays"), "{lines:?}");
        assert!(lines[0].contains("50%25 went:%0Ax, then <y>"), "{lines:?}");
        assert_eq!(lines[1], "::warning title=kv/x::never seen in 1 runs: a | retry");
    }

    #[test]
    fn a_page_names_what_a_story_does_not_reach() {
        let tally = |name: &'static str, events: &[(&str, u64)]| {
            let mut tally = StoryTally::new(&Story::new(name, "c", |_| async {}));
            let seen = events.iter().map(|(event, times)| ((*event).to_owned(), *times)).collect();
            tally.count(&Outcome {
                seen,
                ..Outcome::lost(name, 1, None, Verdict::Holds, Fall::new("", "", ""))
            });
            tally
        };
        let whole = CampaignResult {
            stories: vec![
                tally("kv/x", &[("a retry", 3), ("a copy", 0)]),
                tally("kv/y", &[("a retry", 1), ("a crash", 2)]),
                tally("raft/z", &[("a vote", 1)]),
            ],
            ..result()
        };
        let page = markdown(&whole);
        let (_, missing) = page.split_once("Not reached, though seen in other stories").expect("it says so");
        assert!(missing.contains("- kv/x: a crash\n"), "{missing}");
        assert!(!missing.contains("kv/y") && !missing.contains("raft/z"), "{missing}");
    }

    #[test]
    fn a_page_names_what_was_never_seen() {
        let page = markdown(&result());
        assert!(page.contains("| kv/x | a \\| retry | 0 | **never** |"), "{page}");
        assert!(page.contains("\nNo run came to:\n\n- a line (mine::server)\n"), "{page}");
        assert!(page.contains("## kv/x: `always: x < # & stays`\n"), "{page}");
    }
}
