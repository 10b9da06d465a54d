//! The laws of the simulated disk: one test per law, each with its counter-case.

mod bytes;
mod faults;
mod flight;
mod moves;
mod names;
mod power;
mod reference;
mod support;
