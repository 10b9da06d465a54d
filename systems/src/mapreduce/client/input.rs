//! Where a map task reads: from its own disk if the input is there (§3.4), else from the store.

use stormglass_sim::fs::File;
use stormglass_sim::net::rpc;
use stormglass_sim::sometimes;
use stormglass_sim::time::{Instant, sleep};

use super::super::message::{Input, ReadInput, Split};
use super::{Trouble, Worker};

/// An open input.
pub(super) enum Source {
    Here(File),
    Store(u32),
}

impl Source {
    pub(super) async fn open(worker: &Worker, input: &Input, split: Split) -> Source {
        let here = worker.config.near_store || input.copies.contains(&worker.address);
        sometimes!(here, "mapreduce: a map reads its input from its own disk");
        if here && let Ok(file) = File::open(&input.path).await {
            return Source::Here(file);
        }
        Source::Store(split.input)
    }

    /// Reads up to `length` bytes; none at the end of the file.
    pub(super) async fn read(&self, worker: &Worker, offset: u64, length: usize) -> Result<Vec<u8>, Trouble> {
        match self {
            Source::Here(file) => {
                let mut bytes = vec![0; length];
                let count = file.read_at(&mut bytes, offset).await.map_err(Trouble::disk)?;
                bytes.truncate(count);
                Ok(bytes)
            }
            Source::Store(input) => {
                let request = ReadInput { job: worker.job(), input: *input, offset, length: length as u32 };
                worker.ask_store(&request).await.map(|bytes| bytes.0)
            }
        }
    }
}

impl Worker {
    /// Asks the store until it answers or patience ends. What it refuses the task fails on.
    pub(super) async fn ask_store<T, R>(&self, request: &R) -> Result<T, Trouble>
    where
        R: rpc::Request<Reply = Result<T, String>>,
    {
        let begun = Instant::now();
        loop {
            match rpc::call(&self.config.store, request, self.config.reply).await {
                Ok(answer) => {
                    return answer.map_err(|why| Trouble::Failed(None, format!("the store: {why}")));
                }
                Err(error) if begun.elapsed() > self.config.patience => {
                    return Err(Trouble::Failed(
                        None,
                        format!("the store at {}: {error}", self.config.store),
                    ));
                }
                Err(_) => sleep(self.config.poll).await,
            }
        }
    }
}
