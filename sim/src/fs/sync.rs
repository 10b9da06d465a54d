//! What makes things durable: fsync of a file, fsync of a directory, and the ways in which they lie.

use super::disk::{Disk, Handle};
use super::draw::Draw;
use super::errno::Errno;
use super::faults::Fault;
use super::tree::{Ino, Kind};
use std::io;
use std::path::Path;
use std::rc::Rc;

/// What an fsync has promised when it began.
#[derive(Debug)]
pub(super) enum Scope {
    /// The dirty pages of a file, under the number of the fsync.
    Pages(Ino, u64),
    /// The pending changes of a directory.
    Names(Vec<u64>),
    /// There was nothing to sync; the end says why.
    Nothing,
}

impl Disk {
    /// fsync: the content and the length of the file are durable; of a directory, its names. The *name* of a
    /// file is a matter of its directory. fdatasync is the same here, for the length is needed to read the
    /// data back and there is no other metadata.
    ///
    /// # Errors
    /// EBADF; EIO by a fault, after which the dirty pages are clean and not durable (see
    /// [`Fault::SyncError`]).
    pub fn sync_file(&mut self, handle: Handle, draw: &mut dyn Draw) -> io::Result<()> {
        let scope = self.begin_sync(self.opened(handle).map(|open| open.ino).ok());
        self.finish_sync_file(handle, scope, draw)
    }

    /// fsync of a directory: every pending change of its names is durable, and what those need.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR; EIO by a fault, and the changes stay pending.
    pub fn sync_dir(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        let scope = self.begin_sync_dir(path.as_ref());
        self.finish_sync_dir(path.as_ref(), scope, draw)
    }

    /// Notes what there is to be made durable now.
    pub(super) fn begin_sync(&mut self, ino: Option<Ino>) -> Scope {
        let Some(ino) = ino else { return Scope::Nothing };
        match &mut self.tree.node_mut(ino).kind {
            Kind::Directory(directory) => Scope::Names(directory.pending.iter().copied().collect()),
            Kind::File(pages) => {
                let id = self.flights.number();
                pages.begin_sync(id);
                Scope::Pages(ino, id)
            }
        }
    }

    /// [`begin_sync`](Disk::begin_sync) of what must be a directory: a file would not be held open for it.
    pub(super) fn begin_sync_dir(&mut self, path: &Path) -> Scope {
        let ino = self.tree.lookup(path).ok();
        self.begin_sync(ino.filter(|ino| self.tree.dir(*ino).is_ok()))
    }

    /// Gives up an fsync that was begun.
    pub(super) fn abort_sync(&mut self, scope: &Scope) {
        if let Scope::Pages(ino, id) = scope
            && let Ok(pages) = self.tree.file_mut(*ino)
        {
            pages.abort_sync(*id);
        }
    }

    pub(super) fn finish_sync_file(
        &mut self,
        handle: Handle,
        scope: Scope,
        draw: &mut dyn Draw,
    ) -> io::Result<()> {
        let path = self.path_of(handle);
        let result = match (self.opened(handle), scope) {
            (Err(error), _) => Err(error.into()),
            (Ok(_), Scope::Pages(ino, id)) => self.sync_pages(ino, id, &path, draw),
            (Ok(_), Scope::Names(changes)) => self.sync_names(changes, &path, draw),
            (Ok(_), Scope::Nothing) => Err(Errno::BadHandle.into()),
        };
        self.recorder.note("sync_file", &path, (0, 0), result, |count| *count).map(|_| ())
    }

    pub(super) fn finish_sync_dir(
        &mut self,
        path: &Path,
        scope: Scope,
        draw: &mut dyn Draw,
    ) -> io::Result<()> {
        let spelled = super::names::spelled(path);
        let result = match scope {
            Scope::Names(changes) => self.sync_names(changes, &spelled, draw),
            _ => Err(self.tree.lookup(path).err().unwrap_or_else(|| Errno::NotDir.into())),
        };
        self.recorder.note("sync_dir", &spelled, (0, 0), result, |count| *count).map(|_| ())
    }

    fn sync_names(&mut self, changes: Vec<u64>, path: &Rc<str>, draw: &mut dyn Draw) -> io::Result<u64> {
        if self.struck(Fault::SyncError, path, draw) {
            return Err(Errno::Io.into());
        }
        Ok(self.journal.settle(&mut self.tree, changes))
    }

    fn sync_pages(&mut self, ino: Ino, id: u64, path: &Rc<str>, draw: &mut dyn Draw) -> io::Result<u64> {
        if self.struck(Fault::SyncError, path, draw) {
            self.tree.file_mut(ino)?.fail_sync(id);
            return Err(Errno::Io.into());
        }
        let Disk { tree, faults, recorder, .. } = self;
        let mut astray = Vec::new();
        let count = tree.file_mut(ino)?.finish_sync(id, |index, block| {
            for fault in [Fault::LostWrite, Fault::MisdirectedWrite] {
                if faults.strike(fault, path, draw) {
                    recorder.fault(fault, path);
                    if fault == Fault::MisdirectedWrite {
                        astray.push((index, Rc::clone(block)));
                    }
                    return false;
                }
            }
            true
        });
        for (index, block) in astray {
            self.misdirect((ino, index), block, draw);
        }
        Ok(count)
    }

    /// Puts a block over a drawn other one. Where there is no other it is merely lost.
    fn misdirect(&mut self, home: (Ino, u64), block: Rc<Vec<u8>>, draw: &mut dyn Draw) {
        let stored = |(ino, node): (&Ino, &super::tree::Node)| {
            let Kind::File(pages) = &node.kind else { return Vec::new() };
            pages.on_platter().map(|index| (*ino, index)).collect()
        };
        let mut others: Vec<(Ino, u64)> = self.tree.nodes.iter().flat_map(stored).collect();
        others.retain(|place| *place != home);
        if !others.is_empty() {
            let (ino, index) =
                others[super::pages::to_usize(draw.below("misdirected to", others.len() as u64))];
            if let Ok(pages) = self.tree.file_mut(ino) {
                pages.clobber(index, block);
            }
        }
    }
}
