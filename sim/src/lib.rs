//! The machine room of Stormglass.

pub mod guard;
