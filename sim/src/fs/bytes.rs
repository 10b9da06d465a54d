//! Operations on the bytes of an open file: all of them on the page cache.

use super::disk::{Disk, Handle};
use super::draw::{Draw, happens};
use super::errno::Errno;
use super::faults::Fault;
use super::options::Metadata;
use super::pages::to_usize;
use super::tree::Ino;
use std::io;
use std::rc::Rc;

/// The largest length a file may have, as on Linux.
const LENGTH_MAX: u64 = i64::MAX as u64;

impl Disk {
    /// Reads at `offset`. Returns how many bytes; 0 at the end of the file.
    ///
    /// # Errors
    /// EBADF, EISDIR; EIO by a fault.
    pub fn read_at(
        &mut self,
        handle: Handle,
        buffer: &mut [u8],
        offset: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<usize> {
        let (path, len) = (self.path_of(handle), buffer.len() as u64);
        let result = self.read_inner(handle, &path, buffer, offset, draw);
        self.recorder.note("read", &path, (offset, len), result, |count| *count as u64)
    }

    fn read_inner(
        &mut self,
        handle: Handle,
        path: &Rc<str>,
        buffer: &mut [u8],
        offset: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<usize> {
        let open = self.opened(handle)?;
        if !open.options.read {
            return Err(Errno::BadHandle.into());
        }
        let ino = open.ino;
        let available = self.tree.file(ino)?.len().saturating_sub(offset).min(buffer.len() as u64);
        if self.struck(Fault::ReadError, path, draw) {
            return Err(Errno::Io.into());
        }
        let mut count = available;
        if available > 1 && self.struck(Fault::ShortRead, path, draw) {
            count -= draw.below("bytes not read", available);
        }
        for index in self.tree.file(ino)?.uncached(offset, count) {
            if self.struck(Fault::BitRot, path, draw) {
                let block = u64::from(self.config.block_size);
                let start = index * block;
                let stored = self.tree.file(ino)?.platter_len().saturating_sub(start).min(block);
                if stored > 0 {
                    let bit = draw.below("rotten bit", stored * 8);
                    self.tree.file_mut(ino)?.flip(start + bit / 8, (bit % 8) as u8);
                }
            }
        }
        Ok(self.tree.file_mut(ino)?.read(offset, &mut buffer[..to_usize(count)]))
    }

    /// Writes at `offset`, or at the end when the file was opened to append (as `pwrite` does on Linux). Returns
    /// how many bytes, fewer than offered when the disk is full in between.
    ///
    /// # Errors
    /// EBADF, EFBIG; ENOSPC when not one byte had room, or by a fault; EIO by a fault.
    pub fn write_at(
        &mut self,
        handle: Handle,
        data: &[u8],
        offset: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<usize> {
        let path = self.path_of(handle);
        let offset = match self.opened(handle) {
            Ok(open) if open.options.append => self.tree.file(open.ino).map_or(0, super::pages::Pages::len),
            _ => offset,
        };
        let result = self.write_inner(handle, &path, data, offset, draw);
        self.recorder.note("write", &path, (offset, data.len() as u64), result, |count| *count as u64)
    }

    fn write_inner(
        &mut self,
        handle: Handle,
        path: &Rc<str>,
        data: &[u8],
        offset: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<usize> {
        let open = self.opened(handle)?;
        if !open.options.writes() {
            return Err(Errno::BadHandle.into());
        }
        let ino = open.ino;
        let len = self.tree.file(ino)?.len();
        let offered = data.len() as u64;
        if offered == 0 {
            return Ok(0);
        }
        if offset.saturating_add(offered) > LENGTH_MAX {
            return Err(Errno::TooBig.into());
        }
        let room = len.saturating_add(self.room()).saturating_sub(offset);
        if self.struck(Fault::WriteError, path, draw) {
            let kept = draw.below("bytes of a failed write", offered + 1).min(room);
            self.write_pages(ino, &data[..to_usize(kept)], offset, draw)?;
            return Err(Errno::Io.into());
        }
        let mut count = offered;
        if offered > 1 && self.struck(Fault::ShortWrite, path, draw) {
            count -= draw.below("bytes not written", offered);
        }
        let grows = offset + count > len;
        if room == 0 || (grows && self.struck(Fault::NoSpace, path, draw)) {
            return Err(Errno::NoSpace.into());
        }
        let count = to_usize(count.min(room));
        self.write_pages(ino, &data[..count], offset, draw)?;
        Ok(count)
    }

    fn write_pages(&mut self, ino: Ino, data: &[u8], offset: u64, draw: &mut dyn Draw) -> Result<(), Errno> {
        if data.is_empty() {
            return Ok(());
        }
        let write_back = self.config.write_back;
        let block = u64::from(self.config.block_size);
        let pages = self.tree.file_mut(ino)?;
        let before = pages.len();
        pages.write(offset, data);
        let after = pages.len();
        self.used += after - before;
        if happens(draw, "write back", write_back) {
            let from = draw.below("block written back", after.div_ceil(block));
            self.tree.file_mut(ino)?.write_back(from);
        }
        Ok(())
    }

    /// Writes everything, in as many writes as it takes.
    ///
    /// # Errors
    /// As [`write_at`](Disk::write_at); a part may have been written then.
    pub fn write_all_at(
        &mut self,
        handle: Handle,
        mut data: &[u8],
        mut offset: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<()> {
        while !data.is_empty() {
            let count = self.write_at(handle, data, offset, draw)?;
            data = &data[count..];
            offset += count as u64;
        }
        Ok(())
    }

    /// Writes everything at the end of the file. Returns the offset at which it begins.
    ///
    /// # Errors
    /// As [`write_at`](Disk::write_at); a part may have been written then.
    pub fn append(&mut self, handle: Handle, data: &[u8], draw: &mut dyn Draw) -> io::Result<u64> {
        let end = self.tree.file(self.opened(handle)?.ino)?.len();
        self.write_all_at(handle, data, end, draw)?;
        Ok(end)
    }

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// EBADF, EINVAL (not open for writing), EFBIG, ENOSPC; EIO by a fault. No effect then.
    pub fn set_len(&mut self, handle: Handle, len: u64, draw: &mut dyn Draw) -> io::Result<()> {
        let path = self.path_of(handle);
        let result = self.set_len_inner(handle, &path, len, draw);
        self.recorder.note("set_len", &path, (0, len), result, |()| 0)
    }

    fn set_len_inner(
        &mut self,
        handle: Handle,
        path: &Rc<str>,
        len: u64,
        draw: &mut dyn Draw,
    ) -> io::Result<()> {
        let open = self.opened(handle)?;
        if !open.options.writes() {
            return Err(Errno::Invalid.into());
        }
        let ino = open.ino;
        if len > LENGTH_MAX {
            return Err(Errno::TooBig.into());
        }
        if self.struck(Fault::WriteError, path, draw) {
            return Err(Errno::Io.into());
        }
        if len > self.tree.file(ino)?.len() && self.struck(Fault::NoSpace, path, draw) {
            return Err(Errno::NoSpace.into());
        }
        Ok(self.resize(ino, len)?)
    }

    pub(super) fn resize(&mut self, ino: Ino, len: u64) -> Result<(), Errno> {
        let room = self.room();
        let pages = self.tree.file_mut(ino)?;
        let before = pages.len();
        if len.saturating_sub(before) > room {
            return Err(Errno::NoSpace);
        }
        pages.set_len(len);
        self.used = self.used - before + len;
        Ok(())
    }

    /// Length and kind of an open file.
    ///
    /// # Errors
    /// EBADF.
    pub fn handle_metadata(&self, handle: Handle) -> io::Result<Metadata> {
        Ok(self.metadata_of(self.opened(handle)?.ino))
    }

    fn room(&self) -> u64 {
        self.config.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used))
    }
}
