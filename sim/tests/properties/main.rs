//! The laws of what code on a node and a test may say and ask: properties, chance, waiting, watching; and that the
//! memory of an earlier world is felt by none.

mod chance;
mod instants;
mod macros;
mod recycled;
mod tasks;
mod waiting;
mod watching;
