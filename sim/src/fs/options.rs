//! How a file is to be opened, and what one learns about it: shared by both worlds.

use super::errno::Errno;

/// How to open a file; the meaning of each flag is that of [`std::fs::OpenOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    pub(super) truncate: bool,
    pub(super) create: bool,
    pub(super) create_new: bool,
}

impl OpenOptions {
    /// Nothing allowed, nothing created.
    #[must_use]
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// For reading.
    pub fn read(&mut self, on: bool) -> &mut OpenOptions {
        self.read = on;
        self
    }

    /// For writing.
    pub fn write(&mut self, on: bool) -> &mut OpenOptions {
        self.write = on;
        self
    }

    /// For writing, always at the end.
    pub fn append(&mut self, on: bool) -> &mut OpenOptions {
        self.append = on;
        self
    }

    /// Cut to nothing when it exists; needs `write`.
    pub fn truncate(&mut self, on: bool) -> &mut OpenOptions {
        self.truncate = on;
        self
    }

    /// Create it when it does not exist; needs `write` or `append`.
    pub fn create(&mut self, on: bool) -> &mut OpenOptions {
        self.create = on;
        self
    }

    /// Create it, or fail when it exists; needs `write` or `append`.
    pub fn create_new(&mut self, on: bool) -> &mut OpenOptions {
        self.create_new = on;
        self
    }

    pub(super) fn appends(&self) -> bool {
        self.append
    }

    /// The same for a real disk.
    pub(super) fn to_tokio(&self) -> tokio::fs::OpenOptions {
        let mut options = tokio::fs::OpenOptions::new();
        options.read(self.read).write(self.write).append(self.append).truncate(self.truncate);
        options.create(self.create).create_new(self.create_new);
        options
    }

    pub(super) fn writes(&self) -> bool {
        self.write || self.append
    }

    /// The combinations that `std` refuses.
    pub(super) fn check(&self) -> Result<(), Errno> {
        let creates = self.create || self.create_new;
        let nothing = !self.read && !self.writes();
        let truncates_badly = self.truncate && (!self.write || self.append) && !self.create_new;
        if nothing || truncates_badly || (creates && !self.writes()) { Err(Errno::Invalid) } else { Ok(()) }
    }
}

/// What is known about a file or directory without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    pub(super) len: u64,
    pub(super) is_dir: bool,
}

#[expect(clippy::len_without_is_empty, reason = "std's Metadata has no is_empty either")]
impl Metadata {
    pub(super) fn from_std(metadata: &std::fs::Metadata) -> Metadata {
        Metadata { len: metadata.len(), is_dir: metadata.is_dir() }
    }

    /// Length in bytes; 0 for a directory of a simulated disk.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }

    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        !self.is_dir
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name within the directory.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_dir: bool,
}
