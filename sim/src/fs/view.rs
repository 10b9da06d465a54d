//! What would be left: the certain part of a disk, for tests and oracles.

use super::disk::Disk;
use super::pages::Pages;
use super::tree::{Ino, Kind, ROOT};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// One file or directory on the platter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurableEntry {
    /// The content of a file; `None` for a directory.
    pub content: Option<Vec<u8>>,
    /// Whether *every* power loss now would leave the entry here, and a file with exactly this content.
    /// Otherwise a pending removal or rename may take it away, or unsynced writes may change it.
    pub certain: bool,
}

/// The tree that a power loss losing everything unsynced would leave, by absolute path, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DurableView {
    /// The entries, without the root.
    pub entries: BTreeMap<String, DurableEntry>,
}

impl DurableView {
    /// The content of a file that is certain to survive as it is.
    #[must_use]
    pub fn certain(&self, path: &str) -> Option<&[u8]> {
        self.entries.get(path).filter(|entry| entry.certain)?.content.as_deref()
    }

    /// The content of a file if everything unsynced is lost.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.entries.get(path)?.content.as_deref()
    }
}

impl Disk {
    /// What a power loss would leave now. The cost is that of copying the whole platter.
    #[must_use]
    pub fn durable_view(&self) -> DurableView {
        let mut view = DurableView::default();
        self.view_below(ROOT, "", true, &mut view);
        view
    }

    fn view_below(&self, dir: Ino, above: &str, certain: bool, view: &mut DurableView) {
        let Ok(directory) = self.tree.dir(dir) else { return };
        for (name, ino) in &directory.durable {
            let path = format!("{above}/{name}");
            let named = certain && !self.journal.touches(dir, name);
            let entry = match &self.tree.node(*ino).kind {
                Kind::File(pages) => {
                    DurableEntry { content: Some(pages.durable()), certain: named && pages.is_settled() }
                }
                Kind::Directory(_) => {
                    self.view_below(*ino, &path, named, view);
                    DurableEntry { content: None, certain: named }
                }
            };
            view.entries.insert(path, entry);
        }
    }

    /// Whether everything about a file, content and name, would survive any power loss as it is now.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub fn is_durable(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        let ino = self.tree.lookup(path.as_ref())?;
        let settled = self.tree.file(ino).map_or(true, Pages::is_settled);
        Ok(settled && self.journal.is_certain(&self.tree, ino))
    }

    /// The whole content of a file as the page cache has it. No fault strikes, nothing is cached by it.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR.
    pub fn content(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        Ok(self.tree.file(self.tree.lookup(path.as_ref())?)?.content())
    }

    /// The whole content of a file as the platter has it, under the name it has at present.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR.
    pub fn platter_content(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        Ok(self.tree.file(self.tree.lookup(path.as_ref())?)?.durable())
    }
}
