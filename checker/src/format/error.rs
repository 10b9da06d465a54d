//! Why a file could not be read.

/// Why a file could not be read. Every message begins with `file:line`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read on.
    #[error("{file}:{line}: cannot be read: {source}")]
    Io {
        /// As named by the caller.
        file: String,
        /// From 1.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// The line is not a JSON object with fields of the right kinds.
    #[error("{file}:{line}: expected a JSON object with one {what}, {reason}")]
    Json {
        /// As named by the caller.
        file: String,
        /// From 1.
        line: u64,
        /// `operation` or `transaction`.
        what: &'static str,
        /// Which field is wrong, and the column.
        reason: String,
    },
    /// Something else stands there than what the format, or the operation, needs.
    #[error("{file}:{line}: expected {expected}")]
    Expected {
        /// As named by the caller.
        file: String,
        /// From 1.
        line: u64,
        /// What should have been there.
        expected: String,
    },
}

impl Error {
    pub(crate) fn expected(file: &str, line: u64, expected: impl Into<String>) -> Self {
        Error::Expected { file: file.to_owned(), line, expected: shortened(&expected.into()) }
    }

    pub(crate) fn io(file: &str, line: u64, source: std::io::Error) -> Self {
        Error::Io { file: file.to_owned(), line, source }
    }
}

/// What was expected may quote what stands in the file, however long that is: the middle is left out.
pub(super) fn shortened(text: &str) -> String {
    const HEAD: usize = 400;
    const TAIL: usize = 100;
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    format!("{head}…{tail}")
}
