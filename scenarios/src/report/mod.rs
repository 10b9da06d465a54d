//! What a person sees: a failure in three lines, a campaign in a table.

mod invocation;
mod summary;
mod text;

pub(crate) use invocation::command;
pub(crate) use summary::summary;
pub(crate) use text::{failure, headline, span, verdict_line, weather};
