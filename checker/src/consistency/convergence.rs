//! Convergence: once writes have stopped and all links are healed, everybody sees the same, and nothing is lost.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// Did the replicas converge?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Convergence<V> {
    /// All final reads are the same and hold every acknowledged write.
    Converged,
    /// Two clients read different elements at the end.
    Diverged {
        /// The clients.
        clients: [u64; 2],
        /// The first place, from 0, where they differ.
        place: usize,
        /// What each has there; `None` beyond its end.
        elements: [Option<V>; 2],
    },
    /// All final reads are the same, but an acknowledged write is not among them, or not often enough.
    Lost {
        /// What was written.
        value: V,
        /// How often it had to be there, and how often it is.
        counts: [usize; 2],
    },
    /// All final reads are the same, but hold something that cannot be there, or cannot so often.
    Unfounded {
        /// What was read.
        value: V,
        /// How often it could be there, and how often it is.
        counts: [usize; 2],
    },
    /// There is no final read: nothing can be said.
    Unread,
}

/// How often an element is in what is read at the end, if all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound<V> {
    /// The element.
    pub value: V,
    /// At least so often.
    pub least: usize,
    /// And at most so often.
    pub most: usize,
}

/// Judges what clients read at the end, by client, against the writes that were acknowledged: each must be there, and a
/// value that was acknowledged twice must be there twice. Elements are compared in order; those of a set have to be
/// sorted first. What was written without an acknowledgement may be there or not.
///
/// ```
/// use stormglass_checker::consistency::{Convergence, convergence};
///
/// assert_eq!(convergence(&[1, 2], &[(0, &[2, 1]), (1, &[2, 1])]), Convergence::Converged);
/// assert_eq!(convergence(&[1, 2], &[(0, &[1]), (1, &[1])]), Convergence::Lost { value: 2, counts: [1, 0] });
/// assert_eq!(
///     convergence(&[1], &[(0, &[1]), (1, &[1, 3])]).to_string(),
///     "c0 and c1 differ at place 1: nothing and 3"
/// );
/// ```
pub fn convergence<V: Clone + Ord>(acknowledged: &[V], finals: &[(u64, &[V])]) -> Convergence<V> {
    let least = counts(acknowledged);
    let bounds =
        least.into_iter().map(|(value, least)| Bound { value: value.clone(), least, most: usize::MAX });
    converged(&bounds.collect::<Vec<_>>(), finals)
}

/// The same against bounds for some elements. Others may be there or not.
pub fn converged<V: Clone + Ord>(bounds: &[Bound<V>], finals: &[(u64, &[V])]) -> Convergence<V> {
    let Some((first, expected)) = finals.first() else { return Convergence::Unread };
    if let Some((client, seen)) = finals.iter().find(|(_, seen)| seen != expected) {
        let place = expected.iter().zip(*seen).take_while(|(one, other)| one == other).count();
        let elements = [expected.get(place).cloned(), seen.get(place).cloned()];
        return Convergence::Diverged { clients: [*first, *client], place, elements };
    }
    let present = counts(expected);
    let broken = bounds.iter().find_map(|Bound { value, least, most }| {
        let seen = present.get(value).copied().unwrap_or(0);
        let value = || value.clone();
        if seen < *least {
            Some(Convergence::Lost { value: value(), counts: [*least, seen] })
        } else {
            (seen > *most).then(|| Convergence::Unfounded { value: value(), counts: [*most, seen] })
        }
    });
    broken.unwrap_or(Convergence::Converged)
}

fn counts<V: Ord>(values: &[V]) -> BTreeMap<&V, usize> {
    let mut counts = BTreeMap::new();
    values.iter().for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}

impl<V: Display> Display for Convergence<V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Convergence::Converged => write!(f, "all final reads agree and hold every acknowledged write"),
            Convergence::Diverged { clients: [one, other], place, elements } => {
                let [first, second] = elements.each_ref().map(|element| match element {
                    Some(element) => element.to_string(),
                    None => "nothing".to_owned(),
                });
                write!(f, "c{one} and c{other} differ at place {place}: {first} and {second}")
            }
            Convergence::Lost { value, counts: [1, 0] } => {
                write!(f, "{value} was acknowledged, but no final read holds it")
            }
            Convergence::Lost { value, counts: [least, seen] } => {
                write!(f, "{value} was acknowledged {least} times, but final reads hold it {seen} times")
            }
            Convergence::Unfounded { value, counts: [0, _] } => {
                write!(f, "final reads hold {value}, which nobody added, or nobody since it was removed")
            }
            Convergence::Unfounded { value, counts: [most, seen] } => {
                write!(f, "{value} was written {most} times at most, but final reads hold it {seen} times")
            }
            Convergence::Unread => write!(f, "nobody read at the end"),
        }
    }
}
