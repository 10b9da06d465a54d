//! What the judge's speed is measured on, one RESULT line each.
//!
//! ```text
//! judging MODEL FILE…                           judges recorded histories; MODEL may end in :search,
//!                                               :bare or :search-bare (no reasons),
//!                                               :again (one judge, which keeps its room), :cores (two) or
//!                                               :parse (reads the files and judges nothing)
//! judging growth MODEL OPERATIONS               judges a history of ten clients, made here
//! judging generate MODEL CLIENTS KEYS OPERATIONS VALUES    prints a history as JSON lines; 0 values: each is new
//! ```
//!
//! A run judges five times or more, until user and system mode can be told apart, and the median counts. `cpu_ms` is
//! user time; of `growth`, which judges once, it is user and system time. `rss_mb` is the most memory that the process
//! ever held, the history included. A model that is not here exits with 3.

mod elements;
mod generate;
mod measure;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["growth", model, operations] => operations
            .parse()
            .map_err(|_| format!("{operations:?} is no number of operations"))
            .and_then(|operations| measure::growth(model, operations)),
        ["generate", model, ref numbers @ ..] => measure::print(model, numbers),
        [model, ref files @ ..] if !files.is_empty() => measure::files(model, files),
        _ => Err(
            "judging MODEL FILE… | growth MODEL OPERATIONS | generate MODEL CLIENTS KEYS OPERATIONS VALUES"
                .into(),
        ),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
