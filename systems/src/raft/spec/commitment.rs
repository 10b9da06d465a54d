//! Commitment: I5, I6 and I8.

use super::{Ghost, Observation, decides, ensure};

/// I5: if a server has applied an entry at an index, no other server will ever apply a different one there (§5.4.3).
/// Each applies every entry once, in order.
pub fn state_machine_safety(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Applied { server, mark } => {
            let applied = past.server(*server).map_or(0, |server| server.applied);
            ensure(mark.index == applied + 1, || {
                format!("s{server} applied entry {} after entry {applied}", mark.index)
            })?;
            let Some((term, digest)) = past.committed_at(mark.index) else { return Ok(()) };
            ensure((term, digest) == (mark.term, mark.digest), || {
                let (index, other) = (mark.index, mark.term);
                format!(
                    "s{server} applied an entry of term {other} at {index}; committed was one of term {term}"
                )
            })
        }
        Observation::Committed { server, index, .. } => {
            let Some(mirror) = past.server(*server) else { return Ok(()) };
            let (Some(held), Some((term, _))) = (mirror.term_at(*index), past.committed_at(*index)) else {
                return Ok(());
            };
            ensure(held == term, || {
                format!(
                    "s{server} takes its entry {index} of term {held} for committed; that was one of term {term}"
                )
            })
        }
        _ => Ok(()),
    }
}

/// I6: what a leader declares committed is on the disks of a quorum of the configuration in force (Figure 2), and whoever
/// holds it does not take it back in that leader's term or later. Before that it may: it was none of the quorum, and a
/// leader of an earlier term, which is no longer one, knows nothing of it. Nobody else declares anything.
pub fn commit_quorum(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Committed { server, leads: true, index, .. } => quorum_holds(past, *server, *index),
        Observation::Committed { server, leads: false, index, .. } => {
            ensure(*index <= past.committed(), || {
                format!(
                    "s{server} was told that {index} is committed; a leader has decided {}",
                    past.committed()
                )
            })
        }
        Observation::Log { server, from, .. } => {
            let (Some(mirror), Some((term, _))) = (past.server(*server), past.committed_at(*from)) else {
                return Ok(());
            };
            let decided = *from <= past.decided_before(mirror.term.saturating_add(1));
            ensure(!decided || mirror.entry(*from).is_none_or(|held| held.0 != term), || {
                format!("s{server} cut its log at {from}, and had the committed entry of term {term} there")
            })
        }
        Observation::Installed { server, index, keep_suffix: false, .. } => {
            let next = index + 1;
            let (Some(mirror), Some((term, _))) = (past.server(*server), past.committed_at(next)) else {
                return Ok(());
            };
            ensure(mirror.entry(next).is_none_or(|held| held.0 != term), || {
                format!("s{server} took a snapshot up to {index} and dropped committed entry {next}")
            })
        }
        _ => Ok(()),
    }
}

fn quorum_holds(past: &Ghost, server: u64, index: u64) -> Result<(), String> {
    let Some(leader) = past.server(server) else { return Ok(()) };
    let (Some(term), Some((_, config))) = (leader.term_at(index), leader.config()) else { return Ok(()) };
    if index <= past.committed() {
        return Ok(());
    }
    let holds = |id| past.server(id).is_some_and(|server| server.has_on_disk(index, term));
    ensure(decides(config, holds), || {
        let holders: Vec<_> = past.servers().map(|(id, _)| id).filter(|&id| holds(id)).collect();
        format!(
            "s{server} declared entry {index} of term {term} committed; on disk it is at {holders:?}, no quorum of {:?}{}",
            config.voters,
            if config.outgoing.is_empty() { String::new() } else { format!(" and {:?}", config.outgoing) }
        )
    })
}

/// I8: commitIndex never falls while a server runs; lastApplied ≤ commitIndex ≤ last index (Figure 2); a leader counts
/// copies of entries of its own term only (§5.4.2).
pub fn commit_is_monotone(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Committed { server, term, leads, index } => {
            let Some(mirror) = past.server(*server) else { return Ok(()) };
            ensure(*index >= mirror.commit, || {
                format!("the commit index of s{server} fell from {} to {index}", mirror.commit)
            })?;
            let last = mirror.last().0;
            ensure(*index <= last, || {
                format!("s{server} has {last} entries and takes {index} for committed")
            })?;
            let counted = mirror.term_at(*index).unwrap_or_default();
            ensure(!leads || counted == *term || *index == mirror.commit, || {
                format!(
                    "s{server}, leader of term {term}, counted copies of entry {index}, of term {counted}"
                )
            })
        }
        Observation::Applied { server, mark } => {
            let commit = past.server(*server).map_or(0, |server| server.commit);
            ensure(mark.index <= commit, || {
                format!("s{server} applied entry {}, and takes {commit} for committed", mark.index)
            })
        }
        _ => Ok(()),
    }
}
