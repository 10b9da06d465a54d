//! Campaigns: many seeds on all cores.
//!
//! The binary starts itself again as workers, so that an abort, a hang, a blown stack or an exit in the code under test
//! is the result of one seed and not the end of the campaign. A worker runs one seed at a time and answers before it
//! takes the next; when its process dies, the seed it had not answered is the culprit, and the rest is handed on.

mod finding;
mod guide;
mod journal;
mod pool;
mod portfolio;
mod process;
mod result;
mod tally;
mod unit;
mod worker;

pub use finding::Finding;
pub(crate) use finding::write_whole;
pub(crate) use guide::Guide;
pub(crate) use journal::{Journal, Plan};
pub(crate) use pool::Pool;
pub(crate) use portfolio::Schedules;
pub(crate) use result::CampaignResult;
pub(crate) use tally::{StoryTally, Told};
pub(crate) use unit::Unit;
pub(crate) use worker::serve;
