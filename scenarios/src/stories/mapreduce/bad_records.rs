//! The user's code panics on some lines, every time. After two failures on one the next attempt leaves it out, and all
//! else is there (§4.6); or, where nothing may be left out, the job fails and says on what.

use std::rc::Rc;
use std::time::Duration;

use stormglass_systems::mapreduce::app::{Application, Emit, Record, WordCount};
use stormglass_systems::mapreduce::bugs::Bug;
use stormglass_systems::mapreduce::message::Bytes;
use stormglass_systems::mapreduce::spec::Observation;

use super::super::caught_by;
use super::cast::Cast;
use super::play::{Play, between};
use super::reference::sequential;
use crate::{Stage, Story};

pub(super) const NAME: &str = "mapreduce/bad_records";

/// A line on which the map function fails, and a word on which the reduce function does.
const BAD_LINE: &[u8] = b"here be dragons";
const BAD_KEY: &[u8] = b"kraken";

pub(super) fn story() -> Story {
    Story::new(
        NAME,
        "Records on which the code fails are left out, all others count; or the job fails cleanly",
        tell,
    )
    .catches(caught_by::<Bug>(NAME))
    .sometimes("an attempt failed")
    .sometimes("a job with a bad record failed cleanly")
}

struct Fragile;

impl Application for Fragile {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        if record.line == BAD_LINE {
            // As a panic does, without its noise.
            std::panic::resume_unwind(Box::new("a dragon"));
        }
        WordCount.map(record, out);
    }

    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, out: &mut Vec<u8>) {
        if key == BAD_KEY {
            std::panic::resume_unwind(Box::new("a monster"));
        }
        WordCount.reduce(key, value, state, out);
    }

    fn finish(&self, key: &[u8], state: &[u8], out: &mut Vec<u8>) {
        WordCount.finish(key, state, out);
    }
}

fn fragile(_: &str, _: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Fragile))
}

async fn tell(stage: Stage) {
    let stream = stage.world().stream("dragons");
    let mut play = Play::new(&stage, 4);
    (play.find, play.expects) = (fragile, false);
    play.costs = between(10, 60);
    let skips = stream.below(4) > 0;
    play.policy.skip_after = skips.then_some(2);
    for (_, content) in &mut play.files {
        for _ in 0..stream.below(3) {
            content.extend([BAD_LINE, b"\n"].concat());
        }
    }
    play.files[0].1.extend([BAD_KEY, b" sea\n", BAD_LINE, b"\n"].concat());
    let bad = |line: &[u8]| line == BAD_LINE;
    let mut expected = sequential(&WordCount, &play.files, play.reduces, bad);
    for output in expected.output.values_mut() {
        let lines = output.split_inclusive(|byte| *byte == b'\n');
        *output = lines.filter(|line| !line.starts_with(BAD_KEY)).collect::<Vec<_>>().concat();
    }
    let lines = play.files.iter().flat_map(|(_, content)| content.split(|byte| *byte == b'\n'));
    expected.counters.insert("records skipped".to_owned(), lines.filter(|line| bad(line)).count() as u64);
    expected.counters.insert("keys skipped".to_owned(), 1);
    expected.counters.remove("keys reduced");
    let cast = Cast::new(&stage, play);
    if skips {
        cast.probe.observe(|| Observation::Expects(expected));
        return cast.finish(Duration::from_secs(60)).await;
    }
    let failed = || cast.seen.failure.borrow().is_some();
    stage
        .converges(Duration::from_secs(60), "the job fails", failed, || {
            "it neither fails nor ends".to_owned()
        })
        .await;
    let why = cast.seen.failure.borrow().clone().unwrap_or_default();
    stage.claim(cast.counts().done == 0 && why.contains("dragon"), "a failure names its cause", || {
        why.clone()
    });
    stage.sometimes("a job with a bad record failed cleanly");
}
