//! Why a command could not be carried out.

use std::io;

/// Ends the command with a line on stderr.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// The command line asks for what there is not; the text says what to do.
    Usage(String),
    /// Stormglass, or the machine under it, went wrong.
    Internal(String),
    /// Stdout is closed.
    NobodyReads,
}

impl Complaint {
    pub(crate) fn usage(text: impl Into<String>) -> Complaint {
        Complaint::Usage(text.into())
    }
}

impl From<io::Error> for Complaint {
    fn from(error: io::Error) -> Complaint {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Complaint::NobodyReads,
            _ => Complaint::Internal(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Complaint {
    fn from(error: serde_json::Error) -> Complaint {
        Complaint::from(io::Error::from(error))
    }
}
