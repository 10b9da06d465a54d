//! What the system promises: one function per property, over what an observer sees.
//!
//! A property judges one observation against all that was seen before it. So it costs the same at the end of a long
//! run as at its beginning, and the first observation that breaks a promise is the one that is reported.
//!
//! Clerks know a Put by its key, value and version. The properties hold for workloads that put the same value at
//! the same version of a key only once, and (where the server can crash) only put at versions that were observed.
//! The empty value, a free lock, may come back.

mod ghost;
mod history;
#[cfg(test)]
mod tests;

pub use ghost::{Counts, Ghost, Observation, Op, Outcome};
pub use history::{Budget, Checkable, Verdict, checkable, linearizable};

use super::protocol::FREE;

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property that can be judged while the system runs. Linearizability is judged afterwards,
/// over the history.
pub const ALL: [(&str, Property); 7] = [
    ("I1 versions_are_a_chain", versions_are_a_chain),
    ("I2 installed_at_most_once", installed_at_most_once),
    ("I3 ok_means_installed", ok_means_installed),
    ("I4 rejection_is_definite", rejection_is_definite),
    ("I5 lock_intervals_are_disjoint", lock_intervals_are_disjoint),
    ("I6 only_the_holder_releases", only_the_holder_releases),
    ("I7 answers_survive_crashes", answers_survive_crashes),
];

/// I1: a version of a key has one value over the whole run, and the next one installed has the next number.
pub fn versions_are_a_chain(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Installed { key, value, version } => {
            let latest = past.latest(key);
            ensure(*version == latest + 1, || {
                format!("`{key}` was at version {latest} when {value:?} was installed as version {version}")
            })
        }
        // What was synced but not yet announced when the server crashed is first seen here: numbers may be missing.
        Observation::Started { contents } => contents.iter().try_for_each(|(key, found)| {
            let known = past.value_at(key, found.version).unwrap_or(&found.value);
            ensure(*known == found.value, || {
                let version = found.version;
                format!("version {version} of `{key}` was {known:?} and came back as {:?}", found.value)
            })
        }),
        _ => Ok(()),
    }
}

/// I2: no Put is installed twice.
pub fn installed_at_most_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Installed { key, value, version } = seen else { return Ok(()) };
    let before = past.place_of(key, value).filter(|_| value != FREE);
    ensure(before.is_none_or(|before| before == *version), || {
        let before = before.unwrap_or_default();
        format!("{value:?} was installed as version {before} of `{key}`, and again as version {version}")
    })
}

/// I3: a Put that returned Ok was installed, at the version after the one it gave.
pub fn ok_means_installed(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Returned { op: Op::Put { key, value, version }, outcome: Outcome::Put(Ok(())) } = seen
    else {
        return Ok(());
    };
    let installed = past.value_at(key, version + 1);
    ensure(installed == Some(value), || {
        let instead = installed.map_or("nobody".to_owned(), |other| format!("{other:?}"));
        format!(
            "the Put of {value:?} at version {version} of `{key}` returned Ok, but {instead} was installed"
        )
    })
}

/// I4: a Put that was refused for certain is never installed, neither before the refusal nor after.
pub fn rejection_is_definite(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Returned { op: Op::Put { key, value, version }, outcome: Outcome::Put(Err(error)) }
            if error.is_definite() && value != FREE =>
        {
            ensure(past.value_at(key, version + 1) != Some(value), || {
                format!(
                    "the Put of {value:?} at version {version} of `{key}` returned \"{error}\", but it was"
                )
            })
        }
        Observation::Installed { key, value, version } => {
            ensure(!past.was_refused(key, value, version - 1), || {
                format!(
                    "the Put of {value:?} on `{key}` was refused for certain, then installed as {version}"
                )
            })
        }
        _ => Ok(()),
    }
}

/// I5: between the return of an Acquire and the call of its Release, no other Acquire of that lock returns.
pub fn lock_intervals_are_disjoint(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Acquired { lock, holder } = seen else { return Ok(()) };
    let other = past.holder(lock);
    ensure(other.is_none(), || {
        format!("`{lock}` was given to {holder} while {} holds it", other.unwrap_or_default())
    })
}

/// I6: a Release frees the lock only if its caller holds it.
pub fn only_the_holder_releases(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Installed { key: lock, value, version } = seen else { return Ok(()) };
    if value != FREE || !past.is_lock(lock) {
        return Ok(());
    }
    let Some(owner) = past.value_at(lock, version - 1) else { return Ok(()) };
    ensure(past.is_freeing(lock, version - 1, owner), || {
        format!("`{lock}` was freed as version {version}, but not by {owner}, who held it")
    })
}

/// I7: what a client was told, of a Put or by a Get, is there after a crash (or was overwritten since).
pub fn answers_survive_crashes(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let contents = match seen {
        Observation::Started { contents } => contents,
        Observation::Unreadable { reason } => return Err(format!("the server cannot start: {reason}")),
        _ => return Ok(()),
    };
    past.told().try_for_each(|(key, told)| {
        let found = contents.get(key);
        let survived = found.is_some_and(|found| found == told || found.version > told.version);
        ensure(survived, || {
            let found =
                found.map_or("nothing".to_owned(), |f| format!("{:?} at version {}", f.value, f.version));
            let (value, version) = (&told.value, told.version);
            format!(
                "a client knows {value:?} at version {version} of `{key}`; the server started with {found}"
            )
        })
    })
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
