//! What is replicated.

use super::super::message::{Index, Term};

/// A deterministic state machine: servers that applied the same entries are in the same state (§2).
pub trait StateMachine: 'static {
    /// Executes a command, which lies at `index` of the log and was received in `term`. What it returns is the answer
    /// to whoever submitted it.
    fn apply(&mut self, index: Index, term: Term, command: &[u8]) -> Vec<u8>;

    /// Answers a query that changes nothing.
    fn read(&self, query: &[u8]) -> Vec<u8>;

    /// The whole state.
    fn snapshot(&self) -> Vec<u8>;

    /// Puts a snapshot in place of the state.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this machine; says why. The server ends then.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String>;
}
