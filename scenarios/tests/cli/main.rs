//! What a user sees: output, exit codes and findings of the command, over stories that behave as badly as code can.
//!
//! This binary is both sides. Called with a subcommand it is `stormglass::cli` over the rough stories, which is how
//! the tests call it, and how it calls itself for its workers; else it runs the tests.

mod campaigns;
mod checks;
mod commands;
mod dying;
mod findings;
mod fragile;
mod honest;
mod hostile;
mod rough;
mod schedules;
mod shell;
mod shrinking;
mod whens;

#[path = "../../examples/exhaustive/lock.rs"]
mod lock;
#[path = "../../examples/exhaustive/vote.rs"]
mod vote;

use std::panic::catch_unwind;
use std::process::ExitCode;

/// A test and its name.
type Test = (&'static str, fn());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(shell::AS_COMMAND).is_some() {
        let small = lock::stories().into_iter().chain(vote::stories());
        let stories = rough::stories().into_iter().chain(schedules::stories()).chain(small);
        return stormglass::cli(stories.collect());
    }
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let tests = [
        campaigns::TESTS,
        checks::TESTS,
        commands::TESTS,
        dying::TESTS,
        findings::TESTS,
        honest::TESTS,
        hostile::TESTS,
        schedules::TESTS,
        shrinking::TESTS,
        whens::TESTS,
    ]
    .concat();
    let mut failed = 0;
    for (name, test) in tests {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let passed = catch_unwind(test).is_ok();
        println!("test cli::{name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    ExitCode::from(failed.min(1))
}
