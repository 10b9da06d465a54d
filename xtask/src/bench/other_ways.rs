//! What the table of the judge has besides checks in one process: the command on a file, and the cross-check.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{ResultLine, target_directory};
use crate::ci::now;
use crate::root;

/// Tiny histories for the cross-check.
const HISTORIES: &str = "10000000";

/// Whether a way is one of these.
pub(super) fn is(way: &str) -> bool {
    matches!(way, "command" | "crosscheck")
}

/// Runs it once; the time is the wall clock's.
pub(super) fn run(model: &str, way: &str, files: &[String]) -> Result<ResultLine, String> {
    if way == "crosscheck" {
        let program = built("xtask")?;
        let words = ["crosscheck", "--only-random", "--operations", "4", "--histories", HISTORIES];
        return timed(&program, &words, |code| (code == 0).then_some("1/0/0"));
    }
    let program = built("stormglass")?;
    let words: Vec<&str> =
        ["check", "--model", model].into_iter().chain(files.iter().map(String::as_str)).collect();
    timed(&program, &words, |code| match code {
        0 => Some("1/0/0"),
        1 => Some("0/1/0"),
        3 => Some("0/0/1"),
        _ => None,
    })
}

/// Builds a program in release: its path.
fn built(package: &str) -> Result<std::path::PathBuf, String> {
    let build = ["build", "--release", "--package", package, "--bin", package];
    let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
    match built.is_ok_and(|status| status.success()) {
        true => Ok(target_directory().join("release").join(package)),
        false => Err(format!("{package} could not be built")),
    }
}

fn timed(
    program: &Path,
    words: &[&str],
    verdict: impl Fn(i32) -> Option<&'static str>,
) -> Result<ResultLine, String> {
    let start = now();
    let output = Command::new(program).args(words).stdout(Stdio::null()).output();
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let Some(verdict) = output.status.code().and_then(verdict) else {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} {}: {}\n{said}", program.display(), words.join(" "), output.status));
    };
    Ok(ResultLine(format!("RESULT cpu_ms={ms:.3} wall_ms={ms:.3} verdict={verdict}")))
}
