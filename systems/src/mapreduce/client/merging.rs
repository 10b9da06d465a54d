//! The external merge: sorted runs, in memory and in files, read as one.

use std::rc::Rc;

use stormglass_sim::fs::File;

use super::super::protocol::{Cursor, Damaged, Merge};
use super::Trouble;

/// A sorted run in an open file.
pub(super) struct Run {
    pub(super) file: Rc<File>,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Runs that are being merged.
pub(super) struct Merging {
    merge: Merge,
    /// What is left to read of each; nothing of those in memory.
    files: Vec<Option<Run>>,
    /// How much is read of each at a time.
    chunk: usize,
}

impl Merging {
    pub(super) fn new(chunk: usize) -> Merging {
        Merging { merge: Merge::default(), files: Vec::new(), chunk: chunk.max(1) }
    }

    pub(super) fn add_memory(&mut self, run: Vec<u8>) -> Result<(), Trouble> {
        let mut cursor = Cursor::whole(run);
        cursor.advance().map_err(damaged)?;
        self.merge.add(cursor);
        self.files.push(None);
        Ok(())
    }

    pub(super) async fn add_file(&mut self, run: Run) -> Result<(), Trouble> {
        let mut left = run;
        let mut cursor = Cursor::default();
        while !cursor.advance().map_err(damaged)? {
            cursor.push(&read(&mut left, self.chunk).await?);
        }
        self.merge.add(cursor);
        self.files.push(Some(left));
        Ok(())
    }

    /// The least pair; `None` when all are through.
    pub(super) fn pair(&self) -> Option<(&[u8], &[u8])> {
        self.merge.pair()
    }

    /// Goes to the next pair.
    pub(super) async fn advance(&mut self) -> Result<(), Trouble> {
        let Some((place, cursor)) = self.merge.top() else { return Ok(()) };
        while !cursor.advance().map_err(damaged)? {
            let more = match &mut self.files[place] {
                Some(run) => read(run, self.chunk).await?,
                None => Vec::new(),
            };
            cursor.push(&more);
        }
        self.merge.settle();
        Ok(())
    }
}

async fn read(run: &mut Run, chunk: usize) -> Result<Vec<u8>, Trouble> {
    let length = run.end.saturating_sub(run.start).min(chunk as u64) as usize;
    let mut bytes = vec![0; length];
    run.file.read_exact_at(&mut bytes, run.start).await.map_err(Trouble::disk)?;
    run.start += length as u64;
    Ok(bytes)
}

pub(super) fn damaged(damaged: Damaged) -> Trouble {
    Trouble::Failed(None, format!("intermediate data: {damaged}"))
}
