//! `cargo xtask ci`: exactly what CI runs.
//!
//! Everything is built in the dev profile, so that the dependencies are compiled twice and no more: once checked, for
//! clippy and the docs, and once built, for the tests.

use std::env;
use std::fmt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::{conformance, root, tidy};

/// Set for every step: a test that starts the whole of CI would start itself.
const RUNNING: &str = "STORMGLASS_CI_RUNNING";

/// Everything that a change must pass, cheapest first; stops at the first failure
#[derive(clap::Args)]
pub(crate) struct Ci {
    /// Only this part
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Formatting, and clippy with and without the default features
    Lint,
    /// The rules of the house
    Tidy,
    /// The pages of the API, without a warning
    Docs,
    /// Every test, and the verdicts on recorded histories
    Test,
}

/// Cargo with these arguments, after these variables of the environment.
struct Step {
    part: Part,
    variable: Option<(&'static str, &'static str)>,
    arguments: &'static [&'static str],
}

/// The rules of the house and the recorded histories have no step: they run in this process. What is tested with drawn
/// values draws the same ones each time, so that a change is stopped by nothing but the change; `cargo test` draws anew.
const STEPS: [Step; 5] = [
    step(Part::Lint, &["fmt", "--all", "--", "--check"]),
    step(Part::Lint, &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    step(Part::Lint, &["clippy", "--package", "stormglass", "--no-default-features", "--", "-D", "warnings"]),
    Step {
        part: Part::Docs,
        variable: Some(("RUSTDOCFLAGS", "-D warnings")),
        arguments: &["doc", "--workspace", "--no-deps", "--all-features"],
    },
    Step {
        part: Part::Test,
        variable: Some(("PROPTEST_RNG_SEED", "1")),
        arguments: &["test", "--workspace", "--all-features"],
    },
];

const fn step(part: Part, arguments: &'static [&'static str]) -> Step {
    Step { part, variable: None, arguments }
}

impl Ci {
    pub(crate) fn run(&self) -> Result<(), String> {
        refuse_to_recurse(env::var_os(RUNNING).is_some())?;
        let is_asked = |part| self.part.is_none_or(|only| only == part);
        let start = now();
        if is_asked(Part::Tidy) {
            timed("cargo xtask tidy", tidy::check)?;
        }
        for step in STEPS.iter().filter(|step| is_asked(step.part)) {
            timed(step, || step.run())?;
        }
        if is_asked(Part::Test) {
            timed("cargo xtask conformance ../shared/data", conformance::beside_the_repository)?;
        }
        println!("\nall of it holds, after {}", seconds(start.elapsed()));
        Ok(())
    }
}

fn refuse_to_recurse(running: bool) -> Result<(), String> {
    match running {
        true => {
            Err("`cargo xtask ci` was started from one of its own steps; test a part of it instead"
                .to_owned())
        }
        false => Ok(()),
    }
}

/// Prints the command, then how long it took.
fn timed(command: impl fmt::Display, run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("\n$ {command}");
    let start = now();
    let outcome = run();
    let took = seconds(start.elapsed());
    match &outcome {
        Ok(()) => println!("  took {took}"),
        Err(_) => println!("  failed after {took}"),
    }
    outcome.map_err(|why| format!("{why}\n\nthis fails: {command}"))
}

impl Step {
    fn run(&self) -> Result<(), String> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(self.arguments).envs(self.variable).env(RUNNING, "1").current_dir(root());
        let status = command.status().map_err(|error| format!("cargo does not start: {error}"))?;
        judge(status)
    }
}

fn judge(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// As one would type it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, value)) = self.variable {
            write!(f, "{name}={value:?} ")?;
        }
        write!(f, "cargo {}", self.arguments.join(" "))
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the steps take real time")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_printed_as_one_would_type_it() {
        let typed: Vec<_> = STEPS.iter().map(Step::to_string).collect();
        assert_eq!(typed[0], "cargo fmt --all -- --check");
        assert_eq!(typed[3], "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --all-features");
    }

    #[test]
    fn the_part_lint_changes_nothing_and_tolerates_no_warning() {
        for step in STEPS.iter().filter(|step| step.part == Part::Lint) {
            assert!(
                step.arguments.contains(&"--check") || step.arguments.ends_with(&["-D", "warnings"]),
                "{step}"
            );
        }
    }

    #[test]
    fn a_step_that_fails_is_named_with_its_command() {
        let step = step(Part::Test, &["no-such-subcommand-of-cargo"]);
        let error = timed(&step, || step.run()).unwrap_err();
        assert!(error.ends_with("this fails: cargo no-such-subcommand-of-cargo"), "{error}");
        assert_eq!(timed("cargo --version", || super::step(Part::Test, &["--version"]).run()), Ok(()));
    }

    #[test]
    fn ci_does_not_start_itself() {
        assert!(refuse_to_recurse(true).is_err());
        assert!(refuse_to_recurse(false).is_ok());
    }
}
