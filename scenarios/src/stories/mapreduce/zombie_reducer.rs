//! A worker is cut off from the coordinator alone. It is given up, and goes on: it still reaches the store and the other
//! workers, and in the end perhaps the coordinator. The reduce function is none (it puts its worker's mark on every
//! line), so that output of two attempts that get mixed can be told from that of one (§3.3).

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::rand::random_u64;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::app::{Application, Emit, Record, WordCount};
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Bytes;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/zombie_reducer";

pub(super) fn story() -> Story {
    Story::new(NAME, "A worker that was given up and goes on can spoil nothing", tell)
        .catches(caught_by::<Bug>(NAME))
        .sometimes("a worker was declared dead")
        .sometimes("mapreduce: an output was there before an attempt could commit its own")
}

/// Counts words, and signs each line.
struct Signed(u64);

impl Application for Signed {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        WordCount.map(record, out);
    }

    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, out: &mut Vec<u8>) {
        WordCount.reduce(key, value, state, out);
    }

    fn finish(&self, key: &[u8], _state: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(key);
        out.extend_from_slice(format!(" {:016x}\n", self.0).as_bytes());
    }
}

fn signed(_: &str, _: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Signed(random_u64())))
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 4);
    (play.find, play.expects) = (signed, false);
    // Outputs arrive in many pieces, and slowly.
    (play.reduces, play.chunk) = (2, 24);
    play.policy.dead_after = Duration::from_secs(1);
    play.policy.ping_every = Duration::from_millis(200);
    // With so little patience a starved worker is given up again and again, which no task is to blame for.
    play.policy.max_failures = 1000;
    play.costs = between(10, 500);
    let cast = Cast::new(&stage, play);
    let latency = Latency::Uniform(Duration::from_millis(50), Duration::from_millis(1000));
    for &worker in &cast.workers {
        world.link(worker, cast.store, LinkConfig { latency, ..LinkConfig::default() });
    }
    for _ in 0..3 + stream.below(3) {
        sleep(Duration::from_millis(200 + stream.below(2000))).await;
        let Some(&worker) = stream.pick(&cast.workers) else { break };
        if stage.strikes("partition") {
            world.partition_one_way(&[worker], &[cast.coordinator]);
        }
        sleep(Duration::from_millis(500 + stream.below(4500))).await;
        world.heal();
    }
    cast.finish(Duration::from_secs(240)).await;
}
