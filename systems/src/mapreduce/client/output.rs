//! Where a reduce task writes: to the store, piece by piece, under a name of its own until all of it is there.

use super::super::message::{Attempt, Bytes, CommitOutput, WriteOutput};
use super::{Trouble, Worker};

/// An output on its way.
pub(super) struct Writer<'a> {
    worker: &'a Worker,
    reduce: u32,
    attempt: Attempt,
    written: u64,
    /// What was written, if somebody watches.
    shown: Option<Vec<u8>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(worker: &'a Worker, reduce: u32, attempt: Attempt) -> Writer<'a> {
        let shown = worker.config.probe.ghost(|_| Vec::new());
        Writer { worker, reduce, attempt, written: 0, shown }
    }

    /// Sends what has gathered, in pieces, and empties it.
    pub(super) async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<(), Trouble> {
        for piece in bytes.chunks(self.worker.config.chunk.max(1)) {
            self.send(piece).await?;
        }
        if let Some(shown) = &mut self.shown {
            shown.extend_from_slice(bytes);
        }
        bytes.clear();
        Ok(())
    }

    async fn send(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        let (reduce, attempt, offset) = (self.reduce, self.attempt, self.written);
        let request =
            WriteOutput { job: self.worker.job(), reduce, attempt, offset, bytes: Bytes(piece.to_vec()) };
        self.worker.ask_store(&request).await?;
        self.written += piece.len() as u64;
        Ok(())
    }

    /// All is written: what it was.
    pub(super) async fn finish(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        // So that there is a file to commit.
        if self.written == 0 {
            self.send(&[]).await?;
        }
        Ok(self.shown.take())
    }

    /// Makes it the task's output.
    pub(super) async fn commit(self) -> Result<(), Trouble> {
        let (reduce, attempt, length) = (self.reduce, self.attempt, self.written);
        self.worker.ask_store(&CommitOutput { job: self.worker.job(), reduce, attempt, length }).await
    }
}
