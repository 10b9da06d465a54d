//! Which controller works for now: a lease, kept by versioned puts in the store in which controllers meet.
//!
//! A lease ends by itself (Gray and Cheriton, SOSP 1989, §2). Nobody compares clocks, only lengths of time: the holder
//! counts from when it *sent* the put that the store took, a rival from when it first *saw* what that put left, which is
//! later. The holder's time is shorter by as much as clocks may differ, so that its lease is over before any rival's wait
//! is. A put at the version that was waited for is refused if there was a renewal meanwhile.
//!
//! What was sent under a lease may arrive when it is over: only the numbers of configurations keep that from doing harm.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::bugs::{Bug, Bugs};
use super::super::message::Version;
use crate::kv::protocol::PutError;

/// How long leases last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseConfig {
    /// For how long a rival waits that hears of no renewal. Longer than a message to the store and back takes.
    pub duration: Duration,
    /// Between any two clocks at most this many parts per million: what the lease rests on.
    pub drift_ppm: u32,
}

impl Default for LeaseConfig {
    /// Ten seconds, on clocks that differ by a thousandth.
    fn default() -> Self {
        LeaseConfig { duration: Duration::from_secs(10), drift_ppm: 1000 }
    }
}

/// The lease as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is; `None`: it was given back.
    pub holder: Option<u64>,
    /// For how long rivals wait.
    pub duration: Duration,
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseStep {
    /// Get what is stored.
    Look,
    /// Another has it: look again, and after this time at the latest.
    Wait(Duration),
    /// Put this at the version that was read.
    Put(Grant, Version),
    /// It is held.
    Held,
    /// Another has taken it.
    Lost,
}

/// A lease that is held.
#[derive(Debug, Clone, Copy)]
struct Held {
    version: Version,
    from: Duration,
    until: Duration,
}

/// One controller's half of the lease, for one piece of work. All times are of its own clock.
#[derive(Debug)]
pub struct Lease {
    /// Drawn for each piece of work: what is found under this name was put by it.
    holder: u64,
    config: LeaseConfig,
    held: Option<Held>,
    /// What another was seen to have, and when first.
    seen: Option<(Version, Duration)>,
    bugs: Bugs,
}

impl Lease {
    /// A lease that is yet to be taken; that begins with a look.
    pub fn new(holder: u64, config: LeaseConfig, bugs: Bugs) -> Self {
        Lease { holder, config, held: None, seen: None, bugs }
    }

    /// Under which name it is held.
    pub fn holder(&self) -> u64 {
        self.holder
    }

    /// The look has found this.
    pub fn saw(&mut self, found: Option<(Grant, Version)>, now: Duration) -> LeaseStep {
        let Some((grant, version)) = found else { return self.put(0) };
        if grant.holder == Some(self.holder) {
            // An earlier put has done it, nobody knows when: only one that is answered counts.
            return self.put(version);
        }
        if self.held.is_some() && !self.bugs.has(Bug::TakesTheLeaseBack) {
            return LeaseStep::Lost;
        }
        if grant.holder.is_none() || self.held.is_some() {
            return self.put(version);
        }
        let since = match self.seen {
            Some((known, since)) if known == version && !self.bugs.has(Bug::CountsAnew) => since,
            _ => now,
        };
        self.seen = Some((version, since));
        let left = (since + grant.duration).saturating_sub(now);
        if left.is_zero() { self.put(version) } else { LeaseStep::Wait(left) }
    }

    /// The put at this version, first sent at `sent`, ended like this.
    pub fn tried(
        &mut self,
        version: Version,
        sent: Duration,
        now: Duration,
        outcome: Result<(), PutError>,
    ) -> LeaseStep {
        if outcome.is_err() {
            return LeaseStep::Look;
        }
        let from = if self.bugs.has(Bug::LeaseFromReply) { now } else { sent };
        let until = from + self.lasts();
        self.held = Some(Held { version: version + 1, from, until });
        LeaseStep::Held
    }

    /// For how long the holder may count on it.
    fn lasts(&self) -> Duration {
        let drift =
            if self.bugs.has(Bug::LeaseWithoutDrift) { 0 } else { self.config.drift_ppm.min(1_000_000) };
        self.config.duration * (1_000_000 - drift) / 1_000_000
    }

    /// Whether nobody else can have taken it yet.
    pub fn stands(&self, now: Duration) -> bool {
        self.held.is_some_and(|held| now < held.until)
    }

    /// When it is to be renewed: early enough to try twice.
    pub fn due(&self) -> Duration {
        self.held.map_or(Duration::ZERO, |held| held.from + (held.until - held.from) / 2)
    }

    /// Renews it: also one that has run out, if nobody has taken it since.
    pub fn renew(&self) -> LeaseStep {
        self.held.map_or(LeaseStep::Look, |held| self.put(held.version))
    }

    /// Gives it back: what to put at which version.
    pub fn release(&self) -> Option<(Grant, Version)> {
        self.held.map(|held| (Grant { holder: None, duration: self.config.duration }, held.version))
    }

    fn put(&self, version: Version) -> LeaseStep {
        LeaseStep::Put(Grant { holder: Some(self.holder), duration: self.config.duration }, version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_millis(1000);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn lease(holder: u64, bugs: Bugs) -> Lease {
        Lease::new(holder, LeaseConfig { duration: DURATION, drift_ppm: 100_000 }, bugs)
    }

    fn grant(holder: Option<u64>) -> Grant {
        Grant { holder, duration: DURATION }
    }

    /// A lease that was put at version 4, sent at 100 ms, and answered at 150 ms.
    fn held(bugs: Bugs) -> Lease {
        let mut lease = lease(1, bugs);
        let (free, mine) = (grant(None), grant(Some(1)));
        assert_eq!(lease.saw(Some((free, 4)), millis(90)), LeaseStep::Put(mine, 4));
        assert_eq!(lease.tried(4, millis(100), millis(150), Ok(())), LeaseStep::Held);
        lease
    }

    #[test]
    fn what_nobody_has_is_taken_at_the_version_that_was_read() {
        assert_eq!(lease(1, Bugs::NONE).saw(None, millis(5)), LeaseStep::Put(grant(Some(1)), 0));
        assert_eq!(held(Bugs::NONE).renew(), LeaseStep::Put(grant(Some(1)), 5));
        assert_eq!(held(Bugs::NONE).release(), Some((grant(None), 5)));
        assert_eq!(lease(1, Bugs::NONE).release(), None, "it was never held");
    }

    #[test]
    fn the_holder_counts_from_when_it_sent_and_less_than_a_rival_waits() {
        let until = |bugs| (100..2000).find(|&at| !held(bugs).stands(millis(at)));
        assert_eq!(until(Bugs::NONE), Some(100 + 900));
        assert_eq!(until(Bugs::only(Bug::LeaseWithoutDrift)), Some(100 + 1000));
        assert_eq!(until(Bugs::only(Bug::LeaseFromReply)), Some(150 + 900));
        assert_eq!(held(Bugs::NONE).due(), millis(100 + 450));
        assert!(!lease(1, Bugs::NONE).stands(millis(0)));
    }

    #[test]
    fn a_rival_waits_from_when_it_first_saw_a_version() {
        let theirs = |version| Some((grant(Some(2)), version));
        let mut rival = lease(1, Bugs::NONE);
        assert_eq!(rival.saw(theirs(7), millis(50)), LeaseStep::Wait(millis(1000)));
        assert_eq!(rival.saw(theirs(7), millis(450)), LeaseStep::Wait(millis(600)));
        assert_eq!(rival.saw(theirs(8), millis(950)), LeaseStep::Wait(millis(1000)), "it was renewed");
        assert_eq!(rival.saw(theirs(8), millis(1950)), LeaseStep::Put(grant(Some(1)), 8));
        let mut rival = lease(1, Bugs::only(Bug::CountsAnew));
        for look in 0..10 {
            assert_eq!(rival.saw(theirs(7), millis(450 * look)), LeaseStep::Wait(millis(1000)), "for ever");
        }
    }

    #[test]
    fn a_rival_waits_for_the_lease_that_is_stored_and_not_for_its_own() {
        let longer = Grant { holder: Some(2), duration: DURATION * 3 };
        assert_eq!(lease(1, Bugs::NONE).saw(Some((longer, 7)), millis(50)), LeaseStep::Wait(DURATION * 3));
    }

    #[test]
    fn who_was_not_told_takes_it_anew() {
        for doubt in [PutError::Maybe, PutError::Unknown, PutError::Version] {
            let mut lease = held(Bugs::NONE);
            let until = millis(1000);
            assert_eq!(lease.tried(5, millis(550), millis(560), Err(doubt)), LeaseStep::Look);
            assert!(!lease.stands(until), "what was not answered does not count");
            let mine = grant(Some(1));
            assert_eq!(lease.saw(Some((mine, 6)), millis(600)), LeaseStep::Put(mine, 6));
            assert_eq!(lease.tried(6, millis(610), millis(620), Ok(())), LeaseStep::Held);
            assert!(lease.stands(until));
        }
    }

    #[test]
    fn what_another_has_taken_is_lost() {
        for holder in [Some(2), None] {
            let taken = Some((grant(holder), 6));
            assert_eq!(held(Bugs::NONE).saw(taken, millis(3000)), LeaseStep::Lost, "{holder:?}");
            let mut bad = held(Bugs::only(Bug::TakesTheLeaseBack));
            assert_eq!(bad.saw(taken, millis(3000)), LeaseStep::Put(grant(Some(1)), 6));
        }
    }

    /// Whatever two clocks do within the bound, and however long messages take: the holder's lease is over before a rival
    /// may put.
    #[test]
    fn leases_of_two_do_not_overlap_in_true_time() {
        let overlaps = |bugs: Bugs| {
            let clocks = [1_048_000, 1_000_000, 953_000];
            let times = (0..5).map(|step| step * 100_000);
            let all = clocks.into_iter().flat_map(|mine| clocks.map(|theirs| (mine, theirs)));
            all.flat_map(|clocks| times.clone().map(move |slow| (clocks, slow))).any(
                |((mine, theirs), slow): ((u64, u64), u64)| {
                    // In true microseconds: sent at 0, stored and seen at 1000, answered `slow` later.
                    let local = |at: u64, rate: u64| Duration::from_nanos(at * rate / 1000);
                    let mut holder = lease(1, bugs);
                    holder.tried(0, local(0, mine), local(1000 + slow, mine), Ok(()));
                    let mut rival = lease(2, bugs);
                    let theirs = |at| local(at, theirs);
                    rival.saw(Some((grant(Some(1)), 1)), theirs(1000));
                    let put = |at: &u64| {
                        let next = rival.saw(Some((grant(Some(1)), 1)), theirs(*at));
                        matches!(next, LeaseStep::Put(..))
                    };
                    let taken = (1000..).step_by(1000).find(put).unwrap();
                    holder.stands(local(taken, mine))
                },
            )
        };
        assert!(!overlaps(Bugs::NONE));
        assert!(overlaps(Bugs::only(Bug::LeaseWithoutDrift)));
        assert!(overlaps(Bugs::only(Bug::LeaseFromReply)));
    }
}
