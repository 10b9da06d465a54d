//! The errors a disk answers with: real `errno` values, so that `kind()` and `raw_os_error()` are those of a
//! real disk and code under test can match on either.

use std::io;

/// The subset of `errno` that a disk knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Errno {
    /// ENOENT
    NoEntry = 2,
    /// EIO
    Io = 5,
    /// EBADF: a handle that died with its process, or one not opened for this.
    BadHandle = 9,
    /// EEXIST
    Exists = 17,
    /// ENOTDIR
    NotDir = 20,
    /// EISDIR
    IsDir = 21,
    /// EINVAL
    Invalid = 22,
    /// EFBIG: past the largest length a file may have.
    TooBig = 27,
    /// ENOSPC
    NoSpace = 28,
    /// ENOTEMPTY, the one value on which Linux and the BSD family differ.
    #[cfg(not(any(target_os = "macos", target_os = "ios", target_os = "freebsd")))]
    NotEmpty = 39,
    /// ENOTEMPTY
    #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    NotEmpty = 66,
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno as i32)
    }
}
