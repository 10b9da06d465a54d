//! Attempts fail at their very end, again and again, and the workers' disks have room for the work but not for all that
//! came to nothing. One of them is full for a while.

use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::rand::below;
use stormglass_sim::time::sleep;
use stormglass_systems::mapreduce::app::{Application, Emit, Record, WordCount};
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Bytes;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/small_disks";

/// The last line of each file.
const LAST: &[u8] = b"the end";

pub(super) fn story() -> Story {
    Story::new(NAME, "What came to nothing takes no room, and a disk that was full is used again", tell)
        .catches(caught_by::<Bug>(NAME))
        .timed() // how long it takes is all that tells
        .sometimes("an attempt failed")
        .sometimes("mapreduce: a worker removed what an attempt had left")
}

/// Counts words; of sixteen attempts at a file one gets to its end.
struct Moody;

impl Application for Moody {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        if record.line == LAST && below(16) > 0 {
            // As a panic does, without its noise.
            std::panic::resume_unwind(Box::new("not today"));
        }
        WordCount.map(record, out);
    }

    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, out: &mut Vec<u8>) {
        WordCount.reduce(key, value, state, out);
    }

    fn finish(&self, key: &[u8], state: &[u8], out: &mut Vec<u8>) {
        WordCount.finish(key, state, out);
    }
}

fn moody(_: &str, _: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Moody))
}

async fn tell(stage: Stage) {
    let world = stage.world();
    let stream = world.stream("blows");
    let mut play = Play::new(&stage, 6);
    (play.find, play.expects) = (moody, false);
    // A spill every few words.
    play.memory = 200;
    play.costs = between(5, 50);
    play.policy.max_failures = 10_000;
    for (_, content) in &mut play.files {
        content.extend([LAST, b"\n"].concat());
    }
    // A pair is its key, eight bytes, and two lengths.
    let words = play.files.iter().flat_map(|(_, content)| content.split(|byte| !byte.is_ascii_alphabetic()));
    let pairs: usize = words.filter(|word| !word.is_empty()).map(|word| word.len() + 10).sum();
    let cast = Cast::new(&stage, play);
    // Output of all maps, and twice as much for what is being merged.
    let room = 3 * pairs as u64;
    for &worker in &cast.workers {
        world.disk(worker, |disk| disk.leave_room(room));
    }
    world.disk(cast.workers[0], |disk| disk.leave_room(stream.below(200)));
    sleep(Duration::from_millis(stream.below(2000))).await;
    world.disk(cast.workers[0], |disk| disk.leave_room(room));
    cast.finish(Duration::from_secs(300)).await;
}
