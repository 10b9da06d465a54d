//! What the system promises: one function per property, over what an observer sees.
//!
//! A property judges one observation against all that was seen before it. What the raft below promises, its own
//! [`spec`](crate::raft::spec) judges.

mod ghost;
mod history;
mod moments;
#[cfg(test)]
mod tests;

pub use ghost::{Counts, Executed, Ghost, Observation, Op, Outcome};
pub use history::{Budget, Classic, Verdict, Versions, classic, linearizable, versions};
pub use moments::Moments;

use super::message::{Versioned, Write};
use crate::raft::spec::digest_bytes;

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property that can be judged while the system runs. Linearizability is judged afterwards, over the history.
pub const ALL: [(&str, Property); 7] = [
    ("R1 replicas_agree", replicas_agree),
    ("R2 answers_are_own", answers_are_own),
    ("R3 executed_once", executed_once),
    ("R4 snapshots_are_whole", snapshots_are_whole),
    ("R5 refusals_are_certain", refusals_are_certain),
    ("R6 sessions_are_bounded", sessions_are_bounded),
    ("R7 scans_see_one_moment", scans_see_one_moment),
];

/// What a write wants, whichever message asks for it: a hash.
pub fn digest(write: &Write) -> u64 {
    digest_bytes(&crate::rsm::encode(&(&write.key, &write.action)))
}

/// What the observer remembers of what a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Fingerprint {
    /// Of the value and the version.
    pub hash: u64,
    /// The value's length.
    pub bytes: usize,
}

/// See [`Fingerprint`].
pub fn fingerprint(found: &Versioned) -> Fingerprint {
    Fingerprint { hash: digest_bytes(&crate::rsm::encode(found)), bytes: found.value.len() }
}

/// R1: servers that apply the same entry do the same, in the order of the log, each entry once.
pub fn replicas_agree(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Applied { server, index, digest, .. } = seen else { return Ok(()) };
    let before = past.applied(*server);
    ensure(*index > before, || format!("s{server} applied entry {index} after entry {before}"))?;
    let other = past.effect(*index);
    ensure(other.is_none_or(|other| other == *digest), || {
        format!("entry {index} had another effect on s{server} than on the first server that applied it")
    })
}

/// R2: a client that is told of its write is told the result of that very write.
pub fn answers_are_own(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Told { by, told } = seen else { return Ok(()) };
    let (session, number) = (by.session, by.number);
    match past.executed(*by) {
        None => Err(format!("write {number} of session {session} was answered, but never executed")),
        Some((index, executed)) => ensure(executed == *told, || {
            format!(
                "write {number} of session {session} was answered {told:?}; under this number entry {index} executed \
                 {executed:?}"
            )
        }),
    }
}

/// R3: no write is executed twice, nor after a later one of its session.
pub fn executed_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Applied { index, used: Some(by), executed: Some(_), .. } = seen else { return Ok(()) };
    let (session, number) = (by.session, by.number);
    if let Some((before, _)) = past.executed(*by) {
        return ensure(before == *index, || {
            format!(
                "write {number} of session {session} was executed by entry {before}, and again by {index}"
            )
        });
    }
    let latest = past.latest(session);
    ensure(number > latest, || {
        format!("write {number} of session {session} was executed by entry {index}, after write {latest}")
    })
}

/// R4: the state after an entry is the same on all servers, also on those that have it from a snapshot.
pub fn snapshots_are_whole(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let (Observation::Snapshot { server, index, digest, .. }
    | Observation::Restored { server, index, digest }) = seen
    else {
        return Ok(());
    };
    ensure(past.snapshot(*index).is_none_or(|other| other == *digest), || {
        format!("the state of s{server} after entry {index} is not the one of which a snapshot was taken")
    })
}

/// R5: what a client was told is not done, is never executed, neither before nor after. Where the network makes copies of
/// requests, nobody could promise that; stories in which clients give up have no such network.
pub fn refusals_are_certain(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Refused { by } => match past.executed(*by) {
            None => Ok(()),
            Some((index, _)) => Err(format!(
                "write {} of session {} was refused for certain, and executed by entry {index}",
                by.number, by.session
            )),
        },
        Observation::Applied { index, used: Some(by), executed: Some(_), .. } => {
            ensure(!past.was_refused(*by), || {
                let (session, number) = (by.session, by.number);
                format!(
                    "entry {index} executed write {number} of session {session}, which was refused for certain"
                )
            })
        }
        _ => Ok(()),
    }
}

/// R6: there are no more sessions than there is room for, and those that end are the ones used least recently.
pub fn sessions_are_bounded(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Applied { server, index, ended, sessions: (open, room), .. } = seen else {
        return Ok(());
    };
    ensure(open <= room, || format!("s{server} keeps {open} sessions, with room for {room}"))?;
    if past.effect(*index).is_some() {
        return Ok(());
    }
    if ended.is_empty() {
        return Ok(());
    }
    past.by_use().iter().zip(ended).try_for_each(|((least, used), ended)| {
        ensure(least == ended, || {
            format!(
                "entry {index} ended session {ended}; session {least} was used least recently, by entry {used}"
            )
        })
    })
}

/// R7: a scan shows the beginning of its range, and where the rest begins, as they were after one and the same entry, no
/// earlier than the last one that any server had applied when the scan began; and as much as was asked for, or fits. So scans
/// are linearizable together with all writes of all keys; the judge of histories, who takes keys one by one, cannot tell.
pub fn scans_see_one_moment(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Scanned { clerk, range, page } = seen else { return Ok(()) };
    let since = past.scans_since(*clerk);
    let moments = past.moments().of(range, since);
    ensure(moments.iter().any(|&moment| past.moments().show(range, moment, page)), || {
        let found = page.entries.iter().map(|(key, found)| format!("{key} at version {}", found.version));
        format!(
            "a scan from {:?} showed {}, which was so at none of {} moments since entry {since}",
            range.from,
            found.collect::<Vec<_>>().join(", "),
            moments.len()
        )
    })
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
