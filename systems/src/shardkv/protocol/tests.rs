//! The replicated state of groups and controller, without servers.

use super::super::bugs::{Bug, Bugs};
use super::super::message::{
    Change, Complaint, Config, Decree, Delete, Freeze, Get, Gid, Install, Moved, NotServed, Part, Query,
    Rejection, Rule, Stamp, Taken, Write,
};
use super::{Answer, Command, Controller, Group, Limits, Phase, PutCall, PutError, Seen, shard_of};

const SHARDS: usize = 4;

/// It has all of it.
const WHOLE: Moved<Taken> = Moved::Done(Taken::Whole);

/// Shards that remember so many clerks.
fn remembers(clerks: usize) -> Limits {
    Limits { clerks, ..Limits::default() }
}

/// A key of shard 0.
fn key() -> String {
    (0..).map(|n| format!("k{n}")).find(|key| shard_of(key, SHARDS) == 0).unwrap()
}

fn write(change: Change, number: u64) -> Command {
    Command::Write(Write { key: key(), change, by: Stamp { clerk: 9, number }, after: Some(0) })
}

fn append(text: &str, number: u64) -> Command {
    write(Change::Append(text.into()), number)
}

fn value(group: &Group) -> Result<String, NotServed> {
    group.get(&Get { key: key() }).map(|found| found.map_or_else(String::new, |found| found.value))
}

fn freeze(group: &mut Group, num: u64) -> Moved<Part> {
    freeze_from(group, num, 0)
}

fn freeze_from(group: &mut Group, num: u64, from: u64) -> Moved<Part> {
    match group.apply(Command::Freeze(Freeze { shard: 0, num, from })).answer {
        Answer::Freeze(moved) => moved,
        other => panic!("{other:?}"),
    }
}

fn install(group: &mut Group, num: u64, part: &Part) -> Moved<Taken> {
    match group.apply(Command::Install(Install { shard: 0, num, part: part.clone() })).answer {
        Answer::Install(moved) => moved,
        other => panic!("{other:?}"),
    }
}

fn delete(group: &mut Group, num: u64) -> Moved<()> {
    match group.apply(Command::Delete(Delete { shard: 0, num })).answer {
        Answer::Delete(moved) => moved,
        other => panic!("{other:?}"),
    }
}

fn run(group: &mut Group, command: Command) -> Answer {
    group.apply(command).answer
}

fn pair(bugs: Bugs) -> (Group, Group) {
    (Group::founder(1, SHARDS, remembers(8), bugs), Group::new(2, SHARDS, remembers(8), bugs))
}

fn frozen(moved: Moved<Part>) -> Part {
    match moved {
        Moved::Done(part) => part,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_shard_moves_with_its_requests_and_is_served_once() {
    let (mut one, mut two) = pair(Bugs::NONE);
    assert_eq!(run(&mut one, append("a", 1)), Answer::Write(Ok(Ok(()))));
    assert_eq!(value(&two), Err(NotServed::WrongGroup));
    let content = frozen(freeze(&mut one, 2));
    assert_eq!(run(&mut one, append("b", 2)), Answer::Write(Err(NotServed::WrongGroup)));
    assert_eq!(value(&one), Err(NotServed::WrongGroup));
    assert_eq!(install(&mut two, 2, &content), WHOLE);
    assert_eq!(run(&mut two, append("a", 1)), Answer::Write(Ok(Ok(()))), "a resend");
    assert_eq!(run(&mut two, append("b", 2)), Answer::Write(Ok(Ok(()))));
    assert_eq!(run(&mut two, append("a", 1)), Answer::Write(Err(NotServed::Old)));
    assert_eq!(value(&two).unwrap(), "ab");
    assert_eq!(delete(&mut one, 2), Moved::Done(()));
    assert_eq!(one.slot(0).unwrap().phase, Phase::Absent);
}

#[test]
fn every_step_may_come_again() {
    let (mut one, mut two) = pair(Bugs::NONE);
    _ = run(&mut one, append("a", 1));
    let content = frozen(freeze(&mut one, 2));
    assert_eq!(frozen(freeze(&mut one, 2)), content);
    assert_eq!(install(&mut two, 2, &content), WHOLE);
    _ = run(&mut two, append("b", 2));
    assert_eq!(install(&mut two, 2, &content), WHOLE);
    assert_eq!(value(&two).unwrap(), "ab");
    assert_eq!(delete(&mut one, 2), Moved::Done(()));
    assert_eq!(delete(&mut one, 2), Moved::Done(()));
    assert_eq!(freeze(&mut one, 2), Moved::Gone);
}

#[test]
fn steps_of_old_numbers_change_nothing() {
    let (mut one, mut two) = pair(Bugs::NONE);
    let old = frozen(freeze(&mut one, 2));
    _ = install(&mut two, 2, &old);
    _ = delete(&mut one, 2);
    _ = run(&mut two, append("a", 1));
    let content = frozen(freeze(&mut two, 3));
    _ = install(&mut one, 3, &content);
    _ = delete(&mut two, 3);
    assert_eq!(install(&mut two, 2, &old), Moved::Stale);
    assert_eq!(freeze(&mut one, 2), Moved::Stale);
    assert_eq!(delete(&mut one, 2), Moved::Stale);
    assert_eq!(value(&one).unwrap(), "a");
    assert_eq!((delete(&mut one, 4), freeze(&mut two, 4)), (Moved::Never, Moved::Never));
}

#[test]
fn the_bugs_of_fences() {
    let old = |bug, step: fn(&mut Group, &Part)| {
        let (mut one, _) = pair(Bugs::only(bug));
        let content = frozen(freeze(&mut one, 2));
        _ = delete(&mut one, 2);
        _ = install(&mut one, 3, &content);
        _ = run(&mut one, append("a", 1));
        step(&mut one, &content);
        value(&one)
    };
    let gone = Err(NotServed::WrongGroup);
    assert_eq!(old(Bug::InstallsForOldNumbers, |one, content| _ = install(one, 2, content)).unwrap(), "");
    assert_eq!(old(Bug::InstallsTwice, |one, content| _ = install(one, 3, content)).unwrap(), "");
    assert_eq!(old(Bug::InstallsTwice, |one, content| _ = install(one, 2, content)).unwrap(), "a");
    assert_eq!(old(Bug::FreezesForOldNumbers, |one, _| _ = freeze(one, 2)), gone);
    assert_eq!(old(Bug::DeletesForOldNumbers, |one, _| _ = delete(one, 2)), gone);
}

#[test]
fn who_asks_again_gets_what_is_there() {
    let after = |bug| {
        let (mut one, mut two) = pair(Bugs::only(bug));
        _ = run(&mut one, append("a", 1));
        // Two controllers: the second finds all of it done.
        for _ in 0..2 {
            let Moved::Done(content) = freeze(&mut one, 2) else { continue };
            _ = install(&mut two, 2, &content);
            _ = delete(&mut one, 2);
        }
        value(&two).unwrap()
    };
    assert_eq!(after(Bug::FreezesNothing), "a");
    assert_eq!(after(Bug::InstallsTwice), "a");
    assert_eq!(after(Bug::AnswersAgainWithNothing), "");
}

#[test]
fn versions_decide_about_puts() {
    let (mut one, _) = pair(Bugs::NONE);
    let put = |value: &str, version, number| write(Change::Put { value: value.into(), version }, number);
    assert_eq!(run(&mut one, put("a", 1, 1)), Answer::Write(Ok(Err(Rejection::NoKey))));
    assert_eq!(run(&mut one, put("a", 0, 2)), Answer::Write(Ok(Ok(()))));
    assert_eq!(run(&mut one, put("b", 0, 3)), Answer::Write(Ok(Err(Rejection::Version))));
    assert_eq!(run(&mut one, put("b", 0, 3)), Answer::Write(Ok(Err(Rejection::Version))), "a copy");
    assert_eq!(run(&mut one, put("b", 1, 4)), Answer::Write(Ok(Ok(()))));
    assert_eq!(one.get(&Get { key: key() }).unwrap().unwrap().version, 2);
}

#[test]
fn the_clerk_that_is_idle_for_longest_is_forgotten() {
    let mut one = Group::founder(1, SHARDS, remembers(2), Bugs::NONE);
    for (number, clerk) in (1..).zip([1, 2, 1, 3]) {
        _ = run(&mut one, append_of(clerk, number, number - 1));
    }
    let Phase::Serving(content) = &one.slot(0).unwrap().phase else { panic!() };
    assert_eq!(content.heard.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!((content.writes, content.forgotten), (4, 2));
}

fn append_of(clerk: u64, number: u64, after: impl Into<Option<u64>>) -> Command {
    let (by, after) = (Stamp { clerk, number }, after.into());
    Command::Write(Write { key: key(), change: Change::Append("x".into()), by, after })
}

#[test]
fn a_clerk_that_was_forgotten_is_not_served_twice() {
    let told = |bugs| {
        let mut one = Group::founder(1, SHARDS, remembers(2), bugs);
        for clerk in 1..=3 {
            _ = run(&mut one, append_of(clerk, 1, clerk - 1));
        }
        (run(&mut one, append_of(1, 1, 0)), value(&one).unwrap().len())
    };
    assert_eq!(told(Bugs::NONE), (Answer::Write(Err(NotServed::Forgotten { writes: 3 })), 3));
    assert_eq!(told(Bugs::only(Bug::ForgottenIsNew)), (Answer::Write(Ok(Ok(()))), 4));
}

#[test]
fn a_clerk_that_nobody_has_heard_of_learns_how_far_the_shard_is() {
    let mut one = Group::founder(1, SHARDS, remembers(1), Bugs::NONE);
    for clerk in 1..=3 {
        _ = run(&mut one, append_of(clerk, 1, clerk - 1));
    }
    let asked = |writes| Answer::Write(Err(NotServed::Forgotten { writes }));
    assert_eq!(run(&mut one, append_of(4, 1, None)), asked(3));
    assert_eq!(run(&mut one, append_of(4, 1, 3)), Answer::Write(Ok(Ok(()))));
    assert_eq!(
        run(&mut one, append_of(4, 1, None)),
        Answer::Write(Ok(Ok(()))),
        "a copy of its question, late"
    );
    assert_eq!(run(&mut one, append_of(4, 2, None)), asked(4), "whoever is known may ask, too");
    assert_eq!(value(&one).unwrap().len(), 4);
}

#[test]
fn a_full_shard_takes_what_makes_it_smaller() {
    let limits = Limits { bytes: 100, ..remembers(8) };
    let mut one = Group::founder(1, SHARDS, limits, Bugs::NONE);
    let full = Answer::Write(Ok(Err(Rejection::Full)));
    let done = Answer::Write(Ok(Ok(())));
    let text = "x".repeat(40);
    assert_eq!(run(&mut one, append(&text, 1)), done);
    assert_eq!(run(&mut one, append(&text, 2)), full);
    assert_eq!(run(&mut one, append(&text, 2)), full, "a copy");
    assert_eq!(value(&one).unwrap(), text);
    assert_eq!(run(&mut one, write(Change::Set("y".into()), 3)), done);
    assert_eq!(run(&mut one, append(&text, 4)), done);
    // A group that allows less is given it, and lets it shrink.
    let content = frozen(freeze(&mut one, 2));
    let mut two = Group::new(2, SHARDS, Limits { bytes: 50, ..limits }, Bugs::NONE);
    assert_eq!(install(&mut two, 2, &content), WHOLE);
    assert_eq!(run(&mut two, append("x", 5)), full);
    assert_eq!(run(&mut two, write(Change::Set("z".into()), 6)), done);
}

/// Configurations 0 to the last, made by these rules.
fn configs(rules: &[Rule]) -> Vec<Config> {
    let mut controller = Controller::new(SHARDS);
    for (number, rule) in (1..).zip(rules) {
        let decree = Decree { rule: rule.clone(), by: Stamp { clerk: 1, number } };
        controller.decree(&decree, Bugs::NONE, 0).unwrap();
    }
    controller.configs().to_vec()
}

fn join(gid: Gid) -> Rule {
    Rule::Join([(gid, vec![format!("g{gid}:1")])].into())
}

#[test]
fn groups_follow_the_controller_one_configuration_at_a_time() {
    let configs = configs(&[join(1), join(2), Rule::Leave(vec![1])]);
    let (mut one, mut two) =
        (Group::new(1, SHARDS, remembers(8), Bugs::NONE), Group::new(2, SHARDS, remembers(8), Bugs::NONE));
    let adopt = |num: usize| Command::Adopt(configs[num].clone());
    assert_eq!(run(&mut one, adopt(2)), Answer::Adopt(false), "not the next");
    assert_eq!(run(&mut one, adopt(1)), Answer::Adopt(true));
    assert_eq!(run(&mut two, adopt(1)), Answer::Adopt(true));
    assert!((0..SHARDS).all(|shard| one.serves(shard) && !two.serves(shard)));
    assert_eq!(run(&mut one, adopt(2)), Answer::Adopt(true));
    let shape = one.shape();
    assert!(!shape.settled && shape.outgoing.len() == 2, "{shape:?}");
    assert_eq!(run(&mut one, adopt(3)), Answer::Adopt(false), "not settled");
    for outgoing in shape.outgoing {
        let (shard, num) = (outgoing.shard, outgoing.num);
        let part = one.frozen(shard, num, 0).unwrap();
        // It comes before the group has heard of the configuration.
        assert_eq!(run(&mut two, Command::Install(Install { shard, num, part })), Answer::Install(WHOLE));
        assert!(two.serves(shard));
        assert_eq!(run(&mut one, Command::Delete(Delete { shard, num })), Answer::Delete(Moved::Done(())));
    }
    assert!(one.shape().settled);
    assert_eq!(run(&mut two, adopt(2)), Answer::Adopt(true));
    assert_eq!(run(&mut one, adopt(3)), Answer::Adopt(true));
    assert_eq!(run(&mut two, adopt(3)), Answer::Adopt(true));
    assert!(!two.shape().settled, "two shards have yet to come");
    assert_eq!((0..SHARDS).filter(|shard| two.serves(*shard)).count(), 2);
}

#[test]
fn a_shard_that_nobody_serves_waits_for_whoever_comes() {
    let configs = configs(&[join(1), Rule::Leave(vec![1]), join(2)]);
    let mut one = Group::new(1, SHARDS, remembers(8), Bugs::NONE);
    for config in &configs[1..3] {
        assert_eq!(run(&mut one, Command::Adopt(config.clone())), Answer::Adopt(true));
    }
    assert!(one.shape().settled && one.shape().outgoing.is_empty());
    let adopted = one.apply(Command::Adopt(configs[3].clone()));
    assert!(adopted.seen.iter().any(|seen| matches!(seen, Seen::Froze { num: 3, .. })), "{adopted:?}");
    assert_eq!(one.shape().outgoing.len(), SHARDS);
}

#[test]
fn the_controller_executes_a_decree_once() {
    let mut controller = Controller::new(SHARDS);
    let decree = |rule, number| Decree { rule, by: Stamp { clerk: 5, number } };
    let mut say = |rule, number| controller.decree(&decree(rule, number), Bugs::NONE, 0);
    assert_eq!(say(join(1), 1), Ok(1));
    assert_eq!(say(join(1), 1), Ok(1), "a resend");
    assert_eq!(say(join(1), 2), Err(Complaint::Joined(1)));
    assert_eq!(say(join(2), 3), Ok(2));
    assert_eq!(say(join(3), 1), Err(Complaint::Old));
    let mut forgetful = Controller::new(4);
    for num in 1..=2 {
        let bugs = Bugs::only(Bug::ForgetsDecrees);
        assert_eq!(forgetful.decree(&decree(Rule::Leave(vec![]), 1), bugs, 0), Ok(num));
    }
    assert_eq!(controller.query(&Query { num: Some(1) }).groups.len(), 1);
    assert_eq!(controller.query(&Query { num: Some(99) }).num, 2);
}

#[test]
fn a_put_is_doubtful_after_silence_wherever_it_is_refused() {
    let refused = |bugs| {
        let mut call = PutCall::new(bugs);
        call.sent_to(1);
        assert_eq!(call.given_up(), PutError::NotDone);
        let first = call.executed(Err(Rejection::Version));
        call.silence();
        assert_eq!(call.given_up(), PutError::Unknown);
        assert_eq!(call.executed(Err(Rejection::Full)), Err(PutError::Full), "the version was right");
        call.sent_to(1);
        let again = call.executed(Err(Rejection::Version));
        call.sent_to(2);
        (first, again, call.executed(Err(Rejection::Version)))
    };
    let certain = Err(PutError::Version);
    assert_eq!(refused(Bugs::NONE), (certain, Err(PutError::Maybe), Err(PutError::Maybe)));
    assert_eq!(refused(Bugs::only(Bug::CertainAfterSwitch)), (certain, Err(PutError::Maybe), certain));
    let mut hasty = PutCall::new(Bugs::only(Bug::TimeoutMeansFailed));
    hasty.silence();
    assert_eq!(hasty.given_up(), PutError::NotDone);
}
