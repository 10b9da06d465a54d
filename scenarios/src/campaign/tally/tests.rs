//! Tallies count what they are told, and tell what is no pass.

use super::*;
use crate::outcome::Fall;

fn story() -> Story {
    Story::new("kv/x", "c", |_| async {}).sometimes("a retry").enough(3)
}

fn failed(seed: u64, claim: &str) -> Outcome {
    Outcome::lost("kv/x", seed, None, Verdict::Safety, Fall::new("always", claim, "w"))
}

fn held(seed: u64) -> Outcome {
    Outcome { fall: None, verdict: Verdict::Holds, ..failed(seed, "") }
}

#[test]
fn the_same_failure_is_one_failure_and_its_lowest_seed_speaks_for_it() {
    let mut tally = StoryTally::new(&story());
    assert!(tally.count(&failed(9, "key 4 is lost")).is_new);
    assert!(!tally.count(&failed(2, "key 17 is lost")).is_new);
    assert!(tally.count(&failed(5, "a lock has two holders")).is_new);
    let failure = &tally.failures["always: key # is lost"];
    assert_eq!((failure.count, failure.first.seed, &failure.seeds[..]), (2, 2, &[2, 9][..]));
    assert_eq!(tally.verdict(), Verdict::Safety);
}

#[test]
fn the_lowest_seeds_of_a_failure_become_files() {
    let mut tally = StoryTally::new(&story());
    let mut filed = |seed| tally.count(&failed(seed, "key 4 is lost")).is_worth_a_file;
    assert_eq!([5, 2, 9, 11, 7, 1, 8].map(&mut filed), [true, true, true, false, true, true, false]);
    let mut other = StoryTally::new(&story());
    let mut filed = |seed| other.count(&failed(seed, "key 4 is lost")).is_worth_a_file;
    assert_eq!([4, 4, 4, 4, 2, 4].map(&mut filed), [true, true, true, false, true, false], "varied runs");
    assert!(tally.count(&failed(20, "a lock has two holders")).is_worth_a_file);
    assert!(!tally.count(&held(0)).is_worth_a_file);
}

#[test]
fn failures_without_end_are_counted_and_no_more() {
    let mut tally = StoryTally::new(&story());
    // Numbers in a claim are masked, letters are not.
    let name = |n: u64| format!("{n:010b}").replace('0', "a").replace('1', "b");
    for n in 0..DISTINCT as u64 {
        assert!(tally.count(&failed(n, &name(n))).is_new);
    }
    assert_eq!(tally.count(&failed(1000, "one more")), Counted::default());
    assert!(tally.count(&failed(1000, &name(7))).is_worth_a_file);
    tally.close(false);
    assert_eq!((tally.failures.len(), tally.further, tally.safety_violated), (DISTINCT, 1, 1002));
    assert!(tally.reproaches[0].starts_with("1 more runs failed in other ways"), "{:?}", tally.reproaches);
}

#[test]
fn a_story_in_which_nothing_happened_is_no_pass() {
    let mut tally = StoryTally::new(&story());
    for seed in 0..3 {
        tally.count(&held(seed));
    }
    tally.close(false);
    assert_eq!(tally.reproaches, ["never seen in 3 runs: a retry"]);
    assert_eq!(tally.verdict(), Verdict::Undecided);

    let mut seen = StoryTally::new(&story());
    for seed in 0..3 {
        seen.count(&Outcome { seen: [("a retry".into(), 1)].into(), ..held(seed) });
    }
    seen.close(false);
    assert_eq!(seen.verdict(), Verdict::Holds);
}

#[test]
fn what_fails_again_counts_for_the_verdict_and_nothing_else() {
    let mut tally = StoryTally::new(&story());
    tally.count(&held(1));
    let mut part = StoryTally::new(&story());
    part.again.insert("findings/kv.x-1-0a0b0c0d.json".into(), failed(1, "key 4 is lost"));
    tally.merge(&part);
    assert_eq!((tally.runs, tally.safety_violated, tally.failures.len()), (1, 0, 0));
    assert_eq!(tally.verdict(), Verdict::Safety);
    assert_eq!(tally.told().next().unwrap().replay, "findings/kv.x-1-0a0b0c0d.json");
}

#[test]
fn too_many_excuses_are_the_storys_fault() {
    let excused = |seed| Outcome { verdict: Verdict::Excused, ..held(seed) };
    for (excuses, verdict) in [(2, Verdict::Holds), (3, Verdict::Undecided)] {
        let mut tally = StoryTally::new(&Story::new("kv/x", "c", |_| async {}));
        for seed in 0..100 {
            tally.count(&if seed < excuses { excused(seed) } else { held(seed) });
        }
        tally.close(false);
        assert_eq!(tally.verdict(), verdict, "{excuses} excused");
    }
}
