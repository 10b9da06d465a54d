//! The shuffle: a reducer fetches its part of every map output from the workers that made them (§3.1, step 5).
//!
//! What is fetched stays in memory up to a bound; beyond it, runs are merged into a file of their own, and a part that is
//! larger than a quarter of the bound goes to disk as it comes.

use std::path::PathBuf;
use std::rc::Rc;

use stormglass_sim::fs::{self, File};
use stormglass_sim::net::rpc;
use stormglass_sim::task::yield_now;
use stormglass_sim::time::sleep;
use stormglass_sim::{reachable, sometimes};

use super::super::bugs::Bug;
use super::super::message::{Attempt, Bytes, Fetch, Fetched, Locate, Located, Piece, Place};
use super::super::protocol::encode;
use super::merging::{Merging, Run};
use super::{Trouble, Worker};

/// The parts fetched so far.
pub(super) struct Shuffle<'a> {
    worker: &'a Worker,
    reduce: u32,
    attempt: Attempt,
    have: Vec<bool>,
    /// Whose parts were fetched, if somebody watches.
    pub(super) consumed: Vec<(u32, Attempt)>,
    memory: Vec<Vec<u8>>,
    held: usize,
    disk: Vec<Stored>,
    files: u32,
}

/// A run on disk.
pub(super) struct Stored {
    path: PathBuf,
    length: u64,
}

/// A part on its way.
struct Partial {
    map: u32,
    attempt: Attempt,
    got: u64,
    bytes: Vec<u8>,
    file: Option<(File, PathBuf)>,
}

impl<'a> Shuffle<'a> {
    pub(super) fn new(worker: &'a Worker, reduce: u32, attempt: Attempt) -> Shuffle<'a> {
        Shuffle {
            worker,
            reduce,
            attempt,
            have: Vec::new(),
            consumed: Vec::new(),
            memory: Vec::new(),
            held: 0,
            disk: Vec::new(),
            files: 0,
        }
    }

    /// Fetches until there is a part of every map.
    pub(super) async fn fetch_all(&mut self) -> Result<(), Trouble> {
        let (mut lost, mut waits) = (Vec::new(), false);
        loop {
            let worker = self.worker.id();
            let locate = Locate { worker, reduce: self.reduce, attempt: self.attempt, lost, waits };
            let located = rpc::call(&self.worker.config.coordinator, &locate, self.worker.config.reply).await;
            lost = Vec::new();
            match located {
                Ok(Located::Drop) => return Err(Trouble::Dropped),
                Ok(Located::Here { places, of }) => {
                    self.have.resize(self.have.len().max(of as usize), false);
                    for place in &places {
                        self.fetch_from(place, &mut lost).await?;
                    }
                    waits = true;
                    if self.have.iter().filter(|have| **have).count() >= of as usize {
                        return Ok(());
                    }
                }
                Err(_) => {}
            }
            reachable!("mapreduce: a reducer waits for parts");
            sleep(self.worker.config.poll).await;
        }
    }

    /// Fetches what this worker has and we have not; adds to `lost` what cannot be had.
    async fn fetch_from(&mut self, place: &Place, lost: &mut Vec<(u32, Attempt)>) -> Result<(), Trouble> {
        let missing = |(map, _): &&(u32, Attempt)| self.have.get(*map as usize).is_none_or(|have| !have);
        let mut wanted: Vec<Partial> = place.maps.iter().filter(missing).rev().map(Partial::new).collect();
        while !wanted.is_empty() {
            let fetch = Fetch {
                job: self.worker.job(),
                part: self.reduce,
                wanted: wanted.iter().rev().map(|part| (part.map, part.attempt, part.got)).collect(),
            };
            let fetched = rpc::call(place.address.as_str(), &fetch, self.worker.config.reply).await;
            let Ok(Fetched { pieces }) = fetched else {
                lost.extend(wanted.iter().map(|part| (part.map, part.attempt)));
                return Ok(());
            };
            for piece in pieces {
                let Some(mut part) = wanted.pop() else { break };
                match piece {
                    Piece::Bytes { of, bytes: Bytes(bytes) } => {
                        part.got += bytes.len() as u64;
                        if self.take(&mut part, bytes, of).await? {
                            self.keep(part).await?;
                        } else {
                            wanted.push(part);
                        }
                    }
                    Piece::NotHere if self.worker.config.bugs.has(Bug::MissingPartIsEmpty) => {
                        self.keep(part).await?
                    }
                    Piece::NotHere => lost.push((part.map, part.attempt)),
                }
            }
        }
        Ok(())
    }

    /// Adds to a part on its way; whether it is whole now.
    async fn take(&mut self, part: &mut Partial, bytes: Vec<u8>, of: u64) -> Result<bool, Trouble> {
        let large = of > (self.worker.config.memory / 4) as u64;
        if large && part.file.is_none() {
            let (file, path) = self.create().await?;
            part.file = Some((file, path));
        }
        match &part.file {
            Some((file, _)) => {
                let at = part.got - bytes.len() as u64;
                file.write_all_at(&bytes, at).await.map_err(Trouble::disk)?;
            }
            None if part.bytes.is_empty() => part.bytes = bytes,
            None => part.bytes.extend_from_slice(&bytes),
        }
        Ok(part.got >= of)
    }

    async fn keep(&mut self, part: Partial) -> Result<(), Trouble> {
        if self.have.len() <= part.map as usize {
            self.have.resize(part.map as usize + 1, false);
        }
        self.have[part.map as usize] = true;
        if self.worker.config.probe.ghost(|_| ()).is_some() {
            self.consumed.push((part.map, part.attempt));
        }
        match part.file {
            Some((_, path)) => self.disk.push(Stored { path, length: part.got }),
            None if part.bytes.is_empty() => {}
            None => {
                self.held += part.bytes.len();
                self.memory.push(part.bytes);
            }
        }
        if self.held > self.worker.config.memory / 2 {
            let memory = std::mem::take(&mut self.memory);
            self.held = 0;
            self.merge_to_disk(memory, Vec::new()).await?;
        }
        if self.disk.len() >= self.worker.config.fan_in.max(2) {
            let disk = std::mem::take(&mut self.disk);
            self.merge_to_disk(Vec::new(), disk).await?;
        }
        Ok(())
    }

    async fn create(&mut self) -> Result<(File, PathBuf), Trouble> {
        let path = self.worker.file(&format!("reduce-{}-{}-run-{}", self.reduce, self.attempt, self.files));
        self.files += 1;
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        Ok((options.open(&path).await.map_err(Trouble::disk)?, path))
    }

    async fn merge_to_disk(&mut self, memory: Vec<Vec<u8>>, disk: Vec<Stored>) -> Result<(), Trouble> {
        sometimes!(!disk.is_empty(), "mapreduce: a reducer merged runs on disk");
        let (file, path) = self.create().await?;
        let mut merging = self.merging(memory, &disk).await?;
        let (mut buffer, mut written) = (Vec::new(), 0);
        while let Some((key, value)) = merging.pair() {
            encode(&mut buffer, key, value);
            if buffer.len() >= self.worker.config.chunk {
                file.write_all_at(&buffer, written).await.map_err(Trouble::disk)?;
                written += buffer.len() as u64;
                buffer.clear();
                yield_now().await;
            }
            merging.advance().await?;
        }
        file.write_all_at(&buffer, written).await.map_err(Trouble::disk)?;
        remove(&disk).await?;
        self.disk.push(Stored { path, length: written + buffer.len() as u64 });
        Ok(())
    }

    async fn merging(&self, memory: Vec<Vec<u8>>, disk: &[Stored]) -> Result<Merging, Trouble> {
        let mut merging = Merging::new((self.worker.config.chunk / 16).max(512));
        for run in memory {
            merging.add_memory(run)?;
        }
        for Stored { path, length } in disk {
            let file = Rc::new(File::open(path).await.map_err(Trouble::disk)?);
            merging.add_file(Run { file, start: 0, end: *length }).await?;
        }
        Ok(merging)
    }

    /// Everything that was fetched, as one sorted run; and the files to remove when it is through.
    pub(super) async fn merged(&mut self) -> Result<(Merging, Vec<Stored>), Trouble> {
        let (memory, disk) = (std::mem::take(&mut self.memory), std::mem::take(&mut self.disk));
        sometimes!(!disk.is_empty(), "mapreduce: a reducer held more than its memory");
        Ok((self.merging(memory, &disk).await?, disk))
    }
}

impl Partial {
    fn new((map, attempt): &(u32, Attempt)) -> Partial {
        Partial { map: *map, attempt: *attempt, got: 0, bytes: Vec::new(), file: None }
    }
}

/// Removes runs that nobody reads any more.
pub(super) async fn remove(runs: &[Stored]) -> Result<(), Trouble> {
    for run in runs {
        fs::remove_file(&run.path).await.map_err(Trouble::disk)?;
    }
    Ok(())
}
