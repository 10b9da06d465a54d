//! The systems in a simulated world: a few seeds of every weather, and every planted bug caught.
//!
//! Stories with claims of their own live with the harness. These tests say that a system works at all, and that its
//! properties see what they must.

mod kv;
mod kv_bugs;
mod kv_storm;
mod kvonce;
mod raft;
