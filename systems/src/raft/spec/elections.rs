//! Figure 3, elections: I1, I2 and I4.

use super::{Ghost, Observation, decides, ensure};

/// I1: at most one server leads in a term (§5.2), and a quorum of its configuration has voted for it in that term. Each
/// voter is one, however often its reply arrived.
pub fn election_safety(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Leads { server, term, votes } = seen else { return Ok(()) };
    if let Some(other) = past.leader_of(*term) {
        return Err(match other == *server {
            true => format!("s{server} was elected twice in term {term}"),
            false => format!("s{other} and s{server} were both elected in term {term}"),
        });
    }
    for voter in votes {
        let vote = past.vote(*voter, *term);
        ensure(vote == Some(*server), || {
            let given = vote.map_or_else(|| "nobody".to_owned(), |candidate| format!("s{candidate}"));
            format!("s{server} leads in term {term} by a vote of s{voter}, which voted for {given} in it")
        })?;
    }
    let Some((_, config)) = past.server(*server).and_then(|server| server.config()) else { return Ok(()) };
    ensure(decides(config, |id| votes.contains(&id)), || {
        format!(
            "s{server} leads in term {term} by the votes of {votes:?}, which are no quorum of {:?}{}",
            config.voters,
            if config.outgoing.is_empty() { String::new() } else { format!(" and {:?}", config.outgoing) }
        )
    })
}

/// I2: a leader never overwrites or deletes entries of its log; it only appends (§5.3).
pub fn leader_append_only(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let (Observation::Log { server, .. } | Observation::Installed { server, .. }) = seen else {
        return Ok(());
    };
    let Some(mirror) = past.server(*server) else { return Ok(()) };
    let Some(term) = mirror.leads else { return Ok(()) };
    match seen {
        Observation::Log { from, .. } => ensure(*from > mirror.last().0, || {
            format!("s{server}, leader of term {term}, cut its log of {} entries at {from}", mirror.last().0)
        }),
        _ => Err(format!("s{server}, leader of term {term}, took another's snapshot")),
    }
}

/// I4: an entry that was committed in a term is in the log of the leaders of all later terms (§5.4). The last of them
/// stands for all: see [`log_matching`](super::log_matching).
pub fn leader_completeness(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Leads { server, term, .. } => lacks(past, *server, *term, past.decided_before(*term)),
        // An entry may be declared committed only after a later leader was elected; that one must have it already.
        Observation::Committed { server, term, leads: true, index } => {
            let Some(entry) = past.server(*server).and_then(|leader| leader.term_at(*index)) else {
                return Ok(());
            };
            let later = past.servers().filter(|(_, other)| other.leads.is_some_and(|led| led > *term));
            for (id, other) in later {
                ensure(other.has(*index, entry), || {
                    let led = other.leads.unwrap_or_default();
                    format!(
                        "s{id} leads in term {led} without entry {index}, committed by s{server} in term {term}"
                    )
                })?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn lacks(past: &Ghost, server: u64, term: u64, index: u64) -> Result<(), String> {
    let (Some((entry, _)), Some(mirror)) = (past.committed_at(index), past.server(server)) else {
        return Ok(());
    };
    ensure(mirror.has(index, entry), || {
        let held = match mirror.term_at(index) {
            Some(held) => format!("has one of term {held} there"),
            None => format!("its log ends at {}", mirror.last().0),
        };
        format!("s{server} leads in term {term}, but lacks committed entry {index} of term {entry}: {held}")
    })
}
