//! What is tried with bytes that somebody made up: each target takes any bytes, and panics if something is wrong.

#[path = "../../checker/cases/mod.rs"]
mod cases;
#[path = "../../checker/distinct.rs"]
mod distinct;
mod files;
#[path = "../../online/growing.rs"]
mod growing;
#[path = "../../checker/oracle.rs"]
mod oracle;
mod small;
mod transactions;

/// Takes any bytes.
pub(crate) type Target = fn(&[u8]);

/// Every target by name.
pub(crate) const TARGETS: [(&str, Target); 9] = [
    ("jsonl", files::jsonl),
    ("edn", files::edn),
    ("json", files::json),
    ("log", files::log),
    ("porcupine", files::porcupine),
    ("search", small::search),
    ("paths", small::paths),
    ("online", small::online),
    ("transactions", transactions::transactions),
];
