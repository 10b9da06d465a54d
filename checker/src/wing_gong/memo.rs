//! Configurations seen before (the memoisation of Lowe 2017, §4, with domination).

use super::bits::Bits;
use super::faults::Fault;
use rustc_hash::FxHashMap;
use std::hash::{Hash, Hasher};

/// Where the search stands, but for the optional operations that it used on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<const N: usize> {
    /// How many completed operations, in the order of their returns, are all placed.
    pub(super) base: u32,
    /// The number of the state.
    pub(super) state: u32,
    /// The slots of the placed ones beyond `base`.
    pub(super) ahead: Bits<N>,
}

impl<const N: usize> Hash for Place<N> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(u64::from(self.base) << 32 | u64::from(self.state));
        self.ahead.hash(hasher);
    }
}

const END: u32 = u32::MAX;

/// Configurations that were entered. Per place a chain of the sets of optional operations used there.
pub(super) struct Memo<const N: usize> {
    heads: FxHashMap<Place<N>, u32>,
    /// (set, next in the chain). Unused while no operation is optional.
    chains: Vec<(Bits<N>, u32)>,
    /// Whether any operation of this search is optional.
    optional: bool,
    fault: Fault,
    /// Sets that were compared, ever.
    compared: u64,
}

impl<const N: usize> Memo<N> {
    pub(super) fn new(optional: bool, fault: Fault) -> Self {
        Self { heads: FxHashMap::default(), chains: Vec::new(), optional, fault, compared: 0 }
    }

    /// Entries held; what a [`Budget`](crate::Budget) counts.
    pub(super) fn len(&self) -> usize {
        self.heads.len().max(self.chains.len())
    }

    /// How many sets of optional operations were compared since this memo was made.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.chains.clear();
    }

    /// Remembers a configuration; `false` if one that dominates it was entered before.
    ///
    /// A configuration dominates another of the same place if it used a subset of the optional operations:
    /// whatever completes the second completes the first as well. Pruning by *entered* rather than by *failed*
    /// is sound: suppose the search ended without success although some entered configuration can be
    /// completed. Take the one with the shortest completion, and the configuration after that completion's
    /// first step. Either it was entered, or an entered one dominates it; both have a shorter completion than
    /// the shortest.
    pub(super) fn enter(&mut self, mut place: Place<N>, used: Bits<N>) -> bool {
        if self.fault == Fault::MemoWithoutState {
            place.state = 0;
        }
        if !self.optional {
            return self.heads.insert(place, END).is_none();
        }
        let head = self.heads.entry(place).or_insert(END);
        let mut at = *head;
        while at != END {
            self.compared += 1;
            let (seen, next) = self.chains[at as usize];
            let dominated = match self.fault {
                Fault::DominationReversed => used.is_subset(&seen),
                _ => seen.is_subset(&used),
            };
            if dominated {
                return false;
            }
            at = next;
        }
        self.chains.push((used, *head));
        *head = (self.chains.len() - 1) as u32;
        true
    }
}
