//! What a run has covered: which step followed which, and about how often.
//!
//! The map of counters of greybox fuzzers, for distributed systems (Meng et al., "Greybox Fuzzing of Distributed
//! Systems", CCS 2023): what is counted is not branches but the order in which each node gets its messages, and the order
//! of the states that code tells of with [`passed`]. A campaign keeps runs that cover something new, and varies those.

use std::collections::BTreeMap;

use crate::NodeId;
use crate::chance::{mix, name_hash};
use crate::hub::{HUB, simulated};

/// Counters there are; two transitions may share one.
const COUNTERS: usize = 1 << 16;

/// The counters of a run, where `Config::coverage` asks for them.
pub(crate) struct Coverage {
    counters: Vec<u8>,
    /// Where each row of steps stands.
    last: BTreeMap<u64, u64>,
}

impl Coverage {
    pub(crate) const fn new() -> Coverage {
        Coverage { counters: Vec::new(), last: BTreeMap::new() }
    }

    pub(crate) fn reset(&mut self, wanted: bool) {
        self.counters.clear();
        self.counters.resize(if wanted { COUNTERS } else { 0 }, 0);
        self.last.clear();
    }

    fn is_wanted(&self) -> bool {
        !self.counters.is_empty()
    }

    fn step(&mut self, row: u64, state: u64) {
        let before = self.last.insert(row, state).unwrap_or(0);
        let place = mix(mix(row ^ before.rotate_left(20)) ^ state) as usize % COUNTERS;
        self.counters[place] = self.counters[place].saturating_add(1);
    }

    /// What was covered: a number for each transition and the magnitude of its count, ascending.
    pub(crate) fn take(&mut self) -> Option<Vec<u32>> {
        let counted = self.counters.iter().enumerate().filter(|(_, count)| **count > 0);
        let covered = counted.map(|(place, count)| (place as u32) << 3 | count.ilog2());
        self.is_wanted().then(|| covered.collect())
    }
}

impl crate::core::Core {
    /// A node gets a message.
    #[inline]
    pub(crate) fn cover_delivery(&mut self, from: NodeId, to: NodeId, label: crate::net::Label) {
        if self.coverage.is_wanted() {
            let kind = name_hash(self.net.kind_name(label)) ^ u64::from(label.reply);
            self.coverage.step(to.index() as u64, kind ^ (from.index() as u64) << 32);
        }
    }
}

/// Tells that `what` has passed into `state`, for campaigns that look for new orders of states. It is no event, changes
/// no run, and does nothing outside of a world or where nobody wants to know.
pub fn passed(what: &str, state: u64) {
    if simulated() {
        HUB.with(|hub| {
            let coverage = &mut hub.core.borrow_mut().coverage;
            if coverage.is_wanted() {
                coverage.step(name_hash(what), state);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Seed, Sim};

    fn covered(states: &'static [u64], config: Config) -> (Option<Vec<u32>>, u64) {
        let outcome = Sim::with(Seed(1), config).run(move |_| async move {
            states.iter().for_each(|state| passed("it", *state));
        });
        (outcome.coverage, outcome.digest)
    }

    #[test]
    fn orders_differ_and_counts_in_magnitude() {
        let wanted = || Config { coverage: true, ..Config::default() };
        let of = |states| covered(states, wanted()).0.unwrap();
        assert_eq!(of(&[1, 2, 3]).len(), 3);
        assert_ne!(of(&[1, 2, 3]), of(&[1, 3, 2]));
        assert_eq!(of(&[1, 2, 1, 2, 1, 2, 1, 2]).len(), 3);
        assert_eq!(of(&[1, 2, 1, 2]), of(&[1, 2, 1, 2]));
        assert_ne!(of(&[1, 2, 1, 2]), of(&[1, 2, 1, 2, 1, 2, 1, 2]), "twice is not four times");
        assert_eq!(of(&[1, 2, 1, 2, 1, 2]), of(&[1, 2, 1, 2, 1, 2]), "but twice is about three times");
    }

    #[test]
    fn nobody_asks_and_nothing_is_counted() {
        let (coverage, digest) = covered(&[1, 2, 3], Config::default());
        assert_eq!(coverage, None);
        assert_eq!(digest, covered(&[], Config { coverage: true, ..Config::default() }).1, "it is no event");
    }
}
