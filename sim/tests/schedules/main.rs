//! Strategies choose what happens next: each finds what depends on order, is deterministic, stays within what a slow
//! network could do, and hands over. The search misses no order and explores none twice.

mod brute_force;
mod search;
mod strategies;
