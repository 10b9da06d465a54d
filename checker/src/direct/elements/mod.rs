//! Sets.
//!
//! **Asked element by element**, a set is as many sets of one element, and each is judged alone (Herlihy & Wing
//! 1990, theorem 1). What was never taken out is easy, see [`growing`]. Else the element is in and out, and the general
//! search decides over these two states; it has little to choose unless an element is added and removed often at
//! once, and then it may give up.
//!
//! **Read as a whole**, its elements hang together. If nothing is taken out, each read holds all that an earlier one
//! did: see [`growing`]. With removals, the search must judge the whole.
//!
//! An operation of unknown outcome is left out unless somebody saw its element in, for an add, or out, for a
//! removal.

mod growing;
mod member;

use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use std::collections::BTreeMap;

/// Takes indices into the entries, so that each element can be judged alone.
type Indices = Vec<usize>;

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let is_removal = |entry: &Entry<'_>| matches!(entry.role, Role::Remove(_));
    if entries.iter().any(|entry| matches!(entry.role, Role::Members(_))) {
        if entries.iter().any(|entry| is_removal(entry) && entry.completed) {
            return Ruling::Unsure;
        }
        let kept = (0..entries.len()).filter(|at| !is_removal(&entries[*at])).collect();
        return match growing::rule(entries, kept, fault) {
            // Something may have been taken out after all.
            Ruling::Wrong(_) if entries.iter().any(is_removal) => Ruling::Unsure,
            ruling => ruling,
        };
    }
    let mut by_element: BTreeMap<&str, Indices> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        if let Role::Add(value) | Role::Remove(value) | Role::Contains(value, _) = entry.role {
            by_element.entry(value).or_default().push(at);
        }
    }
    let (mut points, mut is_sure) = (Vec::with_capacity(entries.len()), true);
    for mut of in by_element.into_values() {
        let saw = |is_in: bool| {
            of.iter().any(|at| matches!(entries[*at].role, Role::Contains(_, seen) if seen == is_in))
        };
        let (seen_in, seen_out) = (saw(true), saw(false));
        of.retain(|at| {
            let needed = if is_removal(&entries[*at]) { seen_out } else { seen_in };
            entries[*at].completed || needed
        });
        let ruling = match of.iter().any(|at| is_removal(&entries[*at])) {
            true => member::rule(entries, &of, fault),
            false => growing::rule(entries, of, fault),
        };
        match ruling {
            Ruling::Holds(order) => {
                // As orders of keys become one of all: an operation's point is the latest call up to it.
                let mut point = 0;
                points.extend(order.into_iter().map(|at| {
                    point = point.max(entries[at].call);
                    (point, at)
                }));
            }
            Ruling::Unsure => is_sure = false,
            wrong => return wrong,
        }
    }
    if !is_sure {
        return Ruling::Unsure;
    }
    points.sort_by_key(|(point, _)| *point);
    Ruling::Holds(points.into_iter().map(|(_, at)| at).collect())
}
