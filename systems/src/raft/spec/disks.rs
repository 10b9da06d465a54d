//! What must be found again after a crash: I7 and D.

use super::super::message::{ServerId, Term};
use super::{Ghost, Observation, ensure};

/// I7: in a term a server votes once, across all crashes (§5.2); its term never falls, and neither does the one on disk
/// (Figure 2: updated on stable storage before responding to RPCs).
pub fn votes_survive_crashes(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Voted { server, term, candidate } => {
            let other = past.vote(*server, *term);
            ensure(other.is_none_or(|other| other == *candidate), || {
                format!(
                    "s{server} voted for s{} and for s{candidate} in term {term}",
                    other.unwrap_or_default()
                )
            })
        }
        Observation::TermRose { server, term }
        | Observation::Leads { server, term, .. }
        | Observation::Committed { server, term, .. } => not_below(past, *server, *term),
        Observation::Booted { server, term, voted_for, snapshot, log, .. } => {
            let durable = past.server(*server).map_or(0, |server| server.durable_term);
            ensure(*term >= durable, || {
                format!("s{server} came back in term {term}, and had been in term {durable}")
            })?;
            let vote = past.vote(*server, *term);
            ensure(vote.is_none() || vote == *voted_for, || {
                let known =
                    voted_for.map_or_else(|| "nobody".to_owned(), |candidate| format!("s{candidate}"));
                format!(
                    "s{server} voted for s{} in term {term}, and came back having voted for {known}",
                    vote.unwrap_or_default()
                )
            })?;
            let last = log.last().map_or(snapshot.1, |mark| mark.term);
            ensure(*term >= last, || {
                format!("s{server} came back in term {term}, with an entry of term {last} in its log")
            })
        }
        _ => Ok(()),
    }
}

fn not_below(past: &Ghost, server: ServerId, term: Term) -> Result<(), String> {
    let known = past.server(server).map_or(0, |server| server.term);
    ensure(term >= known, || format!("s{server} was in term {known} and acts in term {term}"))
}

/// D: a committed entry that was on a server's disk is there when it starts again. With [`commit_quorum`](super::commit_quorum):
/// what is committed stays on the disks of a quorum.
pub fn committed_survives(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Unreadable { server, reason } => Err(format!("s{server} cannot start: {reason}")),
        Observation::Booted { server, snapshot, log, .. } => {
            let Some(before) = past.server(*server) else { return Ok(()) };
            let durable = past.durable(before);
            let term = past.committed_at(durable).map_or(0, |(term, _)| term);
            let found = match durable.checked_sub(snapshot.0) {
                None | Some(0) => true,
                Some(after) => log.get(after as usize - 1).is_some_and(|mark| mark.term == term),
            };
            ensure(found, || {
                let last = snapshot.0 + log.len() as u64;
                format!(
                    "s{server} had committed entry {durable} of term {term} on disk, and came back with a log that ends at {last}"
                )
            })
        }
        _ => Ok(()),
    }
}
