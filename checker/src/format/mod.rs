//! Histories as files.

pub mod fields;
pub mod jsonl;
mod lines;
pub mod value;
