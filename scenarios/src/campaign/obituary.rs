//! Why a worker process ended, in words.

use std::process::ExitStatus;
use std::time::Duration;

use crate::outcome::{Fall, Outcome};

/// Whose doing the end of a process was.
pub(crate) enum Death {
    /// The run's: that is its result.
    Own(Box<Outcome>),
    /// Somebody else's, the kernel's when memory ran out or a person's: nothing is known of the run.
    Outside(ExitStatus),
}

/// Whether a signal ended it that processes are sent and do not raise: SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, and
/// SIGXCPU, by which a limit of the user's ends a process for all its runs together.
pub(crate) fn is_from_outside(status: ExitStatus) -> bool {
    matches!(signal(status), Some(1 | 2 | 3 | 9 | 15 | 24))
}

/// How a run was seen to hang.
#[derive(Clone, Copy)]
pub(crate) enum Hang {
    /// It has had that much of the cores.
    Busy(Duration),
    /// So much real time has passed, most of it without a core.
    Idle(Duration),
}

pub(crate) fn hang(hang: Hang, words: &str) -> Fall {
    let mut witness = match hang {
        Hang::Busy(had) => {
            format!(
                "the run had not ended after {} s of processor time: a step that never returns",
                had.as_secs_f64()
            )
        }
        Hang::Idle(passed) => format!(
            "the run had not ended after {} s of real time: a step that waits for what never comes, or for a core",
            passed.as_secs_f64()
        ),
    };
    witness.push_str("; killed");
    append(&mut witness, words);
    Fall::new("hang", "every step returns", witness)
}

/// A run whose process was killed from outside, and again when it was the only one.
pub(crate) fn killed_twice(status: ExitStatus) -> Fall {
    let witness = format!(
        "the process was ended by {status}, and so was the next, which made this run again while no other was made: by the \
         run itself, by the kernel because memory ran out (--memory ends such a run sooner), or by somebody"
    );
    Fall::new("killed", "the process survives", witness)
}

pub(crate) fn death(status: ExitStatus, words: &str) -> Fall {
    let (oracle, claim, mut witness) = if words.contains("overflowed its stack") {
        (
            "stack overflow",
            "the stack suffices",
            "a thread overflowed its stack and took the process with it".to_owned(),
        )
    } else if let Some(signal) = signal(status) {
        let oracle = if signal == 6 { "abort" } else { "signal" };
        (oracle, "the process survives", format!("the process was ended by {status}"))
    } else {
        let code = status.code().unwrap_or_default();
        (
            "exit",
            "the process survives",
            format!("the code under test ended the process with exit code {code}"),
        )
    };
    append(&mut witness, words);
    Fall::new(oracle, claim, witness)
}

/// Adds the last line a dying process wrote that is more than the runtime's own advice.
fn append(witness: &mut String, words: &str) {
    let spoken = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("note:") && !line.starts_with("fatal runtime")
    };
    if let Some(line) = words.lines().rev().find(spoken) {
        witness.push_str("; its last words: ");
        witness.push_str(line.trim());
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
