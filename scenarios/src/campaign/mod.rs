//! Campaigns: many seeds on all cores.
//!
//! The binary starts itself again as workers, so that an abort, a hang, a blown stack or an exit in the code under test
//! is the result of one seed and not the end of the campaign. A worker runs one seed at a time and answers before it
//! takes the next; when its process dies, the seed it had not answered is the culprit, and the rest is handed on. Unless
//! it was killed from outside: then the seed is run once more, while no other is, and only a second death is its result.

mod finding;
mod guide;
mod journal;
mod obituary;
mod pool;
mod portfolio;
mod process;
mod result;
mod tally;
mod unit;
mod worker;
mod write;

pub use finding::Finding;
pub(crate) use guide::Guide;
pub(crate) use journal::{Journal, Plan};
pub(crate) use pool::{Limits, Pool};
pub(crate) use portfolio::Schedules;
pub(crate) use result::CampaignResult;
pub(crate) use tally::{FILES, StoryTally, Told};
pub(crate) use unit::Unit;
pub(crate) use worker::serve;
pub(crate) use write::write_whole;
