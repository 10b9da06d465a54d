//! Texts and lists that grow at the end and share what they have in common.
//!
//! A history of appends has a state for every order of them. Copied and hashed whole, states of `n` bytes cost
//! `n` each; here an append costs the same whatever is there already. Two equal states of a search nearly always
//! grew from one, so that comparing them ends at the first link that they share.

use super::Text;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A list of texts. Equal if the elements are.
#[derive(Clone, Default)]
pub struct Chain(Option<Arc<Link>>);

struct Link {
    before: Chain,
    last: Text,
    elements: usize,
    bytes: usize,
    /// Of the elements and where they end.
    of_elements: u64,
    /// Of all bytes, wherever elements end.
    of_bytes: u64,
}

/// A prime of 64 bits, for polynomials modulo 2^64. Collisions cost time and nothing else.
pub(super) const BASE: u64 = 0x9e37_79b9_7f4a_7c55;

/// Of a text, for sums over lists.
pub(super) fn of_text(text: &Text) -> u64 {
    text.bytes().fold(1, |sum, byte| sum.wrapping_mul(BASE) ^ u64::from(byte))
}

fn more_bytes(sum: u64, text: &str) -> u64 {
    text.bytes().fold(sum, |sum, byte| sum.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1))
}

impl Chain {
    /// With one more element at the end.
    pub fn push(&self, last: Text) -> Self {
        let of_last = of_text(&last);
        let of_elements = self.0.as_ref().map_or(0, |link| link.of_elements);
        Self(Some(Arc::new(Link {
            elements: self.len() + 1,
            bytes: self.bytes() + last.len(),
            of_elements: of_elements.wrapping_mul(BASE).wrapping_add(of_last),
            of_bytes: more_bytes(self.of_bytes(), &last),
            before: self.clone(),
            last,
        })))
    }

    /// The last element and what is before it.
    pub fn pop(&self) -> Option<(&Text, &Chain)> {
        self.0.as_ref().map(|link| (&link.last, &link.before))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.elements)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The elements, the first one first.
    pub fn to_vec(&self) -> Vec<Text> {
        let mut elements: Vec<Text> = self.backwards().cloned().collect();
        elements.reverse();
        elements
    }

    pub(super) fn backwards(&self) -> impl Iterator<Item = &Text> {
        std::iter::successors(self.0.as_ref(), |link| link.before.0.as_ref()).map(|link| &link.last)
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.bytes)
    }

    fn of_bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |link| link.of_bytes)
    }

    /// Whether the list `elements` begins with it.
    pub fn begins(&self, elements: &[Text]) -> bool {
        elements.get(..self.len()).is_some_and(|beginning| *self == *beginning)
    }

    fn same_bytes(&self, other: &Self) -> bool {
        let ((mut one, mut two), mut a, mut b) = ((self, other), &b""[..], &b""[..]);
        if (one.bytes(), one.of_bytes()) != (two.bytes(), two.of_bytes()) {
            return false;
        }
        // What is left of the two pieces at hand is in `a` and `b`.
        while !(a.is_empty() && b.is_empty() && one.shares(two)) {
            if let (true, Some(link)) = (a.is_empty(), &one.0) {
                (a, one) = (link.last.as_bytes(), &link.before);
            }
            if let (true, Some(link)) = (b.is_empty(), &two.0) {
                (b, two) = (link.last.as_bytes(), &link.before);
            }
            let common = a.len().min(b.len());
            let ((rest_a, tail_a), (rest_b, tail_b)) =
                (a.split_at(a.len() - common), b.split_at(b.len() - common));
            if tail_a != tail_b {
                return false;
            }
            (a, b) = (rest_a, rest_b);
        }
        true
    }

    /// Whether they are one list, and not only equal.
    pub(super) fn shares(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        let (mut one, mut two) = (self, other);
        while !one.shares(two) {
            let (Some(a), Some(b)) = (&one.0, &two.0) else { return false };
            if (a.elements, a.of_elements) != (b.elements, b.of_elements) || a.last != b.last {
                return false;
            }
            (one, two) = (&a.before, &b.before);
        }
        true
    }
}

impl Eq for Chain {}

impl Hash for Chain {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.as_ref().map_or(0, |link| link.of_elements));
    }
}

impl PartialEq<[Text]> for Chain {
    fn eq(&self, elements: &[Text]) -> bool {
        self.len() == elements.len() && self.backwards().eq(elements.iter().rev())
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

/// Link by link: the derived one would call itself once for every element.
impl Drop for Link {
    fn drop(&mut self) {
        let mut before = self.before.0.take();
        while let Some(mut link) = before.and_then(Arc::into_inner) {
            before = link.before.0.take();
        }
    }
}

/// A text that grows at the end. Equal if the bytes are, however it grew.
#[derive(Clone)]
pub enum Rope {
    /// As it was put.
    Whole(Text),
    /// Put, and appended to.
    Grown(Chain),
}

impl Rope {
    /// With more at the end.
    pub fn append(&self, more: &Text) -> Self {
        match self {
            Rope::Whole(text) if text.is_empty() => Rope::Whole(more.clone()),
            _ if more.is_empty() => self.clone(),
            Rope::Whole(text) => Rope::Grown(Chain::default().push(text.clone()).push(more.clone())),
            Rope::Grown(pieces) => Rope::Grown(pieces.push(more.clone())),
        }
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        match self {
            Rope::Whole(text) => text.len(),
            Rope::Grown(pieces) => pieces.bytes(),
        }
    }

    /// Whether `text` begins with it.
    pub fn begins(&self, text: &str) -> bool {
        text.as_bytes().get(..self.bytes()).is_some_and(|beginning| self.is(beginning))
    }

    fn is(&self, mut text: &[u8]) -> bool {
        let mut ends = |piece: &Text| match text.strip_suffix(piece.as_bytes()) {
            Some(rest) => {
                text = rest;
                true
            }
            None => false,
        };
        let all = match self {
            Rope::Whole(piece) => ends(piece),
            Rope::Grown(pieces) => pieces.backwards().all(ends),
        };
        all && text.is_empty()
    }
}

impl From<&Text> for Rope {
    fn from(text: &Text) -> Self {
        Rope::Whole(text.clone())
    }
}

impl PartialEq<str> for Rope {
    fn eq(&self, text: &str) -> bool {
        self.bytes() == text.len() && self.is(text.as_bytes())
    }
}

impl PartialEq for Rope {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Rope::Whole(one), Rope::Whole(other)) => one == other,
            (Rope::Whole(text), grown) | (grown, Rope::Whole(text)) => *grown == **text,
            (Rope::Grown(one), Rope::Grown(other)) => one.same_bytes(other),
        }
    }
}

impl Eq for Rope {}

impl Hash for Rope {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(match self {
            Rope::Whole(text) => more_bytes(0, text),
            Rope::Grown(pieces) => pieces.of_bytes(),
        });
    }
}

impl std::fmt::Display for Rope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rope::Whole(text) => f.write_str(text),
            Rope::Grown(pieces) => pieces.to_vec().iter().try_for_each(|piece| f.write_str(piece)),
        }
    }
}

impl std::fmt::Debug for Rope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Rope, Text};

    fn rope(pieces: &[&str]) -> Rope {
        pieces.iter().fold(Rope::from(&Text::from("")), |rope, piece| rope.append(&Text::from(*piece)))
    }

    fn chain(elements: &[&str]) -> Chain {
        elements.iter().fold(Chain::default(), |chain, element| chain.push(Text::from(*element)))
    }

    /// All ways to cut all texts of two letters up to a length: equal as ropes if the letters are, as chains if
    /// the cuts are, too; and what is equal hashes alike.
    #[test]
    fn equal_as_texts_and_as_lists() {
        use std::hash::BuildHasher;
        let hash = rustc_hash::FxBuildHasher;
        let texts = ["", "a", "b", "aa", "ab", "ba", "bb", "aba", "abb"];
        let mut cuts: Vec<Vec<&str>> = vec![Vec::new()];
        for text in texts {
            for at in 0..=text.len() {
                cuts.push(vec![&text[..at], &text[at..]]);
                cuts.push(vec![&text[..at], "", &text[at..]]);
            }
            cuts.push(vec![text]);
        }
        for one in &cuts {
            assert!(rope(one) == *one.concat() && rope(one).to_string() == one.concat());
            for two in &cuts {
                let (same_text, same_list) = (one.concat() == two.concat(), one == two);
                assert_eq!(rope(one) == rope(two), same_text, "{one:?} {two:?}");
                assert_eq!(rope(one) == *two.concat(), same_text, "{one:?} {two:?}");
                assert_eq!(rope(one).begins(&two.concat()), two.concat().starts_with(&one.concat()));
                assert_eq!(chain(one).begins(&chain(two).to_vec()), two.starts_with(one));
                assert_eq!(chain(one) == chain(two), same_list, "{one:?} {two:?}");
                assert_eq!(chain(one) == chain(two).to_vec()[..], same_list, "{one:?} {two:?}");
                assert!(!same_text || hash.hash_one(rope(one)) == hash.hash_one(rope(two)));
                assert!(!same_list || hash.hash_one(chain(one)) == hash.hash_one(chain(two)));
            }
        }
    }

    #[test]
    fn a_long_one_is_dropped_without_a_deep_stack() {
        let piece = Text::from("x");
        let long = (0..1_000_000).fold(Rope::from(&piece), |rope, _| rope.append(&piece));
        assert_eq!(long.bytes(), 1_000_001);
    }
}
