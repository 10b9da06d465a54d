//! The seven tests of 6.5840's first lab, retold: eight files, ten outputs, workers that poll, ten seconds for a task.
//! Where the lab's applications look at process ids and shared files, here the story looks on.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::node::abort;
use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Task;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Costs, Play, between};
use crate::{Stage, Story};

const FILES: usize = 8;
const REDUCES: u32 = 10;

pub(super) const WORD_COUNT: &str = "mapreduce/lab_word_count";
pub(super) const EARLY_EXIT: &str = "mapreduce/lab_early_exit";

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(WORD_COUNT, "Three workers count words as one would", |stage| word_count(stage, "wc", 3))
            .catches(caught_by::<Bug>(WORD_COUNT)),
        Story::new("mapreduce/lab_indexer", "Two workers index words as one would", |stage| {
            word_count(stage, "indexer", 2)
        }),
        Story::new("mapreduce/lab_map_parallelism", "Maps run at the same time on every worker", |stage| {
            parallelism(stage, 1, |task| matches!(task, Task::Map(_)))
        }),
        Story::new(
            "mapreduce/lab_reduce_parallelism",
            "Reduces run at the same time on every worker",
            |stage| parallelism(stage, 2, |task| matches!(task, Task::Reduce(_))),
        ),
        Story::new("mapreduce/lab_job_count", "Without a failure every map is done once", job_count)
            .sometimes("a late worker was told that the job is over"),
        Story::new(EARLY_EXIT, "Nobody leaves before the output is final", early_exit).catches(caught_by::<
            Bug,
        >(
            EARLY_EXIT
        )),
        Story::new(
            "mapreduce/lab_crash",
            "Workers that die and dawdle at every task come to the right output",
            crash,
        )
        .sometimes("a worker was declared dead")
        .limit(Duration::from_secs(8000)),
    ]
}

fn play(stage: &Stage, workers: usize) -> Play {
    let mut play = Play::new(stage, FILES);
    (play.workers, play.reduces) = (workers, REDUCES);
    play
}

async fn word_count(stage: Stage, app: &'static str, workers: usize) {
    let mut play = play(&stage, workers);
    play.app = app;
    let cast = Cast::new(&stage, play);
    cast.finish(Duration::from_secs(45)).await;
    leave(&stage, &cast, workers).await;
}

/// Everybody learns that the job is over, the coordinator last or not.
async fn leave(stage: &Stage, cast: &Cast, workers: usize) {
    let seen = &cast.seen;
    let left = || seen.left.borrow().len() == workers && seen.over.get();
    let who = || format!("the workers {:?} have left, of {workers}", seen.left.borrow().keys());
    stage.converges(Duration::from_secs(10), "everybody leaves when the job is over", left, who).await;
}

/// Each such task takes a second. So many at least must find, when they begin, that another worker is at one, too.
async fn parallelism(stage: Stage, least: usize, counts: fn(Task) -> bool) {
    #[derive(Default)]
    struct Gauge {
        now: usize,
        together: usize,
        who: BTreeSet<usize>,
    }
    impl Gauge {
        fn begin(&mut self, worker: usize) {
            self.who.insert(worker);
            self.now += 1;
            self.together += usize::from(self.now == 2);
        }
    }
    let gauge = Rc::new(RefCell::new(Gauge::default()));
    let shared = gauge.clone();
    let mut play = play(&stage, 2);
    play.costs = Rc::new(move |worker, task| {
        let gauge = shared.clone();
        Box::pin(async move {
            if counts(task) {
                gauge.borrow_mut().begin(worker);
                sleep(Duration::from_secs(1)).await;
                gauge.borrow_mut().now -= 1;
            }
        })
    });
    let cast = Cast::new(&stage, play);
    cast.finish(Duration::from_secs(45)).await;
    let gauge = gauge.borrow();
    let shared = gauge.together >= least && gauge.who.len() == 2;
    stage.claim(shared, "two workers work at the same time", || {
        format!("{} tasks began beside another, on {} workers", gauge.together, gauge.who.len())
    });
}

/// Maps take 2 to 5 seconds. Two workers more come late, some after the job is over.
async fn job_count(stage: Stage) {
    let world = stage.world();
    let mut play = play(&stage, 4);
    play.costs = Rc::new(|_, task| {
        Box::pin(async move {
            if let Task::Map(_) = task {
                sleep(Duration::from_millis(2000 + below(3000))).await;
            }
        })
    });
    let cast = Cast::new(&stage, play);
    for late in &cast.workers[2..] {
        world.crash(*late);
    }
    sleep(Duration::from_millis(world.stream("late").below(40_000))).await;
    for late in &cast.workers[2..] {
        world.restart(*late);
    }
    cast.finish(Duration::from_secs(45)).await;
    let maps = cast.counts().maps;
    stage.claim(maps == FILES as u64, "every map is handed out once", || {
        format!("{maps} maps were handed out")
    });
    // Who comes when the coordinator has ended, too, goes after a minute.
    let gone = || {
        let (left, alone) = (cast.seen.left.borrow(), cast.seen.alone.borrow());
        (0..2).all(|early| left.contains_key(&early))
            && (2..4).all(|late| left.contains_key(&late) || alone.contains(&late))
    };
    let who = || format!("the workers {:?} have left", cast.seen.left.borrow().keys());
    stage.converges(Duration::from_secs(75), "everybody leaves when the job is over", gone, who).await;
    if cast.seen.alone.borrow().is_empty() {
        stage.sometimes("a late worker was told that the job is over");
    }
}

/// Two outputs take three seconds more.
async fn early_exit(stage: Stage) {
    let mut play = play(&stage, 3);
    let usual = between(10, 100);
    let costs: Costs = Rc::new(move |worker, task| {
        let usual = usual(worker, task);
        Box::pin(async move {
            usual.await;
            if let Task::Reduce(3 | 7) = task {
                sleep(Duration::from_secs(3)).await;
            }
        })
    });
    play.costs = costs;
    let cast = Cast::new(&stage, play);
    let somebody_left = || !cast.seen.left.borrow().is_empty() || cast.seen.over.get();
    stage
        .converges(Duration::from_secs(45), "somebody leaves", somebody_left, || "nobody does".to_owned())
        .await;
    stage.claim(cast.counts().done > 0, "nobody leaves before the job is done", || {
        format!("the workers {:?} have left", cast.seen.left.borrow().keys())
    });
    leave(&stage, &cast, 3).await;
}

/// At each call of the map or reduce function, one a file or a word, a worker dies, dawdles for up to ten seconds, or
/// works, with the same chance: the lab's thirds. One is started once, three again and again. In the lab the output of a
/// map survives its worker; here it is done again.
async fn crash(stage: Stage) {
    let world = stage.world();
    let mut play = play(&stage, 4);
    // The lab's coordinator never gives up.
    play.policy.max_failures = u32::MAX;
    let calls = play.reduce_calls();
    play.costs = Rc::new(move |_, task| {
        let calls = match task {
            Task::Map(_) => 1,
            Task::Reduce(reduce) => calls.get(&reduce).copied().unwrap_or(0),
        };
        Box::pin(async move {
            for _ in 0..calls {
                match below(3) {
                    0 => abort(),
                    1 => sleep(Duration::from_millis(below(10_000))).await,
                    _ => {}
                }
            }
        })
    });
    let cast = Cast::new(&stage, play);
    let respawned = cast.workers[1..].to_vec();
    let respawn = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            respawned
                .iter()
                .filter(|worker| !world.is_up(**worker))
                .for_each(|worker| world.restart(*worker));
        }
    };
    let finish = std::pin::pin!(cast.finish(Duration::from_secs(6000)));
    _ = futures::future::select(finish, std::pin::pin!(respawn)).await;
}
