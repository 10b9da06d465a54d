//! Each property can fail, and what is right does not fail it.

use super::super::message::{Answer, By, Page, Range, Versioned};
use super::*;
use crate::probe::Ghost as _;

const WRITE: By = By { session: 1, number: 1 };

/// Server 1 applies an entry that does nothing else.
fn applied(index: u64) -> Observation {
    Observation::Applied {
        server: 1,
        index,
        digest: 7,
        changed: None,
        opened: None,
        ended: Vec::new(),
        used: None,
        executed: None,
        sessions: (1, 2),
    }
}

/// It executes a write.
fn executes(at: u64, by: By) -> Observation {
    let mut seen = applied(at);
    let Observation::Applied { used, executed, .. } = &mut seen else { unreachable!() };
    (*used, *executed) = (Some(by), Some(Executed { what: 5, answer: Answer::Done }));
    seen
}

/// It opens a session, and ends others.
fn opens(at: u64, ends: &[u64], open: usize) -> Observation {
    let mut seen = applied(at);
    let Observation::Applied { opened, ended, sessions, .. } = &mut seen else { unreachable!() };
    (*opened, *ended, *sessions) = (Some(at), ends.to_vec(), (open, 2));
    seen
}

/// What a key has at this version.
fn version(version: u64) -> Versioned {
    Versioned { value: version.to_string(), version }
}

/// It leaves a key at this version.
fn changes(at: u64, key: &str, to: u64) -> Observation {
    let mut seen = applied(at);
    let Observation::Applied { changed, .. } = &mut seen else { unreachable!() };
    *changed = Some((key.to_owned(), fingerprint(&version(to))));
    seen
}

/// A scan of all keys that showed these, at these versions.
fn scanned(limit: usize, found: &[(&str, u64)], next: Option<&str>) -> Observation {
    let range = Range { from: String::new(), to: None, limit };
    let entries = found.iter().map(|&(key, at)| (key.to_owned(), version(at))).collect();
    Observation::Scanned { clerk: 1, range, page: Page { entries, next: next.map(str::to_owned) } }
}

/// The clause that the last of these observations breaks; all before it hold.
fn broken(seen: Vec<Observation>) -> Option<&'static str> {
    let mut ghost = Ghost::default();
    let last = seen.len() - 1;
    let mut fell = None;
    for (place, seen) in seen.into_iter().enumerate() {
        fell = ghost.observe(seen).err();
        assert!(place == last || fell.is_none(), "{fell:?}");
    }
    fell.map(|broken| broken.clause)
}

fn told(what: u64) -> Observation {
    Observation::Told { by: WRITE, told: Executed { what, answer: Answer::Done } }
}

#[test]
fn r1_another_effect_or_order() {
    let mut other = applied(1);
    let Observation::Applied { server, digest, .. } = &mut other else { unreachable!() };
    (*server, *digest) = (2, 8);
    assert_eq!(broken(vec![applied(1), other]), Some("R1 replicas_agree"));
    assert_eq!(broken(vec![applied(2), applied(2)]), Some("R1 replicas_agree"));
    assert_eq!(broken(vec![applied(2), Observation::Started { server: 1 }, applied(2)]), None);
}

#[test]
fn r2_an_answer_to_nothing_or_to_another() {
    assert_eq!(broken(vec![told(5)]), Some("R2 answers_are_own"));
    assert_eq!(broken(vec![executes(2, WRITE), told(6)]), Some("R2 answers_are_own"));
    assert_eq!(broken(vec![executes(2, WRITE), told(5)]), None);
}

#[test]
fn r3_twice_or_late() {
    assert_eq!(broken(vec![executes(2, WRITE), executes(3, WRITE)]), Some("R3 executed_once"));
    let later = By { number: 2, ..WRITE };
    assert_eq!(broken(vec![executes(2, later), executes(3, WRITE)]), Some("R3 executed_once"));
    assert_eq!(broken(vec![executes(2, WRITE), executes(3, later)]), None);
}

#[test]
fn r4_a_snapshot_that_lacks_something() {
    let taken = Observation::Snapshot { server: 1, index: 4, digest: 1, bytes: 9 };
    let restored = |digest| Observation::Restored { server: 2, index: 4, digest };
    assert_eq!(broken(vec![taken.clone(), restored(2)]), Some("R4 snapshots_are_whole"));
    assert_eq!(broken(vec![taken, restored(1)]), None);
}

#[test]
fn r5_refused_and_executed() {
    let refused = Observation::Refused { by: WRITE };
    assert_eq!(broken(vec![executes(2, WRITE), refused.clone()]), Some("R5 refusals_are_certain"));
    assert_eq!(broken(vec![refused, executes(2, WRITE)]), Some("R5 refusals_are_certain"));
}

#[test]
fn r6_too_many_or_the_wrong_one() {
    assert_eq!(broken(vec![opens(1, &[], 3)]), Some("R6 sessions_are_bounded"));
    let two = || vec![opens(1, &[], 1), opens(2, &[], 2), executes(3, WRITE)];
    let wrong = [two(), vec![opens(4, &[1], 2)]].concat();
    assert_eq!(broken(wrong), Some("R6 sessions_are_bounded"));
    let right = [two(), vec![opens(4, &[2], 2)]].concat();
    assert_eq!(broken(right), None);
    let both = [two(), vec![opens(4, &[2, 1], 1)]].concat();
    assert_eq!(broken(both), None);
}

#[test]
fn r7_two_moments_or_an_old_one() {
    let before = || vec![changes(1, "a", 1), changes(2, "b", 1)];
    let begins = || vec![Observation::ScanBegins { clerk: 1 }];
    let meanwhile = || vec![changes(3, "a", 2), changes(4, "b", 2), changes(5, "c", 1)];
    let during = |scan| broken([before(), begins(), meanwhile(), vec![scan]].concat());
    for (limit, found, next) in [
        (9, &[("a", 1), ("b", 1)][..], None),
        (9, &[("a", 2), ("b", 1)], None),
        (9, &[("a", 2), ("b", 2)], None),
        (9, &[("a", 2), ("b", 2), ("c", 1)], None),
        (1, &[("a", 2)], Some("b")),
        (2, &[("a", 2), ("b", 2)], Some("c")),
    ] {
        assert_eq!(during(scanned(limit, found, next)), None, "{found:?} {next:?}");
    }
    for (limit, found, next, why) in [
        (9, &[("a", 1), ("b", 2)][..], None, "b changed after a had"),
        (9, &[("a", 1), ("b", 1), ("c", 1)], None, "c came after a had changed"),
        (9, &[("a", 2), ("c", 1)], None, "b was there"),
        (9, &[("a", 3), ("b", 2)], None, "a never was"),
        (2, &[("a", 1), ("b", 1)], Some("c"), "there was no c"),
        (1, &[("a", 2)], None, "b was there"),
        (1, &[("a", 2), ("b", 1)], None, "more than was asked for"),
        (9, &[("a", 2)], Some("b"), "there was room for b"),
        (9, &[], Some("a"), "there always is for one"),
    ] {
        assert_eq!(during(scanned(limit, found, next)), Some("R7 scans_see_one_moment"), "{why}");
    }
    let after = |scan| broken([before(), meanwhile(), begins(), vec![scan]].concat());
    assert_eq!(after(scanned(9, &[("a", 2), ("b", 2), ("c", 1)], None)), None);
    let old = scanned(9, &[("a", 2), ("b", 2)], None);
    assert_eq!(after(old), Some("R7 scans_see_one_moment"), "c was there before the scan began");
}
