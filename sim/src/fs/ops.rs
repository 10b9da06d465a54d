//! The functions of `tokio::fs` that a log, a snapshot or an LSM tree needs.
//!
//! On a simulated node every path begins at the node's own root; outside a world, paths mean what they mean to
//! the process. What takes several steps (`write`, `create_dir_all`, `remove_dir_all`) takes them one by one, so
//! that a crash can come in between.

use super::file::File;
use super::flight::Change;
use super::inside;
use super::options::{DirEntry, Metadata};
use super::real;
use crate::hub;
use std::io;
use std::path::{Path, PathBuf};

/// Makes a directory.
///
/// # Errors
/// As [`std::fs::create_dir`].
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::create_dir(path).await;
    }
    inside::change(Change::CreateDir(path.to_path_buf())).await.map(drop)
}

/// Makes a directory and those above it that are missing.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::create_dir_all(path).await;
    }
    let mut above: Vec<&Path> = path.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
    while let Some(next) = above.pop() {
        match create_dir(next).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && metadata(next).await?.is_dir() => {}
            result => result?,
        }
    }
    Ok(())
}

/// The names in a directory, sorted in both worlds.
///
/// # Errors
/// As [`std::fs::read_dir`]; `InvalidData` for a name that is not UTF-8.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<Vec<DirEntry>> {
    let path = path.as_ref();
    if hub::simulated() {
        return inside::look(path, |disk, draw| disk.read_dir(path, draw)).await;
    }
    let mut entries = Vec::new();
    let mut listing = tokio::fs::read_dir(path).await?;
    while let Some(entry) = listing.next_entry().await? {
        let is_dir = entry.file_type().await?.is_dir();
        let name = entry.file_name().into_string().map_err(|name| {
            let message = format!("{}: the name {} is not UTF-8", path.display(), name.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        entries.push(DirEntry { name, is_dir });
    }
    entries.sort();
    Ok(entries)
}

/// Length and kind of what a path names.
///
/// # Errors
/// As [`std::fs::metadata`].
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    if hub::simulated() {
        return inside::look(path, |disk, _| disk.metadata(path)).await;
    }
    tokio::fs::metadata(path).await.map(|metadata| Metadata::from_std(&metadata))
}

/// Whether a path names something.
///
/// # Errors
/// When that cannot be found out.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Moves a file or directory, replacing what is there as [`std::fs::rename`] does. Atomic; durable once one of
/// the two directories is synced.
///
/// # Errors
/// As [`std::fs::rename`].
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if !hub::simulated() {
        return tokio::fs::rename(from, to).await;
    }
    inside::change(Change::Rename(from.to_path_buf(), to.to_path_buf())).await.map(drop)
}

/// Removes a file.
///
/// # Errors
/// As [`std::fs::remove_file`].
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::remove_file(path).await;
    }
    inside::change(Change::RemoveFile(path.to_path_buf())).await.map(drop)
}

/// Removes an empty directory.
///
/// # Errors
/// As [`std::fs::remove_dir`].
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::remove_dir(path).await;
    }
    inside::change(Change::RemoveDir(path.to_path_buf())).await.map(drop)
}

/// Removes a directory and everything below it.
///
/// # Errors
/// As [`std::fs::remove_dir_all`].
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::remove_dir_all(path).await;
    }
    // Each directory is met twice: to list it, and, below what it held, to remove it.
    let mut open: Vec<(PathBuf, bool)> = vec![(path.to_path_buf(), false)];
    while let Some((dir, emptied)) = open.pop() {
        if emptied {
            remove_dir(&dir).await?;
            continue;
        }
        open.push((dir.clone(), true));
        for entry in read_dir(&dir).await? {
            let path = dir.join(&entry.name);
            if entry.is_dir {
                open.push((path, false));
            } else {
                remove_file(&path).await?;
            }
        }
    }
    Ok(())
}

/// The whole content of a file.
///
/// # Errors
/// As [`std::fs::read`].
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    if !hub::simulated() {
        return tokio::fs::read(path).await;
    }
    let file = File::open(path).await?;
    let mut content = vec![0; super::pages::to_usize(file.metadata().await?.len())];
    let mut filled = 0;
    while filled < content.len() {
        match file.read_at(&mut content[filled..], filled as u64).await? {
            0 => break,
            count => filled += count,
        }
    }
    content.truncate(filled);
    Ok(content)
}

/// The whole content of a file of text.
///
/// # Errors
/// As [`std::fs::read_to_string`].
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let content = read(path).await?;
    String::from_utf8(content).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Makes a file with this content, or replaces the content of the one there. **Neither atomic nor durable:** a
/// crash may leave it empty or half written.
///
/// # Errors
/// As [`std::fs::write`].
pub async fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, content) = (path.as_ref(), content.as_ref());
    if !hub::simulated() {
        return tokio::fs::write(path, content.to_vec()).await;
    }
    File::create(path).await?.write_all_at(content, 0).await
}

/// fsync of a directory: the names in it are durable, new, renamed and removed ones.
///
/// # Errors
/// As [`std::fs::File::sync_all`].
pub async fn sync_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if hub::simulated() {
        return inside::change(Change::SyncDir(path.to_path_buf())).await.map(drop);
    }
    let path = path.to_path_buf();
    real::blocking(move || std::fs::File::open(path)?.sync_all()).await
}
