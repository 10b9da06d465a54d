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
    #[error("{file}:{line}: expected a JSON object with one operation, {source}")]
    Json {
        /// As named by the caller.
        file: String,
        /// From 1.
        line: u64,
        /// Which field is wrong, and the column.
        source: serde_json::Error,
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
        Error::Expected { file: file.to_owned(), line, expected: expected.into() }
    }

    pub(crate) fn io(file: &str, line: u64, source: std::io::Error) -> Self {
        Error::Io { file: file.to_owned(), line, source }
    }
}
