//! Convergence: once writes have stopped and all links are healed, everybody sees the same, and nothing is lost.

use rustc_hash::FxHashSet;
use std::fmt::{Display, Formatter};
use std::hash::Hash;

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
    /// All final reads are the same, but an acknowledged write is not among them.
    Lost {
        /// What was written.
        value: V,
    },
    /// There is no final read: nothing can be said.
    Unread,
}

/// Judges what clients read at the end, by client, against the writes that were acknowledged. Elements are compared in
/// order; those of a set have to be sorted first. What was written without an acknowledgement may be there or not.
///
/// ```
/// use stormglass_checker::consistency::{Convergence, convergence};
///
/// assert_eq!(convergence(&[1, 2], &[(0, &[2, 1]), (1, &[2, 1])]), Convergence::Converged);
/// assert_eq!(convergence(&[1, 2], &[(0, &[1]), (1, &[1])]), Convergence::Lost { value: 2 });
/// assert_eq!(
///     convergence(&[1], &[(0, &[1]), (1, &[1, 3])]).to_string(),
///     "c0 and c1 differ at place 1: nothing and 3"
/// );
/// ```
pub fn convergence<V: Clone + Eq + Hash>(acknowledged: &[V], finals: &[(u64, &[V])]) -> Convergence<V> {
    let Some((first, expected)) = finals.first() else { return Convergence::Unread };
    if let Some((client, seen)) = finals.iter().find(|(_, seen)| seen != expected) {
        let place = expected.iter().zip(*seen).take_while(|(one, other)| one == other).count();
        let elements = [expected.get(place).cloned(), seen.get(place).cloned()];
        return Convergence::Diverged { clients: [*first, *client], place, elements };
    }
    let present: FxHashSet<&V> = expected.iter().collect();
    match acknowledged.iter().find(|value| !present.contains(value)) {
        Some(value) => Convergence::Lost { value: value.clone() },
        None => Convergence::Converged,
    }
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
            Convergence::Lost { value } => write!(f, "{value} was acknowledged, but no final read holds it"),
            Convergence::Unread => write!(f, "nobody read at the end"),
        }
    }
}
