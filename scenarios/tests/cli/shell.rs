//! Calls this binary as the command.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Set for a process that is the command and not the tests.
pub(crate) const AS_COMMAND: &str = "STORMGLASS_TEST_AS_COMMAND";

/// What a call came to.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command, to run in `folder`.
pub(crate) fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(line.split_whitespace()).current_dir(folder);
    command.env(AS_COMMAND, "1").env_remove("CARGO").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null());
    command
}

/// Runs a command line to its end.
pub(crate) fn call(folder: &Path, line: &str) -> Said {
    let Output { status, stdout, stderr } = command(folder, line).output().unwrap();
    // The binary's name has a hash in it; a user's has not.
    let name = std::env::current_exe().unwrap().file_stem().unwrap().to_string_lossy().into_owned();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&name, "rough");
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Runs a command line somewhere empty.
pub(crate) fn alone(line: &str) -> Said {
    call(tempfile::tempdir().unwrap().path(), line)
}

impl Said {
    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Expects these words on stdout.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Said {
        assert!(self.out.contains(words), "no {words:?} in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Expects these words on stderr.
    #[track_caller]
    pub(crate) fn complains(self, words: &str) -> Said {
        assert!(self.err.contains(words), "no {words:?} in stderr:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }
}
