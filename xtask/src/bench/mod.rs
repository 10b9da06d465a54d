//! `cargo xtask bench`: how fast it is, beside other programs of the same workloads.
//!
//! A program is called with what it is to do and prints a line that begins with RESULT and holds words like
//! `ns_op=12.5`. It exits with 3 if it cannot do it. Programs take turns, and medians count.

mod cases;
mod growth;
mod judge;
mod other_ways;
mod plot;
mod raft;
mod sim;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

/// Measures the simulator and the judge on their workloads, in release
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Sim(sim::Sim),
    Judge(judge::Judge),
    Growth(growth::Growth),
    Raft(raft::Raft),
}

impl Bench {
    pub(crate) fn run(&self) -> Result<(), String> {
        match &self.what {
            What::Sim(sim) => sim.run(),
            What::Judge(judge) => judge.run(),
            What::Growth(growth) => growth.run(),
            What::Raft(raft) => raft.run(),
        }
    }
}

/// Another program.
#[derive(Clone)]
struct Peer {
    name: String,
    path: PathBuf,
}

impl std::str::FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=PATH"))?;
        let path = PathBuf::from(path);
        match path.is_file() {
            true => Ok(Peer { name: name.to_owned(), path }),
            false => Err(format!("there is no program at {}", path.display())),
        }
    }
}

/// Builds an example in release: the path of its program.
pub(crate) fn example(package: &str, name: &str) -> Result<PathBuf, String> {
    let build = ["build", "--release", "--package", package, "--example", name];
    let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
    match built.is_ok_and(|status| status.success()) {
        true => Ok(target_directory().join("release/examples").join(name)),
        false => Err(format!("the example {name} of {package} could not be built")),
    }
}

pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What a program printed.
struct ResultLine(String);

impl ResultLine {
    fn word(&self, key: &str) -> Option<&str> {
        self.0.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.word(key)?.parse().ok()
    }
}

/// Runs a program; `None` when it cannot do what it is asked.
fn result_line(program: &Path, words: &[&str]) -> Result<Option<ResultLine>, String> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.code() == Some(3) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find(|line| line.starts_with("RESULT ")) {
        Some(line) => Ok(Some(ResultLine(line.to_owned()))),
        None => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "{} {}: no RESULT line, {}\n{said}",
                program.display(),
                words.join(" "),
                output.status
            ))
        }
    }
}

/// NaN of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A part of a table does not take the place of the whole.
fn whole(written: bool, only: &[String]) -> Result<(), String> {
    match written && !only.is_empty() {
        true => Err("--write takes the whole table, and --only makes a part".to_owned()),
        false => Ok(()),
    }
}

/// Replaces what stands between the two lines `<!-- name -->` and `<!-- end of name -->` of a document.
fn write_between(file: &Path, name: &str, text: &str) -> Result<(), String> {
    let shown = file.display();
    let old = std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (Some(from), Some(to)) = (old.find(&begin), old.find(&end)) else {
        return Err(format!("{shown}: expected the lines {begin:?} and {end:?}"));
    };
    let new = [&old[..from + begin.len()], text, &old[to..]].concat();
    std::fs::write(file, new).map_err(|error| format!("{shown}: {error}"))
}
