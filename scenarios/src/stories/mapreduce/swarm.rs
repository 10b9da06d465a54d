//! Everything from the seed: which application, how many workers, how input is cut, which faults there are at all, how
//! often and how long.

use std::time::Duration;

use stormglass_systems::mapreduce::app::boundaries;
use stormglass_systems::mapreduce::message::Bytes;
use stormglass_systems::mapreduce::protocol::Backups;

use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story, Weather};

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "mapreduce/swarm",
            "The output is that of a sequential run, whatever network and machines do",
            tell,
        )
        .sometimes("a task got a backup")
        .sometimes("a completed map became void")
        .sometimes("the coordinator restarted")
        .sometimes("mapreduce: a map spilled more than once")
        .sometimes("mapreduce: a reducer held more than its memory")
        .sometimes("mapreduce: a reducer merged runs on disk")
        .sometimes("mapreduce: a map reads its input from its own disk"),
    ]
}

fn draw(stage: &Stage) -> Play {
    let stream = stage.world().stream("workload");
    let mut play = Play::new(stage, 1 + stream.below(6) as usize);
    play.workers = stage.servers(2, stream.below(3)) as usize;
    play.reduces = 1 + stream.below(5) as u32;
    match stream.below(4) {
        0 => play.app = "indexer",
        1 => (play.app, play.args) = ("grep", vec![Bytes(b"sea".to_vec())]),
        2 => {
            let lines = play.files.iter().flat_map(|(_, content)| content.split(|byte| *byte == b'\n'));
            let sample = lines.step_by(3).map(<[u8]>::to_vec).collect();
            (play.app, play.args) = ("sort", boundaries(sample, play.reduces));
        }
        _ => {}
    }
    // Splits of a few lines or of less than one; memory for all or for next to nothing.
    play.split = stream.log_uniform(10.0, 500.0) as u64;
    play.memory = stream.log_uniform(50.0, 1e5) as usize;
    play.chunk = stream.log_uniform(40.0, 4096.0) as usize;
    play.fan_in = 2 + stream.below(20) as usize;
    play.checkpoint = stream.below(2) == 0;
    play.policy.dead_after = Duration::from_millis(500 + stream.below(10_000));
    play.policy.ping_every = play.policy.dead_after / 5;
    play.policy.backups = (stream.below(4) > 0).then(|| Backups {
        least: Duration::from_millis(stream.below(2000)),
        percent_of_mean: 100 + stream.below(200) as u32,
    });
    // Disks fail all through the storm, and more often than a job should put up with.
    play.policy.max_failures = 1000;
    play.costs = between(1, stream.log_uniform(2.0, 2000.0) as u64);
    play
}

async fn tell(stage: Stage) {
    let play = draw(&stage);
    let checkpoint = play.checkpoint;
    let cast = Cast::new(&stage, play);
    let mut strikes = cast.workers.clone();
    strikes.push(cast.store);
    if checkpoint {
        strikes.push(cast.coordinator);
    }
    let weather = Weather::lasting(Duration::from_millis(200), Duration::from_secs(20))
        .links()
        .partitions()
        .pauses()
        .clocks()
        .crashes()
        .power_losses()
        .ambushes()
        .disks()
        .most_down(2);
    cast.storm(weather, &strikes, Duration::from_secs(240)).await;
}
