//! Who plays in a mapreduce story: a coordinator, a store, workers, and the observer that judges them all.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::fs::{Calm, OpenOptions};
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};
use stormglass_systems::mapreduce::bugs::{Bug, Bugs};
use stormglass_systems::mapreduce::client;
use stormglass_systems::mapreduce::server::{self, store};
use stormglass_systems::mapreduce::spec::{self, Counts, Observation, Probe};

use super::super::planted;
use super::play::{ID, Play, address};
use super::reference::File;
use crate::{Fall, Stage, Weather};

/// The cast of one run.
pub(super) struct Cast {
    pub(super) stage: Stage,
    pub(super) probe: Probe,
    pub(super) coordinator: NodeId,
    pub(super) store: NodeId,
    pub(super) workers: Vec<NodeId>,
    pub(super) seen: Seen,
}

/// What the nodes' main functions came to.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// When each worker ended because the job was over, by its number.
    pub(super) left: Rc<RefCell<BTreeMap<usize, Duration>>>,
    /// Who ended because there was no coordinator.
    pub(super) alone: Rc<RefCell<BTreeSet<usize>>>,
    /// Why the job failed.
    pub(super) failure: Rc<RefCell<Option<String>>>,
    /// Whether the story's own job has begun: who starts from now on is at it.
    pub(super) begun: Rc<Cell<bool>>,
    /// Whether the coordinator has ended.
    pub(super) over: Rc<Cell<bool>>,
}

impl Cast {
    pub(super) fn new(stage: &Stage, play: Play) -> Cast {
        let world = stage.world();
        let (probe, bugs, seen) = (Probe::new(move || world.now()), planted::<Bug>(stage), Seen::default());
        if let Some(expected) = play.expected() {
            probe.observe(|| Observation::Expects(expected));
        }
        let play = Rc::new(play);
        let store = add_store(world, &play, bugs, &probe, &seen);
        let coordinator = add_coordinator(world, &play, bugs, &probe, &seen);
        let workers: Vec<NodeId> =
            (0..play.workers).map(|number| add_worker(world, &play, number, bugs, &probe, &seen)).collect();
        put_files(world, store, &play.files);
        for (number, file) in play.files.iter().enumerate() {
            play.copies(number)
                .for_each(|worker| put_files(world, workers[worker], std::slice::from_ref(file)));
        }
        let (watched, reduces, shown) = (probe.clone(), play.reduces, RefCell::new(BTreeMap::new()));
        stage.watch(move || {
            look_at_outputs(world, store, reduces, &watched, &mut shown.borrow_mut());
            match watched.broken() {
                None => Ok(()),
                Some((_, broken)) => Err(Fall::new("invariant", broken.clause, broken.detail)),
            }
        });
        Cast { stage: stage.clone(), probe, coordinator, store, workers, seen }
    }

    pub(super) fn counts(&self) -> Counts {
        self.probe.ghost(spec::Ghost::counts).unwrap_or_default()
    }

    /// The storm over workers, store and (with a checkpoint) coordinator, then the calm in which the job must end.
    pub(super) async fn storm(&self, weather: Weather, strikes: &[NodeId], within: Duration) {
        let everyone = [self.coordinator, self.store].into_iter().chain(self.workers.iter().copied());
        let spared: Vec<NodeId> = everyone.filter(|node| !strikes.contains(node)).collect();
        self.stage.storm(weather, strikes, &spared).await;
        self.finish(within).await;
    }

    /// No worker is given up but those at these addresses.
    pub(super) fn spares_all_but(&self, given_up: &[&str], claim: &'static str) {
        let (probe, known) =
            (self.probe.clone(), given_up.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        self.stage.watch(move || {
            let innocent =
                |ghost: &spec::Ghost| ghost.buried().iter().find(|who| !known.contains(who)).cloned();
            match probe.ghost(innocent).flatten() {
                None => Ok(()),
                Some(who) => Err(Fall::new("invariant", claim, format!("the worker at {who} was given up"))),
            }
        });
    }

    /// The job must end well; then the run says what it has seen.
    pub(super) async fn finish(&self, within: Duration) {
        let done = || self.counts().done > 0;
        self.stage.converges(within, "the job ends", done, || self.waits()).await;
        let counts = self.counts();
        for (times, event) in [
            (counts.backups, "a task got a backup"),
            (counts.buried, "a worker was declared dead"),
            (counts.voided, "a completed map became void"),
            (counts.failed, "an attempt failed"),
            (counts.started.saturating_sub(1), "the coordinator restarted"),
        ] {
            if times > 0 {
                self.stage.sometimes(event);
            }
        }
    }

    fn waits(&self) -> String {
        let failure = self.seen.failure.borrow().clone();
        let counts = self.counts();
        failure.map_or_else(
            || {
                format!(
                    "{} attempts were handed out, {} workers declared dead, and no end",
                    counts.assigned, counts.buried
                )
            },
            |why| format!("the coordinator has given up: {why}"),
        )
    }
}

/// Shows the observer what stands under the final names, when that has changed.
fn look_at_outputs(
    world: World,
    store: NodeId,
    reduces: u32,
    probe: &Probe,
    shown: &mut BTreeMap<u32, Vec<u8>>,
) {
    world.disk(store, |disk| {
        for reduce in 0..reduces {
            let content = disk.content(format!("out/{}", store::name(reduce))).ok();
            if shown.get(&reduce) == content.as_ref() {
                continue;
            }
            match &content {
                Some(content) => _ = shown.insert(reduce, content.clone()),
                None => _ = shown.remove(&reduce),
            }
            probe.observe(|| Observation::Visible { reduce, content });
        }
    });
}

/// Puts files on a disk, as durable as if they had always been there.
fn put_files(world: World, node: NodeId, files: &[File]) {
    world.disk(node, |disk| {
        let draw = &mut Calm;
        let put = |disk: &mut stormglass_sim::fs::Disk, draw: &mut Calm| {
            if disk.metadata("in").is_err() {
                disk.create_dir("in", draw)?;
            }
            for (path, content) in files {
                let handle = disk.open(path, OpenOptions::new().write(true).create(true), draw)?;
                disk.write_all_at(handle, content, 0, draw)?;
                disk.sync_file(handle, draw)?;
                disk.close(handle);
            }
            disk.sync_dir("in", draw)?;
            disk.sync_dir("/", draw)
        };
        put(disk, draw).expect("an empty disk without faults takes files");
    });
}

fn add_store(world: World, play: &Rc<Play>, bugs: Bugs, probe: &Probe, seen: &Seen) -> NodeId {
    let inputs = play.files.iter().map(|(path, _)| path.clone()).collect();
    let config = store::Config { inputs, output: "out".into(), bugs, probe: probe.clone() };
    let (earlier, begun) = (play.earlier().map(|job| job.id), seen.begun.clone());
    world.node("store", move || {
        let mut config = config.clone();
        let id = earlier.filter(|_| !begun.get()).unwrap_or(ID);
        if id != ID {
            (config.output, config.probe) = ("before".into(), Probe::blind());
        }
        async move {
            // A supervisor: the disk may fail while the directory is made.
            while store::run("0.0.0.0:7001".to_owned(), id, config.clone()).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        }
    })
}

fn add_coordinator(world: World, play: &Rc<Play>, bugs: Bugs, probe: &Probe, seen: &Seen) -> NodeId {
    let config = server::Config {
        policy: play.policy.clone(),
        checkpoint: play.checkpoint.then(|| "checkpoint".into()),
        tick: Duration::from_millis(100),
        bugs,
        probe: probe.clone(),
        ..server::Config::new(play.job())
    };
    let (earlier, seen) = (play.earlier(), seen.clone());
    world.node("coordinator", move || {
        let (mut config, seen) = (config.clone(), seen.clone());
        if let Some(job) = earlier.clone().filter(|_| !seen.begun.get()) {
            (config.job, config.probe) = (job, Probe::blind());
        }
        async move {
            loop {
                match server::run(config.clone()).await {
                    Ok(_) => return seen.over.set(true),
                    Err(server::Error::Job(why) | server::Error::Stopped(why)) => {
                        seen.failure.replace(Some(why));
                        return;
                    }
                    // A new process, which reads what is on the disk.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        }
    })
}

fn add_worker(
    world: World,
    play: &Rc<Play>,
    number: usize,
    bugs: Bugs,
    probe: &Probe,
    seen: &Seen,
) -> NodeId {
    let costs = play.costs.clone();
    let config = client::Config {
        store: "store:7001".to_owned(),
        announce: Some(address(number)),
        memory: play.memory,
        chunk: play.chunk,
        fan_in: play.fan_in,
        find: play.find,
        toil: Some(Rc::new(move |task| costs(number, task))),
        bugs,
        probe: probe.clone(),
        ..client::Config::of("coordinator:7000")
    };
    let seen = seen.clone();
    world.node(&format!("w{number}"), move || {
        let (config, seen) = (config.clone(), seen.clone());
        async move {
            loop {
                match client::run(config.clone()).await {
                    Ok(()) => {
                        seen.left.borrow_mut().insert(number, world.now());
                        return;
                    }
                    Err(client::Error::Alone(_)) => {
                        seen.alone.borrow_mut().insert(number);
                        return;
                    }
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        }
    })
}
