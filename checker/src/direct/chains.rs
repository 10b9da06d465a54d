//! Chains: operations that must stand together, and the order of the chains.
//!
//! A *chain* is a set of operations that is contiguous in every linearization, in *levels* of which each comes
//! before the next; between the operations of one level any order is legal. A write and the reads of its value
//! are a chain of two levels. Any order of whole chains is legal, but one chain may have to be *first*: it holds
//! what saw the initial state. Then a history is linearizable exactly if
//!
//! 1. in no chain an operation of a lower level was called after one of a higher level returned, and
//! 2. no two chains must each precede the other.
//!
//! *Proof* (after Gibbons & Korach 1997, §4.1; the zones of Golab, Li & Shah 2011). Both are necessary. Let `f` be
//! a chain's first return and `s` its last call: A must precede B exactly if `f(A) < s(B)`, and for the first
//! chain `f` is before all time. Suppose a cycle of these, and let A have the least `f` in it. Every chain on the
//! cycle must follow one whose `f` is no less than `f(A)`, so A must precede every one of them, its own
//! predecessor as well, which must precede A: a pair against 2. So without such a pair the chains can be sorted.
//!
//! *The order.* Sort by the earlier of `f` and `s`; of two equal ones, one with `s <= f` first. If A must precede
//! B and not B precede A, then A is sorted before B: with `f(A) < s(A)` and `f(B) < s(B)`, `s(A) <= f(B)` holds
//! and so `f(A) < f(B)`; with `f(A) < s(A)` and `s(B) <= f(B)`, `f(A) < s(B)`; with `s(A) <= f(A)` and
//! `f(B) < s(B)`, `s(A) <= f(B)`; else `s(A) <= f(A) < s(B)`. So whatever is out of order after sorting is a pair
//! against 2. Within a level, operations go by their calls.

use super::{Entry, Ruling};
use crate::wing_gong::Fault;

/// Where an operation stands: chain and level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chain: usize,
    pub(super) level: usize,
}

/// The number of the chain that must be first. It may be empty.
pub(super) const FIRST: usize = 0;

/// What the order of the chains depends on, with the operations that it comes from. All but the times are indices
/// into `placed`.
#[derive(Clone, Copy)]
struct Zone {
    start: usize,
    end: usize,
    first_return: usize,
    last_call: usize,
    /// When that returned, and when that was called.
    f: u64,
    s: u64,
}

/// Room for the work, to be used again.
#[derive(Default)]
pub(super) struct Room {
    /// What is to be put in order.
    pub(super) placed: Vec<(Place, usize)>,
    zones: Vec<Zone>,
    /// What becomes the order.
    pub(super) order: Vec<usize>,
}

/// Puts the placed operations in order. Of a chain with an operation of unknown outcome, something completed must
/// stand at a later level: it is what shows that the operation took effect.
pub(super) fn order(entries: &[Entry<'_>], placed: Vec<(Place, usize)>, fault: Fault) -> Ruling {
    order_in(entries, &mut Room { placed, ..Room::default() }, fault)
}

/// The same, of what is placed in `room`.
pub(super) fn order_in(entries: &[Entry<'_>], room: &mut Room, fault: Fault) -> Ruling {
    let Room { placed, zones, order } = room;
    placed.sort_unstable_by_key(|(place, at)| (*place, entries[*at].call, *at));
    let placed = &placed[..];
    zones.clear();
    for (at, (place, entry)) in placed.iter().enumerate() {
        let (call, ret) = (entries[*entry].call, entries[*entry].ret);
        let zone = match zones.last_mut() {
            Some(zone) if placed[at - 1].0.chain == place.chain => zone,
            _ => {
                zones.push(Zone { start: at, end: at + 1, first_return: at, last_call: at, f: ret, s: call });
                continue;
            }
        };
        zone.end = at + 1;
        if ret < zone.s && fault != Fault::LevelsUnordered {
            let zone = *zone;
            return wrong(entries, placed, &[zone.last_call, at], &[grown(placed, zone)]);
        }
        if ret < zone.f {
            (zone.first_return, zone.f) = (at, ret);
        }
        if call > zone.s {
            (zone.last_call, zone.s) = (at, call);
        }
    }
    let is_first = |zone: &Zone| placed[zone.start].0.chain == FIRST;
    let rank = |zone: &Zone| (!is_first(zone), zone.f.min(zone.s), zone.f < zone.s, zone.start);
    sort_nearly_sorted(zones, |a, b| rank(a) < rank(b));
    let mut latest: Option<Zone> = None;
    for zone in &*zones {
        if let Some(before) = latest.filter(|before| zone.f < before.s) {
            let skipped = fault == Fault::BackwardZonesIgnored && (zone.s <= zone.f || before.s <= before.f);
            if !skipped {
                let pairs = [before.first_return, before.last_call, zone.first_return, zone.last_call];
                return wrong(entries, placed, &pairs, &[before, *zone]);
            }
        }
        if latest.is_none_or(|before| before.s < zone.s) {
            latest = Some(*zone);
        }
    }
    let mut order = std::mem::take(order);
    order.clear();
    order.extend(zones.iter().flat_map(|zone| &placed[zone.start..zone.end]).map(|(_, at)| *at));
    Ruling::Holds(order)
}

/// By insertion while that is cheap. Chains come in the order of their writes, and few of them have to go far.
fn sort_nearly_sorted(zones: &mut [Zone], before: impl Fn(&Zone, &Zone) -> bool) {
    let mut moves = 16 * zones.len();
    for at in 1..zones.len() {
        let zone = zones[at];
        let mut to = at;
        while to > 0 && before(&zone, &zones[to - 1]) {
            zones[to] = zones[to - 1];
            to -= 1;
        }
        zones[to] = zone;
        moves = moves.saturating_sub(at - to);
        if moves == 0 {
            return zones.sort_unstable_by(|a, b| before(b, a).cmp(&before(a, b)));
        }
    }
}

/// The whole of a chain of which only the beginning was looked at.
fn grown(placed: &[(Place, usize)], zone: Zone) -> Zone {
    let chain = placed[zone.start].0.chain;
    Zone { end: placed.partition_point(|(place, _)| place.chain <= chain), ..zone }
}

/// The replies among these, and of each chain its last: it shows all that comes before it.
fn wrong(entries: &[Entry<'_>], placed: &[(Place, usize)], of: &[usize], chains: &[Zone]) -> Ruling {
    let last = |zone: &Zone| (zone.start..zone.end).rev().find(|at| entries[placed[*at].1].completed);
    let all = of.iter().copied().chain(chains.iter().filter_map(last));
    let mut replies: Vec<usize> = all.map(|at| placed[at].1).filter(|at| entries[*at].completed).collect();
    replies.sort_unstable();
    replies.dedup();
    Ruling::Wrong(replies)
}
