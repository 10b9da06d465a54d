//! An open file, simulated or real.

use super::flight::{Change, Done};
use super::inside;
use super::options::{Metadata, OpenOptions};
use super::real::RealFile;
use super::stream::SimFile;
use crate::hub;
use std::io;
use std::path::Path;

/// An open file. Shaped like `tokio::fs::File`, with positioned reads and writes besides.
///
/// As with tokio's, a write through [`AsyncWrite`](tokio::io::AsyncWrite) is *begun* when it returns: `flush`
/// waits for it and tells its error, and so do the next write, `sync_all`, `sync_data` and `set_len`. Positioned
/// operations and `metadata` do not wait for it.
#[derive(Debug)]
pub struct File(pub(super) World);

#[derive(Debug)]
pub(super) enum World {
    Sim(SimFile),
    Real(RealFile),
}

impl File {
    /// Opens a file for reading, or a directory for `sync_all`.
    ///
    /// # Errors
    /// As [`std::fs::File::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file for writing, empty.
    ///
    /// # Errors
    /// As [`std::fs::File::create`].
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// Options to open a file with.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Reads at `offset`, without moving the position of the stream. Fewer bytes than asked for are no sign of
    /// the end; 0 is.
    ///
    /// # Errors
    /// The disk's.
    pub async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.0 {
            World::Sim(file) => {
                inside::pass(inside::read_time(file.handle)?).await;
                inside::on_disk(|disk, draw, _| disk.read_at(file.handle, buffer, offset, draw))
            }
            World::Real(file) => file.read_at(buffer, offset).await,
        }
    }

    /// Fills the whole buffer from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before; the disk's.
    pub async fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
            }
        }
        Ok(())
    }

    /// Writes at `offset`, perhaps only a part. Returns how many bytes.
    ///
    /// # Errors
    /// The disk's.
    pub async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        match &self.0 {
            World::Sim(file) => {
                match inside::change(Change::Write(file.handle, data.to_vec(), offset)).await? {
                    Done::Wrote(count) => Ok(count),
                    _ => Ok(0),
                }
            }
            World::Real(file) => file.write_at(data, offset).await,
        }
    }

    /// Writes everything at `offset`.
    ///
    /// # Errors
    /// The disk's; a part may have been written then.
    pub async fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        match &self.0 {
            World::Sim(file) => {
                inside::change(Change::WriteAll(file.handle, data.to_vec(), offset)).await.map(drop)
            }
            World::Real(file) => file.write_all_at(data, offset).await,
        }
    }

    /// Writes everything at the end of the file, after the appends of this `File` that were begun before.
    /// Returns the offset at which it begins.
    ///
    /// # Errors
    /// The disk's; a part may have been written then.
    pub async fn append(&self, data: &[u8]) -> io::Result<u64> {
        match &self.0 {
            World::Sim(file) => match inside::change(Change::Append(file.handle, data.to_vec())).await? {
                Done::At(offset) => Ok(offset),
                _ => Ok(0),
            },
            World::Real(file) => file.append(data).await,
        }
    }

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// The disk's.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.0 {
            World::Sim(file) => {
                file.drain().await?;
                inside::change(Change::SetLen(file.handle, len)).await.map(drop)
            }
            World::Real(file) => file.stream.set_len(len).await,
        }
    }

    /// fsync: content and length are durable; of a directory, its names. The name of a new file is durable once
    /// its *directory* is synced, see [`sync_dir`](super::sync_dir).
    ///
    /// # Errors
    /// The disk's. After an error the data may be lost although the next call succeeds: a program must not
    /// simply try again.
    pub async fn sync_all(&self) -> io::Result<()> {
        match &self.0 {
            World::Sim(file) => {
                file.drain().await?;
                inside::change(Change::SyncFile(file.handle)).await.map(drop)
            }
            World::Real(file) => file.stream.sync_all().await,
        }
    }

    /// fdatasync: content, and the length as far as it is needed to read it.
    ///
    /// # Errors
    /// As [`sync_all`](File::sync_all).
    pub async fn sync_data(&self) -> io::Result<()> {
        match &self.0 {
            World::Sim(_) => self.sync_all().await,
            World::Real(file) => file.stream.sync_data().await,
        }
    }

    /// Length and kind.
    ///
    /// # Errors
    /// The disk's.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        match &self.0 {
            World::Sim(file) => {
                inside::pass(inside::read_time(file.handle)?).await;
                inside::on_disk(|disk, _, _| disk.handle_metadata(file.handle))
            }
            World::Real(file) => file.stream.metadata().await.map(|metadata| Metadata::from_std(&metadata)),
        }
    }
}

impl OpenOptions {
    /// Opens a file so.
    ///
    /// # Errors
    /// As [`std::fs::OpenOptions::open`].
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        if !hub::simulated() {
            return RealFile::open(path, self).await.map(|file| File(World::Real(file)));
        }
        match inside::change(Change::Open(path.to_path_buf(), self.clone())).await? {
            Done::Opened(handle) => Ok(File(World::Sim(SimFile::new(handle, self.appends())))),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
