//! Membership: I10.

use super::super::message::{ServerId, Term};
use super::{Ghost, Observation, ensure, overlap};

/// I10: a server uses the latest configuration in its log, committed or not (§6); any two configurations by which one
/// decision follows another have no two disjoint quorums; a leader changes nothing while a change is uncommitted (thesis
/// §4.1) or before an entry of its own term has committed (Ongaro, raft-dev, 2015).
pub fn configurations_overlap(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Leads { server, term, .. } => decides_by_the_latest(past, *server, *term),
        Observation::Committed { server, term, leads: true, index } if *index > past.committed() => {
            decides_by_the_latest(past, *server, *term)
        }
        Observation::Committed { server, term, .. } | Observation::Voted { server, term, .. } => {
            uses_the_latest(past, *server, *term)
        }
        Observation::Log { server, marks, .. } if marks.iter().any(|mark| mark.config.is_some()) => {
            let Some(mirror) = past.server(*server) else { return Ok(()) };
            let Some(term) = mirror.leads else { return Ok(()) };
            let pending = mirror.config().map_or(0, |&(index, _)| index);
            ensure(pending <= mirror.commit, || {
                format!("s{server} changes the membership while its change at {pending} is not committed")
            })?;
            ensure(mirror.term_at(mirror.commit) == Some(term), || {
                format!("s{server} changes the membership before an entry of its term {term} has committed")
            })
        }
        Observation::Booted { server, snapshot, log, config, .. } => {
            let told = std::rc::Rc::new(config.clone());
            let (_, before) = past.config_before_log(*server, snapshot.0, &told);
            let latest = log.iter().rev().find_map(|mark| mark.config.clone()).unwrap_or(before);
            ensure(*latest == *config, || {
                format!(
                    "s{server} came back with configuration {config:?}; the latest in its log is {latest:?}"
                )
            })
        }
        _ => Ok(()),
    }
}

fn uses_the_latest(past: &Ghost, server: ServerId, term: Term) -> Result<(), String> {
    let Some(mirror) = past.server(server) else { return Ok(()) };
    let Some((index, latest)) = mirror.config() else { return Ok(()) };
    ensure(mirror.told == *latest, || {
        format!(
            "s{server} goes by {:?} in term {term}; the latest configuration in its log, at {index}, is {latest:?}",
            mirror.told
        )
    })
}

fn decides_by_the_latest(past: &Ghost, server: ServerId, term: Term) -> Result<(), String> {
    uses_the_latest(past, server, term)?;
    let Some(mirror) = past.server(server) else { return Ok(()) };
    let Some((_, latest)) = mirror.config() else { return Ok(()) };
    past.decisions().try_for_each(|(before, other)| {
        ensure(*before > term || other == latest || overlap(other, latest), || {
            format!(
                "s{server} decides in term {term} by {latest:?}; in term {before} it was decided by {other:?}, of which a quorum may know nothing of it"
            )
        })
    })
}
