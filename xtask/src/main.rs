//! The one door for developing Stormglass: each subcommand is a file.

mod bench;
mod bug_table;
mod bugs;
mod ci;
mod conformance;
mod crosscheck;
mod endurance;
mod figure16;
mod mapreduce_figure;
mod shardkv_moves;
mod shrink_table;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Developing Stormglass")]
enum Command {
    Bench(bench::Bench),
    BugTable(bug_table::BugTable),
    Bugs(bugs::Bugs),
    Ci(ci::Ci),
    Conformance(conformance::Conformance),
    Crosscheck(crosscheck::Crosscheck),
    Endurance(endurance::Endurance),
    Figure16(figure16::Figure16),
    MapreduceFigure(mapreduce_figure::MapreduceFigure),
    ShardkvMoves(shardkv_moves::ShardkvMoves),
    ShrinkTable(shrink_table::ShrinkTable),
    Tidy(tidy::Tidy),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Bench(bench) => bench.run(),
        Command::BugTable(table) => table.run(),
        Command::Bugs(bugs) => bugs.run(),
        Command::Ci(ci) => ci.run(),
        Command::Conformance(conformance) => conformance.run(),
        Command::Crosscheck(crosscheck) => crosscheck.run(),
        Command::Endurance(endurance) => endurance.run(),
        Command::Figure16(figure) => figure.run(),
        Command::MapreduceFigure(figure) => figure.run(),
        Command::ShardkvMoves(figure) => figure.run(),
        Command::ShrinkTable(table) => table.run(),
        Command::Tidy(tidy) => tidy.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The middle of the values; of an even number the mean of the two in the middle, and 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        many if many % 2 == 1 => values[many / 2],
        many => f64::midpoint(values[many / 2 - 1], values[many / 2]),
    }
}
