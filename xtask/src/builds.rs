//! `cargo xtask builds`: what was made small with one build fails in the same way with another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::root;

/// Makes failures small with a debug build and replays them with a release build, and the other way round
#[derive(clap::Args)]
pub(crate) struct Builds {
    /// Failing runs
    #[arg(
        long,
        value_name = "STORY:SEED:BUG",
        value_delimiter = ',',
        default_value = "kv/lost_reply:1:err-version-after-resend,kvonce/lost_messages:1:appends-again"
    )]
    run: Vec<String>,
    /// The debug build of the command `stormglass`; without it, it is built
    #[arg(long, value_name = "PATH")]
    debug: Option<PathBuf>,
    /// The release build; without it, it is built
    #[arg(long, value_name = "PATH")]
    release: Option<PathBuf>,
}

impl Builds {
    pub(crate) fn run(&self) -> Result<(), String> {
        let debug = self.debug.clone().map_or_else(debug_build, Ok)?;
        let release = self.release.clone().map_or_else(crate::bugs::build, Ok)?;
        let programs = [("debug", absolute(&debug)?), ("release", absolute(&release)?)];
        let folder = std::env::temp_dir().join(format!("stormglass-builds-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for run in &self.run {
            for (by, with) in [(0, 1), (1, 0)] {
                let ((by, smaller), (with, other)) = (&programs[by], &programs[with]);
                let made = call(smaller, &folder, &["shrink", run, "-o", "small.json"])?;
                let again = call(other, &folder, &["replay", "small.json", "--trace", "again.jsonl"])?;
                is_the_same(&made, &again)
                    .map_err(|error| format!("{run}, small by {by}, replayed with {with}: {error}"))?;
                println!("{run}: small by {by}, the same failure with {with}");
            }
        }
        _ = fs::remove_dir_all(&folder);
        Ok(())
    }
}

/// A replay says so, with another exit code, when its failure is not that of the file.
fn is_the_same(made: &Output, again: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&again.stderr);
    match made.status.code() {
        Some(1 | 2) if made.status.code() == again.status.code() && said.is_empty() => Ok(()),
        Some(1 | 2) => Err(format!("{}: {said}", again.status)),
        _ => Err(format!("it cannot be made small: {}", String::from_utf8_lossy(&made.stderr))),
    }
}

fn call(program: &Path, folder: &Path, line: &[&str]) -> Result<Output, String> {
    let called = Command::new(program).args(line).current_dir(folder).output();
    called.map_err(|error| format!("{}: {error}", program.display()))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn debug_build() -> Result<PathBuf, String> {
    let build = ["build", "--package", "stormglass", "--bin", "stormglass"];
    let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("the command could not be built".to_owned());
    }
    Ok(crate::bench::target_directory().join("debug/stormglass"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_failure_is_not_the_same() {
        let ended = |script: &str| Command::new("/bin/sh").args(["-c", script]).output().unwrap();
        let made = ended("exit 1");
        assert_eq!(is_the_same(&made, &ended("exit 1")), Ok(()));
        for wrong in ["exit 0", "exit 2", "echo differs >&2; exit 70", "echo differs >&2; exit 1"] {
            assert!(is_the_same(&made, &ended(wrong)).is_err(), "{wrong}");
        }
        assert!(is_the_same(&ended("exit 64"), &ended("exit 64")).is_err());
    }
}
