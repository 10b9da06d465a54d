//! Queues of texts that share what they have in common.

use super::Text;
use super::rope::{BASE, Chain, of_text};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A queue of texts. An operation costs a few links, whatever is in the queue and however many states grow from one: the
/// banker's queue (Okasaki 1998, §6.3.2). What was put in is turned over in pieces, each when the elements before it are
/// out, and once for all states that have it. Equal if the elements are.
#[derive(Clone, Default)]
pub struct Fifo {
    /// The front last; empty only if the queue is.
    front: Chain,
    /// What is behind that, the oldest piece first: fewer than the bits of a length.
    pieces: Arc<[Arc<Piece>]>,
    /// The back last; no longer than all before it.
    back: Chain,
    /// The elements of the front and the pieces.
    ahead: usize,
    /// Of the elements, wherever one list ends.
    sum: u64,
}

/// Elements that were put in one after the other.
struct Piece {
    /// The newest last.
    put: Chain,
    /// The oldest last.
    turned: OnceLock<Chain>,
}

impl Piece {
    fn turned(&self) -> Chain {
        let turn = || self.put.backwards().fold(Chain::default(), |turned, text| turned.push(text.clone()));
        self.turned.get_or_init(turn).clone()
    }
}

impl Fifo {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.ahead + self.back.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at the front.
    pub fn first(&self) -> Option<&Text> {
        self.front.pop().map(|(first, _)| first)
    }

    /// With one more element at the back.
    pub fn push(&self, last: Text) -> Self {
        let sum = self.sum.wrapping_mul(BASE).wrapping_add(of_text(&last));
        Self { back: self.back.push(last), sum, ..self.clone() }.balanced()
    }

    /// The element at the front and what is behind it.
    pub fn pop(&self) -> Option<(Text, Self)> {
        let (first, front) = self.front.pop()?;
        let places = u32::try_from(self.len() - 1).unwrap_or(u32::MAX);
        let sum = self.sum.wrapping_sub(of_text(first).wrapping_mul(BASE.wrapping_pow(places)));
        let rest = Self { front: front.clone(), ahead: self.ahead - 1, sum, ..self.clone() };
        Some((first.clone(), rest.balanced()))
    }

    /// As the fields promise.
    fn balanced(mut self) -> Self {
        if self.back.len() > self.ahead {
            let put = std::mem::take(&mut self.back);
            if self.ahead == 0 {
                // One element is its own mirror image.
                (self.front, self.ahead) = (put, 1);
                return self;
            }
            self.ahead += put.len();
            let piece = Arc::new(Piece { put, turned: OnceLock::new() });
            self.pieces = self.pieces.iter().cloned().chain([piece]).collect();
        }
        if let (true, [next, others @ ..]) = (self.front.is_empty(), &*self.pieces) {
            (self.front, self.pieces) = (next.turned(), others.into());
        }
        self
    }

    /// The elements, the front first.
    pub fn to_vec(&self) -> Vec<Text> {
        let pieces = self.pieces.iter().flat_map(|piece| piece.put.to_vec());
        self.front.backwards().cloned().chain(pieces).chain(self.back.to_vec()).collect()
    }

    /// Where one list ends and the next begins.
    fn shape(&self) -> impl Iterator<Item = usize> {
        [self.front.len()].into_iter().chain(self.pieces.iter().map(|piece| piece.put.len()))
    }
}

impl PartialEq for Fifo {
    fn eq(&self, other: &Self) -> bool {
        (self.len(), self.sum) == (other.len(), other.sum)
            && if self.shape().eq(other.shape()) {
                let mut pieces = self.pieces.iter().zip(&*other.pieces);
                self.back == other.back
                    && pieces.all(|(one, other)| one.put == other.put)
                    && self.front == other.front
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

    fn of(texts: impl Iterator<Item = usize>) -> Fifo {
        texts.fold(Fifo::default(), |fifo, nth| fifo.push(nth.to_string().into()))
    }

    /// Two that were told apart at the back turn what they have in common once, and take it from one list.
    #[test]
    fn what_two_have_in_common_is_turned_once() {
        let full = of(0..100);
        let (mut one, mut two) = (full.push("a".into()), full.push("b".into()));
        for nth in 0..50 {
            assert!(one.front.shares(&two.front) && one != two, "{nth}");
            let ((first, rest), (same, others)) = (one.pop().unwrap(), two.pop().unwrap());
            assert!(*first == nth.to_string() && same == first, "{first} and {same}, not {nth}");
            (one, two) = (rest, others);
        }
    }

    /// However long it becomes, between two operations there are few lists, and its lists are as promised.
    #[test]
    fn a_long_one_comes_out_as_it_went_in() {
        let mut fifo = of(0..1000);
        for nth in 0..5000 {
            assert!(fifo.pieces.len() < 12 && fifo.back.len() <= fifo.ahead, "{nth}");
            assert_eq!(fifo.first().map(|text| text.to_string()), Some(nth.to_string()));
            fifo = fifo.pop().unwrap().1.push((nth + 1000).to_string().into());
            if nth % 500 == 0 {
                assert!(fifo == of(nth + 1..nth + 1001) && fifo != of(nth..nth + 1000), "{nth}");
            }
        }
        assert_eq!(fifo.len(), 1000);
    }
}
