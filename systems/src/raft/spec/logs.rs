//! Figure 3, logs: I3.

use super::super::message::{Index, ServerId, Term};
use super::{Ghost, Mark, Observation, ensure};

/// I3: if two logs contain an entry with the same index and term, they are identical up to it (§5.3), also where a log
/// begins with a snapshot.
///
/// By induction: an index and a term name one entry for ever, with one predecessor. Whoever broke that is found when the
/// second entry or predecessor shows.
pub fn log_matching(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Log { server, from, marks } => {
            let Some(mirror) = past.server(*server) else { return Ok(()) };
            let (base, last) = (mirror.base().0, mirror.last().0);
            ensure((base + 1..=last + 1).contains(from), || {
                format!("s{server}, whose log reaches from {} to {last}, changed it at {from}", base + 1)
            })?;
            let before = mirror.term_at(from - 1).unwrap_or_default();
            for mark in marks {
                let is_known = past.link(mark.index, mark.term).is_some();
                ensure(is_known || past.leader_of(mark.term) == Some(*server), || {
                    let (index, term) = (mark.index, mark.term);
                    format!("s{server} has an entry {index} of term {term}, which no leader has appended")
                })?;
            }
            chained(past, *server, (from - 1, before), marks)
        }
        Observation::Booted { server, snapshot, log, .. } => {
            let known = past.server(*server).is_some();
            for mark in log {
                ensure(!known || past.link(mark.index, mark.term).is_some(), || {
                    let (index, term) = (mark.index, mark.term);
                    format!("s{server} came back with an entry {index} of term {term}, which nobody wrote")
                })?;
            }
            chained(past, *server, *snapshot, log)
        }
        Observation::Installed { server, index, term, keep_suffix: true } => {
            let Some(mirror) = past.server(*server) else { return Ok(()) };
            let held = mirror.term_at(*index);
            ensure(held == Some(*term) || mirror.last().0 <= *index, || {
                format!(
                    "s{server} kept what follows a snapshot up to {index} of term {term}, but had {held:?} there"
                )
            })
        }
        _ => Ok(()),
    }
}

fn chained(
    past: &Ghost,
    server: ServerId,
    (mut index, mut before): (Index, Term),
    marks: &[Mark],
) -> Result<(), String> {
    for mark in marks {
        index += 1;
        ensure(mark.index == index, || {
            format!("the log of s{server} goes on with entry {} where {index} should be", mark.index)
        })?;
        ensure(mark.term >= before, || {
            format!("the log of s{server} has term {} at {index}, after term {before}", mark.term)
        })?;
        let Some(link) = past.link(index, mark.term) else {
            before = mark.term;
            continue;
        };
        ensure(link.digest == mark.digest, || {
            format!("entry {index} of term {} says one thing at s{server} and another elsewhere", mark.term)
        })?;
        ensure(link.before == before, || {
            format!(
                "entry {index} of term {} follows term {before} at s{server}, and term {} elsewhere",
                mark.term, link.before
            )
        })?;
        before = mark.term;
    }
    Ok(())
}
