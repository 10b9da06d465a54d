//! The checker against brute force, its counterexamples, its limits and its files.

mod brute_force;
mod cases;
mod counterexamples;
mod cut;
mod direct;
mod distinct;
mod edn;
mod examples;
mod faulty_models;
mod formats;
mod heavy;
mod histories;
mod jsonl;
mod limits;
mod mangled;
mod many;
mod oracle;
mod page;
mod pruned;
mod refined;
mod spelling;
mod strict;
