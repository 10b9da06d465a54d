//! Operations on names: they change the cached tree at once and the platter when their directory is synced.

use super::disk::{Disk, Handle, Open};
use super::draw::Draw;
use super::errno::Errno;
use super::faults::Fault;
use super::journal::Renaming;
use super::options::{DirEntry, Metadata, OpenOptions};
use super::pages::Pages;
use super::tree::{Directory, Ino, Kind};
use std::io;
use std::path::Path;
use std::rc::Rc;

impl Disk {
    /// Opens a file, or a directory for syncing it.
    ///
    /// # Errors
    /// ENOENT, EEXIST, ENOTDIR, EISDIR, EINVAL; EIO by a fault.
    pub fn open(
        &mut self,
        path: impl AsRef<Path>,
        options: &OpenOptions,
        draw: &mut dyn Draw,
    ) -> io::Result<Handle> {
        let spelled = spelled(path.as_ref());
        let result = self.open_inner(path.as_ref(), &spelled, options, draw);
        self.recorder.note("open", &spelled, (0, 0), result, |handle| handle.0)
    }

    fn open_inner(
        &mut self,
        path: &Path,
        spelled: &Rc<str>,
        options: &OpenOptions,
        draw: &mut dyn Draw,
    ) -> io::Result<Handle> {
        options.check()?;
        let slot = self.tree.slot(path)?;
        let found = match &slot {
            Some((dir, name)) => self.tree.child(*dir, name)?,
            None => Some(super::tree::ROOT),
        };
        let ino = match (found, slot) {
            (Some(_), _) if options.create_new => return Err(Errno::Exists.into()),
            (Some(ino), _) => {
                if self.tree.node(ino).is_dir() && (options.writes() || options.create) {
                    return Err(Errno::IsDir.into());
                }
                if options.truncate {
                    self.check_metadata(spelled, draw)?;
                    self.resize(ino, 0)?;
                }
                ino
            }
            (None, Some((dir, name))) if options.create || options.create_new => {
                self.check_metadata(spelled, draw)?;
                let pages = Pages::new(u64::from(self.config.block_size));
                self.make(dir, name, Kind::File(pages))
            }
            _ => return Err(Errno::NoEntry.into()),
        };
        self.tree.node_mut(ino).handles += 1;
        let handle = Handle(self.next_handle);
        self.next_handle += 1;
        self.handles.insert(handle, Open { ino, options: options.clone(), busy: 0, closing: false });
        Ok(handle)
    }

    /// Closes a handle; without effect when it is dead.
    pub fn close(&mut self, handle: Handle) {
        let Some(open) = self.handles.get_mut(&handle) else { return };
        open.closing = true;
        if open.busy == 0 {
            let ino = open.ino;
            self.handles.remove(&handle);
            self.tree.node_mut(ino).handles -= 1;
            self.retire(ino);
        }
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// EEXIST, ENOENT (no parent), ENOTDIR; EIO by a fault.
    pub fn create_dir(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        self.named("create_dir", path.as_ref(), draw, |disk| {
            let (dir, name) = disk.tree.slot(path.as_ref())?.ok_or(Errno::Exists)?;
            if disk.tree.child(dir, &name)?.is_some() {
                return Err(Errno::Exists.into());
            }
            disk.make(dir, name, Kind::Directory(Directory::default()));
            Ok(())
        })
    }

    /// Removes a file. Handles to it stay good.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR; EIO by a fault.
    pub fn remove_file(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        self.named("remove_file", path.as_ref(), draw, |disk| {
            let ino = disk.tree.lookup(path.as_ref())?;
            disk.tree.file(ino)?;
            disk.remove(ino, Vec::new());
            Ok(())
        })
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, ENOTEMPTY, EINVAL (the root); EIO by a fault.
    pub fn remove_dir(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        self.named("remove_dir", path.as_ref(), draw, |disk| {
            let ino = disk.tree.lookup(path.as_ref())?;
            if ino == super::tree::ROOT {
                return Err(Errno::Invalid.into());
            }
            let needs = disk.emptied(ino)?;
            disk.remove(ino, needs);
            Ok(())
        })
    }

    /// Moves a file or directory, replacing a file, or an empty directory by a directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL (the root, or into itself); EIO by a fault.
    pub fn rename(
        &mut self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        draw: &mut dyn Draw,
    ) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let result = self.named("rename", from, draw, |disk| disk.rename_inner(from, to));
        self.recorder.note("rename_to", &spelled(to), (0, 0), result, |()| 0)
    }

    fn rename_inner(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let ino = self.tree.lookup(from)?;
        let (dir, name) = self.tree.slot(to)?.ok_or(Errno::Invalid)?;
        let Some((old_dir, old_name)) = self.tree.node(ino).place.clone() else {
            return Err(Errno::Invalid.into());
        };
        if self.tree.upward(dir).any(|above| above == ino) {
            return Err(Errno::Invalid.into());
        }
        let target = self.tree.child(dir, &name)?;
        if target == Some(ino) {
            return Ok(());
        }
        let mut needs = if dir == old_dir { Vec::new() } else { self.journal.namings(&self.tree, dir) };
        if let Some(target) = target {
            match (self.tree.node(ino).is_dir(), self.tree.node(target).is_dir()) {
                (false, true) => return Err(Errno::IsDir.into()),
                (true, false) => return Err(Errno::NotDir.into()),
                (true, true) => needs.extend(self.emptied(target)?),
                (false, false) => {}
            }
            self.tree.detach(target);
        }
        self.tree.detach(ino);
        self.tree.attach(dir, &name, ino);
        let leaves = Renaming { dir: old_dir, name: old_name, before: Some(ino), after: None };
        let arrives = Renaming { dir, name, before: target, after: Some(ino) };
        self.journal.record(&mut self.tree, vec![leaves, arrives], needs);
        if let Some(target) = target {
            self.retire(target);
        }
        Ok(())
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR; EIO by a fault.
    pub fn read_dir(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<Vec<DirEntry>> {
        let spelled = spelled(path.as_ref());
        let result = if self.struck(Fault::ReadError, &spelled, draw) {
            Err(Errno::Io.into())
        } else {
            self.list(path.as_ref())
        };
        self.recorder.note("read_dir", &spelled, (0, 0), result, |entries| entries.len() as u64)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let names = &self.tree.dir(self.tree.lookup(path)?)?.names;
        let entry = |(name, ino): (&Rc<str>, &Ino)| DirEntry {
            name: name.to_string(),
            is_dir: self.tree.node(*ino).is_dir(),
        };
        Ok(names.iter().map(entry).collect())
    }

    /// Length and kind.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        Ok(self.metadata_of(self.tree.lookup(path.as_ref())?))
    }

    pub(super) fn metadata_of(&self, ino: Ino) -> Metadata {
        let len = self.tree.file(ino).map_or(0, Pages::len);
        Metadata { len, is_dir: self.tree.node(ino).is_dir() }
    }

    /// A change of names: struck by [`Fault::WriteError`], noted under `op`.
    fn named(
        &mut self,
        op: &'static str,
        path: &Path,
        draw: &mut dyn Draw,
        change: impl FnOnce(&mut Disk) -> io::Result<()>,
    ) -> io::Result<()> {
        let spelled = spelled(path);
        let result = self.check_metadata(&spelled, draw).and_then(|()| change(self));
        self.recorder.note(op, &spelled, (0, 0), result, |()| 0)
    }

    fn check_metadata(&mut self, path: &Rc<str>, draw: &mut dyn Draw) -> io::Result<()> {
        if self.struck(Fault::WriteError, path, draw) { Err(Errno::Io.into()) } else { Ok(()) }
    }

    fn make(&mut self, dir: Ino, name: Rc<str>, kind: Kind) -> Ino {
        let ino = self.tree.make(kind);
        self.tree.attach(dir, &name, ino);
        let appears = Renaming { dir, name, before: None, after: Some(ino) };
        self.journal.record(&mut self.tree, vec![appears], Vec::new());
        ino
    }

    fn remove(&mut self, ino: Ino, needs: Vec<u64>) {
        let Some((dir, name)) = self.tree.node(ino).place.clone() else { return };
        self.tree.detach(ino);
        let vanishes = Renaming { dir, name, before: Some(ino), after: None };
        self.journal.record(&mut self.tree, vec![vanishes], needs);
        self.retire(ino);
    }

    /// The pending changes by which a directory became empty.
    fn emptied(&self, ino: Ino) -> Result<Vec<u64>, Errno> {
        let directory = self.tree.dir(ino)?;
        if directory.names.is_empty() {
            Ok(directory.pending.iter().copied().collect())
        } else {
            Err(Errno::NotEmpty)
        }
    }

    /// A node lost its name or a handle: when that was the last, its space is free and its unsynced data gone.
    pub(super) fn retire(&mut self, ino: Ino) {
        if !self.tree.node(ino).in_use() {
            if let Ok(pages) = self.tree.file_mut(ino) {
                self.used -= pages.len();
                pages.restart();
            }
            self.tree.reap(ino);
        }
    }
}

/// A path as it is written in events and matched by fault rules: absolute, without `.` and `..`.
pub(super) fn spelled(path: &Path) -> Rc<str> {
    match super::tree::parts(path) {
        Ok(parts) => Rc::from(format!("/{}", parts.join("/"))),
        Err(_) => Rc::from(path.to_string_lossy()),
    }
}
