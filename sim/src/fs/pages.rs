//! One file's bytes, twice: as the page cache has them and as the platter has them.
//!
//! Blocks are shared between the two while they are equal and copied when a write parts them, so a clean file
//! is held once, an append costs its own bytes, and an fsync costs its dirty blocks. A block may be shorter than
//! the block size; what it lacks is zeros, as is a missing block.

use super::platter::Syncing;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(super) type Block = Rc<Vec<u8>>;
type Blocks = BTreeMap<u64, Block>;

#[derive(Debug)]
pub(super) struct Pages {
    pub(super) size: u64,
    pub(super) len: u64,
    pub(super) cache: Blocks,
    /// Blocks on which the cache and the platter may differ and which an fsync must write. One that is not in
    /// the cache is a hole made by `set_len`.
    pub(super) dirty: BTreeSet<u64>,
    pub(super) platter: Blocks,
    pub(super) platter_len: u64,
    /// The least length since the last sync: what the platter holds beyond it is to be cut off first.
    pub(super) floor: u64,
    /// The fsyncs under way, in the order in which they began.
    pub(super) syncs: Vec<Syncing>,
}

impl Pages {
    pub(super) fn new(size: u64) -> Pages {
        Pages {
            size,
            len: 0,
            cache: Blocks::new(),
            dirty: BTreeSet::new(),
            platter: Blocks::new(),
            platter_len: 0,
            floor: 0,
            syncs: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn platter_len(&self) -> u64 {
        self.platter_len
    }

    /// Whether a power loss now could leave anything but the present content of the platter.
    pub(super) fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.len == self.platter_len && self.floor >= self.platter_len
    }

    pub(super) fn cuts(&self) -> bool {
        self.floor < self.platter_len
    }

    /// The dirty blocks that hold data.
    pub(super) fn dirty_data(&self) -> impl Iterator<Item = u64> {
        self.dirty.iter().copied().filter(|index| self.cache.contains_key(index))
    }

    /// The blocks of `offset..offset + len` that a read would fetch from the platter.
    pub(super) fn uncached(&self, offset: u64, len: u64) -> Vec<u64> {
        let end = (offset + len).min(self.len);
        if offset >= end {
            return Vec::new();
        }
        let here = offset / self.size..end.div_ceil(self.size);
        here.filter(|index| !self.cache.contains_key(index) && !self.dirty.contains(index)).collect()
    }

    /// Reads through the cache, filling it. Returns how many bytes there were.
    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> usize {
        let end = (offset.saturating_add(buffer.len() as u64)).min(self.len);
        let mut at = offset;
        while at < end {
            let (index, within) = (at / self.size, to_usize(at % self.size));
            let count = to_usize(end - at).min(to_usize(self.size) - within);
            let target = to_usize(at - offset)..to_usize(at - offset) + count;
            copy_padded(self.fetch(index).map_or(&[], |block| block.as_slice()), within, &mut buffer[target]);
            at += count as u64;
        }
        to_usize(end.saturating_sub(offset))
    }

    /// The block as the cache has it, fetched from the platter if need be.
    fn fetch(&mut self, index: u64) -> Option<&Block> {
        if !self.cache.contains_key(&index) && !self.dirty.contains(&index) {
            let block = Rc::clone(self.platter.get(&index)?);
            self.cache.insert(index, block);
        }
        self.cache.get(&index)
    }

    /// Writes into the cache; a gap before `offset` becomes zeros.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let (index, within) = (at / self.size, to_usize(at % self.size));
            let (now, later) = rest.split_at(rest.len().min(to_usize(self.size) - within));
            self.fetch(index);
            overwrite(Rc::make_mut(self.cache.entry(index).or_default()), within, now);
            self.dirty.insert(index);
            at += now.len() as u64;
            rest = later;
        }
        self.len = self.len.max(at);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            let first = len.div_ceil(self.size);
            if !len.is_multiple_of(self.size) && self.fetch(len / self.size).is_some() {
                self.dirty.insert(len / self.size);
            }
            self.dirty.extend(self.cache.range(first..).map(|(index, _)| *index));
            self.dirty.extend(self.platter.range(first..).map(|(index, _)| *index));
            cut(&mut self.cache, self.size, len);
            self.floor = self.floor.min(len);
            self.syncs.iter_mut().for_each(|sync| sync.cut(len));
        }
        self.len = len;
    }

    /// Forgets every clean page; the next read goes to the platter.
    pub(super) fn evict(&mut self) {
        let dirty = &self.dirty;
        self.cache.retain(|index, _| dirty.contains(index));
    }

    /// The content of the platter.
    pub(super) fn durable(&self) -> Vec<u8> {
        let mut content = vec![0; to_usize(self.platter_len)];
        for (index, block) in &self.platter {
            self.place(&mut content, *index, block);
        }
        content
    }

    /// The content as a read of everything would return it, without caching anything.
    pub(super) fn content(&self) -> Vec<u8> {
        let mut content = vec![0; to_usize(self.len)];
        let below = self.platter.iter().filter(|(index, _)| !self.dirty.contains(index));
        for (index, block) in below.chain(&self.cache) {
            self.place(&mut content, *index, block);
        }
        content
    }

    fn place(&self, content: &mut [u8], index: u64, block: &[u8]) {
        let start = to_usize(index * self.size).min(content.len());
        let end = to_usize((index + 1) * self.size).min(content.len());
        copy_padded(block, 0, &mut content[start..end]);
    }
}

/// Offsets inside a file that is held in memory fit the address space.
pub(super) fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

pub(super) fn cut(blocks: &mut Blocks, size: u64, len: u64) {
    drop(blocks.split_off(&len.div_ceil(size)));
    if let Some(last) = blocks.get_mut(&(len / size))
        && last.len() as u64 > len % size
    {
        Rc::make_mut(last).truncate(to_usize(len % size));
    }
}

fn overwrite(block: &mut Vec<u8>, at: usize, data: &[u8]) {
    if block.len() < at {
        block.resize(at, 0);
    }
    let covered = (block.len() - at).min(data.len());
    block[at..at + covered].copy_from_slice(&data[..covered]);
    block.extend_from_slice(&data[covered..]);
}

pub(super) fn copy_padded(block: &[u8], from: usize, target: &mut [u8]) {
    let stored = block.get(from..).unwrap_or(&[]);
    let count = stored.len().min(target.len());
    target[..count].copy_from_slice(&stored[..count]);
    target[count..].fill(0);
}
