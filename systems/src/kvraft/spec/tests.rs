//! Each property can fail, and what is right does not fail it.

use super::super::message::{Answer, By};
use super::*;
use crate::probe::Ghost as _;

const WRITE: By = By { session: 1, number: 1 };

/// Server 1 applies an entry that does nothing else.
fn applied(index: u64) -> Observation {
    Observation::Applied {
        server: 1,
        index,
        digest: 7,
        opened: None,
        ended: Vec::new(),
        used: None,
        executed: None,
        sessions: (1, 2),
    }
}

/// It executes a write.
fn executes(at: u64, by: By) -> Observation {
    let Observation::Applied { server, index, digest, opened, ended, sessions, .. } = applied(at) else {
        unreachable!()
    };
    let executed = Some(Executed { what: 5, answer: Answer::Done });
    Observation::Applied { server, index, digest, opened, ended, used: Some(by), executed, sessions }
}

/// It opens a session, and ends others.
fn opens(at: u64, ends: &[u64], open: usize) -> Observation {
    let Observation::Applied { server, index, digest, used, executed, .. } = applied(at) else {
        unreachable!()
    };
    let (opened, sessions) = (Some(at), (open, 2));
    Observation::Applied { server, index, digest, opened, ended: ends.to_vec(), used, executed, sessions }
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
    let Observation::Applied { index, opened, ended, used, executed, sessions, .. } = applied(1) else {
        unreachable!()
    };
    let other = Observation::Applied { server: 2, digest: 8, index, opened, ended, used, executed, sessions };
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
