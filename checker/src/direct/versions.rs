//! Versioned puts: the versions order the mutations.
//!
//! Version `k` is made by one put over version `k - 1`, and lasts until the next is made. Let `p(k)` be the instant
//! at which it is made: in the interval of one put over `k - 1` with the value that was read at `k`, no earlier
//! than `p(k - 1)` nor than the call of a read at `k - 1`, and no later than the return of a read at `k`. So each
//! read only bounds the `p`s, and going up the versions gives the earliest of all schedules: whoever's put makes
//! `p(k)` earliest may make it, for all that is asked of it later is not to be later.
//!
//! **A put that failed by its version** `v` was in a version below `v` (and at least 1) or above it. Above: `p(v +
//! 1)` is no later than its return. Below: `p(v)` is no earlier than its call. If the earliest schedule fulfils the
//! first, it may be taken, since it is the best there is for all of them at once. If not, no schedule does, and
//! the second is forced: it makes the earliest schedule later, and the failed puts are asked again. Nothing but
//! what is forced was ever added, so the schedule at the end is the earliest of all, and if there is none then the
//! history is wrong. This is exact: it never needs the search but to bound the number of rounds.
//!
//! **Unknown outcomes, and `Maybe`**: a put whose version nobody needed has no effect. Beyond the last version that
//! somebody saw, such puts may go on as far as they form a chain; failed puts may need them.

use super::version_table::Table;
use super::{Answer, Entry, Role, Ruling};
use crate::wing_gong::Fault;

/// The instants at which versions are made, from version 1 on, and by whom.
type Schedule = Vec<(u64, usize)>;

const ROUNDS: usize = 64;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let mut table = match Table::of(entries) {
        Ok(table) => table,
        Err(ruling) => return ruling,
    };
    for _ in 0..ROUNDS {
        let schedule = match schedule(entries, &table) {
            Ok(schedule) => schedule,
            Err(ruling) => return ruling,
        };
        let mut forced = false;
        for at in &table.failed {
            match ask(entries, &schedule, *at, fault) {
                Asked::Fits => {}
                Asked::Below { version } => {
                    if let Some(version) = table.versions.get_mut(version as usize - 1)
                        && version.not_before < entries[*at].call
                    {
                        version.not_before = entries[*at].call;
                        table.forced = true;
                        forced = true;
                    }
                }
                Asked::Nowhere => return all(entries),
            }
        }
        if !forced {
            // Nothing that nobody needs is made; a failed put needs some version.
            let needs = table.failed.iter().map(|at| above(entries, &schedule, *at).unwrap_or(1));
            let needed = needs.fold(table.seen, usize::max);
            return Ruling::Holds(lay_out(entries, &schedule[..needed]));
        }
    }
    Ruling::Unsure
}

/// All replies: what a failed put contradicts may be any of them.
fn all(entries: &[Entry<'_>]) -> Ruling {
    Ruling::Wrong((0..entries.len()).filter(|at| entries[*at].completed).collect())
}

/// The earliest schedule. It ends where no version can be made that nobody saw.
fn schedule(entries: &[Entry<'_>], table: &Table<'_>) -> Result<Schedule, Ruling> {
    let mut schedule = Schedule::new();
    // The earliest instant, and which operation's call it is, at which version.
    let mut earliest = (table.missing.iter().map(|at| (entries[*at].call, *at)).max(), 0);
    for (index, version) in table.versions.iter().enumerate() {
        let from = earliest.0.map_or(0, |(call, _)| call).max(version.not_before);
        let makers = version.makers(entries);
        let made = makers.map(|at| (entries[at].call.max(from), at));
        let Some((instant, at)) = made.filter(|(instant, at)| *instant <= entries[*at].ret).min() else {
            if index >= table.seen {
                break;
            }
            return Err(table.contradiction(entries, earliest, (index, None)));
        };
        if earliest.0.is_none_or(|(call, _)| call < entries[at].call) {
            earliest = (Some((entries[at].call, at)), index);
        }
        let late = version.reads.iter().find(|read| entries[**read].ret < instant);
        if let Some(read) = late {
            return Err(table.contradiction(entries, earliest, (index, Some(*read))));
        }
        schedule.push((instant, at));
        let last = version.reads.iter().map(|read| (entries[*read].call, *read)).max();
        if last.is_some_and(|(call, _)| earliest.0.is_none_or(|(before, _)| before < call)) {
            earliest = (last, index);
        }
    }
    Ok(schedule)
}

enum Asked {
    Fits,
    /// Only if this version is not made before its call.
    Below {
        version: u64,
    },
    Nowhere,
}

/// Where a failed put fits.
fn ask(entries: &[Entry<'_>], schedule: &[(u64, usize)], at: usize, fault: Fault) -> Asked {
    let Role::VersionedPut { version, .. } = entries[at].role else { return Asked::Nowhere };
    if schedule.first().is_none_or(|(instant, _)| *instant > entries[at].ret) {
        Asked::Nowhere
    } else if above(entries, schedule, at).is_some() {
        Asked::Fits
    } else if version >= 2 && fault != Fault::FailedPutsOnlyAbove {
        if version as usize <= schedule.len() && schedule[version as usize - 1].0 < entries[at].call {
            return Asked::Below { version };
        }
        Asked::Fits
    } else {
        Asked::Nowhere
    }
}

/// The version above that of a failed put, if it is made before the put returned.
fn above(entries: &[Entry<'_>], schedule: &[(u64, usize)], at: usize) -> Option<usize> {
    let Role::VersionedPut { version, .. } = entries[at].role else { return None };
    let index = usize::try_from(version).ok()?;
    schedule.get(index).filter(|(instant, _)| *instant <= entries[at].ret).map(|_| index + 1)
}

/// Every operation at an instant of its interval, and in a version.
fn lay_out(entries: &[Entry<'_>], schedule: &[(u64, usize)]) -> Vec<usize> {
    // How many versions are made by an instant.
    let made = |instant: u64| schedule.partition_point(|(made, _)| *made <= instant);
    let first = schedule.first().map_or(0, |(instant, _)| *instant);
    let mut spots: Vec<(u64, usize, u64, usize)> = Vec::with_capacity(entries.len());
    for (version, (instant, at)) in schedule.iter().enumerate() {
        spots.push((*instant, 2 * (version + 1), 0, *at));
    }
    let makes =
        |version: u64, at: usize| schedule.get(version as usize).is_some_and(|(_, maker)| *maker == at);
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.completed) {
        let (instant, version) = match entry.role {
            Role::VersionedRead(Some((_, version))) => {
                (entry.call.max(schedule[version as usize - 1].0), version as usize)
            }
            Role::VersionedPut { version, answer: Answer::Version, .. } => {
                let above = schedule.get(version as usize).filter(|(made, _)| *made <= entry.ret);
                match above {
                    Some((instant, _)) => {
                        let instant = entry.call.max(*instant);
                        (instant, made(instant))
                    }
                    None => {
                        let instant = entry.call.max(first);
                        (instant, made(instant).min((version as usize).saturating_sub(1)))
                    }
                }
            }
            Role::VersionedPut { version, answer: Answer::Maybe, .. } if !makes(version, at) => {
                (entry.call, made(entry.call))
            }
            Role::VersionedPut { answer: Answer::Ok | Answer::Maybe, .. } => continue,
            _ => (entry.call, 0),
        };
        spots.push((instant, 2 * version + 1, entry.call, at));
    }
    spots.sort_unstable();
    spots.into_iter().map(|(_, _, _, at)| at).collect()
}

impl Table<'_> {
    /// Version `late.0 + 1` must be made before an instant and after it: at the earliest at the call of an operation
    /// of a lower version. `late.1` is the read that asks for the first; without, no put could make it in time.
    fn contradiction(
        &self,
        entries: &[Entry<'_>],
        (early, index): (Option<(u64, usize)>, usize),
        late: (usize, Option<usize>),
    ) -> Ruling {
        // A `Maybe` that came too early may be why a later put had to make a version: a chain of reasons.
        let maybe =
            |entry: &Entry<'_>| matches!(entry.role, Role::VersionedPut { answer: Answer::Maybe, .. });
        if self.forced || entries.iter().any(maybe) {
            return all(entries);
        }
        let mut replies: Vec<usize> = early.map(|(_, at)| at).into_iter().chain(late.1).collect();
        replies.extend(self.asks_for_last);
        for version in [index, late.0].map(|index| &self.versions[index]) {
            replies.extend(version.reads.first());
            replies.extend(version.all());
        }
        replies.retain(|at| entries[*at].completed);
        replies.sort_unstable();
        replies.dedup();
        Ruling::Wrong(replies)
    }
}
