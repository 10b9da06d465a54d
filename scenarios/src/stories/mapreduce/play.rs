//! What is played in a mapreduce story: the job, its input, and how many do it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::app::{self, Find};
use stormglass_systems::mapreduce::message::{Bytes, Input, JobId, Split, Task};
use stormglass_systems::mapreduce::protocol::{Job, Policy, splits};
use stormglass_systems::mapreduce::spec::Expected;

use super::reference::{File, sequential};
use crate::Stage;

/// The job of a story.
pub(super) const ID: JobId = 2;

/// What a task costs, by worker: waited for before it is begun.
pub(super) type Costs = Rc<dyn Fn(usize, Task) -> LocalBoxFuture<'static, ()>>;

const WORDS: [&str; 24] = [
    "a", "and", "bell", "calm", "deep", "ebb", "fog", "gale", "gulf", "hull", "ice", "keel", "lee", "mast",
    "mist", "oar", "port", "reef", "sail", "sea", "surf", "swell", "tide", "wind",
];

/// What is played.
pub(super) struct Play {
    pub(super) app: &'static str,
    /// Another application over the same input, at which all are until [`Seen::begun`].
    pub(super) before: Option<&'static str>,
    pub(super) args: Vec<Bytes>,
    pub(super) find: Find,
    pub(super) files: Vec<File>,
    pub(super) split: u64,
    pub(super) reduces: u32,
    pub(super) workers: usize,
    pub(super) policy: Policy,
    /// Whether the coordinator keeps a checkpoint.
    pub(super) checkpoint: bool,
    pub(super) memory: usize,
    pub(super) chunk: usize,
    pub(super) fan_in: usize,
    pub(super) costs: Costs,
    /// Whether the output is known before: the application's functions are functions, and nothing is skipped.
    pub(super) expects: bool,
}

impl Play {
    /// Words are counted, in as many files.
    pub(super) fn new(stage: &Stage, files: usize) -> Play {
        let stream = stage.world().stream("workload");
        let line = || {
            let words: Vec<&str> =
                (0..1 + stream.below(8)).filter_map(|_| stream.pick(&WORDS).copied()).collect();
            words.join(" ") + "\n"
        };
        // A file has one line at least, and a job one file.
        let content = |_| {
            let lines = (0..2 + stream.below(10)).map(|n| (n, line()));
            let kept = lines.filter(|(n, _)| *n == 0 || stage.happens("lines"));
            kept.map(|(_, line)| line).collect::<String>().into_bytes()
        };
        let files = (0..files).map(|n| (format!("in/{n}.txt"), content(n)));
        Play {
            app: "wc",
            before: None,
            args: Vec::new(),
            find: app::built_in,
            files: files
                .enumerate()
                .filter(|(n, _)| *n == 0 || stage.happens("files"))
                .map(|(_, file)| file)
                .collect(),
            split: 1 << 20,
            reduces: 3,
            workers: 3,
            policy: Policy { ping_every: Duration::from_millis(500), ..Policy::default() },
            checkpoint: false,
            memory: 1 << 16,
            chunk: 4096,
            fan_in: 64,
            costs: between(10, 100),
            expects: true,
        }
    }

    pub(super) fn job(&self) -> Job {
        let inputs = self.files.iter().enumerate().map(|(n, (path, content))| Input {
            path: path.clone(),
            length: content.len() as u64,
            version: 0,
            copies: self.copies(n).map(address).collect(),
        });
        let splits = (0..).zip(&self.files).flat_map(|(input, (_, content))| {
            splits(content.len() as u64, self.split).map(move |(offset, length)| Split {
                input,
                offset,
                length,
            })
        });
        Job {
            id: ID,
            app: self.app.to_owned(),
            args: self.args.clone(),
            splits: splits.collect(),
            inputs: inputs.collect(),
            reduces: self.reduces,
        }
    }

    /// The job that comes before this one, if there is one.
    pub(super) fn earlier(&self) -> Option<Job> {
        Some(Job { id: ID - 1, app: self.before?.to_owned(), ..self.job() })
    }

    /// The workers that have a copy of an input on their own disk: two, as chunks of GFS have three.
    pub(super) fn copies(&self, input: usize) -> impl Iterator<Item = usize> {
        let workers = self.workers;
        (input..input + workers.min(2)).map(move |worker| worker % workers)
    }

    /// How many keys each reduce task has, by its lines in the output.
    pub(super) fn reduce_calls(&self) -> BTreeMap<u32, usize> {
        let expected = self.expected().unwrap_or_default();
        let lines = |output: &Vec<u8>| output.iter().filter(|byte| **byte == b'\n').count();
        expected.output.iter().map(|(reduce, output)| (*reduce, lines(output))).collect()
    }

    pub(super) fn expected(&self) -> Option<Expected> {
        let app = (self.find)(self.app, &self.args).ok().filter(|_| self.expects)?;
        Some(sequential(&*app, &self.files, self.reduces, |_| false))
    }
}

/// A task takes so many milliseconds, from the worker's own chance.
pub(super) fn between(least: u64, most: u64) -> Costs {
    Rc::new(move |_, _| {
        Box::pin(async move {
            let by_chance = stormglass_sim::rand::below(most.saturating_sub(least).max(1));
            sleep(Duration::from_millis(least + by_chance)).await;
        })
    })
}

pub(super) fn address(worker: usize) -> String {
    format!("w{worker}:7100")
}
