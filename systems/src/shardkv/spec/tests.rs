//! Every property can fail, and the judge of histories too.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::super::bugs::Bugs;
use super::super::message::{Complaint, Config, Gid, Rule, Stamp, Versioned};
use super::super::protocol::{PutError, Seen};
use super::{Budget, Observation, Op, Outcome, Probe, linearizable};

/// A probe whose clock shows one more nanosecond every time it is asked.
fn probe() -> Probe {
    let now = Rc::new(Cell::new(0));
    Probe::new(move || Duration::from_nanos(now.replace(now.get() + 1)))
}

/// What is broken, if anything, after these things have happened in these groups.
fn after(steps: impl IntoIterator<Item = (Gid, Seen)>) -> Option<&'static str> {
    let probe = probe();
    probe.observe(|| Observation::Founded { gid: 1, shards: 2 });
    for (index, (gid, seen)) in (1..).zip(steps) {
        probe.observe(|| Observation::Applied { gid, index, seen: vec![seen] });
    }
    probe.broken().map(|(_, broken)| broken.clause)
}

fn wrote(num: u64, version: u64, number: u64) -> Seen {
    Seen::Wrote { shard: 0, num, key: "k".into(), version, by: Stamp { clerk: 7, number } }
}

fn froze(num: u64) -> Seen {
    Seen::Froze { shard: 0, num, digest: 5 }
}

fn installed(num: u64, digest: u64) -> Seen {
    Seen::Installed { shard: 0, num, digest }
}

fn deleted(num: u64) -> Seen {
    Seen::Deleted { shard: 0, num }
}

#[test]
fn a_move_breaks_nothing() {
    let good = [
        (1, wrote(1, 1, 1)),
        (1, froze(2)),
        (2, installed(2, 5)),
        (2, wrote(2, 2, 2)),
        (1, deleted(2)),
        (2, froze(3)),
        (1, installed(3, 5)),
        (1, Seen::Looked { shard: 0, num: 3 }),
        (2, deleted(3)),
    ];
    assert_eq!(after(good), None);
}

#[test]
fn servers_of_a_group_that_differ() {
    let probe = probe();
    for version in [1, 2] {
        probe.observe(|| Observation::Applied { gid: 1, index: 1, seen: vec![wrote(0, version, 1)] });
    }
    assert_eq!(
        probe.broken().unwrap().1.clause,
        "K1 one_group_serves",
        "the first to be broken: nobody has the shard"
    );
    let probe = self::probe();
    for seen in [Seen::Nothing, Seen::Nothing, froze(9)] {
        probe.observe(|| Observation::Applied { gid: 1, index: 1, seen: vec![seen] });
    }
    assert_eq!(probe.broken().unwrap().1.clause, "K0 replicas_agree");
}

#[test]
fn what_is_not_served_but_answered() {
    let clause = Some("K1 one_group_serves");
    assert_eq!(after([(1, froze(2)), (1, wrote(1, 1, 1))]), clause);
    assert_eq!(after([(2, Seen::Looked { shard: 0, num: 1 })]), clause);
    assert_eq!(after([(2, installed(2, 5))]), clause, "while group 1 serves it");
}

#[test]
fn steps_of_old_numbers() {
    let clause = Some("K2 old_numbers_change_nothing");
    let there_and_back =
        [(1, froze(2)), (2, installed(2, 5)), (1, deleted(2)), (2, froze(3)), (1, installed(3, 5))];
    for late in [froze(2), installed(3, 5), deleted(2)] {
        assert_eq!(after(there_and_back.clone().into_iter().chain([(1, late)])), clause);
    }
}

fn took(num: u64, from: u64) -> Seen {
    Seen::Took { shard: 0, num, from, until: from + 5 }
}

#[test]
fn parts_that_do_not_follow_each_other() {
    let clause = Some("K2 old_numbers_change_nothing");
    let parts = [(1, froze(2)), (2, took(2, 0)), (2, took(2, 5))];
    let then = |seen| after(parts.clone().into_iter().chain([(2, seen)]));
    assert_eq!(then(took(2, 10)), None);
    assert_eq!(then(took(3, 0)), None, "it begins anew");
    for wrong in [took(2, 5), took(2, 0), took(2, 15), took(3, 10), took(1, 0)] {
        assert_eq!(then(wrong), clause);
    }
    assert_eq!(then(installed(2, 5)), None);
}

#[test]
fn another_content_than_was_frozen() {
    let clause = Some("K3 installed_is_what_was_frozen");
    assert_eq!(after([(1, froze(2)), (2, installed(2, 6))]), clause);
    assert_eq!(after([(1, froze(2)), (2, installed(3, 5))]), clause);
    assert_eq!(after([(1, froze(2)), (1, installed(3, 5))]), None, "kept, and served again");
}

#[test]
fn a_delete_before_the_install() {
    assert_eq!(after([(1, froze(2)), (1, deleted(2))]), Some("K4 deleted_after_install"));
}

#[test]
fn versions_with_gaps_and_writes_that_come_twice() {
    assert_eq!(after([(1, wrote(1, 2, 1))]), Some("K6 versions_are_a_chain"));
    assert_eq!(after([(1, wrote(1, 1, 1)), (1, wrote(1, 2, 1))]), Some("K9 executed_once"));
}

#[test]
fn a_shard_that_begins_anew() {
    let born = Seen::Born { shard: 0, num: 3 };
    assert_eq!(after([(1, froze(2)), (2, born)]), Some("K7 no_shard_is_lost"));
}

#[test]
fn a_snapshot_that_lacks_something() {
    let clause = |gid, index, digest| {
        let probe = probe();
        probe.observe(|| Observation::Snapshot { gid: 1, index: 4, digest: 7 });
        probe.observe(|| Observation::Snapshot { gid, index, digest });
        probe.broken().map(|(_, broken)| broken.clause)
    };
    assert_eq!(clause(1, 4, 8), Some("K10 snapshots_are_whole"));
    assert_eq!((clause(1, 4, 7), clause(1, 5, 8), clause(2, 4, 8)), (None, None, None));
}

fn first() -> Config {
    Config { num: 1, shards: vec![1, 1], origins: vec![0, 0], groups: [(1, vec![])].into() }
}

/// What is broken after these were stored, as current or as next, between these steps.
fn stored(events: impl IntoIterator<Item = Result<(bool, Config), (Gid, Seen)>>) -> Option<&'static str> {
    let probe = probe();
    probe.observe(|| Observation::Founded { gid: 1, shards: 2 });
    probe.observe(|| Observation::Stored { current: true, config: first() });
    for (index, event) in (1..).zip(events) {
        match event {
            Ok((current, config)) => probe.observe(|| Observation::Stored { current, config }),
            Err((gid, seen)) => probe.observe(|| Observation::Applied { gid, index, seen: vec![seen] }),
        }
    }
    probe.broken().map(|(_, broken)| broken.clause)
}

#[test]
fn configurations_out_of_order() {
    let clause = Some("K5 configurations_are_followed");
    let next = first().after(&Rule::Join([(2, vec![])].into()), Bugs::NONE, 0).unwrap();
    let shard = next.shards.iter().position(|gid| *gid == 2).unwrap();
    let moved = [
        Err((1, Seen::Froze { shard, num: 2, digest: 0 })),
        Err((2, Seen::Installed { shard, num: 2, digest: 0 })),
    ];
    let post = [Ok((false, next.clone()))];
    let publish = [Ok((true, next.clone()))];
    assert_eq!(stored(post.clone().into_iter().chain(moved.clone()).chain(publish.clone())), None);
    assert_eq!(stored(post.clone().into_iter().chain(publish.clone())), clause, "before the shard has moved");
    assert_eq!(stored(moved.into_iter().chain(publish)), clause, "never posted");
    let other = Config { shards: vec![2, 2], ..next.clone() };
    assert_eq!(stored(post.into_iter().chain([Ok((false, other))])), clause, "posted twice");
    assert_eq!(stored([Ok((false, Config { num: 4, ..next }))]), clause, "a gap");
}

#[test]
fn a_group_that_takes_up_a_configuration_too_early() {
    let taken_up = |until| {
        let probe = probe();
        let mut config = Config::empty(2);
        for rule in [Rule::Join([(1, vec![])].into()), Rule::Move(0, 1)] {
            config = config.after(&rule, Bugs::NONE, 0).unwrap();
            let made = config.clone();
            let by = Stamp { clerk: 1, number: made.num };
            probe.observe(|| Observation::Configured { by, rule, config: made });
        }
        let seen =
            [Seen::Adopted { num: 1 }, Seen::Born { shard: 0, num: 1 }, Seen::Born { shard: 1, num: 1 }];
        probe.observe(|| Observation::Applied { gid: 1, index: 1, seen: seen[..until].to_vec() });
        probe.observe(|| Observation::Applied { gid: 1, index: 2, seen: vec![Seen::Adopted { num: 2 }] });
        probe.broken().map(|(_, broken)| broken.clause)
    };
    assert_eq!(taken_up(3), None);
    assert_eq!(taken_up(2), Some("K5 configurations_are_followed"), "shard 1 has yet to come");
}

#[test]
fn configurations_that_are_unfair() {
    let judge = |shards: [u64; 4]| {
        let probe = probe();
        let one = Config::empty(4).after(&Rule::Join([(1, vec![])].into()), Bugs::NONE, 0).unwrap();
        let rule = Rule::Join([(2, vec![])].into());
        let two = Config { shards: shards.to_vec(), ..one.after(&rule, Bugs::NONE, 0).unwrap() };
        let first = Rule::Join([(1, vec![])].into());
        let by = |number| Stamp { clerk: 1, number };
        probe.observe(|| Observation::Configured { by: by(1), rule: first, config: one });
        probe.observe(|| Observation::Configured { by: by(2), rule, config: two });
        probe.broken().map(|(_, broken)| broken.clause)
    };
    assert_eq!(judge([1, 2, 1, 2]), None);
    assert_eq!(judge([1, 1, 1, 2]), Some("K8 balanced_with_fewest_moves"));
    assert_eq!(judge([1, 2, 2, 2]), Some("K8 balanced_with_fewest_moves"));
    let next = first().after(&Rule::Join([(2, vec![])].into()), Bugs::NONE, 0).unwrap();
    let all = Config { shards: vec![2, 2], ..next };
    assert_eq!(
        stored([Ok((false, all))]),
        Some("K8 balanced_with_fewest_moves"),
        "stored by a controller of 2025"
    );
}

/// What is broken, if anything, after these things were seen.
fn seen(all: impl IntoIterator<Item = Observation>) -> Option<&'static str> {
    let probe = probe();
    probe.observe(|| Observation::Founded { gid: 1, shards: 2 });
    all.into_iter().for_each(|seen| probe.observe(|| seen));
    probe.broken().map(|(_, broken)| broken.clause)
}

#[test]
fn refusals_that_are_not_certain() {
    let refused = |numbers| Observation::Refused { clerk: 7, numbers };
    let wrote = |number| Observation::Applied { gid: 1, index: number, seen: vec![wrote(1, 1, number)] };
    assert_eq!(seen([refused(1..=2), wrote(3)]), None);
    assert_eq!(seen([refused(1..=2), wrote(2)]), Some("K11 refusals_are_certain"), "afterwards");
    assert_eq!(seen([wrote(2), refused(1..=2)]), Some("K11 refusals_are_certain"), "before");
    assert_eq!(seen([wrote(2), refused(3..=3)]), None);
}

#[test]
fn decrees_that_are_lost_or_doubled() {
    let by = |number| Stamp { clerk: 1, number };
    let rules = [Rule::Join([(1, vec![])].into()), Rule::Leave(vec![1]), Rule::Join([(2, vec![])].into())];
    let mut configs = vec![Config::empty(2)];
    for rule in &rules {
        configs.push(configs[configs.len() - 1].after(rule, Bugs::NONE, 0).unwrap());
    }
    let made = |num: usize, number| Observation::Configured {
        by: by(number),
        rule: rules[num - 1].clone(),
        config: configs[num].clone(),
    };
    let all = [made(1, 1), made(2, 2), made(3, 3)];
    let told = |number, rule: &Rule, since, told| Observation::Decreed {
        by: by(number),
        rule: rule.clone(),
        since,
        told,
    };
    let then = |last: Observation| seen(all.clone().into_iter().chain([last]));
    let clause = Some("K12 decrees_are_carried_out_once");
    assert_eq!(then(told(2, &rules[1], 1, Ok(2))), None);
    assert_eq!(then(told(2, &rules[1], 1, Ok(1))), clause, "another's");
    assert_eq!(then(told(4, &rules[1], 1, Ok(2))), clause, "it made none");
    assert_eq!(then(told(2, &rules[1], 1, Err(Complaint::NoGroup(1)))), clause, "it did");
    assert_eq!(then(told(4, &rules[0], 1, Err(Complaint::Joined(1)))), None, "so it was at configuration 1");
    assert_eq!(then(told(4, &rules[0], 2, Err(Complaint::Joined(1)))), clause);
    assert_eq!(then(told(4, &rules[1], 0, Err(Complaint::NoGroup(1)))), None);
    assert_eq!(then(told(4, &Rule::Leave(vec![2]), 3, Err(Complaint::NoGroup(2)))), clause);
    assert_eq!(then(told(4, &Rule::Move(2, 2), 3, Err(Complaint::NoShard(2)))), None);
    assert_eq!(then(told(4, &Rule::Move(1, 2), 3, Err(Complaint::NoShard(1)))), clause);
    assert_eq!(then(told(4, &rules[0], 1, Err(Complaint::Old))), clause);
    assert_eq!(seen([made(1, 1), made(2, 1)]), clause, "twice");
    let refused = told(1, &Rule::Leave(vec![3]), 0, Err(Complaint::NoGroup(3)));
    assert_eq!(seen([refused, made(1, 1)]), clause, "after it was refused");
    let query = |num, config: &Config| Observation::Queried { since: 2, num, config: config.clone() };
    assert_eq!(then(query(None, &configs[2])), None);
    assert_eq!(then(query(None, &configs[1])), clause, "an old one");
    assert_eq!(then(query(Some(1), &configs[1])), None);
    assert_eq!(then(query(Some(1), &configs[2])), clause);
    assert_eq!(then(query(None, &Config { num: 3, ..configs[2].clone() })), clause, "never made");
    assert_eq!(then(query(Some(0), &configs[0])), None);
}

#[test]
fn controllers_that_work_at_once() {
    let clause = Some("K13 one_controller_works");
    let (leased, works) = (|holder| Observation::Leased { holder }, |holder| Observation::Works { holder });
    assert_eq!(seen([leased(Some(1)), works(1), leased(None), leased(Some(2)), works(2)]), None);
    assert_eq!(seen([leased(Some(1)), leased(Some(2)), works(1)]), clause, "it was taken over");
    assert_eq!(seen([leased(Some(1)), leased(None), works(1)]), clause, "it was given back");
    assert_eq!(seen([works(1)]), clause, "nobody ever had it");
}

#[test]
fn histories_are_judged_by_what_is_done_to_a_key() {
    let history = |appended: &str, version| {
        let probe = probe();
        let done = |op, outcome| {
            let ticket = probe.call(1, || op);
            probe.ret(ticket, || outcome);
        };
        let found = |value: &str, version| Outcome::Found(Some(Versioned { value: value.into(), version }));
        done(Op::Set { key: "a".into(), value: "x".into() }, Outcome::Done);
        done(Op::Append { key: "a".into(), value: "y".into() }, Outcome::Done);
        done(Op::Append { key: "a".into(), value: "z".into() }, Outcome::NotDone);
        let cas = |from: Option<&str>, value: &str| Op::Cas {
            key: "c".into(),
            from: from.map(str::to_owned),
            value: value.into(),
        };
        done(cas(None, "1"), Outcome::Swapped(true));
        done(cas(Some("0"), "2"), Outcome::Swapped(false));
        done(Op::Get { key: "c".into() }, found("1", 1));
        done(Op::Get { key: "a".into() }, found(appended, 2));
        done(Op::Get { key: "b".into() }, Outcome::Found(None));
        done(Op::Put { key: "b".into(), value: "z".into(), version: 0 }, Outcome::Put(Ok(())));
        done(Op::Put { key: "b".into(), value: "w".into(), version: 0 }, Outcome::Put(Err(PutError::Maybe)));
        done(Op::Get { key: "b".into() }, found("z", version));
        linearizable(&probe, Budget::default())
    };
    assert!(history("xy", 1).is_linearizable());
    assert!(history("x", 1).is_violation());
    assert!(history("xy", 2).is_violation());
}
