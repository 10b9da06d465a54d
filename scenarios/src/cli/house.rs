//! The command `stormglass` itself: the harness over the built-in stories, and what only the built-in systems can do.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{
    Answer, EXIT_CODES, Harness, demo, end, kv_client, kv_server, kvraft_client, kvraft_server, mapreduce,
    parse, raft_client, raft_server, shardkv_client, shardkv_server,
};

#[derive(Parser)]
#[command(version, about = "Runs distributed systems under weather drawn from a seed, and judges them", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the main job in half a minute: a claim holds, a bug is planted, found and replayed
    Demo(demo::Demo),
    #[command(flatten)]
    Harness(Harness),
    /// Runs a server on real sockets and disks: the code that the stories simulate
    #[command(subcommand)]
    Serve(Serve),
    /// Talks to a server that runs for real
    #[command(subcommand)]
    Client(Client),
    /// Map and reduce over files, with worker processes: the code that the stories simulate
    #[command(subcommand)]
    Mapreduce(mapreduce::MapReduce),
}

#[derive(Subcommand)]
enum Serve {
    /// The versioned key/value server
    Kv(kv_server::Serve),
    /// One of several servers that replicate a list that only grows
    Raft(raft_server::Serve),
    /// One of several servers that replicate a key/value store
    Kvraft(kvraft_server::Serve),
    /// A server of the sharded key/value store: of its controller, or of a group
    #[command(subcommand)]
    Shardkv(shardkv_server::Serve),
}

#[derive(Subcommand)]
enum Client {
    /// Of the versioned key/value server
    Kv(kv_client::Client),
    /// Of the replicated list; an operator's commands, of every replicated service
    Raft(raft_client::Client),
    /// Of the replicated key/value store
    Kvraft(kvraft_client::Client),
    /// Of the sharded key/value store and its controller
    Shardkv(shardkv_client::Client),
}

/// The body of `main` of the command `stormglass`, over [`stories`](crate::stories).
pub fn command() -> ExitCode {
    parse::<Cli>().map_or_else(ExitCode::from, |cli| end(answer(cli.command)))
}

fn answer(command: Command) -> Answer {
    let stories = crate::stories();
    match command {
        Command::Demo(demo) => demo.answer(&stories),
        Command::Harness(harness) => harness.answer(&stories),
        Command::Serve(Serve::Kv(serve)) => serve.answer(),
        Command::Serve(Serve::Raft(serve)) => serve.answer(),
        Command::Serve(Serve::Kvraft(serve)) => serve.answer(),
        Command::Serve(Serve::Shardkv(serve)) => serve.answer(),
        Command::Client(Client::Kv(client)) => client.answer(),
        Command::Client(Client::Raft(client)) => client.answer(),
        Command::Client(Client::Kvraft(client)) => client.answer(),
        Command::Client(Client::Shardkv(client)) => client.answer(),
        Command::Mapreduce(mapreduce) => mapreduce.answer(),
    }
}
