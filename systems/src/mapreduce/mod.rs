//! MapReduce, simulated and for real.
//!
//! After Dean and Ghemawat, "MapReduce: Simplified Data Processing on Large Clusters", OSDI 2004; sections are cited as
//! §n. A user gives a map and a reduce function ([`app`]); the job is cut into map tasks, one a piece of input, and
//! reduce tasks, one an output file; workers carry them out, and what dies with a worker is done again. As in the first
//! lab of MIT 6.5840, workers ask for work.
//!
//! # Where to read what
//!
//! | the promise | the code that keeps it | the property |
//! | --- | --- | --- |
//! | the output is that of a sequential run | all of it | I1 |
//! | an output file is absent or whole | [`server::store`]: write aside, sync, rename | I2, I7 |
//! | of a task's attempts one counts | [`protocol::Coordinator`]: attempt ids | I3, I8 |
//! | a reducer has a part of every map | `client/shuffle` | I4 |
//! | work is done again only for a death or a straggler | [`protocol::Coordinator`] | I5, I9 |
//! | done means there | [`protocol::Coordinator`] | I6 |
//! | it ends, whatever dies, while some worker lives | | live |
//!
//! The coordinator is the system's *server*; a worker is its *client*, and serves other workers: intermediate data is
//! fetched over the network from the worker that made it. The *store* stands for the paper's GFS: it has the input and
//! gets the output.
//!
//! # Beyond the paper
//!
//! The master of the paper loses a job when it dies. Here it may keep a checkpoint of every change and resumes, with the
//! workers that are still alive and all that they have done. A mapper that answers the coordinator and not the reducers
//! is declared dead as well, when two of them say so (the paper does not say what becomes of it); who alone cannot fetch
//! does something else. Jobs may follow one another at an address: each has an id of its own, which every request for its
//! data carries.
//!
//! # What is left out
//!
//! * Reducers do not begin to fetch before the last map is done; in the paper they do.
//! * The order of the values of a key means nothing, and there is no secondary sort.
//! * Intermediate data carries no checksum: calls are as good as TCP's, and a disk that lies is believed.
//! * Input that is written to while a job runs: what comes behind its end is left out, a shorter file is noticed, and so
//!   is another one at a resume. Other bytes in the same place are not.
//! * A record is a line; binary input needs another cut than [`protocol::Lines`] makes.
//! * Trust: whoever reaches the coordinator's port can read the job's input and write its output.

pub mod app;
pub mod bugs;
pub mod client;
pub mod message;
pub mod protocol;
pub mod server;
pub mod spec;
