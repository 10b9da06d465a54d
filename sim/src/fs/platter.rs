//! One file's platter: how an fsync fills it, and what a power loss leaves on it.
//!
//! An fsync promises what was written before it *began*. What is written while it is under way may or may not
//! be durable when it returns, and is not: so a group commit that counts on it is found out.

use super::pages::{Block, Pages, copy_padded, cut, to_usize};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An fsync under way: the file as it was when it began. The blocks are shared with the cache until written to.
#[derive(Debug)]
pub(super) struct Syncing {
    id: u64,
    len: u64,
    /// What the platter was to be cut to at the beginning.
    cut_to: u64,
    /// The least length since the beginning.
    floor: u64,
    blocks: BTreeMap<u64, Option<Block>>,
    /// Those that the failure of another has made clean meanwhile: this one still owes them.
    owed: BTreeSet<u64>,
}

impl Syncing {
    pub(super) fn cut(&mut self, len: u64) {
        self.floor = self.floor.min(len);
    }

    /// What it still owes of a block, after all cuts since it began. `None`: it owes nothing.
    fn owes(&self, index: u64, size: u64) -> Option<Option<Block>> {
        let left = self.floor.checked_sub(index * size).filter(|left| *left > 0)?;
        let block = self.blocks.get(&index)?.as_ref();
        Some(block.map(|block| match block.get(..to_usize(left)) {
            Some(kept) => Rc::new(kept.to_vec()),
            None => Rc::clone(block),
        }))
    }
}

impl Pages {
    /// Begins an fsync. If it ends first it stands for those under way as well, so what they owe is also its.
    pub(super) fn begin_sync(&mut self, id: u64) {
        let mut blocks: BTreeMap<u64, Option<Block>> =
            self.dirty.iter().map(|index| (*index, self.cache.get(index).cloned())).collect();
        for sync in self.syncs.iter().rev() {
            for index in &sync.owed {
                if let (false, Some(block)) = (blocks.contains_key(index), sync.owes(*index, self.size)) {
                    blocks.insert(*index, block);
                }
            }
        }
        let owed = BTreeSet::new();
        self.syncs.push(Syncing { id, len: self.len, cut_to: self.floor, floor: self.len, blocks, owed });
    }

    /// Makes what an fsync found at its beginning durable. `lands` is asked for each block of data whether it
    /// reaches its place. Returns how many blocks were dirty. Without effect when an fsync that began later has
    /// done it all already.
    pub(super) fn finish_sync(&mut self, id: u64, mut lands: impl FnMut(u64, &Block) -> bool) -> u64 {
        let Some(at) = self.syncs.iter().position(|sync| sync.id == id) else { return 0 };
        let Some(sync) = self.syncs.drain(..=at).next_back() else { return 0 };
        if sync.cut_to < self.platter_len {
            self.cut_platter(sync.cut_to);
        }
        for (index, block) in &sync.blocks {
            match block {
                None => drop(self.platter.remove(index)),
                Some(block) if lands(*index, block) => drop(self.platter.insert(*index, Rc::clone(block))),
                Some(_) => {}
            }
            self.clean(*index, block.as_ref());
        }
        cut(&mut self.platter, self.size, sync.len);
        self.platter_len = sync.len;
        self.floor = sync.floor;
        sync.blocks.len() as u64
    }

    /// An fsync fails: what it would have written counts as clean and stays in the cache alone. Holes stay
    /// pending, for they are metadata.
    pub(super) fn fail_sync(&mut self, id: u64) {
        let Some(at) = self.syncs.iter().position(|sync| sync.id == id) else { return };
        for (index, block) in self.syncs.remove(at).blocks {
            if block.is_some() {
                self.clean(index, block.as_ref());
                for other in self.syncs.iter_mut().filter(|sync| sync.blocks.contains_key(&index)) {
                    other.owed.insert(index);
                }
            }
        }
    }

    /// An fsync is not carried out.
    pub(super) fn abort_sync(&mut self, id: u64) {
        self.syncs.retain(|sync| sync.id != id);
    }

    /// A block is clean unless it was written to since.
    fn clean(&mut self, index: u64, then: Option<&Block>) {
        let same = match (self.cache.get(&index), then) {
            (Some(now), Some(then)) => Rc::ptr_eq(now, then),
            (now, then) => now.is_none() && then.is_none(),
        };
        if same {
            self.dirty.remove(&index);
        }
    }

    /// The page cache writes one dirty block back on its own, the first at or after `index`; not while an fsync
    /// is under way.
    pub(super) fn write_back(&mut self, index: u64) {
        if !self.syncs.is_empty() {
            return;
        }
        let next = self.dirty.range(index..).find(|index| self.cache.contains_key(index)).copied();
        let Some(index) = next else { return };
        let end = self.len.min((index + 1) * self.size);
        if end > self.floor && self.cuts() {
            self.cut_platter(self.floor);
        }
        if !self.cuts() {
            self.platter_len = self.platter_len.max(end);
            self.floor = self.platter_len;
        }
        self.platter.insert(index, Rc::clone(&self.cache[&index]));
        self.dirty.remove(&index);
    }

    /// The power fails: `loses` decides over each unsynced thing, by its kind. The block `torn`, if it is dirty,
    /// has its sectors decided over one by one. Afterwards the cache is cold and the platter is all there is.
    pub(super) fn power_loss(
        &mut self,
        torn: Option<u64>,
        sector: usize,
        mut loses: impl FnMut(&'static str) -> bool,
    ) {
        // Without its cut the old tail is still there, and nothing written later into the freed range is.
        let forgotten = self.cuts() && loses("cut lost");
        let short = self.len > self.floor && loses("length lost");
        if self.cuts() && !forgotten {
            self.cut_platter(self.floor);
        }
        let mut end = self.platter_len;
        for (index, block) in self.dirty.iter().filter_map(|index| Some((*index, self.cache.get(index)?))) {
            if forgotten && (index + 1) * self.size > self.floor {
                continue;
            }
            let landed = if torn == Some(index) {
                let old = self.platter.get(&index).map_or(&[][..], |old| old.as_slice());
                Rc::new(tear(old, block, sector, || loses("sector lost")))
            } else if loses("block lost") {
                continue;
            } else {
                Rc::clone(block)
            };
            self.platter.insert(index, landed);
            end = end.max(self.len.min((index + 1) * self.size));
        }
        if !short && !forgotten {
            end = end.max(self.len);
        }
        self.platter_len = end;
        self.restart();
    }

    /// The platter is all there is: after a power loss, or when nobody can read the file any more.
    pub(super) fn restart(&mut self) {
        cut(&mut self.platter, self.size, self.platter_len);
        self.cache.clear();
        self.dirty.clear();
        self.len = self.platter_len;
        self.floor = self.len;
    }

    fn cut_platter(&mut self, len: u64) {
        cut(&mut self.platter, self.size, len);
        self.platter_len = self.platter_len.min(len);
        self.floor = len;
    }

    /// The indices of the blocks on the platter.
    pub(super) fn on_platter(&self) -> impl ExactSizeIterator<Item = u64> {
        self.platter.keys().copied()
    }

    /// Puts foreign data into a block of the platter, behind the cache's back.
    pub(super) fn clobber(&mut self, index: u64, block: Block) {
        self.platter.insert(index, block);
        cut(&mut self.platter, self.size, self.platter_len);
    }

    /// Flips one bit on the platter, behind the cache's back. False when nothing is stored there.
    pub(super) fn flip(&mut self, offset: u64, bit: u8) -> bool {
        if offset >= self.platter_len {
            return false;
        }
        let block = Rc::make_mut(self.platter.entry(offset / self.size).or_default());
        let within = to_usize(offset % self.size);
        if block.len() <= within {
            block.resize(within + 1, 0);
        }
        block[within] ^= 1 << (bit % 8);
        true
    }
}

/// Sector by sector the new content or the old.
fn tear(old: &[u8], new: &[u8], sector: usize, mut loses: impl FnMut() -> bool) -> Vec<u8> {
    let mut mixed = old.to_vec();
    mixed.resize(old.len().max(new.len()), 0);
    for (number, part) in mixed.chunks_mut(sector).enumerate() {
        if !loses() {
            copy_padded(new, number * sector, part);
        }
    }
    mixed
}
