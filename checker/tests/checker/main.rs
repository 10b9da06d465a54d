//! The checker against brute force, its counterexamples, its limits and its files.

mod brute_force;
mod cases;
mod counterexamples;
mod direct;
mod distinct;
mod faulty_models;
mod histories;
mod jsonl;
mod limits;
mod oracle;
