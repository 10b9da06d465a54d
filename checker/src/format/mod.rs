//! Histories as files: our own [JSON lines](jsonl), and those of others as [events].

mod any;
pub mod edn;
mod error;
pub mod events;
pub mod fields;
pub mod jsonl;
mod line_reader;
mod lines;
mod plain;
pub mod value;

pub use any::{Format, Recorded, read};
pub(crate) use any::{begin, values};
pub use error::Error;
pub(crate) use line_reader::LineReader;
