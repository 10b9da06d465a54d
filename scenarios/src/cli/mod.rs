//! The command line: one file a subcommand.

mod args;
mod bugs;
mod check;

mod complaint;
mod corpus;
#[cfg(feature = "systems")]
mod data;
#[cfg(feature = "systems")]
mod demo;
mod determinism;
mod explain;
mod explore;
mod fuzz;
#[cfg(feature = "systems")]
mod house;
#[cfg(feature = "systems")]
mod kv_client;
#[cfg(feature = "systems")]
mod kv_server;
#[cfg(feature = "systems")]
mod kvraft_client;
#[cfg(feature = "systems")]
mod kvraft_server;
mod list;
#[cfg(feature = "systems")]
mod load;
mod machine;
#[cfg(feature = "systems")]
mod mapreduce;
#[cfg(feature = "systems")]
mod mapreduce_coordinator;
#[cfg(feature = "systems")]
mod mapreduce_crew;
#[cfg(feature = "systems")]
mod mapreduce_progress;
#[cfg(feature = "systems")]
mod mapreduce_worker;
mod merge;
mod output;
mod parting;
mod progress;
mod publish;
#[cfg(feature = "systems")]
mod raft_client;
#[cfg(feature = "systems")]
mod raft_server;
mod replay;
mod run;
mod select;
#[cfg(feature = "systems")]
mod shardkv_client;
#[cfg(feature = "systems")]
mod shardkv_doctor;
#[cfg(feature = "systems")]
mod shardkv_server;
mod shrink;
#[cfg(feature = "systems")]
mod words;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use args::Shard;
pub(crate) use complaint::Complaint;
#[cfg(feature = "systems")]
pub use house::command;
pub(crate) use machine::Workers;
pub(crate) use output::note;

use crate::story::Story;

/// What every part of the command returns: the exit code, or why there is none.
pub(crate) type Answer = Result<u8, Complaint>;

/// Exit code for a command line that cannot be carried out.
const USAGE: u8 = 64;

/// Exit code for an error of Stormglass itself.
const INTERNAL: u8 = 70;

const EXIT_CODES: &str = "Exit codes: 0 holds, 1 safety violated, 2 liveness violated, 3 undecided, 64 usage, \
                          70 an error of Stormglass itself.";

#[derive(Parser)]
#[command(version, about = "Runs distributed systems under weather drawn from a seed, and judges them", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Harness,
}

/// The commands that work over any crate's stories.
#[derive(Subcommand)]
pub(crate) enum Harness {
    /// Stories, with their claims, systems and bugs
    List(list::List),
    /// One run of one story
    Run(run::Run),
    /// Many seeds on all cores; every finding becomes a file that replays
    Fuzz(fuzz::Fuzz),
    /// The parts of a campaign as the one campaign that they are
    Merge(merge::Merge),
    /// The same run again, with its trace
    Replay(replay::Replay),
    /// The smallest run that fails the same way, as a file that replays
    Shrink(shrink::Shrink),
    /// When a run went wrong: the decision after which the failure was likely
    Explain(explain::Explain),
    /// Every order of a small story, none equivalent to another
    Explore(explore::Explore),
    /// Every known bug against the stories that must catch it: caught, by what, after how many seeds
    Bugs(bugs::Bugs),
    /// Each seed twice, in two processes; on a difference, the first event that differs
    Determinism(determinism::Determinism),
    /// Judges recorded histories
    Check(check::Check),
    /// Runs seeds for a parent process
    #[command(hide = true)]
    Worker(worker::Worker),
}

impl Harness {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        match self {
            Harness::List(list) => list.answer(stories),
            Harness::Run(run) => run.answer(stories),
            Harness::Fuzz(fuzz) => fuzz.answer(stories),
            Harness::Merge(merge) => merge.answer(stories),
            Harness::Replay(replay) => replay.answer(stories),
            Harness::Shrink(shrink) => shrink.answer(stories),
            Harness::Explain(explain) => explain.answer(stories),
            Harness::Explore(explore) => explore.answer(stories),
            Harness::Bugs(bugs) => bugs.answer(stories),
            Harness::Determinism(determinism) => determinism.answer(stories),
            Harness::Check(check) => check.answer(),
            Harness::Worker(worker) => worker.answer(stories),
        }
    }
}

/// The whole command over a crate's own stories: the body of a `main`.
///
/// ```no_run
/// use stormglass::{Stage, Story};
///
/// fn main() -> std::process::ExitCode {
///     let story = Story::new("mine/nothing_breaks", "nothing breaks", |_stage: Stage| async {});
///     stormglass::cli(vec![story])
/// }
/// ```
pub fn cli(stories: Vec<Story>) -> ExitCode {
    parse::<Cli>().map_or_else(ExitCode::from, |cli| end(cli.command.answer(&stories)))
}

/// The parsed command line, or the exit code of what clap had to say.
pub(crate) fn parse<P: Parser>() -> Result<P, u8> {
    P::try_parse().map_err(|error| {
        // Nobody reads it when this fails.
        let _ = error.print();
        if error.use_stderr() { USAGE } else { 0 }
    })
}

pub(crate) fn end(answer: Answer) -> ExitCode {
    let (code, text) = match answer {
        Ok(code) => return ExitCode::from(code),
        // What a process that SIGPIPE ended would show.
        Err(Complaint::NobodyReads) => return ExitCode::from(141),
        Err(Complaint::Usage(text)) => (USAGE, text),
        Err(Complaint::Internal(text)) => (INTERNAL, text),
    };
    output::note(text);
    ExitCode::from(code)
}
