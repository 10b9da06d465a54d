//! The algorithm, pure: values in, effects out. No I/O, no clock, no `async`.
//!
//! [`Raft`] is one server. What happens to it is an [`Input`]; what it obliges its shell to do is [`Effects`].
//!
//! | file | what it holds | after |
//! | --- | --- | --- |
//! | `effects` | what goes in and what comes out | Figure 2 |
//! | `raft` | the server: its state, its one step, changes of term and role | §5.1 |
//! | `status` | what can be asked of it | |
//! | `election` | timers, pre-votes, votes, who may campaign | §5.2, §5.4.1; thesis §4.2, §9.6 |
//! | `log`, `follower` | the log, and what a follower does with entries | §5.3 |
//! | `progress`, `leader` | what a leader knows of each follower, and what it sends | §5.3; thesis §10.2 |
//! | `quorum`, `commit` | majorities, and what they decide | §5.4.2 |
//! | `membership` | which configuration is in force, and changes of it | §6; thesis §4; Ongaro, raft-dev, 2015 |
//! | `snapshot` | compaction, and snapshots in chunks to laggards | §7 |
//! | `reads` | reads by a round of heartbeats, or by lease | §8; thesis §6.4 |
//! | `transfer` | leadership, handed over | thesis §3.10 |

mod commit;
mod effects;
mod election;
mod follower;
mod leader;
mod log;
mod membership;
mod progress;
mod quorum;
mod raft;
mod reads;
mod replication;
mod snapshot;
mod status;
mod transfer;

#[cfg(test)]
mod tests;

pub use effects::{
    Answer, Change, Config, Effects, HardState, Input, Persist, ReadProof, Recovered, Refusal, Restore,
    SendChunk,
};
pub use raft::{Raft, Role};
pub use status::Status;
