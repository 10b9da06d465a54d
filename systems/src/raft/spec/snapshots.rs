//! Snapshots: I9.

use super::{Ghost, Observation, ensure};

/// I9: a snapshot up to an index is the state after all entries up to it, which are committed (§7): whoever makes it,
/// from whatever it started, its bytes are the same, and it stands for all that its maker has applied, no more and no
/// less. What is restored was made by somebody, and never takes a state back.
pub fn snapshots_are_the_log(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Snapshot { server, index, term, digest } => {
            let applied = past.server(*server).map_or(0, |server| server.applied);
            ensure(*index == applied, || {
                format!("s{server} made a snapshot up to {index}, having applied {applied}")
            })?;
            stands_for(past, *server, *index, *term)?;
            same(past, *server, *index, *digest)
        }
        Observation::Installed { server, index, term, .. } => stands_for(past, *server, *index, *term),
        Observation::Restored { server, index, digest } => {
            let applied = past.server(*server).map_or(0, |server| server.applied);
            ensure(*index > applied, || {
                format!("s{server} had applied {applied} and went back to a snapshot up to {index}")
            })?;
            ensure(past.snapshot(*index).is_some(), || {
                format!("s{server} restored a snapshot up to {index}, and nobody had made one")
            })?;
            same(past, *server, *index, *digest)
        }
        Observation::Booted { server, snapshot: (index, term), snapshot_digest, .. } if *index > 0 => {
            if past.server(*server).is_none() {
                return Ok(());
            }
            stands_for(past, *server, *index, *term)?;
            same(past, *server, *index, *snapshot_digest)
        }
        _ => Ok(()),
    }
}

fn stands_for(past: &Ghost, server: u64, index: u64, term: u64) -> Result<(), String> {
    match past.committed_at(index) {
        None => Err(format!("s{server} has a snapshot up to {index}; committed are {}", past.committed())),
        Some((committed, _)) => ensure(committed == term, || {
            format!(
                "s{server} has a snapshot up to {index} of term {term}; committed there is term {committed}"
            )
        }),
    }
}

fn same(past: &Ghost, server: u64, index: u64, digest: u64) -> Result<(), String> {
    ensure(past.snapshot(index).is_none_or(|known| known == digest), || {
        format!("the snapshot of s{server} up to {index} differs from another up to there")
    })
}
