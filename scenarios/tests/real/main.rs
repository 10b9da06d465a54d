//! The command for real: processes, sockets on the loopback, files in a temporary directory.

#![cfg(all(feature = "systems", unix))]

mod cluster;
mod complaints;
mod killed;
mod kvraft;
mod mapreduce;
mod oracles;
mod processes;
mod raft;
mod shardkv;
mod worlds;
