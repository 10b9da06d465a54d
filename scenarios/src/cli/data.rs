//! A data directory of `stormglass serve`: made, known by its owner's mark, and in use by one server at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::Complaint;

/// Whose a directory is.
pub(super) struct Owner<'a> {
    /// The subcommand of `serve`.
    pub(super) system: &'a str,
    /// What the mark says: the same at every start.
    pub(super) mark: &'a str,
}

/// Takes a data directory for this process, for as long as the file returned is open, and makes it if need be. Two
/// servers in one directory would write over each other's log.
pub(super) fn own(directory: &Path, owner: &Owner<'_>) -> Result<File, Complaint> {
    let shown = directory.display();
    let Owner { system, mark } = owner;
    let wrong = |error: io::Error| Complaint::usage(format!("--data {shown}: {error}"));
    if directory.is_file() {
        return Err(Complaint::usage(format!("--data {shown}: it is a file, not a directory")));
    }
    fs::create_dir_all(directory).map_err(wrong)?;
    let path = directory.join(format!("stormglass-{system}"));
    let empty = fs::read_dir(directory).map_err(wrong)?.next().is_none();
    if !empty && !path.try_exists().map_err(wrong)? {
        let text = format!(
            "--data {shown}: it holds files that `serve {system}` did not make; name an empty directory"
        );
        return Err(Complaint::usage(text));
    }
    let mut file = File::options().create(true).read(true).append(true).open(&path).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Complaint::usage(format!("--data {shown}: another server is at work in it")));
        }
        Err(TryLockError::Error(error)) => return Err(wrong(error)),
    }
    let mut found = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut found)).map_err(wrong)?;
    if found.is_empty() {
        file.write_all(mark.as_bytes()).map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        // A log without its owner would be refused, so the owner's name comes first.
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(wrong)?;
    } else if found != *mark {
        let (found, mark) = (found.trim_end(), mark.trim_end());
        let text = format!("--data {shown}: it was made with other flags\n  then: {found}\n  now:  {mark}");
        return Err(Complaint::usage(text));
    }
    Ok(file)
}
