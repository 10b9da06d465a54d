//! A map task (§3.1, steps 3 and 4): reads a split, writes one file with a sorted run for every reduce task.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use stormglass_sim::fs::{self, File};
use stormglass_sim::sometimes;
use stormglass_sim::task::yield_now;

use super::super::app::{Application, Record};
use super::super::bugs::Bug;
use super::super::message::{Attempt, Bytes, Counters, Culprit, Input, Split, Task};
use super::super::protocol::{Gather, Lines, Sorted, encode};
use super::super::spec::Observation;
use super::input::Source;
use super::merging::{Merging, Run};
use super::serving::Output;
use super::{Trouble, Worker, counters, user_code};

/// How much is read beyond the end of a split at a time, for its last line.
const BEYOND: u64 = 4096;

/// After so many bytes or records others may run.
const BYTES_AT_ONCE: usize = 64 << 10;
const RECORDS_AT_ONCE: u64 = 1024;

/// One attempt.
pub(super) struct Map {
    pub(super) map: u32,
    pub(super) attempt: Attempt,
    pub(super) split: Split,
    pub(super) input: Input,
    pub(super) skip: Vec<u64>,
}

impl Map {
    pub(super) async fn carry_out(self, worker: &Worker) -> Result<Counters, Trouble> {
        let (app, parts) = worker.app();
        let mut gather = Gather::new(app.combines(), worker.config.memory);
        let mut spills: Vec<Output> = Vec::new();
        let source = Source::open(worker, &self.input, self.split).await;
        let end = self.split.offset.saturating_add(self.split.length);
        let mut lines = Lines::new(self.split.offset, self.split.length);
        let (mut records, mut skipped) = (0, 0);
        while let Some(at) = lines.wants() {
            let chunk = worker.config.chunk.max(1) as u64;
            let length = end.saturating_sub(at).clamp(BEYOND.min(chunk), chunk);
            // What was written behind it since the job began is no part of it.
            let length = length.min(self.input.length.saturating_sub(at));
            let read = if length == 0 { vec![] } else { source.read(worker, at, length as usize).await? };
            if read.is_empty() && length > 0 && !worker.config.bugs.has(Bug::EmptyReadIsTheEnd) {
                let why = format!("{}: it is shorter than when the job began", self.input.path);
                return Err(Trouble::Failed(None, why));
            }
            let mut left = &read[..];
            loop {
                let taken = self.feed(&*app, &mut lines, left, &mut gather, (&mut records, &mut skipped))?;
                left = &left[taken..];
                if gather.is_full() {
                    sometimes!(!spills.is_empty(), "mapreduce: a map spilled more than once");
                    let name = self.spill_name(spills.len());
                    spills.push(self.spill(worker, &*app, parts, &mut gather, name).await?);
                }
                // Pings and fetches want to be heard, too.
                yield_now().await;
                if left.is_empty() || lines.wants().is_none() {
                    break;
                }
            }
        }
        let output = if spills.is_empty() {
            self.spill(worker, &*app, parts, &mut gather, self.name()).await?
        } else {
            if !gather.is_empty() {
                let name = self.spill_name(spills.len());
                spills.push(self.spill(worker, &*app, parts, &mut gather, name).await?);
            }
            self.merge_all(worker, parts, spills).await?
        };
        sometimes!(output.ends.last().is_some_and(|end| *end > 0), "mapreduce: a map has output");
        let key = (worker.job(), self.map, self.attempt);
        worker.outputs.send_modify(|outputs| _ = outputs.insert(key, Arc::new(output)));
        let (task, attempt) = (Task::Map(self.map), self.attempt);
        worker.config.probe.observe(|| Observation::CarriedOut {
            job: worker.job(),
            task,
            attempt,
            consumed: vec![],
            output: vec![],
        });
        let mut all = counters(&[("records read", records), ("records skipped", skipped)]);
        all.extend(gather.counters());
        Ok(all)
    }

    /// Maps records until there is enough to spill, or others want to run; returns how much of `read` was taken.
    fn feed(
        &self,
        app: &dyn Application,
        lines: &mut Lines,
        read: &[u8],
        gather: &mut Gather,
        (records, skipped): (&mut u64, &mut u64),
    ) -> Result<usize, Trouble> {
        let (at, mut bytes, first) = (Cell::new(0), 0, *records);
        let mut out = gather.of(app);
        let file = self.input.path.as_str();
        let each = |offset, line: &[u8]| {
            if self.skip.contains(&offset) {
                *skipped += 1;
                return ControlFlow::Continue(());
            }
            at.set(offset);
            *records += 1;
            bytes += line.len();
            app.map(&Record { file, offset, line }, &mut out);
            let enough = bytes >= BYTES_AT_ONCE || *records - first >= RECORDS_AT_ONCE;
            if enough || out.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let fed = user_code(|| Culprit::Record(at.get()), || lines.feed(read, each))?;
        if gather.has_overflowed() {
            let culprit = Culprit::Record(at.get());
            let why = format!("{culprit} of {file} makes the application emit more than 4 GiB");
            return Err(Trouble::Failed(Some(culprit), why));
        }
        fed.map_err(|long| Trouble::Failed(None, format!("{file}: {long}")))
    }

    fn name(&self) -> String {
        format!("map-{}-{}", self.map, self.attempt)
    }

    async fn create(&self, worker: &Worker, name: &str) -> Result<File, Trouble> {
        File::create(worker.file(name)).await.map_err(Trouble::disk)
    }

    fn spill_name(&self, number: usize) -> String {
        format!("{}-spill-{number}", self.name())
    }

    /// Writes what was gathered to a file of this name, piece by piece, and empties it.
    async fn spill(
        &self,
        worker: &Worker,
        app: &dyn Application,
        parts: u32,
        gather: &mut Gather,
        name: String,
    ) -> Result<Output, Trouble> {
        let mut sorted = in_parts(worker, app, parts, gather)?;
        let file = self.create(worker, &name).await?;
        let (mut piece, mut written, mut more) = (Vec::new(), 0, true);
        while more {
            more = gather.encode(&mut sorted, &mut piece, worker.config.chunk);
            file.write_all_at(&piece, written).await.map_err(Trouble::disk)?;
            written += piece.len() as u64;
            piece.clear();
        }
        gather.clear();
        Ok(Output { path: worker.file(&name), ends: sorted.ends })
    }

    /// Merges spills into the output; where they are many, some into one first, and again.
    async fn merge_all(&self, worker: &Worker, parts: u32, spills: Vec<Output>) -> Result<Output, Trouble> {
        let (at_once, mut number) = (worker.config.fan_in.max(2), spills.len());
        let mut left = VecDeque::from(spills);
        while left.len() > at_once {
            sometimes!(true, "mapreduce: a map merged spills in rounds");
            let some: Vec<Output> = left.drain(..at_once).collect();
            left.push_back(self.merge(worker, parts, some, self.spill_name(number)).await?);
            number += 1;
        }
        self.merge(worker, parts, left.into(), self.name()).await
    }

    /// Merges spills into one file, part by part, and removes them.
    async fn merge(
        &self,
        worker: &Worker,
        parts: u32,
        spills: Vec<Output>,
        name: String,
    ) -> Result<Output, Trouble> {
        let mut opened = Vec::new();
        for spill in &spills {
            opened.push(Rc::new(File::open(&spill.path).await.map_err(Trouble::disk)?));
        }
        let path = worker.file(&name);
        let file = self.create(worker, &name).await?;
        let chunk = (worker.config.chunk / 16).max(512);
        let (mut ends, mut buffer, mut written) = (Vec::new(), Vec::new(), 0);
        for part in 0..parts as usize {
            let mut merging = Merging::new(chunk);
            for (file, Output { ends, .. }) in opened.iter().zip(&spills) {
                let start = if part == 0 { 0 } else { ends[part - 1] };
                merging.add_file(Run { file: file.clone(), start, end: ends[part] }).await?;
            }
            while let Some((key, value)) = merging.pair() {
                encode(&mut buffer, key, value);
                if buffer.len() >= worker.config.chunk {
                    file.write_all_at(&buffer, written).await.map_err(Trouble::disk)?;
                    written += buffer.len() as u64;
                    buffer.clear();
                    yield_now().await;
                }
                merging.advance().await?;
            }
            ends.push(written + buffer.len() as u64);
        }
        file.write_all_at(&buffer, written).await.map_err(Trouble::disk)?;
        for spill in &spills {
            fs::remove_file(&spill.path).await.map_err(Trouble::disk)?;
        }
        Ok(Output { path, ends })
    }
}

/// What was gathered, part by part. Which part a key is in is the user's code, too.
fn in_parts(worker: &Worker, app: &dyn Application, parts: u32, gather: &Gather) -> Result<Sorted, Trouble> {
    let at = Cell::new(0);
    let part = |place, key: &[u8]| {
        at.set(place);
        partition(worker, app, key, parts)
    };
    user_code(|| Culprit::Key(Bytes(gather.key(at.get()).to_vec())), || gather.sort(parts, part))
}

fn partition(worker: &Worker, app: &dyn Application, key: &[u8], parts: u32) -> u32 {
    if worker.config.bugs.has(Bug::HashPerProcess) {
        let salt = worker.id() as u32;
        return (super::super::protocol::hash(key) ^ salt) % parts;
    }
    app.partition(key, parts)
}
