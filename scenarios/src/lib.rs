//! Being built.
mod campaign;
mod check;
mod cli;
mod history;
mod outcome;
mod report;
mod run;
mod seeds;
mod stage;
#[cfg(feature = "systems")]
mod stories;
mod story;
mod wall;
pub mod weather;
pub use campaign::Finding;
pub use check::check;
pub use cli::cli;
#[cfg(feature = "systems")]
pub use cli::command;
pub use history::{Call, History, linearizable};
pub use outcome::{Fall, Outcome, Verdict};
pub use seeds::Seeds;
pub use stage::Stage;
#[cfg(feature = "systems")]
pub use stories::all as stories;
pub use story::Story;
pub use weather::Weather;
