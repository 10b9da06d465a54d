//! Queues of texts that share what they have in common.

use super::Text;
use super::rope::{BASE, Chain, of_text};
use std::hash::{Hash, Hasher};

/// A queue of texts: one of `n` elements costs what an operation changed, and not `n`. Two lists, the front of one and the
/// back of the other; when the first is empty, the second is turned over (Okasaki 1998, §5.2). Equal if the elements are.
#[derive(Clone, Default)]
pub struct Fifo {
    /// The front last.
    front: Chain,
    /// The back last.
    back: Chain,
    /// Of the elements, wherever the two lists meet.
    sum: u64,
}

impl Fifo {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// With one more element at the back.
    pub fn push(&self, last: Text) -> Self {
        let sum = self.sum.wrapping_mul(BASE).wrapping_add(of_text(&last));
        Self { front: self.front.clone(), back: self.back.push(last), sum }
    }

    /// The element at the front and what is behind it.
    pub fn pop(&self) -> Option<(Text, Self)> {
        let Some((first, front)) = self.front.pop() else {
            let turned =
                self.back.backwards().fold(Chain::default(), |turned, text| turned.push(text.clone()));
            let turned = Self { front: turned, back: Chain::default(), sum: self.sum };
            return if turned.is_empty() { None } else { turned.pop() };
        };
        let places = u32::try_from(self.len() - 1).unwrap_or(u32::MAX);
        let sum = self.sum.wrapping_sub(of_text(first).wrapping_mul(BASE.wrapping_pow(places)));
        Some((first.clone(), Self { front: front.clone(), back: self.back.clone(), sum }))
    }

    /// The elements, the front first.
    pub fn to_vec(&self) -> Vec<Text> {
        self.front.backwards().cloned().chain(self.back.to_vec()).collect()
    }
}

impl PartialEq for Fifo {
    fn eq(&self, other: &Self) -> bool {
        (self.len(), self.sum) == (other.len(), other.sum)
            && if self.front.len() == other.front.len() {
                self.front == other.front && self.back == other.back
            } else {
                self.to_vec() == other.to_vec()
            }
    }
}

impl Eq for Fifo {}

impl Hash for Fifo {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.sum);
    }
}

impl std::fmt::Debug for Fifo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::hash::{BuildHasher, BuildHasherDefault};

    /// All ways to put in and take out, up to a length, beside a queue that copies.
    #[test]
    fn it_is_a_queue() {
        let mut all = vec![(Fifo::default(), VecDeque::<Text>::new())];
        for step in 0..7 {
            for (fifo, queue) in std::mem::take(&mut all) {
                for text in ["a", "b"] {
                    let mut more = queue.clone();
                    more.push_back(text.into());
                    all.push((fifo.push(text.into()), more));
                }
                let mut less = queue.clone();
                match (fifo.pop(), less.pop_front()) {
                    (Some((taken, rest)), Some(expected)) => {
                        assert_eq!(taken, expected);
                        all.push((rest, less));
                    }
                    (None, None) => {}
                    (taken, expected) => panic!("{taken:?}, not {expected:?}, in step {step}"),
                }
            }
        }
        let hash = |fifo: &Fifo| BuildHasherDefault::<rustc_hash::FxHasher>::default().hash_one(fifo);
        for (fifo, queue) in all.iter().step_by(7) {
            assert_eq!(fifo.to_vec(), *queue.iter().cloned().collect::<Vec<_>>());
            for (other, like) in all.iter().step_by(3) {
                assert_eq!(fifo == other, queue == like, "{fifo:?} {other:?}");
                assert!(fifo != other || hash(fifo) == hash(other), "{fifo:?} {other:?}");
            }
        }
    }
}
