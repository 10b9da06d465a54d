//! Locks: who held it when.
//!
//! A *hold* is an acquire and the release that ends it. Nothing that changes the lock comes between the two, so holds
//! are `chains` of two levels; one that nothing ends must be the last, as if it were released at the end of
//! time. It remains to find out which release belongs to which acquire. Refusals change nothing: they are put into
//! the order afterwards, and if that does not succeed, another order might have had room, and the search decides.
//!
//! **An owner whose replies all came.** If of two acquires the one that was called first also returned first, they
//! can change places where they stand the other way round, and releases likewise. So the n-th release belongs to the
//! n-th acquire.
//!
//! **Unknown outcomes.** An acquire and a release of unknown outcome go out of a legal sequence as a pair. Let the
//! completed operations of the owner follow each other in time: between two acquires there was a release of
//! unknown outcome, between two releases an acquire, and a last acquire may have been followed by a release.
//! Since these have no end, the n-th such *gap* takes the one that was called n-th.
//!
//! Only one thing more is possible: between an acquire and its release the owner may have released and
//! acquired once more, both with unknown outcome, so that the lock was free for a moment. Where an owner has both to
//! spare, or its operations overlap, an order that fits is one, but if none is found, there may be another pairing.
//! Whatever it is, a completed acquire is held at least until the first call of any release that may come after
//! it, and the lock is the owner's just before each of its releases. Where even these holds exclude each
//! other, no pairing helps; else the search decides.

use super::chains::{self, Place};
use super::refusals::{self, Tells};
use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    if entries.iter().any(|entry| entry.completed && entry.ret == u64::MAX) {
        return Ruling::Unsure;
    }
    let mut holds = Holds { entries, all: entries.to_vec(), placed: Vec::new(), is_sure: true, fault };
    let mut by_owner: Vec<(u64, bool, usize)> =
        entries.iter().enumerate().filter_map(|(at, entry)| turn(entry).map(|(o, r)| (o, r, at))).collect();
    by_owner.sort_unstable_by_key(|(owner, releases, at)| {
        (*owner, *releases, entries[*at].call, entries[*at].ret, *at)
    });
    for owned in by_owner.chunk_by(|one, other| one.0 == other.0) {
        if let Err(releases) = holds.pair(&Owned::of(entries, owned)) {
            return if holds.is_sure { Ruling::Wrong(releases) } else { at_least(entries, &by_owner, fault) };
        }
    }
    let order = match chains::order(&holds.all, holds.placed, fault) {
        Ruling::Holds(order) => order.into_iter().filter(|at| *at < entries.len()).collect::<Vec<_>>(),
        Ruling::Wrong(replies) if holds.is_sure => return Ruling::Wrong(replies),
        _ => return at_least(entries, &by_owner, fault),
    };
    let tells = |role: &Role<'_>| match role {
        Role::Acquire(owner) => Tells::Becomes(Some(*owner)),
        Role::Release(_) => Tells::Becomes(None),
        Role::NotAcquired => Tells::IsNot(None),
        Role::NotReleased(owner) => Tells::IsNot(Some(*owner)),
        _ => Tells::Nothing,
    };
    refusals::insert(entries, order, None, tells, fault)
}

/// Whose turn it is, and whether it is a release.
fn turn(entry: &Entry<'_>) -> Option<(u64, bool)> {
    match entry.role {
        Role::Acquire(owner) => Some((owner, false)),
        Role::Release(owner) => Some((owner, true)),
        _ => None,
    }
}

/// Judges by the shortest holds there can be.
fn at_least(entries: &[Entry<'_>], by_owner: &[(u64, bool, usize)], fault: Fault) -> Ruling {
    let mut all = entries.to_vec();
    let mut placed = Vec::new();
    for owned in by_owner.chunk_by(|one, other| one.0 == other.0) {
        let owned = Owned::of(entries, owned);
        let perhaps = owned.perhaps_releases.first().map_or(u64::MAX, |at| entries[*at].call);
        // From each release on, the first call; those that may come after an acquire are the last by returns.
        let mut by_ret: Vec<(u64, u64)> =
            owned.releases.iter().map(|at| (entries[*at].ret, entries[*at].call)).collect();
        by_ret.sort_unstable();
        let mut first = perhaps;
        for (_, call) in by_ret.iter_mut().rev() {
            first = first.min(*call);
            *call = first;
        }
        for at in owned.acquires {
            let after = by_ret.partition_point(|(ret, _)| *ret < entries[at].call);
            let call = by_ret.get(after).map_or(perhaps, |(_, call)| *call);
            placed.push((Place { chain: chains::FIRST + 1 + at, level: 0 }, at));
            placed.push((Place { chain: chains::FIRST + 1 + at, level: 1 }, all.len()));
            all.push(Entry { role: Role::Look, call, ret: u64::MAX, completed: false });
        }
        placed
            .extend(owned.releases.iter().map(|at| (Place { chain: chains::FIRST + 1 + at, level: 0 }, *at)));
    }
    match chains::order(&all, placed, fault) {
        Ruling::Wrong(replies) => Ruling::Wrong(replies),
        _ => Ruling::Unsure,
    }
}

/// Replies that are likely to be wrong alone if these are wrong: with them, who acquired before, and so used up
/// the releases from before.
pub(super) fn with_acquires(entries: &[Entry<'_>], replies: &[usize]) -> Vec<usize> {
    let until = replies.iter().map(|at| entries[*at].ret).max();
    let owners: Vec<u64> =
        replies.iter().filter_map(|at| turn(&entries[*at])).map(|(owner, _)| owner).collect();
    let before = |at: &usize| {
        let Role::Acquire(owner) = entries[*at].role else { return false };
        entries[*at].completed && Some(entries[*at].ret) <= until && owners.contains(&owner)
    };
    let releases = |at: &usize| matches!(entries[*at].role, Role::Release(_));
    let mut all: Vec<usize> = (0..entries.len()).filter(before).collect();
    all.extend(replies.iter().filter(|at| releases(at)));
    all
}

/// The operations of one owner, each list by calls.
#[derive(Default)]
struct Owned {
    acquires: Vec<usize>,
    releases: Vec<usize>,
    /// Of unknown outcome.
    perhaps_acquires: Vec<usize>,
    /// Of unknown outcome.
    perhaps_releases: Vec<usize>,
}

impl Owned {
    fn of(entries: &[Entry<'_>], owned: &[(u64, bool, usize)]) -> Self {
        let mut all = Self::default();
        for (_, releases, at) in owned {
            let list = match (*releases, entries[*at].completed) {
                (false, true) => &mut all.acquires,
                (true, true) => &mut all.releases,
                (false, false) => &mut all.perhaps_acquires,
                (true, false) => &mut all.perhaps_releases,
            };
            list.push(*at);
        }
        all
    }
}

struct Holds<'e, 'a> {
    entries: &'e [Entry<'a>],
    /// These, and a release at the end of time for each acquire that has none.
    all: Vec<Entry<'a>>,
    placed: Vec<(Place, usize)>,
    /// Whether there is no other way to pair that could be better.
    is_sure: bool,
    fault: Fault,
}

impl Holds<'_, '_> {
    /// Pairs the operations of an owner; an error is releases that no acquire can belong to.
    fn pair(&mut self, owned: &Owned) -> Result<(), Vec<usize>> {
        let rises = |list: &[usize]| list.is_sorted_by_key(|at| self.entries[*at].ret);
        self.is_sure &= rises(&owned.acquires) && rises(&owned.releases);
        if owned.perhaps_acquires.is_empty() && owned.perhaps_releases.is_empty() {
            if owned.releases.len() > owned.acquires.len() {
                return Err(owned.releases.clone());
            }
            for (at, acquire) in owned.acquires.iter().enumerate() {
                self.hold(*acquire, owned.releases.get(at).copied());
            }
            return Ok(());
        }
        self.fill_gaps(owned)
    }

    fn fill_gaps(&mut self, owned: &Owned) -> Result<(), Vec<usize>> {
        let entries = self.entries;
        let mut turns: Vec<(usize, bool)> = owned.acquires.iter().map(|at| (*at, false)).collect();
        turns.extend(owned.releases.iter().map(|at| (*at, true)));
        turns.sort_unstable_by_key(|(at, releases)| (entries[*at].call, entries[*at].ret, *releases, *at));
        let mut perhaps_acquires = owned.perhaps_acquires.iter().copied();
        let mut perhaps_releases = owned.perhaps_releases.iter().copied();
        let (mut holding, mut has_gaps) = (None, false);
        for (at, releases) in &turns {
            match (holding.take(), releases) {
                (Some(acquire), true) => self.hold(acquire, Some(*at)),
                (None, true) => match perhaps_acquires.next() {
                    Some(acquire) => self.hold(acquire, Some(*at)),
                    None => {
                        self.is_sure &= self.follow_each_other(&turns);
                        let until = entries[*at].ret;
                        return Err(owned
                            .releases
                            .iter()
                            .copied()
                            .filter(|at| entries[*at].ret <= until)
                            .collect());
                    }
                },
                (before, false) => {
                    if let Some(acquire) = before {
                        has_gaps = true;
                        self.hold(acquire, perhaps_releases.next());
                    }
                    holding = Some(*at);
                }
            }
        }
        if let Some(acquire) = holding {
            self.hold(acquire, perhaps_releases.next());
        }
        has_gaps |= perhaps_acquires.len() < owned.perhaps_acquires.len()
            || perhaps_releases.len() < owned.perhaps_releases.len();
        let last = owned.releases.iter().map(|at| entries[*at].ret).max();
        let in_time = |list: &[usize]| list.first().is_some_and(|at| Some(entries[*at].call) <= last);
        let can_split = in_time(&owned.perhaps_acquires) && in_time(&owned.perhaps_releases);
        self.is_sure &= !can_split && (!has_gaps || self.follow_each_other(&turns));
        Ok(())
    }

    /// Whether each of these returned before the next was called.
    fn follow_each_other(&self, turns: &[(usize, bool)]) -> bool {
        turns.windows(2).all(|pair| self.entries[pair[0].0].ret < self.entries[pair[1].0].call)
    }

    fn hold(&mut self, acquire: usize, release: Option<usize>) {
        let release = release.unwrap_or(self.all.len());
        if release == self.all.len() {
            let call = if self.fault == Fault::LocksFreeThemselves { 0 } else { u64::MAX };
            self.all.push(Entry { role: Role::Look, call, ret: u64::MAX, completed: false });
        }
        let chain = chains::FIRST + 1 + acquire;
        self.placed.push((Place { chain, level: 0 }, acquire));
        self.placed.push((Place { chain, level: 1 }, release));
    }
}
