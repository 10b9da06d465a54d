//! Every property with a run that keeps it and one that breaks it, and every bug with a clause that exists.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::bugs::Bug;
use super::super::message::{Version, Versioned};
use super::super::protocol::PutError;
use super::*;

fn installed(value: &str, version: Version) -> Observation {
    Observation::Installed { key: "k".into(), value: value.into(), version }
}

fn started(contents: &[(&str, &str, Version)]) -> Observation {
    let entry = |&(key, value, version): &(&str, &str, Version)| {
        (key.to_owned(), Versioned { value: value.to_owned(), version })
    };
    Observation::Started { contents: contents.iter().map(entry).collect::<BTreeMap<_, _>>() }
}

fn put(value: &str, version: Version, outcome: Result<(), PutError>) -> Observation {
    let op = Op::Put { key: "k".into(), value: value.into(), version };
    Observation::Returned { op, outcome: Outcome::Put(outcome) }
}

fn got(value: &str, version: Version) -> Observation {
    let found = Some(Versioned { value: value.into(), version });
    Observation::Returned { op: Op::Get { key: "k".into() }, outcome: Outcome::Get(found) }
}

fn acquired(holder: &str) -> Observation {
    Observation::Acquired { lock: "k".into(), holder: holder.into() }
}

fn releasing(holder: &str) -> Observation {
    Observation::Releasing { lock: "k".into(), holder: holder.into() }
}

fn freeing(holder: &str, version: Version) -> Observation {
    Observation::Freeing { lock: "k".into(), holder: holder.into(), version }
}

/// The clause that this run breaks first.
fn broken(run: Vec<Observation>) -> Option<&'static str> {
    let probe = Probe::new(|| Duration::ZERO);
    let last = run.len();
    for (at, seen) in run.into_iter().enumerate() {
        probe.observe(|| seen);
        if let Some((_, broken)) = probe.broken() {
            assert_eq!(at + 1, last, "breaks before its last observation: {broken}");
            return Some(broken.clause);
        }
    }
    None
}

#[test]
fn versions_are_a_chain() {
    assert_eq!(broken(vec![installed("a", 1), installed("b", 2), started(&[("k", "c", 3)])]), None);
    let clause = Some("I1 versions_are_a_chain");
    assert_eq!(broken(vec![installed("a", 1), installed("b", 3)]), clause);
    assert_eq!(broken(vec![installed("a", 1), installed("b", 1)]), clause);
    assert_eq!(broken(vec![installed("a", 1), started(&[("k", "b", 1)])]), clause);
}

#[test]
fn installed_at_most_once() {
    assert_eq!(broken(vec![installed("", 1), installed("a", 2), installed("", 3)]), None);
    let again = vec![installed("a", 1), installed("b", 2), installed("a", 3)];
    assert_eq!(broken(again), Some("I2 installed_at_most_once"));
}

#[test]
fn ok_means_installed() {
    assert_eq!(broken(vec![installed("a", 1), put("a", 0, Ok(()))]), None);
    let clause = Some("I3 ok_means_installed");
    assert_eq!(broken(vec![put("a", 0, Ok(()))]), clause);
    assert_eq!(broken(vec![installed("b", 1), put("a", 0, Ok(()))]), clause);
}

#[test]
fn rejection_is_definite() {
    let (version, maybe) = (Err(PutError::Version), Err(PutError::Maybe));
    assert_eq!(broken(vec![installed("a", 1), put("a", 0, maybe)]), None);
    assert_eq!(broken(vec![installed("a", 1), put("b", 0, version), installed("b", 2)]), None);
    let clause = Some("I4 rejection_is_definite");
    assert_eq!(broken(vec![installed("a", 1), put("a", 0, version)]), clause);
    let late = vec![installed("a", 1), put("b", 1, version), installed("b", 2)];
    assert_eq!(broken(late), clause);
    assert_eq!(broken(vec![installed("a", 1), put("a", 0, Err(PutError::NoKey))]), clause);
}

#[test]
fn lock_intervals_are_disjoint() {
    assert_eq!(broken(vec![acquired("a"), releasing("a"), acquired("b")]), None);
    let clause = Some("I5 lock_intervals_are_disjoint");
    assert_eq!(broken(vec![acquired("a"), acquired("b")]), clause);
    assert_eq!(broken(vec![acquired("a"), releasing("b"), acquired("b")]), clause);
}

#[test]
fn only_the_holder_releases() {
    let taken = || vec![installed("a", 1), acquired("a"), releasing("a"), freeing("a", 1), installed("", 2)];
    assert_eq!(broken(taken()), None);
    let late = [installed("b", 3), freeing("a", 3), installed("", 4)];
    assert_eq!(broken([taken(), late.into()].concat()), Some("I6 only_the_holder_releases"));
    assert_eq!(
        broken(vec![installed("a", 1), installed("", 2)]),
        None,
        "a key that is no lock may be emptied"
    );
}

#[test]
fn answers_survive_crashes() {
    let told = || vec![installed("a", 1), put("a", 0, Ok(()))];
    assert_eq!(broken([told(), vec![started(&[("k", "a", 1)])]].concat()), None);
    assert_eq!(broken([told(), vec![started(&[("k", "b", 2)])]].concat()), None, "overwritten since");
    let clause = Some("I7 answers_survive_crashes");
    assert_eq!(broken([told(), vec![started(&[])]].concat()), clause);
    let read = vec![installed("a", 1), installed("b", 2), got("b", 2), started(&[("k", "a", 1)])];
    assert_eq!(broken(read), clause, "a read is an answer too");
    assert_eq!(broken(vec![installed("a", 1), started(&[])]), None, "nobody was told");
    assert_eq!(broken(vec![Observation::Unreadable { reason: "damaged".into() }]), clause);
}

#[test]
fn every_bug_breaks_a_clause_that_exists_and_is_found_by_its_name() {
    let clauses: Vec<_> = ALL.iter().map(|(clause, _)| *clause).chain(["linearizable", "live"]).collect();
    for &bug in Bug::ALL {
        assert!(clauses.contains(&bug.clause()), "{bug} breaks `{}`, which is not in the spec", bug.clause());
        assert_eq!(bug.name().parse(), Ok(bug));
        assert!(bug.story().starts_with("kv/"));
    }
    let error = "no-such-bug".parse::<Bug>().unwrap_err().to_string();
    assert!(
        error.starts_with("no bug of kv is called `no-such-bug`; there are: err-version-after"),
        "{error}"
    );
}
