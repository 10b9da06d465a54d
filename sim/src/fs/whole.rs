//! Operations on whole trees of names, made of the single ones.

use super::disk::Disk;
use super::draw::Draw;
use std::io;
use std::path::{Path, PathBuf};

impl Disk {
    /// Makes a directory and those above it that are missing.
    ///
    /// # Errors
    /// As [`create_dir`](Disk::create_dir); ENOTDIR or EEXIST where a file is in the way.
    pub fn create_dir_all(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        let mut above: Vec<&Path> = path.as_ref().ancestors().filter(|path| *path != Path::new("")).collect();
        while let Some(next) = above.pop() {
            if !self.metadata(next).is_ok_and(|found| found.is_dir()) {
                self.create_dir(next, draw)?;
            }
        }
        Ok(())
    }

    /// Removes a directory and everything below it.
    ///
    /// # Errors
    /// As [`remove_dir`](Disk::remove_dir); a part may have been removed then.
    pub fn remove_dir_all(&mut self, path: impl AsRef<Path>, draw: &mut dyn Draw) -> io::Result<()> {
        // Each directory is met twice: to list it, and, below what it held, to remove it.
        let mut open: Vec<(PathBuf, bool)> = vec![(path.as_ref().to_path_buf(), false)];
        while let Some((dir, emptied)) = open.pop() {
            if emptied {
                self.remove_dir(&dir, draw)?;
                continue;
            }
            open.push((dir.clone(), true));
            for entry in self.read_dir(&dir, draw)? {
                let path = dir.join(&entry.name);
                if entry.is_dir {
                    open.push((path, false));
                } else {
                    self.remove_file(&path, draw)?;
                }
            }
        }
        Ok(())
    }
}
