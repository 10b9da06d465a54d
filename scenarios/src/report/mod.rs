//! What a person sees: a failure in three lines, a campaign in a table.

mod event;
mod invocation;
mod publish;
mod summary;
mod text;

pub(crate) use event::event_at;
pub(crate) use invocation::command;
pub(crate) use publish::{annotations, junit, markdown};
pub(crate) use summary::{standing, summary};
pub(crate) use text::{failure, headline, span, verdict_line, weather};
