//! What clients are told: I11 and I12.

use super::{Ghost, Observation, ensure};

/// I11: a read shows everything that was committed when it began (§8).
pub fn reads_are_fresh(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::ReadServed { server, ticket, index } = seen else { return Ok(()) };
    let Some(mirror) = past.server(*server) else { return Ok(()) };
    let Some(&committed) = mirror.reads.get(ticket) else {
        return Err(format!("s{server} answered a read, {ticket}, that nobody had asked"));
    };
    ensure(*index >= committed, || {
        format!(
            "s{server} answered a read as of entry {index}; when it was asked, {committed} were committed"
        )
    })?;
    ensure(*index <= mirror.applied, || {
        format!("s{server} answered a read as of entry {index}, having applied {}", mirror.applied)
    })
}

/// I12: what a client was told is done is committed, that very entry, and applied by who told it (§5.3).
pub fn acknowledged_is_committed(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Acknowledged { server, index, term } = seen else { return Ok(()) };
    ensure(*index <= past.committed(), || {
        format!("s{server} told a client that {index} is done; committed are {}", past.committed())
    })?;
    let committed = past.committed_at(*index).map_or(0, |(term, _)| term);
    ensure(committed == *term, || {
        format!(
            "s{server} told a client that {index} of term {term} is done; committed there is term {committed}"
        )
    })?;
    let applied = past.server(*server).map_or(0, |server| server.applied);
    ensure(*index <= applied, || {
        format!("s{server} told a client that {index} is done, having applied {applied}")
    })
}
