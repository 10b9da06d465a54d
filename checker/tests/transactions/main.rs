//! Transactions against brute force, the anomalies of the papers, and files.

mod agreement;
mod files;
mod histories;
mod oracle;
mod papers;
