//! What a map task has emitted, until it is written: combined (§4.3), partitioned (§4.1) and sorted (§4.2).
//!
//! All keys and values lie in one arena. With a combiner there is one entry a key, found by an open table; without, one
//! entry a pair. Partitions are found when it is full, not for every pair that is emitted.

use std::hash::Hasher;

use super::super::app::{Application, Emit};
use super::super::message::Counters;
use super::run::encode;

/// A pair in the arena; the key is followed by the value unless the value has moved.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// See [`prefix`]: of a key of eight bytes or fewer it is all there is to compare, and nobody has to look at the arena.
    prefix: u64,
    key: u32,
    key_length: u32,
    value: u32,
    value_length: u32,
}

/// A slot of the table: a hash, and a place in `entries` plus one; 0 is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    place: u32,
}

/// The order of gathered pairs: by part, key, and which came first.
#[derive(Debug)]
pub struct Sorted {
    order: Vec<(u32, u64, u32)>,
    /// How many are encoded.
    next: usize,
    /// How many bytes those came to.
    length: u64,
    parts: u32,
    /// Where each part ends among the encoded bytes; all of them when the last pair is encoded.
    pub ends: Vec<u64>,
}

/// Pairs in memory.
#[derive(Debug)]
pub struct Gather {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// Its length is a power of two.
    table: Vec<Slot>,
    scratch: Vec<u8>,
    combines: bool,
    room: usize,
    /// The arena must not grow beyond it: places in it are counted in 32 bits.
    limit: usize,
    /// A pair did not fit any more, and is missing.
    overflowed: bool,
    emitted: u64,
    counts: Vec<(&'static str, u64)>,
}

impl Gather {
    /// Room for about `room` bytes of pairs.
    pub fn new(combines: bool, room: usize) -> Gather {
        let table = if combines { vec![Slot::default(); 1024] } else { Vec::new() };
        Gather {
            arena: Vec::new(),
            entries: Vec::new(),
            table,
            scratch: Vec::new(),
            combines,
            // What one record emits comes on top.
            room: room.min(1 << 30),
            limit: u32::MAX as usize,
            overflowed: false,
            emitted: 0,
            counts: Vec::new(),
        }
    }

    /// Whether one record has emitted more than there can be places for, 4 GiB; what is here is not all.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether it is time to spill: to [`sort`](Gather::sort), [`encode`](Gather::encode) and [`clear`](Gather::clear).
    #[inline]
    pub fn is_full(&self) -> bool {
        // An entry, and its share of a table that is half empty or emptier.
        let entries = self.entries.len() * (size_of::<Entry>() + 3 * size_of::<Slot>());
        self.arena.len() + entries >= self.room
    }

    /// Whether nothing was emitted since it was last spilled.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a map function emits into.
    pub fn of<'a>(&'a mut self, app: &'a dyn Application) -> Gathering<'a> {
        Gathering { gather: self, app }
    }

    /// Everything counted by the application, and the pairs it emitted.
    pub fn counters(&self) -> Counters {
        let own = self.counts.iter().map(|(name, times)| ((*name).to_owned(), *times));
        own.chain([("pairs emitted".to_owned(), self.emitted)]).collect()
    }

    /// The order of what is here, by `part` of a key (of `parts`), which is told the pair's place, too.
    pub fn sort(&self, parts: u32, part: impl Fn(usize, &[u8]) -> u32) -> Sorted {
        let mut order: Vec<(u32, u64, u32)> = (0..)
            .zip(&self.entries)
            .map(|(place, entry)| {
                (part(place as usize, self.key_of(entry)).min(parts - 1), entry.prefix, place)
            })
            .collect();
        let key = |place: u32| self.key(place as usize);
        order.sort_unstable_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| key(a.2).cmp(key(b.2))).then(a.2.cmp(&b.2))
        });
        Sorted { order, next: 0, length: 0, parts, ends: Vec::new() }
    }

    /// Adds the next pairs to `out`, until it holds so many bytes; whether any are left.
    pub fn encode(&self, sorted: &mut Sorted, out: &mut Vec<u8>, room: usize) -> bool {
        while let Some(&(part, _, place)) = sorted.order.get(sorted.next) {
            if out.len() >= room {
                return true;
            }
            sorted.ends.resize(sorted.ends.len().max(part as usize), sorted.length);
            let (entry, before) = (&self.entries[place as usize], out.len());
            let value = &self.arena[entry.value as usize..][..entry.value_length as usize];
            encode(out, self.key_of(entry), value);
            sorted.length += (out.len() - before) as u64;
            sorted.next += 1;
        }
        sorted.ends.resize(sorted.parts as usize, sorted.length);
        false
    }

    /// The key of the pair in this place.
    pub fn key(&self, place: usize) -> &[u8] {
        self.key_of(&self.entries[place])
    }

    fn key_of(&self, entry: &Entry) -> &[u8] {
        &self.arena[entry.key as usize..][..entry.key_length as usize]
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.table.fill(Slot::default());
    }

    /// Whether there is room for so many bytes more.
    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        self.overflowed |= bytes > self.limit - self.arena.len();
        !self.overflowed
    }

    fn push(&mut self, prefix: u64, key: &[u8], value: &[u8]) -> bool {
        if !self.has_room(key.len() + value.len()) {
            return false;
        }
        let at = self.arena.len();
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value);
        self.entries.push(Entry {
            prefix,
            key: at as u32,
            key_length: key.len() as u32,
            value: (at + key.len()) as u32,
            value_length: value.len() as u32,
        });
        true
    }

    fn combine(&mut self, app: &dyn Application, key: &[u8], value: &[u8]) {
        let mut hasher = rustc_hash::FxHasher::default();
        hasher.write(key);
        let hash = (hasher.finish() >> 32) as u32;
        let prefix = prefix(key);
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let Slot { hash: known, place } = self.table[slot];
            if place == 0 {
                break;
            }
            if known == hash && self.is_key(place as usize - 1, prefix, key) {
                return self.take_in(app, place as usize - 1, key, value);
            }
            slot = (slot + 1) & mask;
        }
        if !self.push(prefix, key, value) {
            return;
        }
        self.table[slot] = Slot { hash, place: self.entries.len() as u32 };
        if self.entries.len() * 2 > self.table.len() {
            self.grow();
        }
    }

    #[inline]
    fn is_key(&self, place: usize, prefix: u64, key: &[u8]) -> bool {
        let entry = &self.entries[place];
        let alike = entry.prefix == prefix && entry.key_length as usize == key.len();
        alike && (key.len() <= 8 || self.arena[entry.key as usize..][..key.len()] == *key)
    }

    /// Takes a value into the one that is there. One that has outgrown its place moves to the end of the arena.
    fn take_in(&mut self, app: &dyn Application, place: usize, key: &[u8], value: &[u8]) {
        let Entry { value: at, value_length: length, .. } = self.entries[place];
        let known = &mut self.arena[at as usize..][..length as usize];
        self.scratch.clear();
        self.scratch.extend_from_slice(known);
        app.combine(key, &mut self.scratch, value);
        if self.scratch.len() == known.len() {
            known.copy_from_slice(&self.scratch);
        } else if self.has_room(self.scratch.len()) {
            let entry = &mut self.entries[place];
            entry.value = self.arena.len() as u32;
            entry.value_length = self.scratch.len() as u32;
            self.arena.extend_from_slice(&self.scratch);
        }
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.table);
        self.table = vec![Slot::default(); old.len() * 2];
        let mask = self.table.len() - 1;
        for full in old.into_iter().filter(|slot| slot.place != 0) {
            let mut slot = full.hash as usize & mask;
            while self.table[slot].place != 0 {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = full;
        }
    }
}

/// The first eight bytes of a key, zeros where there are fewer, as a number in the order of the keys.
#[inline]
fn prefix(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let shift = 8 * (8 - key.len());
    match (key.first_chunk(), key.last_chunk(), key) {
        // Four bytes from either end; where they overlap they agree.
        (Some(first), Some(last), _) => {
            u64::from(u32::from_be_bytes(*first)) << 32 | u64::from(u32::from_be_bytes(*last)) << shift
        }
        (.., [one]) => u64::from(*one) << 56,
        (.., [one, two]) => u64::from(u16::from_be_bytes([*one, *two])) << 48,
        (.., [one, two, three]) => u64::from(u32::from_be_bytes([0, *one, *two, *three])) << 40,
        _ => 0,
    }
}

/// A [`Gather`] with the application whose pairs it takes.
pub struct Gathering<'a> {
    gather: &'a mut Gather,
    app: &'a dyn Application,
}

impl Gathering<'_> {
    /// See [`Gather::is_full`]; or full beyond that.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.gather.is_full() || self.gather.overflowed
    }
}

impl Emit for Gathering<'_> {
    #[inline]
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.gather.emitted += 1;
        if self.gather.combines {
            self.gather.combine(self.app, key, value);
        } else {
            self.gather.push(prefix(key), key, value);
        }
    }

    fn count(&mut self, name: &'static str, by: u64) {
        let counts = &mut self.gather.counts;
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => *times += by,
            None => counts.push((name, by)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::app::{Emit, WordCount};
    use super::{Gather, prefix};

    #[test]
    fn what_has_no_place_any_more_is_noticed() {
        for combines in [false, true] {
            let mut gather = Gather { limit: 32, ..Gather::new(combines, 1 << 20) };
            for key in [b"one", b"two", b"six"] {
                assert!(!gather.has_overflowed());
                gather.of(&WordCount).emit(key, &1_u64.to_le_bytes());
            }
            assert!(gather.has_overflowed(), "33 bytes are no 32");
            let (mut sorted, mut out) = (gather.sort(1, |_, _| 0), Vec::new());
            assert!(!gather.encode(&mut sorted, &mut out, 1 << 10) && gather.entries.len() == 2);
        }
    }

    #[test]
    fn a_prefix_is_the_first_eight_bytes() {
        for length in 0..12 {
            let key: Vec<u8> = (0..length).map(|n| 0xf1 - 7 * n).collect();
            let mut padded = [0; 8];
            let known = key.len().min(8);
            padded[..known].copy_from_slice(&key[..known]);
            assert_eq!(prefix(&key), u64::from_be_bytes(padded), "{key:x?}");
        }
    }
}
