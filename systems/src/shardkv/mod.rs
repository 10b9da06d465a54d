//! A sharded key/value store: the keys are divided into shards, each shard is served by one group of servers, and shards
//! move between groups while clients go on.
//!
//! After lab 5 of MIT 6.5840 in 2024 and in 2025. Both designs stand here on the same groups:
//!
//! * **2024**: a replicated controller holds all configurations. Groups follow it, one configuration after the other, and
//!   hand their shards to each other ([`server`], the mover). Clients set and append, each write executed once.
//! * **2025**: a controller is whoever wants a change. It stores the next configuration, moves the shards, stores it as the
//!   current one; several compete, and any may stop anywhere ([`client::Controller`]). They may share a lease, so that one
//!   works at a time. Clients put with versions, and may be told *maybe*.
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | servers of a group and of the controller agree | [`raft`](crate::raft), [`server`] | K0 |
//! | one group serves a shard, nothing gets lost on the way | [`protocol`], `moves` | K1, K3, K4, K7 |
//! | whoever comes late changes nothing | [`protocol`], `moves` | K2 |
//! | configurations follow one another, and are done with | [`protocol`], `moves`; [`client::Controller`] | K5 |
//! | who is restored from a snapshot has all of it | [`server`] | K10 |
//! | what a client is told of a write that was not done is certain | [`client`], [`protocol`], `call` | K11 |
//! | a decree is carried out once, and refused only for a reason | [`protocol`], `controller` | K12 |
//! | a write happens once, a version has one value, whichever group executes it | [`protocol`], `content` | K6, K9 |
//! | controllers that share a lease take turns, as far as clocks may be trusted | [`protocol`], `lease`; [`client`], `lease` | K13 |
//! | few shards move | [`protocol`], `balance` | K8 |
//! | all of it looks like one copy, one operation at a time | | linearizable ([`spec`]) |
//!
//! # Beyond the labs
//!
//! * A network that duplicates: a copy of a write is answered as the write was, even by the group that has the shard now.
//! * Shards whose last group leaves are kept by it until another joins; the labs never take the last one away.
//! * A shard remembers the last request of 4096 clerks. A clerk that it has forgotten is told so instead of being served
//!   twice, and says *unknown*: also of what it has sent once, for the network may have made a copy. So a clerk asks how
//!   many writes a shard has executed before it sends the first, and after a minute of silence.
//! * In the design of 2025 a shard is served by its new group as soon as it is there, not when all others are, too: a
//!   clerk that is sent away looks at the next configuration.
//! * A shard holds 12 MiB of keys and values: it is away for as long as it takes to move them. A write that would make it
//!   larger is refused, and says so.
//! * A large shard moves in parts, each a message and a command of its own, and goes on where it stopped.
//!
//! # What is left out
//!
//! * A write that is executed once where the network makes copies, in one case: one copy is executed, the shard forgets the
//!   clerk, and of another copy the clerk hears that it was not, or that nobody took it; so it sends again. That takes 4096
//!   other clerks between two copies of one message, and over TCP there are no copies.
//! * A lease that is worth more than saved work: whoever comes late is fenced off by the number of its configuration, lease
//!   or not. A controller that reaches the store and not a group keeps its lease, and the others wait with it.
//! * Moving shards by load or size: the number of shards is all that is balanced.
//! * The store in which the controllers of 2025 meet is one server, as in the lab; `kvraft` would do as well.

pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod spec;
