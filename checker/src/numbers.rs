//! Numbers for things that are told apart by comparing: the same number for the same thing.

use rustc_hash::FxBuildHasher;
use std::hash::{BuildHasher, Hash};

/// An open hash table of numbers. It holds no things and borrows none, so that its room can be used for others.
#[derive(Default)]
pub(crate) struct Numbers {
    /// Powers of two of them, at least twice as many as things: each a number and the hash of its thing.
    slots: Vec<(u32, u32)>,
    used: usize,
}

const FREE: (u32, u32) = (u32::MAX, 0);

impl Numbers {
    /// Forgets all, and makes room for so many; more may come.
    pub(crate) fn clear(&mut self, many: usize) {
        self.used = 0;
        self.slots.clear();
        self.slots.resize((2 * many).next_power_of_two().max(16), FREE);
    }

    /// The number of a thing; `next` if it is new. `is` compares the thing with that of a number.
    pub(crate) fn number(&mut self, thing: impl Hash, next: u32, mut is: impl FnMut(u32) -> bool) -> u32 {
        let hash = (FxBuildHasher.hash_one(thing).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        let mut at = hash as usize & (self.slots.len() - 1);
        while self.slots[at] != FREE {
            let (number, known) = self.slots[at];
            if known == hash && is(number) {
                return number;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = (next, hash);
        self.used += 1;
        if 2 * self.used > self.slots.len() {
            self.grow();
        }
        next
    }

    fn grow(&mut self) {
        let double = vec![FREE; 2 * self.slots.len()];
        for slot in std::mem::replace(&mut self.slots, double).into_iter().filter(|slot| *slot != FREE) {
            let mut at = slot.1 as usize & (self.slots.len() - 1);
            while self.slots[at] != FREE {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn the_same_thing_has_the_same_number() {
        let mut numbers = Numbers::default();
        for round in 0..3 {
            numbers.clear(10);
            let mut things: Vec<String> = Vec::new();
            for at in 0..3000 {
                let thing = format!("{round} {}", at * 7 % 1000);
                let number =
                    numbers.number(&thing, things.len() as u32, |known| things[known as usize] == thing);
                if number as usize == things.len() {
                    things.push(thing.clone());
                }
                assert_eq!(things[number as usize], thing);
            }
            assert_eq!(things.len(), 1000);
        }
    }
}
